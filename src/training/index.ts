export { adaptModel } from './adapt-model';
export { type Adaptation, type AdaptOptions, adapt } from './adaptation';
export { type Averaging, averagings } from './averaging';
export type { Distillation } from './distillation';
export { type Interval, intervalRow } from './interval';
export type { TrainOptions } from './options';
export {
  type PerturbationRange,
  type Perturbations,
  parsePerturbations,
  perturbationNames,
} from './perturbations';
export { type ClassSampling, type LearningRateSchedule, loadRecipe, parseRecipe, type Recipe, recipes } from './recipe';
export { type RunDescription, readRunDescription } from './run-folder';
export { type TrainingRun, train } from './trainer';
