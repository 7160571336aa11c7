/** Fields of view: plates and their layouts, pixels, plate maps. */

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
export {
  type CellFlag,
  type CellMeasurements,
  type ChannelIntensity,
  cellFlags,
  type FieldMeasurements,
  type MeasureOptions,
  measureCells,
} from './measure';
export type { Plane, PlaneData } from './plane';
export { type PlateMap, readPlateMap } from './plate-map';
export { type PlaneChoice, type ReadFieldOptions, readField } from './read-field';
export { type Bud, type Segmentation, type SegmentationOptions, segmentField } from './segmentation';
export { compareWells, normalizeWell, parseWell, wellName } from './well';
export { readZarrLabels, writeZarrLabels, type ZarrLabels, zarrLabelNames } from './zarr-labels';
