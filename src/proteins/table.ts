/** proteins.csv: one row a protein, as wide as the classes ask; written, and read back as a partial table. */
import { DeepYeastError } from '../errors';
import { numberField, type TextRow, type TextTable } from '../files/table-reader';
import {
  type ByteSink,
  type TableColumn,
  type TableRow,
  type TableValue,
  TableWriter,
  type TableWriterOptions,
} from '../files/table-writer';
import type { ProteinRow, ProteinTable } from './dirichlet';
import type { MixtureBootstrap, PartialProtein } from './soft-counts';

const softCountPrefix = 'soft_count_';

/** The numbers given for every class: the column's prefix and where it is in a row. */
const perClass: readonly { prefix: string; value: (row: ProteinRow, c: number) => number | null }[] = [
  { prefix: softCountPrefix, value: (row, c) => row.softCounts[c] as number },
  { prefix: 'mode_', value: (row, c) => row.mode[c] as number },
  { prefix: 'mean_', value: (row, c) => row.mean[c] as number },
  { prefix: 'low_', value: (row, c) => row.low[c] as number },
  { prefix: 'high_', value: (row, c) => row.high[c] as number },
  { prefix: 'bootstrap_low_', value: (row, c) => row.bootstrap?.low[c] ?? null },
  { prefix: 'bootstrap_high_', value: (row, c) => row.bootstrap?.high[c] ?? null },
];

/** A column that an analysis adds to the table of proteins. */
export interface ProteinColumn extends TableColumn {
  value(row: ProteinRow): TableValue;
}

/**
 * Writes the table: to a path atomically, or to a sink.
 *
 * @param options.added columns at the end
 */
export async function writeProteinTable(
  target: string | ByteSink,
  table: ProteinTable,
  options: TableWriterOptions & { added?: readonly ProteinColumn[] } = {},
): Promise<void> {
  const { added = [], ...tableOptions } = options;
  const columns: TableColumn[] = [
    { name: 'protein', type: 'string' },
    { name: 'cells', type: 'integer' },
    { name: 'fields', type: 'integer', nullable: true },
    { name: 'label', type: 'string' },
    { name: 'predicted', type: 'string' },
    { name: 'tied', type: 'boolean' },
    { name: 'correct', type: 'boolean', nullable: true },
    { name: 'prior', type: 'double' },
    { name: 'bootstrap_unit', type: 'string' },
    ...perClass.flatMap(({ prefix }) =>
      table.classes.map((name): TableColumn => ({ name: prefix + name, type: 'double', nullable: true })),
    ),
    ...added.map(({ value: _, ...column }): TableColumn => column),
  ];
  const metadata = { 'deepyeast.intervals': `low, high: 95%, ${table.betaAssumption}`, ...tableOptions.metadata };
  const writer = await TableWriter.create(target, columns, { ...tableOptions, metadata });
  try {
    for (const row of table.proteins) {
      await writer.append([...rowValues(row, table), ...added.map(({ value }) => value(row))]);
    }
    await writer.commit();
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

function rowValues(row: ProteinRow, { classes, prior }: ProteinTable): TableRow {
  return [
    row.protein,
    row.cells,
    row.fields,
    row.label ?? '',
    row.predicted,
    row.tied,
    row.correct,
    prior,
    row.bootstrap?.unit ?? '',
    ...perClass.flatMap(({ value }) => classes.map((_, c) => value(row, c))),
  ];
}

/** The classes of a table of proteins; empty when the table is not one. */
export function proteinTableClasses(table: TextTable): string[] {
  return table.columns
    .filter((name) => name.startsWith(softCountPrefix))
    .map((name) => name.slice(softCountPrefix.length));
}

/** Streams the rows of a table of proteins for adding up. Throws `table-invalid`. */
export async function* readProteinTable(
  table: TextTable,
): AsyncGenerator<{ row: PartialProtein; prior: number; where: string }> {
  const classes = proteinTableClasses(table);
  const missing = ['protein', 'cells', 'prior'].find((name) => !table.columns.includes(name));
  if (missing !== undefined) {
    throw new DeepYeastError(
      'table-invalid',
      `${table.path} has no column '${missing}', expected a table written by \`deepyeast proteins\``,
    );
  }
  for await (const row of table.rows()) {
    const { protein, label, fields } = row.values as { protein: string } & Partial<Record<string, string>>;
    const softCounts = classes.map((name) => nonNegative(table, row, softCountPrefix + name));
    const cells = nonNegative(table, row, 'cells');
    const sum = softCounts.reduce((total, count) => total + count, 0);
    if (cells < 1 || !Number.isInteger(cells) || Math.abs(sum - cells) > 1e-3 * cells) {
      throw new DeepYeastError(
        'table-invalid',
        `${table.path}, ${row.where}: the soft counts of ${protein} sum to ${sum}, expected its ${cells} cells`,
      );
    }
    yield {
      prior: nonNegative(table, row, 'prior'),
      where: row.where,
      row: {
        protein,
        label: label === undefined || label === '' ? null : label,
        cells,
        fields: fields === undefined || fields === '' ? null : nonNegative(table, row, 'fields'),
        softCounts,
        bootstrap: readBootstrap(table, row, classes),
      },
    };
  }
}

function readBootstrap(table: TextTable, row: TextRow, classes: readonly string[]): MixtureBootstrap | null {
  const unit = row.values.bootstrap_unit;
  if (unit !== 'field' && unit !== 'cell') return null;
  const numbers = (prefix: string) =>
    classes.map((name) => (row.values[prefix + name] ? nonNegative(table, row, prefix + name) : null));
  return { low: numbers('bootstrap_low_'), high: numbers('bootstrap_high_'), unit };
}

function nonNegative(table: TextTable, row: TextRow, column: string): number {
  const value = numberField(table, row, column);
  if (value < 0) {
    throw new DeepYeastError(
      'table-invalid',
      `${table.path}, ${row.where}: found ${value} in column '${column}', expected 0 or more`,
    );
  }
  return value;
}
