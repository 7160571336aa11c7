/** Masks: label images in the files of other programs, and the files that this one writes. */

import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { DeepYeastError, fileError } from '../errors';
import { type NpyHeader, parseNpyHeader } from '../files/npy';
import { parseWholeNumber } from '../files/number';
import { isTiff, openTiff, writeTiff } from '../files/tiff';
import { type LabelImage, type LabelNumbers, type Mask, parseMask } from './label-image';
import { readZarrLabels } from './zarr-labels';

/**
 * Reads the mask of a field: a TIFF or PNG of one page and one channel, or a .npy array, of whole numbers (8 to 64 bits,
 * or floats that are whole): 0 for background, a number for every cell. See parseMask for what is checked. A pickled
 * object (Cellpose's _seg.npy) is never read, since unpickling runs code of the file's choosing.
 *
 * @param path a file, or the folder of an OME-Zarr image, whose labels are taken
 * @param size of the field
 * @param place which labels of an OME-Zarr image, where there are several
 * @throws image-invalid with the path and what to do; io-error
 */
export async function readMask(
  path: string,
  size: { width: number; height: number },
  place: { name?: string | undefined; t?: number | undefined; z?: number | undefined } = {},
): Promise<Mask> {
  const numbers = (await isFolder(path)) ? await readZarrNumbers(path, place) : await readNumbers(path);
  if (numbers.width !== size.width || numbers.height !== size.height) {
    throw invalid(
      path,
      `is ${numbers.width} x ${numbers.height} pixels, expected ${size.width} x ${size.height} as its field`,
    );
  }
  return parseMask(numbers, path);
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
}

async function readZarrNumbers(
  path: string,
  { name, t, z }: { name?: string | undefined; t?: number | undefined; z?: number | undefined },
): Promise<LabelNumbers> {
  const place = { ...(t !== undefined && { t }), ...(z !== undefined && { z }) };
  const { width, height, labels } = await readZarrLabels(path, name, place);
  return { width, height, data: labels };
}

async function readNumbers(path: string): Promise<LabelNumbers> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw invalid(path, 'the file is missing');
    throw fileError('read', path, error);
  }
  if (bytes.length >= 6 && bytes.subarray(0, 6).toString('latin1') === '\x93NUMPY') return readArray(bytes, path);
  if (isTiff(bytes)) return readTiffNumbers(path);
  return readPicture(bytes, path);
}

async function readTiffNumbers(path: string): Promise<LabelNumbers> {
  const file = await openTiff(path);
  try {
    const [page, ...others] = file.images;
    if (page === undefined) throw invalid(path, 'has no page with an image');
    if (others.length > 0) throw invalid(path, `has ${others.length + 1} pages, expected one mask a file`);
    if (page.samples !== 1) throw severalChannels(path, page.samples);
    return { width: page.width, height: page.height, data: await file.readPlane(page.index) };
  } finally {
    await file.close();
  }
}

function severalChannels(path: string, channels: number): DeepYeastError {
  return invalid(
    path,
    `has ${channels} channels, expected one with the number of each cell: this may be a picture of the masks in colours`,
  );
}

async function readPicture(bytes: Buffer, path: string): Promise<LabelNumbers> {
  const { default: sharp } = await import('sharp'); // on first use: it takes a while to load
  try {
    const { depth, channels, isPalette } = await sharp(bytes).metadata();
    if (isPalette) {
      throw invalid(path, 'holds colours of a palette, expected the number of each cell as grey: save it as a TIFF');
    }
    if (channels !== 1) throw severalChannels(path, channels);
    if (depth !== 'uchar' && depth !== 'ushort')
      throw invalid(path, `has samples of type ${depth}, expected 8 or 16 bits`);
    const { data, info } = await sharp(bytes, { ignoreIcc: true })
      .toColourspace(depth === 'uchar' ? 'b-w' : 'grey16')
      .raw({ depth })
      .toBuffer({ resolveWithObject: true });
    const samples = depth === 'uchar' ? data : new Uint16Array(data.buffer, data.byteOffset, data.length / 2);
    return { width: info.width, height: info.height, data: samples };
  } catch (error) {
    if (error instanceof DeepYeastError) throw error;
    const [reason = ''] = (error as Error).message.split('\n', 1);
    throw invalid(path, `is no TIFF, PNG or .npy file: ${reason}`);
  }
}

/** Types of values that a label may have, as NumPy writes them, and their bytes. */
const valueTypes = /^([|<>=]?)(b1|[ui][1248]|f[48])$/;

function readArray(bytes: Buffer, path: string): LabelNumbers {
  let header: NpyHeader;
  try {
    header = parseNpyHeader(bytes, path);
  } catch (error) {
    throw new DeepYeastError('image-invalid', (error as Error).message, { cause: error });
  }
  const { dtype, fortranOrder, shape, dataOffset } = header;
  if (dtype.includes('O')) {
    const name = basename(path);
    const converted = name.replace(/(_seg)?\.npy$/i, '_masks.npy');
    throw invalid(
      path,
      "is a pickled Python object, as Cellpose's _seg.npy, which is never unpickled here, since that runs code of the " +
        `file's choosing; where you trust it, convert it in its folder: python -c "import numpy as np; ` +
        `np.save('${converted}', np.load('${name}', allow_pickle=True).item()['masks'])"`,
    );
  }
  const [, order, kind] = valueTypes.exec(dtype) ?? [];
  if (kind === undefined) throw invalid(path, `holds values of type ${dtype}, expected whole numbers`);
  const sides = shape.filter((side) => side !== 1);
  while (sides.length < 2 && shape.length >= 2) sides.push(1);
  const [height, width] = shape.length === 2 ? shape : sides;
  if (height === undefined || width === undefined || (shape.length !== 2 && sides.length !== 2)) {
    throw invalid(path, `has the shape (${shape.join(', ')}), expected (height, width), one mask a file`);
  }
  const itemBytes = parseWholeNumber(kind.slice(1)) ?? Number.NaN;
  const expected = BigInt(dataOffset) + BigInt(height) * BigInt(width) * BigInt(itemBytes);
  if (BigInt(bytes.length) !== expected) {
    throw invalid(path, `has ${bytes.length} bytes, expected ${expected} by its header: copy or write it again`);
  }
  // A copy, at a position that every type of array takes.
  const values = Buffer.from(Uint8Array.from(bytes.subarray(dataOffset)).buffer);
  if (order === '>' && itemBytes === 2) values.swap16();
  if (order === '>' && itemBytes === 4) values.swap32();
  if (order === '>' && itemBytes === 8) values.swap64();
  const data = arrayOf(kind, values);
  return { width, height, data: fortranOrder ? transposed(data, width, height) : data };
}

function arrayOf(kind: string, { buffer, byteOffset, length }: Buffer): LabelNumbers['data'] {
  const types = {
    b1: Uint8Array,
    u1: Uint8Array,
    u2: Uint16Array,
    u4: Uint32Array,
    u8: BigUint64Array,
    i1: Int8Array,
    i2: Int16Array,
    i4: Int32Array,
    i8: BigInt64Array,
    f4: Float32Array,
    f8: Float64Array,
  } as const;
  const type = types[kind as keyof typeof types];
  return new type(buffer as ArrayBuffer, byteOffset, length / type.BYTES_PER_ELEMENT);
}

/** Fortran order: columns one after the other. */
function transposed(data: LabelNumbers['data'], width: number, height: number): LabelNumbers['data'] {
  const rows = (data as Uint8Array).slice();
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) rows[y * width + x] = data[x * height + y] as number;
  return rows;
}

/**
 * Writes a label image as a TIFF of 16 bits, or of 32 where it has more than 65,535 labels, compressed by Deflate;
 * atomically.
 *
 * @throws io-error, disk-full
 */
export async function writeMask(path: string, image: LabelImage): Promise<void> {
  let most = 0;
  for (const label of image.labels) if (label > most) most = label;
  const data = most > 65535 ? image.labels : Uint16Array.from(image.labels);
  await writeTiff(path, [{ width: image.width, height: image.height, data }], { deflate: true });
}

function invalid(path: string, what: string): DeepYeastError {
  return new DeepYeastError('image-invalid', `${path}: ${what}`);
}
