/** Fields of view: plates and their layouts, pixels, plate maps, segmentation, masks, cells. */

export { compareWells, normalizeWell, parseWell, wellName } from '../data/well';
export { type CellsResult, cellsOfPlates } from './cells';
export { type CropOptions, cutCrops, type FieldCrops } from './crops';
export { cellsOfField, type FieldCells, type FieldCellsOptions, type FoundCell } from './field-cells';
export type { SkippedField } from './field-results';
export { type LabelImage, type LabelNumbers, type Mask, parseMask } from './label-image';
export {
  type FieldImages,
  type FieldListing,
  type FieldProblem,
  type Layout,
  type LeftOut,
  type ListFieldsOptions,
  layouts,
  listFields,
  type PlaneSource,
} from './layout';
export { listMasks, type MaskListing } from './mask-names';
export { readMask, writeMask } from './masks';
export {
  type CellFlag,
  type CellMeasurements,
  type ChannelIntensity,
  cellFlags,
  type FieldMeasurements,
  type MeasureOptions,
  measureCells,
} from './measure';
export { drawOverlay, type OverlayCell, writeOverlay } from './overlay';
export type { Plane, PlaneData } from './plane';
export { type PlateMap, readPlateMap } from './plate-map';
export type { CellsOptions, PlateOptions } from './plate-options';
export { type PlaneChoice, type ReadFieldOptions, readField } from './read-field';
export { type Bud, type Segmentation, type SegmentationOptions, segmentField } from './segmentation';
export { readZarrLabels, writeZarrLabels, type ZarrLabels, zarrLabelNames } from './zarr-labels';
