export { type Interval, intervalRow } from './interval';
export { loadRecipe, parseRecipe, type Recipe, recipes, type Schedule } from './recipe';
export { type RunDescription, readRunDescription } from './run-folder';
export { type TrainOptions, train } from './trainer';
