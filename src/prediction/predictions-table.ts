/** The table of predictions, one row a cell: `cell, protein, predicted`, then what was asked for, then `p_<class>`. */
import { type Cell, columnOf } from '../data/dataset';
import { cellKey, describeCellKey, fieldOf } from '../data/identity';
import { parseWell } from '../data/well';
import { DeepYeastError } from '../errors';
import { KeySet } from '../files/key-set';
import { numberField, type TextTable } from '../files/table-reader';
import {
  type ByteSink,
  type TableColumn,
  type TableValue,
  TableWriter,
  type TableWriterOptions,
} from '../files/table-writer';
import { argmax, uncertain } from './call';

const posteriorPrefix = 'p_';
const leadingColumns = ['cell', 'protein', 'predicted'];

/** Column that says why a cell does not count for its protein, as a screen's predictions have it; empty where it does. */
export const excludedColumn = 'excluded';

/** What evaluate adds to its predictions: the class, and what tells fields apart for the bootstrap of `proteins`. */
export const evaluationColumns = ['label', 'plate', 'well', 'field'] as const;

/** Writes predictions as they come; see TableWriter. */
export class PredictionsWriter {
  readonly #table: TableWriter;
  readonly #classes: readonly string[];
  readonly #copied: readonly string[];
  readonly #reject: number;
  #rejected = 0;

  private constructor(table: TableWriter, classes: readonly string[], copied: readonly string[], reject: number) {
    this.#table = table;
    this.#classes = classes;
    this.#copied = copied;
    this.#reject = reject;
  }

  /**
   * @param target a path, or a sink such as standard output
   * @param classes of the model, in the order of the posteriors
   * @param options.copy columns of cells.csv to copy, `label` as a class name
   * @param options.reject cells whose largest posterior is below it are predicted `uncertain`; default none
   * @throws invalid-argument for a column that would be taken for another
   */
  static async create(
    target: string | ByteSink,
    classes: readonly string[],
    options: TableWriterOptions & { copy?: readonly string[]; reject?: number } = {},
  ): Promise<PredictionsWriter> {
    const { copy = [], reject = 0, ...tableOptions } = options;
    const reserved = copy.find((name) => leadingColumns.includes(name) || name.startsWith(posteriorPrefix));
    if (reserved !== undefined) {
      throw new DeepYeastError(
        'invalid-argument',
        `the column '${reserved}' cannot be copied into predictions: ${leadingColumns.join(', ')} and names that ` +
          `begin with ${posteriorPrefix} are theirs; rename it in cells.csv`,
      );
    }
    const columns: TableColumn[] = [
      ...[...leadingColumns, ...copy].map((name): TableColumn => ({ name, type: 'string' })),
      ...classes.map((name): TableColumn => ({ name: posteriorPrefix + name, type: 'float' })),
    ];
    const table = await TableWriter.create(target, columns, tableOptions);
    return new PredictionsWriter(table, classes, copy, reject);
  }

  /** Rows written so far. */
  get count(): number {
    return this.#table.count;
  }

  /** Rows predicted `uncertain`. */
  get rejected(): number {
    return this.#rejected;
  }

  /**
   * One cell; its K posteriors begin at `start`.
   * @param labelNames class names behind the cell's label, those of its dataset
   */
  async append(cell: Cell, posteriors: Float32Array, start: number, labelNames: readonly string[] = []): Promise<void> {
    const k = this.#classes.length;
    const best = argmax(posteriors, start, k);
    const rejected = (posteriors[start + best] as number) < this.#reject;
    if (rejected) this.#rejected++;
    const row: TableValue[] = [cell.cell, cell.protein, rejected ? uncertain : (this.#classes[best] as string)];
    for (const name of this.#copied) {
      row.push(name === 'label' ? (labelNames[cell.label] ?? '') : String(columnOf(cell, name)));
    }
    for (let c = 0; c < k; c++) row.push(posteriors[start + c] as number);
    await this.#table.append(row);
  }

  commit(): Promise<void> {
    return this.#table.commit();
  }

  abort(): Promise<void> {
    return this.#table.abort();
  }
}

/** What tells the cells of tables of predictions apart, as far as the tables have it. */
export const predictionKeyColumns = ['cell', 'protein', 'plate', 'well', 'field'] as const;

/** One cell of a table of predictions. */
export interface PredictedCell {
  /** Where the row stands: "line 7". */
  where: string;
  /** What the table says of which cell it is: those of predictionKeyColumns that it has. */
  key: Readonly<Record<string, string>>;
  /** Name of the cell; empty where the table has none. */
  cell: string;
  protein: string;
  /** Tells fields apart; empty when not known. */
  field: string;
  /** Class name, null when not labelled. */
  label: string | null;
  /** Why it does not count for its protein; empty where it does, or the table does not say. */
  excluded: string;
  /** In the order of the table's classes. */
  posterior: Float64Array;
}

/** Names of the classes of a table of predictions; empty when the table is not one. */
export function predictedClasses(table: TextTable): string[] {
  return table.columns
    .filter((name) => name.startsWith(posteriorPrefix))
    .map((name) => name.slice(posteriorPrefix.length));
}

/** What tells a protein's fields apart (see fieldOf); empty when the field is not known. */
export function fieldKey(cell: Pick<Cell, 'protein' | 'plate' | 'well' | 'field'> & Partial<Cell>): string {
  return cell.field === '' ? '' : fieldOf({ cell: '', ...cell });
}

/** Notices a cell that is there twice, within a table of predictions or in several that are taken together. */
export class DistinctPredictions {
  readonly #cells = new KeySet();
  readonly #rows = new KeySet();
  /** The plate of every protein that is named by its well alone. */
  readonly #plateOfWell = new Map<string, string>();
  /** Rows that name no cell, so that nothing can be noticed. */
  nameless = 0;

  /** @throws table-invalid for a cell that was there, or for one well's name on two plates */
  add(path: string, predicted: PredictedCell): void {
    const { where, key, cell, posterior } = predicted;
    this.#requireOnePlate(path, predicted);
    if (cell === '') {
      this.nameless++;
      return;
    }
    const name = cellKey(key, predictionKeyColumns);
    const isNewRow = this.#rows.add(`${name}${posterior.join()}`);
    if (this.#cells.add(name)) return;
    throw new DeepYeastError(
      'table-invalid',
      `${path}, ${where}: the cell ${describeCellKey(key, predictionKeyColumns)} was there already, ` +
        (isNewRow
          ? 'with other probabilities: two plates or folders whose paths are alike? Predict them together, or name ' +
            '{plate} in the pattern and copy it (--with plate)'
          : 'with the same probabilities: give each table once'),
    );
  }

  /** Well A01 of two plates is two strains. */
  #requireOnePlate(path: string, { where, key, protein }: PredictedCell): void {
    const plate = key.plate ?? '';
    if (plate === '' || parseWell(protein) === undefined) return;
    const first = this.#plateOfWell.get(protein);
    if (first === undefined) this.#plateOfWell.set(protein, plate);
    else if (first !== plate) {
      throw new DeepYeastError(
        'table-invalid',
        `${path}, ${where}: found the protein '${protein}' on the plates ${first} and ${plate}, which are two strains; ` +
          `expected names such as ${plate}/${protein}`,
      );
    }
  }

  /** Whether a row, its probabilities included, was added. */
  has({ key, posterior }: PredictedCell): boolean {
    return this.#rows.has(`${cellKey(key, predictionKeyColumns)}${posterior.join()}`);
  }
}

/**
 * Streams the cells of a table of predictions, CSV or Parquet. It needs `protein` and `p_<class>` columns; `label`,
 * `plate`, `well` and `field` are read where present, others ignored. A row whose probabilities are not numbers from 0
 * to 1 that sum to 1 (within 0.001) is `table-invalid`.
 */
export async function* readPredictions(table: TextTable): AsyncGenerator<PredictedCell> {
  const classes = predictedClasses(table);
  if (classes.length === 0 || !table.columns.includes('protein')) {
    throw new DeepYeastError(
      'table-invalid',
      `${table.path} has the columns ${table.columns.join(', ')}, expected protein and ${posteriorPrefix}<class> for ` +
        'every class; write it with `deepyeast predict`',
    );
  }
  const columns = predictionKeyColumns.filter((column) => table.columns.includes(column));
  for await (const row of table.rows()) {
    const { cell, protein, label, plate, well, field, excluded } = row.values as { protein: string } & Partial<
      Record<string, string>
    >;
    const posterior = new Float64Array(classes.length);
    let sum = 0;
    classes.forEach((name, c) => {
      const probability = numberField(table, row, posteriorPrefix + name);
      if (probability < 0 || probability > 1.001) {
        throw new DeepYeastError(
          'table-invalid',
          `${table.path}, ${row.where}: found the probability ${probability} for '${name}', expected 0 to 1`,
        );
      }
      // The network's numbers are float32, of which a text holds just the digits that tell them apart.
      posterior[c] = Math.fround(probability);
      sum += probability;
    });
    if (Math.abs(sum - 1) > 1e-3) {
      throw new DeepYeastError(
        'table-invalid',
        `${table.path}, ${row.where}: the probabilities sum to ${sum}, expected 1; write the table again`,
      );
    }
    const key = Object.fromEntries(columns.map((column) => [column, row.values[column] as string]));
    yield {
      where: row.where,
      key,
      cell: cell ?? '',
      protein,
      field: fieldKey({ cell: cell ?? '', protein, plate: plate ?? '', well: well ?? '', field: field ?? '' }),
      label: label === undefined || label === '' ? null : label,
      excluded: excluded ?? '',
      posterior,
    };
  }
}
