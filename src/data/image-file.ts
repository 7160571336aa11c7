/**
 * Raw samples of an image file. PNG and JPEG are decoded by sharp, TIFF (8 to 32 bit integers, 16 to 64 bit floats,
 * planar, tiled, multi-page, BigTIFF) by geotiff. No colour profile, gamma or orientation is applied: a microscope's
 * numbers are taken as stored.
 */

import { readFile } from 'node:fs/promises';
import { DeepYeastError, fileError, isEnvironmentError } from '../errors';
import { parseWholeNumber } from '../files/number';
import { checkTiffStructure } from '../files/tiff-structure';

/** One channel of a file, row by row. */
export type Samples =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Float32Array
  | Float64Array;

export interface RawImage {
  width: number;
  height: number;
  /** Whether the samples are 8-bit, which are taken as they are. */
  eightBit: boolean;
  /** How the samples are stored, for messages: `16-bit`, `32-bit float`. */
  sampleType: string;
  /** One a requested channel. */
  planes: Samples[];
}

/** Which plane of a file is a channel. */
export interface ChannelChoice {
  /** Name in the dataset. */
  name: string;
  /** Plane in the file: an index from 0, or a name (OME-TIFF, or red, green, blue). Left out: by name, else by position. */
  plane?: string;
}

/**
 * Reads the chosen channels of an image file. Everything that is wrong with the file itself is `image-invalid`, with
 * the path and the reason.
 */
export async function readImage(path: string, channels: readonly ChannelChoice[]): Promise<RawImage> {
  try {
    const bytes = await readFile(path);
    return isTiff(bytes) ? await readTiff(bytes, channels) : await readPicture(bytes, channels);
  } catch (error) {
    // Too many open files or a missing permission says nothing of the image.
    if (isEnvironmentError(error)) throw fileError('read', path, error);
    const code = (error as NodeJS.ErrnoException).code;
    const reason = code === 'ENOENT' ? 'the file is missing' : firstLine(error);
    throw new DeepYeastError('image-invalid', `${path}: ${reason}`, { cause: error });
  }
}

function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n', 1)[0] as string;
}

function isTiff(bytes: Uint8Array): boolean {
  const [a, b, c, d] = bytes;
  const little = a === 0x49 && b === 0x49 && (c === 42 || c === 43) && d === 0;
  const big = a === 0x4d && b === 0x4d && c === 0 && (d === 42 || d === 43);
  return little || big;
}

const rgbNames = ['red', 'green', 'blue'];

/** PNG, JPEG and what else sharp knows: one page, 1 or 3 colours, 8 or 16 bits. */
async function readPicture(bytes: Uint8Array, channels: readonly ChannelChoice[]): Promise<RawImage> {
  const { default: sharp } = await import('sharp');
  // Metadata is cheap and says in which colour space the file is; naming that same space keeps sharp from converting.
  const { space, depth } = await sharp(bytes).metadata();
  const bits = depth === 'uchar' ? 8 : depth === 'ushort' ? 16 : 0;
  if (bits === 0 || !['b-w', 'srgb', 'grey16', 'rgb16'].includes(space ?? '')) {
    throw new Error(
      `has samples of type ${depth} in the colour space ${space}, expected grey or RGB with 8 or 16 bits`,
    );
  }
  const { data, info } = await sharp(bytes, { ignoreIcc: true })
    .removeAlpha()
    .toColourspace(space as string)
    .raw({ depth: depth as 'uchar' | 'ushort' })
    .toBuffer({ resolveWithObject: true });
  const samples = bits === 8 ? data : new Uint16Array(data.buffer, data.byteOffset, data.length / 2);
  const names = info.channels === 3 ? rgbNames : [];
  const planes = choosePlanes(channels, info.channels, names).map((plane) =>
    deinterleave(samples, info.channels, plane),
  );
  return { width: info.width, height: info.height, eightBit: bits === 8, sampleType: `${bits}-bit`, planes };
}

function deinterleave(samples: Uint8Array | Uint16Array, count: number, plane: number): Uint8Array | Uint16Array {
  const length = samples.length / count;
  const values = samples instanceof Uint16Array ? new Uint16Array(length) : new Uint8Array(length);
  for (let pixel = 0; pixel < length; pixel++) values[pixel] = samples[pixel * count + plane] as number;
  return values;
}

/** A plane of a TIFF is one sample of one page. */
async function readTiff(bytes: Buffer, channels: readonly ChannelChoice[]): Promise<RawImage> {
  checkTiffStructure(bytes);
  const { fromArrayBuffer } = await import('geotiff');
  const tiff = await fromArrayBuffer(
    bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer,
  );
  const first = await tiff.getImage(0);
  const pages = await tiff.getImageCount();
  const perPage = first.getSamplesPerPixel();
  const directory = first.getFileDirectory();
  const description = await directory.loadValue('ImageDescription');
  const { parseOmeChannels } = await import('./ome.js');
  const ome = typeof description === 'string' ? parseOmeChannels(description) : undefined;
  const photometric = directory.getValue('PhotometricInterpretation') ?? 1;
  if (photometric > 2) throw new Error(`has colours of kind ${photometric}, expected grey or RGB`);

  let colours = perPage;
  if (photometric === 2 && perPage > 3) colours = 3; // the rest is alpha
  const names = ome ? ome.names : photometric === 2 ? rgbNames : [];
  const count = ome ? ome.names.length : pages * colours;
  const chosen = choosePlanes(channels, count, names);

  const planes: Samples[] = [];
  for (const plane of chosen) {
    const page = ome && perPage === 1 ? (ome.pages[plane] as number) : Math.floor(plane / colours);
    const sample = ome && perPage === 1 ? 0 : plane % colours;
    if (!(page < pages)) throw new Error(`has ${pages} pages, expected page ${page} for channel ${plane}`);
    const image = page === 0 ? first : await tiff.getImage(page);
    if (image.getWidth() !== first.getWidth() || image.getHeight() !== first.getHeight()) {
      throw new Error(`has pages of different sizes`);
    }
    const [values] = (await image.readRasters({ samples: [sample] })) as unknown as [Samples];
    planes.push(photometric === 0 ? invert(values, image.getBitsPerSample()) : values);
  }
  const bits = first.getBitsPerSample();
  const format = first.getSampleFormat();
  const kind = format === 3 ? ' float' : format === 2 ? ' signed' : '';
  return {
    width: first.getWidth(),
    height: first.getHeight(),
    eightBit: planes.every((plane) => plane instanceof Uint8Array) && bits === 8,
    sampleType: `${bits}-bit${kind}`,
    planes,
  };
}

/** TIFF's WhiteIsZero. */
function invert(values: Samples, bits: number): Samples {
  if (!(values instanceof Uint8Array || values instanceof Uint16Array || values instanceof Uint32Array)) return values;
  const white = 2 ** bits - 1;
  return values.map((value) => white - value);
}

/**
 * The plane of each channel. `names` may be empty. Without explicit choices: by name where the file names its planes as
 * the dataset does, else by position; then there must be as many, except that two channels may be the red and the green
 * of an RGB picture.
 */
function choosePlanes(channels: readonly ChannelChoice[], count: number, names: readonly string[]): number[] {
  const listed = names.length > 0 ? `, named ${names.join(', ')}` : '';
  const position = (text: string) => names.findIndex((name) => name.toLowerCase() === text.toLowerCase());
  const explicit = channels.some(({ name, plane }) => plane !== undefined || position(name) >= 0);
  const redAndGreen = names === rgbNames && channels.length === 2;
  if (!explicit && count !== channels.length && !redAndGreen) {
    throw new Error(
      `has ${count} ${count === 1 ? 'channel' : 'channels'}${listed}, expected ${channels.length}: say which is which, ` +
        `as in --channels ${channels.map(({ name }, index) => `${name}=${index}`).join(',')}`,
    );
  }
  return channels.map(({ name, plane }, index) => {
    if (!explicit) return index;
    const text = plane ?? name;
    const byName = position(text);
    if (byName >= 0) return byName;
    const byNumber = parseWholeNumber(text);
    if (byNumber !== undefined && byNumber < count) return byNumber;
    throw new Error(`has no channel "${text}" for ${name}: found ${count} (from 0)${listed}`);
  });
}
