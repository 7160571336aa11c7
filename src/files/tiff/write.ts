import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import { DeepYeastError } from '../../errors';
import { AtomicFile } from '../atomic-file';

/** A page to be written: one sample a pixel, row by row. */
export interface NewTiffPage {
  width: number;
  height: number;
  data: Uint8Array | Uint16Array | Uint32Array | Int16Array | Float32Array;
}

export interface WriteTiffOptions {
  /** ImageDescription of the first page, such as OME-XML or ImageJ's. */
  description?: string | undefined;
  /** Whether pages are compressed by Deflate (with the predictor 2 for whole numbers). */
  deflate?: boolean;
  /** Micrometres a pixel: written as the resolution. */
  pixelSize?: { x: number; y: number } | undefined;
}

const deflateAside = promisify(deflate);

/** Rows of about this many bytes make a strip: readers of a part of a page need not unpack all of it. */
const stripBytes = 1 << 18;
/** Offsets of a classic TIFF have 32 bits. */
const mostBytes = 2 ** 32 - 2 ** 20;

const types = { ascii: 2, short: 3, long: 4, rational: 5 } as const;

interface Field {
  tag: number;
  type: number;
  count: number;
  bytes: Buffer;
}

/**
 * Writes pages as a little-endian TIFF 6.0 file, atomically. Every reader of TIFF takes it; the same pages give the same
 * bytes.
 * @throws invalid-argument for pages of no pixels, of another number of samples than pixels, or of more than 4 GB;
 * io-error, disk-full
 */
export async function writeTiff(
  path: string,
  pages: readonly NewTiffPage[],
  options: WriteTiffOptions = {},
): Promise<void> {
  if (pages.length === 0)
    throw new DeepYeastError('invalid-argument', `${path} would have no pages, expected at least one`);
  for (const page of pages) requirePixels(path, page);
  const file = await AtomicFile.create(path);
  try {
    const header = Buffer.from([0x49, 0x49, 42, 0, 0, 0, 0, 0]);
    await file.write(header);
    let position = header.length;
    /** Where the position of the next directory is to be written. */
    let link = 4;
    for (const [index, page] of pages.entries()) {
      const strips = await makeStrips(page, options.deflate ?? false);
      const offsets: number[] = [];
      for (const strip of strips.bytes) {
        offsets.push(position);
        await file.write(strip);
        position += strip.length;
      }
      if (position % 2 === 1) {
        await file.write(Buffer.alloc(1));
        position++;
      }
      const fields = describePage(
        page,
        strips,
        offsets,
        index === 0 ? options : { ...options, description: undefined },
      );
      const directory = makeDirectory(fields, position);
      await file.overwrite(longs([position]), link);
      link = position + 2 + 12 * fields.length;
      await file.write(directory);
      position += directory.length;
      if (position > mostBytes) {
        throw new DeepYeastError(
          'invalid-argument',
          `${path} would have more than 4 GB, expected fewer pages in a file`,
        );
      }
    }
    await file.commit();
  } catch (error) {
    await file.abort();
    throw error;
  }
}

function requirePixels(path: string, { width, height, data }: NewTiffPage): void {
  const sound = [width, height].every((side) => Number.isInteger(side) && side > 0);
  if (!sound || data.length !== width * height) {
    throw new DeepYeastError(
      'invalid-argument',
      `${path}: found a page of ${width} x ${height} pixels with ${data.length} samples, expected one a pixel`,
    );
  }
}

interface Strips {
  bytes: Uint8Array[];
  rows: number;
  compression: 1 | 8;
  predictor: 1 | 2;
}

async function makeStrips({ width, height, data }: NewTiffPage, packed: boolean): Promise<Strips> {
  const rows = Math.min(height, Math.max(1, Math.floor(stripBytes / (width * data.BYTES_PER_ELEMENT))));
  const predictor = packed && !(data instanceof Float32Array) ? 2 : 1;
  const bytes: Uint8Array[] = [];
  for (let top = 0; top < height; top += rows) {
    let strip = data.subarray(top * width, Math.min(height, top + rows) * width);
    if (predictor === 2) {
      strip = strip.slice();
      for (let row = strip.length - width; row >= 0; row -= width) {
        // From the right, so that each difference is of original samples; the array takes it modulo its size.
        for (let at = row + width - 1; at > row; at--) strip[at] = (strip[at] as number) - (strip[at - 1] as number);
      }
    }
    const plain = new Uint8Array(strip.buffer, strip.byteOffset, strip.byteLength);
    bytes.push(packed ? await deflateAside(plain) : plain);
  }
  return { bytes, rows, compression: packed ? 8 : 1, predictor };
}

function describePage(
  { width, height, data }: NewTiffPage,
  strips: Strips,
  offsets: readonly number[],
  { description, pixelSize }: WriteTiffOptions,
): Field[] {
  const long = (tag: number, ...values: number[]): Field => ({
    tag,
    type: types.long,
    count: values.length,
    bytes: longs(values),
  });
  const short = (tag: number, value: number): Field => ({
    tag,
    type: types.short,
    count: 1,
    bytes: Buffer.from(Uint16Array.of(value).buffer),
  });
  const format = data instanceof Float32Array ? 3 : data instanceof Int16Array ? 2 : 1;
  const text = description === undefined ? undefined : Buffer.from(`${description}\0`, 'utf8');
  return [
    long(256, width),
    long(257, height),
    short(258, data.BYTES_PER_ELEMENT * 8),
    short(259, strips.compression),
    short(262, 1), // black is 0
    ...(text === undefined ? [] : [{ tag: 270, type: types.ascii, count: text.length, bytes: text }]),
    long(273, ...offsets),
    short(277, 1), // samples a pixel
    long(278, strips.rows),
    long(279, ...strips.bytes.map((strip) => strip.length)),
    ...(pixelSize ? [resolution(282, pixelSize.x), resolution(283, pixelSize.y), short(296, 3)] : []),
    ...(strips.predictor === 1 ? [] : [short(317, strips.predictor)]),
    short(339, format),
  ];
}

/** Pixels a centimetre (ResolutionUnit 3), as a fraction of a millionth. */
function resolution(tag: number, micrometres: number): Field {
  const numerator = Math.round((1e4 / micrometres) * 1e4);
  const fits = numerator > 0 && numerator < 2 ** 32;
  return { tag, type: types.rational, count: 1, bytes: longs(fits ? [numerator, 10_000] : [0, 1]) };
}

function longs(values: readonly number[]): Buffer {
  return Buffer.from(Uint32Array.from(values).buffer);
}

/** A directory at `position`, followed by the values that do not fit into it; the next one's position is 0. */
function makeDirectory(fields: readonly Field[], position: number): Buffer {
  const head = Buffer.alloc(2 + 12 * fields.length + 4);
  head.writeUInt16LE(fields.length, 0);
  const values: Buffer[] = [];
  let next = position + head.length;
  for (const [index, { tag, type, count, bytes }] of fields.entries()) {
    const at = 2 + 12 * index;
    head.writeUInt16LE(tag, at);
    head.writeUInt16LE(type, at + 2);
    head.writeUInt32LE(count, at + 4);
    if (bytes.length <= 4) {
      bytes.copy(head, at + 8);
    } else {
      head.writeUInt32LE(next, at + 8);
      const even = bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(1)]);
      values.push(even);
      next += even.length;
    }
  }
  return Buffer.concat([head, ...values]);
}
