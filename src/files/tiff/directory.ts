/** The directories (IFDs) of a TIFF file: TIFF 6.0 and BigTIFF, either byte order. */

import type { RandomAccessFile } from '../random-access-file';

/** Bytes of one value of each field type, by type number; 0: not a type. */
const typeBytes = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8];
const asciiType = 2;
/** Types of whole numbers without a sign: BYTE, SHORT, LONG, IFD, LONG8, IFD8. */
const wholeTypes = new Set([1, 3, 4, 13, 16, 18]);

/** Directories of a file that are read: enough for a long time series. */
export const mostDirectories = 16_384;
/** Bytes of a description that are read; whole plates have OME-XML of some megabytes. */
const mostText = 1 << 25;

interface Field {
  type: number;
  count: number;
  /** Where the values are in the file. */
  position: number;
}

/** One directory: its fields are read when they are asked for. */
export class Directory {
  /** Where the directory is in the file. */
  readonly offset: number;
  readonly littleEndian: boolean;
  private readonly file: RandomAccessFile;
  private readonly fields: Map<number, Field[]>;

  constructor(file: RandomAccessFile, offset: number, littleEndian: boolean, fields: Map<number, Field[]>) {
    this.file = file;
    this.offset = offset;
    this.littleEndian = littleEndian;
    this.fields = fields;
  }

  has(tag: number): boolean {
    return this.fields.has(tag);
  }

  /** Number of a field's values; 0 where there is no such field. */
  count(tag: number): number {
    return this.fields.get(tag)?.[0]?.count ?? 0;
  }

  /**
   * The first `most` values of a field of whole numbers, or undefined where there is no such field. Of a tag that is there
   * twice, the first field counts, as in libtiff.
   */
  async numbers(tag: number, most = Number.POSITIVE_INFINITY): Promise<Float64Array | undefined> {
    const field = this.fields.get(tag)?.[0];
    if (field === undefined) return undefined;
    const { type, position } = field;
    if (!wholeTypes.has(type))
      throw new Error(`is damaged: its tag ${tag} has the type ${type}, expected whole numbers`);
    const size = typeBytes[type] as number;
    const count = Math.min(field.count, most);
    const bytes = await this.file.read(position, count * size);
    const values = new Float64Array(count);
    for (let index = 0; index < count; index++)
      values[index] = wholeNumber(bytes, index * size, size, this.littleEndian);
    return values;
  }

  /** The first value of a field, or `missing` where there is no such field or it has no value. */
  async number(tag: number, missing: number): Promise<number> {
    return (await this.numbers(tag, 1))?.[0] ?? missing;
  }

  /** All text fields of a tag: Micro-Manager writes two descriptions. */
  async texts(tag: number): Promise<string[]> {
    const texts: string[] = [];
    for (const { type, count, position } of this.fields.get(tag) ?? []) {
      if (type !== asciiType && type !== 1 && type !== 7) continue;
      if (count > mostText) throw new Error(`has a text of ${count} bytes, expected at most ${mostText}`);
      const bytes = await this.file.read(position, count);
      const end = bytes.indexOf(0);
      texts.push(bytes.toString('utf8', 0, end < 0 ? count : end));
    }
    return texts;
  }

  /** The bytes of a field of any type, at most `most`. */
  async bytes(tag: number, most: number): Promise<Buffer | undefined> {
    const field = this.fields.get(tag)?.[0];
    if (field === undefined) return undefined;
    return this.file.read(field.position, Math.min(most, field.count * (typeBytes[field.type] as number)));
  }
}

/** Whether a file begins as a TIFF. */
export function isTiff(start: Uint8Array): boolean {
  const [a, b, c, d] = start;
  const little = a === 0x49 && b === 0x49 && (c === 42 || c === 43) && d === 0;
  const big = a === 0x4d && b === 0x4d && c === 0 && (d === 42 || d === 43);
  return little || big;
}

/**
 * All directories of a file in their order. Every field's values lie within the file, and the chain of directories ends.
 * @throws Error that says what is wrong, without the path
 */
export async function readDirectories(file: RandomAccessFile): Promise<Directory[]> {
  const header = await file.read(0, Math.min(16, file.length));
  if (header.length < 8 || !isTiff(header)) throw new Error('is no TIFF: it does not begin as one');
  const little = header[0] === 0x49;
  const big = wholeNumber(header, 2, 2, little) === 43;
  if (big && !(header.length === 16 && wholeNumber(header, 4, 2, little) === 8)) {
    throw new Error('is damaged: its BigTIFF header has offsets of another size than 8 bytes');
  }
  const directories: Directory[] = [];
  const visited = new Set<number>();
  let offset = big ? wholeNumber(header, 8, 8, little) : wholeNumber(header, 4, 4, little);
  while (offset !== 0) {
    if (visited.has(offset)) throw new Error('is damaged: its pages follow each other in a ring');
    if (visited.size >= mostDirectories) throw new Error(`has more than ${mostDirectories} pages`);
    visited.add(offset);
    const { directory, next } = await readDirectory(file, offset, little, big);
    directories.push(directory);
    offset = next;
  }
  if (directories.length === 0) throw new Error('is damaged: it has no pages');
  return directories;
}

async function readDirectory(
  file: RandomAccessFile,
  offset: number,
  little: boolean,
  big: boolean,
): Promise<{ directory: Directory; next: number }> {
  const [countBytes, entryBytes, offsetBytes] = big ? [8, 20, 8] : [2, 12, 4];
  const count = wholeNumber(await file.read(offset, countBytes), 0, countBytes, little);
  const start = offset + countBytes;
  const bytes = await file.read(start, count * entryBytes + offsetBytes);
  const next = wholeNumber(bytes, count * entryBytes, offsetBytes, little);
  const fields = new Map<number, Field[]>();
  for (let index = 0; index < count; index++) {
    const at = index * entryBytes;
    const tag = wholeNumber(bytes, at, 2, little);
    const type = wholeNumber(bytes, at + 2, 2, little);
    const size = typeBytes[type] ?? 0;
    if (size === 0) throw new Error(`is damaged: its tag ${tag} has the unknown type ${type}`);
    const values = wholeNumber(bytes, at + 4, offsetBytes, little);
    const inline = values * size <= offsetBytes;
    const valueAt = at + 4 + offsetBytes;
    const position = inline ? start + valueAt : wholeNumber(bytes, valueAt, offsetBytes, little);
    if (position + values * size > file.length) {
      throw new Error(
        `is damaged or cut short: the values of its tag ${tag} end at byte ${position + values * size} of ${file.length}`,
      );
    }
    const field = { type, count: values, position };
    const earlier = fields.get(tag);
    if (earlier) earlier.push(field);
    else fields.set(tag, [field]);
  }
  return { directory: new Directory(file, offset, little, fields), next };
}

function wholeNumber(bytes: Buffer, at: number, size: number, little: boolean): number {
  if (size === 8) return Number(little ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at));
  return little ? bytes.readUIntLE(at, size) : bytes.readUIntBE(at, size);
}
