/** Rows of arrays that the workbench's processes hand to each other as .npy files. */
import { readNpyHeader } from '../files/npy';
import { RandomAccessFile } from '../files/random-access-file';

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
