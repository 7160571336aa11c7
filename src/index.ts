/** The public API: nothing else is exported from the package. */

export type { Fit } from './data/crop';
export { type Cell, Dataset, type DatasetDescription } from './data/dataset';
export { DatasetWriter, type DatasetWriterOptions } from './data/dataset-writer';
export type { Grouping } from './data/groups';
export type { ChannelChoice } from './data/image-file';
export { type ImportOptions, type ImportResult, importImages, type SkippedImage } from './data/import';
export { type ImportPlan, type PlannedCell, type PlanOptions, planImport } from './data/import-plan';
export { type ClassTable, type LabelListEntry, readClassTable, readLabelList } from './data/label-list';
export {
  defaultNormalization,
  describeNormalization,
  type Normalization,
  sameNormalization,
} from './data/normalization';
export {
  type Appearance,
  type Compartment,
  compartments,
  type Difficulty,
  type PreviewOptions,
  type SimulatedScreen,
  type SimulateOptions,
  simulate,
  transferCompartments,
  writePreview,
} from './data/simulate';
export {
  planSplit,
  type Split,
  type SplitClass,
  type SplitOptions,
  type SplitPart,
  splitDataset,
  writeSplit,
} from './data/split';
export { DeepYeastError, type ErrorCode, errorTable, exitStatus } from './errors';
export {
  type Accuracy,
  type CellSource,
  type ClassMetrics,
  type ConfidenceInterval,
  type Confusion,
  type EvaluateModelOptions,
  type EvaluationOptions,
  evaluate,
  evaluateModel,
  type ImageCells,
  type IntensityBaseline,
  intensityBaseline,
  type PredictedCells,
  type ProteinScores,
  predictCells,
  type Report,
  type RuleOptions,
  requireModelRule,
} from './evaluation';
export {
  type FeatureBatch,
  type FeatureDescription,
  type FeatureOptions,
  featureShape,
  features,
  type Summary,
  type WriteFeaturesOptions,
  writeFeatures,
} from './features/extraction';
export type { Log, LogLevel } from './log';
export type { Stage } from './native/addon';
export type { CudaDiagnosis } from './native/cuda-diagnosis';
export { type Diagnosis, diagnose } from './native/diagnosis';
export {
  type ActivationBatch,
  type BatchOptions,
  type Depth,
  type Device,
  type DeviceOptions,
  depths,
  type ImageSource,
  type InputTransform,
  Network,
  type NetworkOptions,
  type Precision,
  type PredictionBatch,
  type Predictions,
} from './network';
export {
  type MixtureBootstrap,
  type ProteinAccuracy,
  type ProteinOptions,
  type ProteinRow,
  type ProteinsOfFiles,
  type ProteinTable,
  proteins,
  proteinsOfFiles,
  writeProteinTable,
} from './proteins';
export {
  type Interval,
  type LearningRateSchedule,
  loadRecipe,
  parseRecipe,
  type Recipe,
  recipes,
  type TrainOptions,
  train,
} from './training';
