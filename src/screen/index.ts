/** Screens: plates of fields to a table of proteins, on one machine or in shards on many. */

export { compareScreens, type ScreenComparison, screenComparisonFiles } from './compare';
export { type MergeOptions, mergeScreen, type ScreenResult } from './merge';
export type { PlannedPart, PlannedShard } from './parts';
export {
  type PlannedScreen,
  planScreen,
  readPlannedScreen,
  replanScreen,
  type ScreenPlan,
  type ShardPlanOptions,
} from './plan';
export { type ScreenProfileOptions, writeScreenProfiles } from './profiles';
export type { FieldRow, PartCells, PartField, PlateEdge, ScreenPart, WellFlag, WellRow } from './results';
export { screenFiles } from './results';
export { type RunScreenOptions, resumeScreen, runScreen } from './screen';
export type { ScreenFile, ScreenOptions } from './screen-options';
export { runShard, type ShardOptions, type ShardResult } from './shard';
export { type Engine, engines, type Submission, type SubmitOptions, submitScreen } from './submit';
