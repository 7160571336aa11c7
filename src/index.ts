/** The public API: nothing else is exported from the package. */
export { DeepYeastError, type ErrorCode, errorTable, exitStatus } from './errors';
export { type Diagnosis, diagnose } from './native/diagnosis';
export {
  type Interval,
  loadRecipe,
  parseRecipe,
  type Recipe,
  recipes,
  type Schedule,
  type TrainOptions,
  train,
} from './training';
