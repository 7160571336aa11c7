/** The tables of a screen: predictions.parquet, proteins.csv, wells.csv, fields.csv, plates.csv. */

import { join } from 'node:path';
import { rounded } from '../files/number';
import { type TableColumn, type TableValue, TableWriter } from '../files/table-writer';
import { argmax } from '../prediction/call';
import type { ProteinRow, ProteinTable } from '../proteins';
import { writeProteinTable } from '../proteins';
import type { Exclusion } from './counted-cells';
import { type FieldRow, type PlateEdge, type ScreenPart, screenFiles, type WellRow } from './results';

/** Column of predictions that says why a cell does not count for its protein; empty where it does. */
export { excludedColumn } from '../prediction/predictions-table';

import { excludedColumn } from '../prediction/predictions-table';

/** Writes predictions.parquet, one row a cell, as the parts come. */
export class ScreenPredictions {
  readonly #table: TableWriter;
  readonly #classes: readonly string[];
  readonly #withQuality: boolean;

  private constructor(table: TableWriter, classes: readonly string[], withQuality: boolean) {
    this.#table = table;
    this.#classes = classes;
    this.#withQuality = withQuality;
  }

  static async create(
    folder: string,
    {
      classes,
      withQuality,
      metadata,
    }: { classes: readonly string[]; withQuality: boolean; metadata: Record<string, string> },
  ): Promise<ScreenPredictions> {
    const text = (name: string): TableColumn => ({ name, type: 'string' });
    const columns: TableColumn[] = [
      ...['cell', 'protein', 'predicted', 'label', 'plate', 'well', 'field'].map(text),
      { name: 'x', type: 'double' },
      { name: 'y', type: 'double' },
      text('flags'),
      ...(withQuality ? [{ name: 'quality', type: 'float' } as TableColumn] : []),
      text(excludedColumn),
      ...classes.map((name): TableColumn => ({ name: `p_${name}`, type: 'float' })),
    ];
    const table = await TableWriter.create(join(folder, screenFiles.predictions), columns, { metadata });
    return new ScreenPredictions(table, classes, withQuality);
  }

  /** Cells so far. */
  get count(): number {
    return this.#table.count;
  }

  async addPart({ fields, cells, posteriors }: ScreenPart, exclusions: readonly Exclusion[]): Promise<void> {
    const k = this.#classes.length;
    let cell = 0;
    for (const { protein, class: label, plate, well, field, kept = 0 } of fields) {
      for (const end = cell + kept; cell < end; cell++) {
        const row: TableValue[] = [
          cells.cell[cell] as string,
          protein,
          this.#classes[argmax(posteriors, cell * k, k)] as string,
          label ?? '',
          plate,
          well,
          field,
          cells.x[cell] as number,
          cells.y[cell] as number,
          cells.flags[cell] as string,
        ];
        if (this.#withQuality) row.push(cells.quality?.[cell] ?? Number.NaN);
        row.push(exclusions[cell] as string);
        for (let c = 0; c < k; c++) row.push(posteriors[cell * k + c] as number);
        await this.#table.append(row);
      }
    }
  }

  commit(): Promise<void> {
    return this.#table.commit();
  }

  abort(): Promise<void> {
    return this.#table.abort();
  }
}

/** What a protein's wells say of it. */
export interface ProteinWells {
  wells: number;
  /** Cells that do not count. */
  excluded: number;
  /** Flags of its wells, in the order of the rules, each once. */
  flags: string[];
}

export async function writeProteins(
  folder: string,
  table: ProteinTable,
  wellsOf: (protein: string) => ProteinWells,
): Promise<void> {
  const second = (row: ProteinRow) => {
    const first = table.classes.indexOf(row.predicted);
    const others = row.mean.map((value, c) => (c === first ? -1 : value));
    return others.length > 1 ? (table.classes[argmax(others)] as string) : '';
  };
  await writeProteinTable(join(folder, screenFiles.proteins), table, {
    added: [
      { name: 'second', type: 'string', value: second },
      { name: 'wells', type: 'integer', value: ({ protein }) => wellsOf(protein).wells },
      { name: 'excluded_cells', type: 'integer', value: ({ protein }) => wellsOf(protein).excluded },
      { name: 'well_flags', type: 'string', value: ({ protein }) => wellsOf(protein).flags.join(';') },
    ],
  });
}

const number = (name: string): TableColumn => ({ name, type: 'double', nullable: true });
const count = (name: string): TableColumn => ({ name, type: 'integer' });
const text = (name: string): TableColumn => ({ name, type: 'string' });
const digits = (value: number | null | undefined): number | null =>
  typeof value === 'number' ? rounded(value, 6) : null;

export async function writeWells(folder: string, wells: readonly WellRow[], classes: readonly string[]): Promise<void> {
  const columns: TableColumn[] = [
    ...['plate', 'well', 'part', 'protein', 'class', 'predicted'].map(text),
    ...['fields', 'skipped', 'cells', 'used', 'flagged', 'non_cells'].map(count),
    ...['focus', 'background', 'covered', 'saturated', 'dead', 'disagreement'].map(number),
    text('flags'),
    ...classes.map((name) => number(`share_${name}`)),
  ];
  await writeRows(join(folder, screenFiles.wells), columns, wells, (row) => [
    ...[row.plate, row.well, row.part, row.protein, row.class, row.predicted],
    ...[row.fields, row.skipped, row.cells, row.used, row.flagged, row.nonCells],
    ...[row.focus, row.background, row.covered, row.saturated, row.dead, row.disagreement].map(digits),
    row.flags.join(';'),
    ...classes.map((_, c) => digits(row.mixture[c])),
  ]);
}

export async function writeFields(folder: string, fields: readonly FieldRow[]): Promise<void> {
  const columns: TableColumn[] = [
    ...['plate', 'well', 'field', 'part', 'protein', 'class', 'source'].map(text),
    ...['cells', 'kept', 'used'].map((name): TableColumn => ({ ...count(name), nullable: true })),
    ...['diameter', 'focus', 'background', 'covered', 'saturated'].map(number),
    text('flags'),
    text('problem'),
  ];
  await writeRows(join(folder, screenFiles.fields), columns, fields, (row) => [
    ...[row.plate, row.well, row.field, row.part, row.protein, row.class ?? '', row.source],
    ...(row.problem === undefined ? [row.cells ?? 0, row.kept ?? 0, row.used] : [null, null, null]),
    ...[row.diameter, row.focus, row.background, row.covered, row.saturated].map(digits),
    row.flags.join(';'),
    row.problem ?? '',
  ]);
}

export async function writePlates(folder: string, edges: readonly PlateEdge[]): Promise<void> {
  const columns: TableColumn[] = [
    ...['plate', 'measure'].map(text),
    ...['edge_wells', 'inner_wells'].map(count),
    ...['edge_median', 'inner_median', 'p'].map(number),
    { name: 'effect', type: 'boolean' },
  ];
  await writeRows(join(folder, screenFiles.plates), columns, edges, (row) => [
    ...[row.plate, row.measure, row.edgeWells, row.innerWells],
    ...[row.edge, row.inner, row.p].map(digits),
    row.effect,
  ]);
}

async function writeRows<Row>(
  path: string,
  columns: readonly TableColumn[],
  rows: readonly Row[],
  valuesOf: (row: Row) => TableValue[],
): Promise<void> {
  const writer = await TableWriter.create(path, columns);
  try {
    for (const row of rows) await writer.append(valuesOf(row));
    await writer.commit();
  } catch (error) {
    await writer.abort();
    throw error;
  }
}
