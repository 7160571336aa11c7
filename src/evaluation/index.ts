export type { ConfidenceInterval } from './bootstrap';
export { type CalibrateOptions, type CalibrationReport, calibrateModel } from './calibrate-model';
export {
  type Calibration,
  calibration,
  fitTemperature,
  type LabelledLogits,
  logPosteriors,
  type ReliabilityBin,
  temperPosteriors,
} from './calibration';
export { type CellSource, describeSource, type ImageCells } from './cell-source';
export { type CompareFilesOptions, type ComparisonFile, compareFiles, readQuality } from './compare-files';
export {
  type CellCall,
  type ComparedModel,
  type CompareOptions,
  type Comparison,
  compareModels,
  type Mistake,
  type MistakeCause,
  type PlantedCell,
  type PredictionTable,
  plantedCause,
  readPredictionTable,
  type SuspectProtein,
  scoreCauses,
} from './comparison';
export type { Confusion } from './confusion';
export { type EvaluateModelOptions, evaluateModel } from './evaluate-model';
export { type IntensityBaseline, intensityBaseline } from './intensity-baseline';
export type { ClassMetrics } from './metrics';
export { type PredictedCells, predictCells } from './predict-cells';
export { PredictionsWriter } from './predictions-table';
export { areaUnderRoc, averagePrecision, type Rejection, rejection } from './rejection';
export { type Accuracy, type EvaluationOptions, evaluate, type ProteinScores, type Report } from './report';
export { type RuleOptions, requireModelRule } from './rule-match';
