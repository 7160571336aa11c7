export { type CellSource, describeSource, type ImageCells, requireDistinctCells } from './cell-source';
export { type PredictionTable, readPredictionTable } from './labelled-predictions';
export { type PredictedCells, predictCells } from './predict-cells';
export { PredictionsWriter } from './predictions-table';
export { type RuleOptions, requireModelRule } from './rule-match';
