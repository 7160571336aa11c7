export type { CameraPlane } from './camera';
export { type PlantedFault, plantedFaults } from './request';
export {
  type FieldContents,
  type SimulatedField,
  type SimulateFieldOptions,
  simulateField,
} from './simulate-field';
export { type ChannelNumbers, type SimulatedPlate, type SimulatePlateOptions, simulatePlate } from './simulate-plate';
export type { SimulatedFieldCell } from './truth';
