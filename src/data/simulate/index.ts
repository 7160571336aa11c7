export { type Compartment, compartments, transferCompartments } from '../compartments';
export {
  type Appearance,
  appearances,
  type CellRequest,
  type DrawnCell,
  drawCell,
  type Quality,
  qualities,
  type Truth,
} from './cell';
export { type PreviewOptions, writePreview } from './preview';
export { type SimulatedScreen, type SimulateOptions, simulate } from './simulate';
export { type Difficulty, difficulties } from './traits';
