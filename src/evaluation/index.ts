export type { ConfidenceInterval } from './bootstrap';
export { type CellSource, describeSource, type ImageCells } from './cell-source';
export type { Confusion } from './confusion';
export { type EvaluateModelOptions, evaluateModel } from './evaluate-model';
export type { ClassMetrics } from './metrics';
export { type PredictedCells, predictCells } from './predict-cells';
export { PredictionsWriter } from './predictions-table';
export { type Accuracy, type EvaluationOptions, evaluate, type ProteinScores, type Report } from './report';
export { type RuleOptions, requireModelRule } from './rule-match';
