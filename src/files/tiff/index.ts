/** TIFF: reading with every page checked, and writing. */

export type { Dimensions } from './dimensions';
export { isTiff } from './directory';
export { type OmeChannel, type OmeDescription, type OmeImage, type OmePlane, parseOmeXml } from './ome-xml';
export { describeSamples, mostSamples, type SampleFormat, type TiffPage } from './page';
export type { Samples } from './samples';
export { openTiff, TiffFile } from './tiff-file';
export { type NewTiffPage, type WriteTiffOptions, writeTiff } from './write';
