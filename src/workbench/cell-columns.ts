/** What cells.csv says of every cell, in memory by column: some twenty bytes a cell and its name, whatever the number. */
import { setImmediate } from 'node:timers/promises';
import { columnOf, type Dataset } from '../data/dataset';
import { DeepYeastError } from '../errors';
import { parseNumber } from '../files/number';

/** A column whose texts repeat: every distinct text once, and its number for each cell. */
export interface TextColumn {
  readonly texts: readonly string[];
  readonly numbers: Uint32Array;
}

const repeated = ['protein', 'plate', 'well', 'field', 'quality'] as const;
type Repeated = (typeof repeated)[number];

/** Cells that are read or searched between two turns of the event loop. */
export const turn = 20_000;

export class CellColumns {
  readonly count: number;
  /** The dataset's class of each cell, -1: none. */
  readonly labels: Int32Array;
  readonly protein: TextColumn;
  readonly plate: TextColumn;
  readonly well: TextColumn;
  readonly field: TextColumn;
  readonly quality: TextColumn;
  /** NaN where it is not known. */
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly #names: Buffer;
  readonly #ends: Float64Array;

  private constructor(
    labels: Int32Array,
    columns: Readonly<Record<Repeated, TextColumn>>,
    places: { x: Float32Array; y: Float32Array },
    names: { bytes: Buffer; ends: Float64Array },
  ) {
    this.count = labels.length;
    this.labels = labels;
    this.protein = columns.protein;
    this.plate = columns.plate;
    this.well = columns.well;
    this.field = columns.field;
    this.quality = columns.quality;
    this.x = places.x;
    this.y = places.y;
    this.#names = names.bytes;
    this.#ends = names.ends;
  }

  /** @throws dataset-invalid, io-error */
  static async read(dataset: Dataset): Promise<CellColumns> {
    const { count } = dataset;
    const known = repeated.map(() => new Map<string, number>());
    const numbers = repeated.map(() => new Uint32Array(count));
    const places = { x: new Float32Array(count), y: new Float32Array(count) };
    const ends = new Float64Array(count);
    let bytes = Buffer.allocUnsafe(16 * count + 1024);
    let length = 0;
    let row = 0;
    for await (const cell of dataset.cells()) {
      for (const [i, column] of repeated.entries()) {
        const text = String(columnOf(cell, column));
        const texts = known[i] as Map<string, number>;
        let number = texts.get(text);
        if (number === undefined) {
          number = texts.size;
          texts.set(text, number);
        }
        (numbers[i] as Uint32Array)[row] = number;
      }
      places.x[row] = parseNumber(cell.x) ?? Number.NaN;
      places.y[row] = parseNumber(cell.y) ?? Number.NaN;
      const needed = length + 3 * cell.cell.length;
      if (needed > bytes.length) bytes = Buffer.concat([bytes.subarray(0, length)], Math.max(needed, 2 * bytes.length));
      length += bytes.write(cell.cell, length, 'utf8');
      ends[row] = length;
      row++;
      if (row % turn === 0) await setImmediate();
    }
    const columns = Object.fromEntries(
      repeated.map((column, i): [Repeated, TextColumn] => [
        column,
        { texts: [...(known[i] as Map<string, number>).keys()], numbers: numbers[i] as Uint32Array },
      ]),
    ) as Record<Repeated, TextColumn>;
    // A copy of its own length: what was set aside too much is given back.
    const names = { bytes: Buffer.from(bytes.subarray(0, length)), ends };
    return new CellColumns(dataset.labels, columns, places, names);
  }

  name(cell: number): string {
    const start = cell === 0 ? 0 : (this.#ends[cell - 1] as number);
    return this.#names.toString('utf8', start, this.#ends[cell]);
  }

  text(column: Repeated, cell: number): string {
    const { texts, numbers } = this[column];
    return texts[numbers[cell] as number] as string;
  }

  /** @throws invalid-argument unless it is a cell's row */
  requireCell(cell: unknown): number {
    if (typeof cell === 'number' && Number.isInteger(cell) && cell >= 0 && cell < this.count) return cell;
    throw new DeepYeastError('invalid-argument', `found the cell ${cell}, expected a row from 0 to ${this.count - 1}`);
  }
}
