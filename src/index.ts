/** The public API: nothing else is exported from the package. */

export {
  type Classifier,
  Forest,
  type ForestGrid,
  type ForestOptions,
  type ForestRunOptions,
  type ForestSearch,
  type ForestSearchOptions,
  type ForestSearchRow,
  type ForestSetting,
  forestClassifier,
  type LabelledFeatures,
  type LogisticOptions,
  LogisticRegression,
  logisticClassifier,
  type PermutationImportance,
  type PermutationOptions,
  paperForestGrid,
  searchForest,
} from './classifiers';
export type { Fit } from './data/crop';
export { type Cell, Dataset, type DatasetDescription } from './data/dataset';
export { DatasetWriter, type DatasetWriterOptions } from './data/dataset-writer';
export { type GalleryClass, type GalleryOptions, writeGallery } from './data/gallery';
export type { Grouping } from './data/identity';
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
  type CameraPlane,
  type ChannelNumbers,
  type FieldContents,
  type PlantedFault,
  type SimulatedField,
  type SimulatedFieldCell,
  type SimulatedPlate,
  type SimulateFieldOptions,
  type SimulatePlateOptions,
  simulateField,
  simulatePlate,
} from './data/simulate/fields';
export {
  planSplit,
  type Split,
  type SplitClass,
  type SplitOptions,
  type SplitPart,
  splitDataset,
  writeSplit,
} from './data/split';
export {
  type Download,
  type DownloadedFile,
  type DownloadOptions,
  download,
  type ExtractOptions,
  extractArchive,
  type FetchedFile,
  type FetchOptions,
  publicRegistry,
  type Registry,
  type RegistryEntry,
  type RegistryFile,
  readRegistry,
} from './download';
export { DeepYeastError, type ErrorCode, errorTable, exitStatus } from './errors';
export {
  type Accuracy,
  areaUnderRoc,
  averagePrecision,
  type CalibrateOptions,
  type Calibration,
  type CalibrationReport,
  type ClassMetrics,
  type CompareFilesOptions,
  type CompareOptions,
  type Comparison,
  type ConfidenceInterval,
  type Confusion,
  calibrateModel,
  calibration,
  compareFiles,
  compareModels,
  type EvaluateModelOptions,
  type EvaluationOptions,
  evaluate,
  evaluateModel,
  fitTemperature,
  type IntensityBaseline,
  intensityBaseline,
  type LabelledLogits,
  type Mistake,
  type MistakeCause,
  type ProteinScores,
  type Rejection,
  type Report,
  rejection,
  type SuspectProtein,
  temperPosteriors,
} from './evaluation';
export {
  type CellProfilerFeatures,
  type CellProfilerOptions,
  readCellProfiler,
  writeCellProfilerFeatures,
} from './features/cellprofiler';
export {
  type ClassicDescription,
  type ClassicFeature,
  type ClassicOptions,
  classicFeatureMatrix,
  classicFeatureNames,
  classicFeatures,
  writeClassicFeatures,
} from './features/classic';
export { type StrongestCorrelation, strongestCorrelations } from './features/correlation';
export { type Embedding, type EmbeddingOptions, embed } from './features/embedding';
export { type ExplainOptions, type Explanation, explain, type LayerSummary } from './features/explain';
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
export { type GaborCorrelation, type GaborFilter, gaborBank, gaborCorrelations, gaborEnergy } from './features/gabor';
export { featuresOfCells } from './features/layer-features';
export type { FeatureMatrix } from './features/matrix';
export { type NamedFeatureMatrix, readFeatureMatrix } from './features/matrix';
export { mutualInformation, type UnitInformation, unitInformation } from './features/mutual-information';
export { nearestPoints, neighbourPurity, type Points } from './features/neighbours';
export { type OcclusionMap, type OcclusionOptions, occlusionMap } from './features/occlusion';
export { writeOcclusionSheet } from './features/occlusion-sheet';
export { type PatchRectangle, patchAt, type ReceptiveField, receptiveField } from './features/receptive-field';
export { type Redundancy, redundantFeatures } from './features/redundancy';
export { type TopPatch, TopPatches } from './features/top-patches';
export { type TsneEmbedding, type TsneOptions, tsne } from './features/tsne';
export { type UmapOptions, umap } from './features/umap';
export {
  type Bud,
  type CellFlag,
  type CellMeasurements,
  type CellsOptions,
  type CellsResult,
  type ChannelIntensity,
  type CropOptions,
  cellFlags,
  cellsOfField,
  cellsOfPlates,
  cutCrops,
  drawOverlay,
  type FieldCells,
  type FieldCellsOptions,
  type FieldCrops,
  type FieldImages,
  type FieldListing,
  type FieldMeasurements,
  type FieldProblem,
  type FoundCell,
  type LabelImage,
  type LabelNumbers,
  type Layout,
  type LeftOut,
  type ListFieldsOptions,
  layouts,
  listFields,
  listMasks,
  type Mask,
  type MaskListing,
  type MeasureOptions,
  measureCells,
  type OverlayCell,
  type Plane,
  type PlaneChoice,
  type PlaneData,
  type PlaneSource,
  type PlateMap,
  type PlateOptions,
  parseMask,
  type ReadFieldOptions,
  readField,
  readMask,
  readPlateMap,
  readZarrLabels,
  type Segmentation,
  type SegmentationOptions,
  type SkippedField,
  segmentField,
  writeMask,
  writeOverlay,
  writeZarrLabels,
  type ZarrLabels,
  zarrLabelNames,
} from './fields';
export type { Log, LogLevel } from './log';
export type { Stage } from './native/addon';
export type { CudaDiagnosis } from './native/cuda-diagnosis';
export { type DiagnoseOptions, type Diagnosis, diagnose } from './native/diagnosis';
export type { Assurance, Refusal } from './native/load';
export type { SelfTest } from './native/self-test';
export {
  type ActivationBatch,
  type BatchOptions,
  type Checkpoint,
  type Depth,
  type Device,
  type DeviceOptions,
  depths,
  type ImageSource,
  type InputTransform,
  type ModelAbout,
  Network,
  type NetworkOptions,
  type Precision,
  type PredictionBatch,
  type Predictions,
  readCheckpoint,
  type WeightType,
  writeModel,
} from './network';
export {
  type BioimageAuthor,
  type BioimageOptions,
  type BioimagePackage,
  type CaffeImportOptions,
  exportBioimageModel,
  exportOnnx,
  exportSafetensors,
  type ImportOptions as ModelImportOptions,
  importCaffe,
  importKeras,
  type KerasImportOptions,
  type OnnxDescription,
  type OnnxLayerOutput,
  type OnnxOptions,
  type OnnxValue,
  onnxModel,
  type SafetensorsExportOptions,
} from './network/exchange';
export { describeModel, type LayerDescription, type ModelDescription } from './network/model-description';
export {
  type CellSource,
  type ImageCells,
  type PredictedCells,
  type PredictionTable,
  predictCells,
  type RuleOptions,
  readPredictionTable,
  requireModelRule,
} from './prediction';
export {
  type Agreement,
  type AnnotationOptions,
  type Annotations,
  benjaminiHochberg,
  type ChangeOptions,
  type ChangeTable,
  changesOfFiles,
  intersectAnnotations,
  type MixtureBootstrap,
  type ProteinAccuracy,
  type ProteinChange,
  type ProteinOptions,
  type ProteinRow,
  type ProteinsOfFiles,
  type ProteinTable,
  proteins,
  proteinsOfFiles,
  readAnnotations,
  type TwoCompartmentReport,
  twoCompartments,
  writeChangeTable,
  writeProteinTable,
} from './proteins';
export {
  evaluateFilter,
  type FilterEvaluation,
  type FilterEvaluationOptions,
  type FilterReport,
  filterDataset,
  type QualityDetector,
  type QualityFile,
  type QualityOptions,
  type QualityScores,
  scoreQuality,
  scoreQualityFiles,
  type TrainQualityFilesOptions,
  trainQuality,
  trainQualityFiles,
} from './quality';
export { type ReportOptions, type WrittenReport, writeReport } from './report';
export {
  type FieldRow,
  type MergeOptions,
  mergeScreen,
  type PartCells,
  type PartField,
  type PlannedPart,
  type PlannedScreen,
  type PlannedShard,
  type PlateEdge,
  planScreen,
  type RunScreenOptions,
  readPlannedScreen,
  replanScreen,
  resumeScreen,
  runScreen,
  runShard,
  type ScreenFile,
  type ScreenOptions,
  type ScreenPart,
  type ScreenPlan,
  type ScreenResult,
  type ShardOptions,
  type ShardPlanOptions,
  type ShardResult,
  screenFiles,
  type WellFlag,
  type WellRow,
} from './screen';
export {
  type Averaging,
  type Interval,
  type LearningRateSchedule,
  loadRecipe,
  type PerturbationRange,
  type Perturbations,
  parseRecipe,
  type Recipe,
  recipes,
  type TrainingRun,
  type TrainOptions,
  train,
} from './training';
export {
  type CurvePoint,
  type FeatureSet,
  type FineTuneOptions,
  fineTune,
  type LearningCurveOptions,
  learningCurve,
  type TransferData,
  type TransferLabels,
  type TransferOptions,
  type TransferReport,
  transfer,
  transferSizes,
} from './transfer';
