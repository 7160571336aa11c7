export { type Download, type DownloadedFile, type DownloadOptions, download } from './download';
export { type ExtractOptions, extractArchive } from './extract';
export type { FetchedFile, FetchOptions } from './fetch-file';
export {
  parseRegistry,
  publicRegistry,
  type Registry,
  type RegistryEntry,
  type RegistryFile,
  readRegistry,
} from './registry';
