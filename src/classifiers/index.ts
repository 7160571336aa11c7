export { type Classifier, forestClassifier, logisticClassifier, type Setting } from './classifier';
export {
  Forest,
  type ForestOptions,
  type ForestRunOptions,
  type PermutationImportance,
  type PermutationOptions,
} from './forest';
export {
  type ForestGrid,
  type ForestSearch,
  type ForestSearchOptions,
  type ForestSearchRow,
  type ForestSetting,
  type LabelledFeatures,
  paperForestGrid,
  searchForest,
} from './forest-search';
export { type LogisticOptions, LogisticRegression } from './logistic-regression';
