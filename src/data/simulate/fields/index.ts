export type { CameraPlane } from './camera';
export { type PlantedFault, plantedFaults } from './request';
export {
  type FieldContents,
  type SimulatedField,
  type SimulateFieldOptions,
  simulateField,
} from './simulate-field';
export type { FieldCell } from './truth';
