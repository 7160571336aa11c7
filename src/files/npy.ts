/** NumPy's .npy format (numpy/lib/format.py): magic, version, header length, a Python dict literal, then raw values. */

import { open } from 'node:fs/promises';
import { DeepYeastError, fileError } from '../errors';
import { AtomicFile } from './atomic-file';
import { parseWholeNumber } from './number';

export interface NpyHeader {
  /** As NumPy writes it: '|u1', '<f4', ... */
  dtype: string;
  fortranOrder: boolean;
  shape: number[];
  /** Bytes before the first value. */
  dataOffset: number;
}

const magic = Buffer.from('\x93NUMPY', 'latin1');
const alignment = 64;
/** Longest header that is read: NumPy itself refuses to evaluate more than 10,000 characters. */
const longestHeader = 1 << 16;

/**
 * Reads the header of a .npy file (versions 1.0, 2.0 and 3.0) from its first bytes; `name` is for messages.
 * `bytes` may be the whole file or any beginning that holds the header. Throws `dataset-invalid`.
 */
export function parseNpyHeader(bytes: Uint8Array, name: string): NpyHeader {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.length < 10 || !view.subarray(0, 6).equals(magic)) {
    throw invalid(name, 'does not begin like a .npy file; write it with numpy.save');
  }
  const major = view[6] as number;
  const minor = view[7] as number;
  if (major < 1 || major > 3 || minor !== 0) {
    throw invalid(name, `has .npy version ${major}.${minor}, expected 1.0, 2.0 or 3.0`);
  }
  const start = major === 1 ? 10 : 12;
  if (view.length < start) throw invalid(name, 'ends inside its .npy header; copy it again');
  const length = major === 1 ? view.readUInt16LE(8) : view.readUInt32LE(8);
  if (length > longestHeader)
    throw invalid(name, `says its .npy header has ${length} bytes, at most ${longestHeader} are read`);
  if (view.length < start + length) throw invalid(name, 'ends inside its .npy header; copy it again');
  const text = view.subarray(start, start + length).toString(major === 3 ? 'utf8' : 'latin1');
  return { ...parseDictionary(text, name), dataOffset: start + length };
}

/** The dict literal as NumPy writes it: three known keys in any order, strings, booleans and a tuple of integers. */
function parseDictionary(text: string, name: string): Omit<NpyHeader, 'dataOffset'> {
  const body = /^\s*\{(.*)\}\s*$/s.exec(text)?.[1];
  const fail = () =>
    invalid(name, `has the .npy header ${JSON.stringify(text.trim().slice(0, 200))}, which is not understood`);
  if (body === undefined) throw fail();
  const found = new Map<string, string>();
  const entry = /\s*(['"])(\w+)\1\s*:\s*(?:(['"])([^'"]*)\3|(True|False)|\(([\d\s,L]*)\))\s*(,|$)/y;
  while (entry.lastIndex < body.length) {
    const before = entry.lastIndex;
    const match = entry.exec(body);
    if (!match) {
      if (body.slice(before).trim() === '') break;
      throw fail();
    }
    const key = match[2] as string;
    if (found.has(key)) throw fail();
    found.set(key, (match[4] ?? match[5] ?? match[6]) as string);
    const kind = match[4] !== undefined ? 'descr' : match[5] !== undefined ? 'fortran_order' : 'shape';
    if (key !== kind) throw fail();
  }
  const dtype = found.get('descr');
  const order = found.get('fortran_order');
  const dimensions = found.get('shape');
  if (dtype === undefined || order === undefined || dimensions === undefined) throw fail();
  const parts = dimensions.split(',').map((part) => part.trim());
  if (parts.at(-1) === '') parts.pop();
  const shape = parts.map((part) => {
    if (!/^\d{1,16}L?$/.test(part)) throw fail();
    return parseWholeNumber(part.replace('L', '')) ?? Number.NaN;
  });
  if (!shape.every(Number.isSafeInteger)) throw fail();
  return { dtype, fortranOrder: order === 'True', shape };
}

/**
 * A version 1.0 header in C order, padded as NumPy does so that the values begin at a multiple of 64 bytes.
 * `bytes` reserves a fixed total length, for a shape that is filled in later.
 */
export function npyHeader(dtype: string, shape: readonly number[], bytes?: number): Uint8Array {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const text = `{'descr': '${dtype}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const needed = Math.ceil((10 + text.length + 1) / alignment) * alignment;
  const total = bytes ?? needed;
  if (total < needed || total % alignment !== 0)
    throw new RangeError(`a header of ${needed} bytes does not fit in ${total}`);
  const header = Buffer.alloc(total, ' ');
  magic.copy(header);
  header[6] = 1;
  header[7] = 0;
  header.writeUInt16LE(total - 10, 8);
  header.write(text, 10, 'latin1');
  header[total - 1] = 0x0a;
  return header;
}

/** Writes an array atomically. `data` holds the values' bytes, little-endian, in C order. */
export async function writeNpy(path: string, dtype: string, shape: readonly number[], data: Uint8Array): Promise<void> {
  const file = await AtomicFile.create(path);
  await file.write(npyHeader(dtype, shape));
  await file.write(data);
  await file.commit();
}

/** Reads only the header, and the size of the file. Throws `dataset-invalid`, or `io-error` where it cannot be read. */
export async function readNpyHeader(path: string): Promise<NpyHeader & { fileSize: number }> {
  let bytes: Buffer;
  let fileSize: number;
  try {
    const handle = await open(path, 'r');
    try {
      fileSize = (await handle.stat()).size;
      bytes = Buffer.alloc(Math.min(fileSize, 12 + longestHeader));
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0);
      bytes = bytes.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw fileError('read', path, error);
  }
  return { ...parseNpyHeader(bytes, path), fileSize };
}

function invalid(name: string, what: string): DeepYeastError {
  return new DeepYeastError('dataset-invalid', `${name} ${what}`);
}
