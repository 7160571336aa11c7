export {
  type Agreement,
  type AnnotationOptions,
  type Annotations,
  intersectAnnotations,
  readAnnotations,
} from './annotations';
export {
  type ChangeOptions,
  type ChangeTable,
  changesOfFiles,
  type ProteinChange,
  proteinChanges,
  writeChangeTable,
} from './changes';
export {
  betaAssumption,
  type ProteinAccuracy,
  type ProteinOptions,
  type ProteinRow,
  type ProteinTable,
} from './dirichlet';
export { benjaminiHochberg } from './false-discovery';
export { type ProteinsOfFiles, proteins, proteinsOfFiles } from './proteins';
export type { MixtureBootstrap } from './soft-counts';
export { type ProteinColumn, writeProteinTable } from './table';
export { type TwoCompartmentProtein, type TwoCompartmentReport, twoCompartments } from './two-compartments';
