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
  plantedCause,
  type SuspectProtein,
  scoreCauses,
} from './comparison';
export type { Confusion } from './confusion';
export { type EvaluateModelOptions, evaluateModel } from './evaluate-model';
export { type IntensityBaseline, intensityBaseline } from './intensity-baseline';
export type { ClassMetrics } from './metrics';
export { areaUnderRoc, averagePrecision, type Rejection, rejection } from './rejection';
export { type Accuracy, type EvaluationOptions, evaluate, type ProteinScores, type Report } from './report';
