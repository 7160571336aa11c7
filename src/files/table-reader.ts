/** Tables read row by row, CSV or Parquet, told apart by their first bytes. */
import { DeepYeastError } from '../errors';
import { readCsvColumns, readCsvRows } from './csv';
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
        const values: Record<string, string> = {};
        for (const column of table.columns) values[column] = text(record.get(column));
        yield { where: `row ${row}`, values };
      }
    },
  };
}

function text(value: unknown): string {
  return value === null || value === undefined ? '' : String(value);
}

/** A field of a row as a finite number. Throws `table-invalid` that names the file, the place and the column. */
export function numberField(table: TextTable, row: TextRow, column: string): number {
  const field = row.values[column] as string;
  const value = field.trim() === '' ? Number.NaN : Number(field);
  if (!Number.isFinite(value)) {
    throw new DeepYeastError(
      'table-invalid',
      `${table.path}, ${row.where}: found '${field}' in column '${column}', expected a number; correct the row`,
    );
  }
  return value;
}
