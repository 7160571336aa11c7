import { type ByteSink, type ColumnType, type TableValue, TableWriter, type TableWriterOptions } from './table-writer';

/** A row of a small table by column name; a missing value is null. */
export type TableRecord = Readonly<Record<string, TableValue>>;

/** Own values only: a column may be named `constructor`. */
function ownValue(row: TableRecord, name: string): TableValue {
  return Object.hasOwn(row, name) ? (row[name] ?? null) : null;
}

function typeOf(values: readonly TableValue[]): ColumnType {
  const known = values.filter((value) => value !== null);
  if (known.length === 0 || known.some((value) => typeof value === 'string')) return 'string';
  if (known.every((value) => typeof value === 'boolean')) return 'boolean';
  return known.every((value) => Number.isInteger(value)) ? 'integer' : 'double';
}

/**
 * Writes a table that is held in memory: columns in the order of the first row, their types from the values. A path is
 * written atomically.
 * @param columns where there may be no rows
 */
export async function writeRecords(
  target: string | ByteSink,
  rows: readonly TableRecord[],
  options: TableWriterOptions & { columns?: readonly string[] } = {},
): Promise<void> {
  const names = options.columns ?? Object.keys(rows[0] ?? {});
  const writer = await TableWriter.create(
    target,
    names.map((name) => ({ name, type: typeOf(rows.map((row) => ownValue(row, name))), nullable: true })),
    options,
  );
  try {
    for (const row of rows) await writer.append(names.map((name) => ownValue(row, name)));
    await writer.commit();
  } catch (error) {
    await writer.abort();
    throw error;
  }
}
