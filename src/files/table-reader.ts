/** Tables read row by row, CSV or Parquet, told apart by their first bytes. */
import { readCsvColumns, readCsvRows } from './csv';
import { optionalNumber, requireNumber } from './number';
import { isParquet, openParquet } from './parquet';

/** One row: text by column as in a CSV file, and where it stands, for messages. */
export interface TextRow {
  /** "line 7" of a CSV file, "row 6" (from 1) of a Parquet file. */
  where: string;
  values: Record<string, string>;
}

export interface TextTable {
  path: string;
  columns: string[];
  rows(): AsyncGenerator<TextRow>;
}

/** Opens a CSV or Parquet table; missing values are empty text. Throws `table-invalid` or `io-error`. */
export async function openTable(path: string): Promise<TextTable> {
  if (!(await isParquet(path))) {
    return {
      path,
      columns: await readCsvColumns(path),
      async *rows() {
        for await (const { line, values } of readCsvRows(path)) yield { where: `line ${line}`, values };
      },
    };
  }
  const table = await openParquet(path);
  return {
    path,
    columns: table.columns,
    async *rows() {
      let row = 0;
      for await (const record of table.rows()) {
        row++;
        const values = Object.fromEntries(table.columns.map((column) => [column, text(record.get(column))]));
        yield { where: `row ${row}`, values };
      }
    },
  };
}

function text(value: unknown): string {
  return value === null || value === undefined ? '' : String(value);
}

/** A field of a row as a finite number. Throws `table-invalid` that names the file, the place and the column. */
export function numberField(table: Pick<TextTable, 'path'>, row: TextRow, column: string): number {
  return requireNumber(row.values[column] ?? '', { path: table.path, where: row.where, column });
}

/** The same of a field that may be empty or missing: undefined then. */
export function optionalNumberField(table: Pick<TextTable, 'path'>, row: TextRow, column: string): number | undefined {
  return optionalNumber(row.values[column] ?? '', { path: table.path, where: row.where, column });
}
