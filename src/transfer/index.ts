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
export { type TransferData, type TransferOptions, type TransferReport, transfer } from './transfer';
