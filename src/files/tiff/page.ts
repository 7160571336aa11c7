/** A page of a TIFF file: what its tags say of size, samples and layout, checked. */

import type { Directory } from './directory';

/** Samples of a page that are taken: 8,192 x 8,192 of one, or 4,096 x 4,096 of four. */
export const mostSamples = 2 ** 26;
/** Bytes that a page may have when it is unpacked. */
export const mostBytes = 2 ** 28;
/** A tile may be larger than a small image, up to 2,048 x 2,048. */
const mostTile = 2 ** 22;

const tags = {
  newSubfileType: 254,
  subfileType: 255,
  width: 256,
  height: 257,
  bits: 258,
  compression: 259,
  photometric: 262,
  fillOrder: 266,
  description: 270,
  stripOffsets: 273,
  samplesPerPixel: 277,
  rowsPerStrip: 278,
  stripByteCounts: 279,
  planar: 284,
  predictor: 317,
  tileWidth: 322,
  tileHeight: 323,
  tileOffsets: 324,
  tileByteCounts: 325,
  extraSamples: 338,
  sampleFormat: 339,
  jpegTables: 347,
} as const;

export const compressions = {
  none: 1,
  lzw: 5,
  jpeg: 7,
  deflate: 8,
  oldDeflate: 32946,
  packBits: 32773,
  zstandard: 50000,
} as const;

const compressionNames: Record<number, string> = {
  2: 'CCITT',
  3: 'CCITT',
  4: 'CCITT',
  6: 'the JPEG of TIFF before 1995',
  34712: 'JPEG 2000',
  33003: 'JPEG 2000',
  33005: 'JPEG 2000',
  22610: 'JPEG XR',
  34887: 'LERC',
  34925: 'LZMA',
  50001: 'WebP',
  50002: 'JPEG XL',
  52546: 'JPEG XL',
};

export const photometrics = { whiteIsZero: 0, blackIsZero: 1, rgb: 2, palette: 3, mask: 4, ycbcr: 6 } as const;

const photometricNames: Record<number, string> = {
  3: 'a palette',
  5: 'CMYK',
  6: 'YCbCr',
  8: 'CIE Lab',
  9: 'ICC Lab',
  10: 'ITU Lab',
  32803: "a camera's colour filter array",
  32844: 'LogL',
  32845: 'LogLuv',
  34892: 'linear raw colours',
};

export type SampleFormat = 'unsigned' | 'signed' | 'float';

export interface TiffPage {
  /** Number of the page in the file, from 0, masks and thumbnails counted. */
  index: number;
  width: number;
  height: number;
  /** Samples a pixel, alpha counted. */
  samples: number;
  /** How many of them, from the first on, are channels or colours; the rest is alpha. */
  channels: number;
  /** Bits a sample as they are in the file. */
  bits: number;
  format: SampleFormat;
  /** TIFF's PhotometricInterpretation. */
  photometric: number;
  /** `mask`: a transparency mask. `reduced`: a thumbnail or another copy of lower resolution. */
  kind: 'image' | 'mask' | 'reduced';
  /** Why the pixels cannot be read, where the page uses a feature that is not taken. */
  unsupported?: string;
}

/** Where the strips or tiles of a page are and how they are packed. */
export interface PageLayout {
  directory: Directory;
  compression: number;
  predictor: number;
  fillOrder: number;
  tiled: boolean;
  /** Whether each sample has strips or tiles of its own. */
  separate: boolean;
  /** Samples a pixel in one strip or tile. */
  blockSamples: number;
  blockWidth: number;
  blockHeight: number;
  /** Strips or tiles side by side, and one above the other. */
  across: number;
  down: number;
  /** Bytes of an unpacked row of a strip or tile. */
  rowBytes: number;
}

/** `8-bit`, `12-bit signed`, `32-bit float`. */
export function describeSamples({ bits, format }: { bits: number; format: SampleFormat }): string {
  return `${bits}-bit${format === 'unsigned' ? '' : ` ${format}`}`;
}

/**
 * Reads the tags of one page.
 * @throws Error that says what is wrong with its structure, without the path
 */
export async function readPage(directory: Directory, index: number): Promise<{ page: TiffPage; layout: PageLayout }> {
  const width = await directory.number(tags.width, 0);
  const height = await directory.number(tags.height, 0);
  const samples = await directory.number(tags.samplesPerPixel, 1);
  if (!(width > 0 && height > 0 && samples > 0)) throw new Error(`is damaged: its page ${index} has no pixels`);
  const planar = await directory.number(tags.planar, 1);
  if (planar !== 1 && planar !== 2)
    throw new Error(`is damaged: its page ${index} has the planar configuration ${planar}`);
  // Asked before anything is read once a sample.
  if (width * height * samples > mostSamples) throw tooLarge(index, width, height, samples);
  const bits = await sameForAll(directory, tags.bits, 1, samples, index, 'bits');
  const formatNumber = await sameForAll(directory, tags.sampleFormat, 1, samples, index, 'format');
  const photometric = await directory.number(tags.photometric, photometrics.blackIsZero);
  const compression = await directory.number(tags.compression, compressions.none);
  const extraSamples = await extraSampleKinds(directory, samples, photometric);
  const page: TiffPage = {
    index,
    width,
    height,
    samples,
    channels: samples - extraSamples.filter((kind) => kind === 1 || kind === 2).length,
    bits,
    format: formatNumber === 3 ? 'float' : formatNumber === 2 ? 'signed' : 'unsigned',
    photometric,
    kind: await kindOf(directory, photometric),
  };
  const layout = await readLayout(directory, page, planar === 2 && samples > 1, compression);
  const unsupported = reasonAgainst(page, layout, formatNumber, extraSamples);
  if (unsupported !== undefined) page.unsupported = unsupported;
  return { page, layout };
}

function tooLarge(index: number, width: number, height: number, samples: number): Error {
  return new Error(
    `has a page (${index}) of ${width} x ${height} pixels with ${samples} samples each, expected at most ${mostSamples} samples and ${mostBytes / 2 ** 20} MiB in a page`,
  );
}

/** A tag with one value a sample, or one for all of them; all samples must have the same. */
async function sameForAll(
  directory: Directory,
  tag: number,
  missing: number,
  samples: number,
  index: number,
  what: string,
): Promise<number> {
  const values = await directory.numbers(tag, samples);
  if (values === undefined || values.length === 0) return missing;
  if (values.length !== 1 && values.length !== samples) {
    throw new Error(
      `is damaged: its page ${index} gives the ${what} of ${values.length} samples, expected ${samples} or one for all`,
    );
  }
  const [first] = values as unknown as [number];
  if (values.some((value) => value !== first)) {
    throw new Error(
      `has a page (${index}) whose samples differ in their ${what} (${values.join(', ')}), expected one for all`,
    );
  }
  return first;
}

/** What the samples beyond the colours are: 0 unspecified, 1 and 2 alpha. */
async function extraSampleKinds(directory: Directory, samples: number, photometric: number): Promise<number[]> {
  const colours = photometric === photometrics.rgb || photometric === photometrics.ycbcr ? 3 : 1;
  const extra = Math.max(0, samples - colours);
  const kinds = [...((await directory.numbers(tags.extraSamples, extra)) ?? [])];
  return kinds.slice(0, extra);
}

async function kindOf(directory: Directory, photometric: number): Promise<TiffPage['kind']> {
  const flags = await directory.number(tags.newSubfileType, 0);
  const old = await directory.number(tags.subfileType, 1);
  if ((flags & 4) !== 0 || photometric === photometrics.mask) return 'mask';
  return (flags & 1) !== 0 || old === 2 ? 'reduced' : 'image';
}

async function readLayout(
  directory: Directory,
  page: TiffPage,
  separate: boolean,
  compression: number,
): Promise<PageLayout> {
  const { index, width, height, bits } = page;
  const tiled = directory.has(tags.tileWidth) || directory.has(tags.tileHeight);
  const blockWidth = tiled ? await directory.number(tags.tileWidth, 0) : width;
  const blockHeight = tiled
    ? await directory.number(tags.tileHeight, 0)
    : Math.min(await directory.number(tags.rowsPerStrip, height), height);
  const blocks = tiled ? 'tiles' : 'strips';
  if (!(blockWidth > 0 && blockHeight > 0) || blockWidth * blockHeight > Math.max(mostTile, 4 * width * height)) {
    throw new Error(`is damaged: its page ${index} has ${blocks} of ${blockWidth} x ${blockHeight} pixels`);
  }
  const blockSamples = separate ? 1 : page.samples;
  const rowBytes = Math.ceil((blockWidth * blockSamples * bits) / 8);
  const pageBytes = Math.ceil((width * page.samples * bits) / 8) * height;
  if (pageBytes > mostBytes || rowBytes * blockHeight > mostBytes) throw tooLarge(index, width, height, page.samples);
  const across = Math.ceil(width / blockWidth);
  const down = Math.ceil(height / blockHeight);
  const count = across * down * (separate ? page.samples : 1);
  const offsets = directory.count(offsetsTag(directory));
  const lengths = directory.count(byteCountsTag(directory));
  if (offsets < count || (lengths < count && compression !== compressions.none)) {
    throw new Error(
      `is damaged: its page ${index} gives the positions of ${offsets} ${blocks} and the lengths of ${lengths}, expected ${count}`,
    );
  }
  return {
    directory,
    compression,
    predictor: await directory.number(tags.predictor, 1),
    fillOrder: await directory.number(tags.fillOrder, 1),
    tiled,
    separate,
    blockSamples,
    blockWidth,
    blockHeight,
    across,
    down,
    rowBytes,
  };
}

/** Some writers list tiles under the tags of strips; libtiff takes them as well. */
function offsetsTag(directory: Directory): number {
  return directory.has(tags.tileOffsets) ? tags.tileOffsets : tags.stripOffsets;
}

function byteCountsTag(directory: Directory): number {
  return directory.has(tags.tileByteCounts) ? tags.tileByteCounts : tags.stripByteCounts;
}

/** Positions and lengths of the first `count` strips or tiles; a length that is not given is 0. */
export async function blockPositions(
  directory: Directory,
  count: number,
): Promise<{ offsets: Float64Array; byteCounts: Float64Array }> {
  const offsets = (await directory.numbers(offsetsTag(directory), count)) ?? new Float64Array(count);
  const byteCounts = new Float64Array(count);
  byteCounts.set((await directory.numbers(byteCountsTag(directory), count)) ?? []);
  return { offsets, byteCounts };
}

export async function jpegTables(directory: Directory): Promise<Buffer | undefined> {
  return directory.bytes(tags.jpegTables, 1 << 20);
}

export function descriptions(directory: Directory): Promise<string[]> {
  return directory.texts(tags.description);
}

/** Readers of TIFF disagree on whole numbers of 24 bits and on signed ones of a part of a byte. */
function isTaken({ bits, format }: TiffPage): boolean {
  if (format === 'float') return [16, 24, 32, 64].includes(bits);
  if (format === 'signed') return [8, 16, 32].includes(bits);
  return bits >= 1 && bits <= 32 && bits !== 24;
}

/** Why a page of sound structure is not taken, or undefined. */
function reasonAgainst(
  page: TiffPage,
  layout: PageLayout,
  formatNumber: number,
  extraSamples: readonly number[],
): string | undefined {
  const { bits, format, photometric, samples } = page;
  const { compression, predictor, fillOrder } = layout;
  const jpeg = compression === compressions.jpeg;
  const known = Object.values(compressions) as number[];
  if (!known.includes(compression)) {
    const name = compressionNames[compression];
    return `is compressed by ${name === undefined ? 'an unknown method' : name} (${compression}), expected none, LZW, Deflate, PackBits, ZSTD or JPEG`;
  }
  const grey = photometric === photometrics.whiteIsZero || photometric === photometrics.blackIsZero;
  const colours = photometric === photometrics.rgb || (photometric === photometrics.ycbcr && jpeg && !layout.separate);
  if (!grey && !colours && photometric !== photometrics.mask) {
    const name = photometricNames[photometric];
    return `has colours of kind ${photometric}${name === undefined ? '' : ` (${name})`}, expected grey or RGB`;
  }
  if (colours && samples < 3) return `has RGB colours of ${samples} samples, expected 3`;
  if (![1, 2, 3, 4].includes(formatNumber)) {
    return `has samples of format ${formatNumber} (complex numbers), expected whole numbers or floats`;
  }
  if (!isTaken(page)) {
    return `has ${describeSamples(page)} samples, expected whole numbers of 1 to 32 bits (not 24; signed ones of 8, 16 or 32) or floats of 16, 24, 32 or 64`;
  }
  if (photometric === photometrics.whiteIsZero && format !== 'unsigned') {
    return `has ${describeSamples(page)} samples of which 0 is white, expected 0 to be black`;
  }
  if (extraSamples.some((kind, at) => kind === 0 && extraSamples.slice(0, at).some((earlier) => earlier !== 0))) {
    return 'has alpha before its last sample, expected it at the end';
  }
  if (fillOrder !== 1 && fillOrder !== 2) return `has the fill order ${fillOrder}, expected 1 or 2`;
  if (jpeg && fillOrder === 2) return 'has JPEG of fill order 2, expected 1';
  if (jpeg && (bits !== 8 || format !== 'unsigned'))
    return `has JPEG of ${describeSamples(page)} samples, expected 8 bits`;
  if (jpeg && layout.blockSamples !== 1 && layout.blockSamples !== 3) {
    return `has JPEG of ${layout.blockSamples} samples a pixel, expected 1 or 3`;
  }
  return reasonAgainstPredictor(predictor, compression, page);
}

function reasonAgainstPredictor(predictor: number, compression: number, page: TiffPage): string | undefined {
  if (predictor === 1) return undefined;
  const { bits, format } = page;
  const predicted: number[] = [compressions.lzw, compressions.deflate, compressions.oldDeflate, compressions.zstandard];
  // libtiff ignores the tag here, others do not.
  if (!predicted.includes(compression))
    return `has the predictor ${predictor} without a compression that it belongs to`;
  if (predictor === 2 && ![8, 16, 32, 64].includes(bits)) {
    return `has the predictor 2 with ${describeSamples(page)} samples, expected 8, 16, 32 or 64 bits`;
  }
  if (predictor === 3 && format !== 'float')
    return `has the predictor 3 with ${describeSamples(page)} samples, expected floats`;
  if (predictor !== 2 && predictor !== 3) return `has the predictor ${predictor}, expected 1, 2 or 3`;
  return undefined;
}
