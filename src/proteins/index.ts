export {
  betaAssumption,
  type ProteinAccuracy,
  type ProteinOptions,
  type ProteinRow,
  type ProteinTable,
} from './dirichlet';
export { type ProteinsOfFiles, proteins, proteinsOfFiles } from './proteins';
export type { MixtureBootstrap } from './soft-counts';
export { writeProteinTable } from './table';
