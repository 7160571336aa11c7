/** Arrays of numbers that the workbench's processes hand to each other as .npy files. */
import { readFile } from 'node:fs/promises';
import { DeepYeastError, fileError } from '../errors';
import { AtomicFile } from '../files/atomic-file';
import { npyHeader, parseNpyHeader, readNpyHeader } from '../files/npy';
import { RandomAccessFile } from '../files/random-access-file';

/** Writes float32 [rows, columns] batch by batch, whole or not at all. */
export async function writeFloats(
  path: string,
  shape: readonly number[],
  batches: AsyncIterable<Float32Array> | Iterable<Float32Array>,
): Promise<void> {
  const file = await AtomicFile.create(path);
  try {
    await file.write(npyHeader('<f4', shape));
    for await (const values of batches) {
      await file.write(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    }
    await file.commit();
  } catch (error) {
    await file.abort();
    throw error;
  }
}

/** A whole file of float32 values. Throws dataset-invalid, io-error. */
export async function readFloats(path: string): Promise<{ shape: number[]; values: Float32Array }> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw fileError('read', path, error);
  }
  const { dtype, shape, dataOffset } = parseNpyHeader(bytes, path);
  const length = shape.reduce((product, side) => product * side, 1);
  if (dtype !== '<f4' || bytes.length !== dataOffset + 4 * length) {
    throw new DeepYeastError(
      'dataset-invalid',
      `${path} holds ${dtype} [${shape.join(', ')}] in ${bytes.length} bytes; remove it`,
    );
  }
  // Headers are whole multiples of 64 bytes, so that the values lie straight.
  return { shape, values: new Float32Array(bytes.buffer, bytes.byteOffset + dataOffset, length) };
}

/** Rows of a file of float32 [rows, columns], read by position. */
export class FloatRows {
  readonly rows: number;
  readonly columns: number;
  readonly #file: RandomAccessFile;
  readonly #offset: number;

  private constructor(file: RandomAccessFile, offset: number, rows: number, columns: number) {
    this.#file = file;
    this.#offset = offset;
    this.rows = rows;
    this.columns = columns;
  }

  static async open(path: string): Promise<FloatRows> {
    const { shape, dataOffset } = await readNpyHeader(path);
    const [rows = 0, columns = 0] = shape;
    return new FloatRows(await RandomAccessFile.open(path), dataOffset, rows, columns);
  }

  async *chunks(rows = 8192): AsyncGenerator<{ start: number; count: number; values: Float32Array }> {
    for (let start = 0; start < this.rows; start += rows) {
      const count = Math.min(rows, this.rows - start);
      yield { start, count, values: await this.#read(start, count) };
    }
  }

  /** The chosen rows, in the given order. */
  async select(rows: ArrayLike<number>): Promise<Float32Array> {
    const values = new Float32Array(rows.length * this.columns);
    for (let i = 0; i < rows.length; i++) values.set(await this.#read(rows[i] as number, 1), i * this.columns);
    return values;
  }

  async #read(start: number, count: number): Promise<Float32Array> {
    const bytes = await this.#file.read(this.#offset + start * this.columns * 4, count * this.columns * 4);
    return new Float32Array(Uint8Array.from(bytes).buffer);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
