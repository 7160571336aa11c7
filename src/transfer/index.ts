export { type Classifier, forestClassifier, logisticClassifier, type Setting } from './classifier';
export { type FineTuneOptions, fineTune, withNewHead } from './fine-tuning';
export {
  type CurvePoint,
  type FeatureSet,
  type LearningCurveOptions,
  learningCurve,
  nestedDraws,
  type Selection,
  type TransferLabels,
  transferSizes,
} from './learning-curve';
export { type LogisticOptions, LogisticRegression } from './logistic-regression';
export {
  type FilterCell,
  type FilterReport,
  filterReport,
  type QualityDetector,
  type QualityOptions,
  type QualityScores,
  qualityClasses,
  qualityScores,
  qualityTrainingCells,
  scoreQuality,
  trainQuality,
} from './quality';
export {
  evaluateFilter,
  type FilterEvaluation,
  type FilterEvaluationOptions,
  filterDataset,
  type QualityFile,
  readQualityFile,
  type ScoredCells,
  scoreQualityFiles,
  type TrainQualityFilesOptions,
  trainQualityFiles,
} from './quality-files';
export { type TransferData, type TransferOptions, type TransferReport, transfer } from './transfer';
