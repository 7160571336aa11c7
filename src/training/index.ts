export { type Interval, intervalRow } from './interval';
export type { TrainOptions } from './options';
export { loadRecipe, parseRecipe, type Recipe, recipes, type Schedule } from './recipe';
export { type RunDescription, readRunDescription } from './run-folder';
export { train } from './trainer';
