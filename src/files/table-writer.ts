/** Tables written row by row, to a file or to a stream, as CSV, Parquet or JSON lines. */

import { extname } from 'node:path';
import { DeepYeastError } from '../errors';
import { AtomicFile } from './atomic-file';
import { formatCsvRow } from './csv';
import { formatFloat32 } from './float32';
import { parseNumber } from './number';
import { ParquetEncoder } from './parquet';
import type { ByteSink, TableColumn, TableRow, TableValue } from './table-column';

export type { ByteSink, ColumnType, TableColumn, TableRow, TableValue } from './table-column';

export const tableFormats = ['csv', 'parquet', 'jsonl'] as const;
export type TableFormat = (typeof tableFormats)[number];

/** The format asked for, or else the one that the file's ending names (.parquet, .jsonl), or else CSV. */
export function tableFormatOf(path: string | undefined, asked?: string): TableFormat {
  if (asked !== undefined) {
    const format = tableFormats.find((name) => name === asked);
    if (!format) {
      throw new DeepYeastError(
        'invalid-argument',
        `found the table format '${asked}', expected one of ${tableFormats.join(', ')}`,
      );
    }
    return format;
  }
  const ending = path === undefined ? '' : extname(path).toLowerCase();
  if (ending === '.parquet' || ending === '.pq') return 'parquet';
  if (ending === '.jsonl' || ending === '.ndjson') return 'jsonl';
  return 'csv';
}

export interface TableWriterOptions {
  format?: TableFormat;
  /** Key-value metadata of a Parquet file; the text formats have no place for it. */
  metadata?: Readonly<Record<string, string>>;
  /** Rows gathered before they are written; a row group in Parquet. */
  groupRows?: number;
  /**
   * For CSV: text that begins with = + - @, a tab or a carriage return, which spreadsheets take for a formula, gets an
   * apostrophe before it. Names so written are no longer those of the dataset. Default no.
   */
  csvSafe?: boolean;
  /** Called at the end with the number of such fields, if there are any. */
  onCsvSafe?: (fields: number) => void;
}

/** What a spreadsheet would take for a formula, made text. */
class CsvSafety {
  fields = 0;

  text(text: string): string {
    if (!/^[=+\-@\t\r]/.test(text)) return text;
    this.fields++;
    return `'${text}`;
  }
}

/** A table under way. Only `groupRows` rows are held at a time. */
export class TableWriter {
  readonly columns: readonly TableColumn[];
  readonly #sink: ByteSink;
  readonly #file: AtomicFile | undefined;
  readonly #format: TableFormat;
  readonly #parquet: ParquetEncoder | undefined;
  readonly #groupRows: number;
  readonly #atEnd: () => void;
  /** Makes a text safe for spreadsheets, or leaves it as it is. */
  readonly #csvText: (text: string) => string;
  #rows: TableRow[] = [];
  #count = 0;

  private constructor(
    columns: readonly TableColumn[],
    sink: ByteSink,
    file: AtomicFile | undefined,
    format: TableFormat,
    parquet: ParquetEncoder | undefined,
    groupRows: number,
    safety: CsvSafety | undefined,
    onCsvSafe: ((fields: number) => void) | undefined,
  ) {
    this.columns = columns;
    this.#sink = sink;
    this.#file = file;
    this.#format = format;
    this.#parquet = parquet;
    this.#groupRows = groupRows;
    this.#atEnd = () => {
      if (safety && safety.fields > 0) onCsvSafe?.(safety.fields);
    };
    this.#csvText = safety ? (text) => safety.text(text) : (text) => text;
  }

  /**
   * @param target a path, written atomically (nothing appears there before `commit`), or a sink such as standard output
   * @throws invalid-argument when two columns share a name
   */
  static async create(
    target: string | ByteSink,
    columns: readonly TableColumn[],
    options: TableWriterOptions = {},
  ): Promise<TableWriter> {
    const names = columns.map((column) => column.name);
    const seen = new Set<string>();
    const repeated = names.find((name) => seen.size === seen.add(name).size);
    if (repeated !== undefined) {
      throw new DeepYeastError('invalid-argument', `a table cannot have two columns named '${repeated}'; rename one`);
    }
    const format = options.format ?? tableFormatOf(typeof target === 'string' ? target : undefined);
    const groupRows = options.groupRows ?? (format === 'parquet' ? 8192 : 512);
    const file = typeof target === 'string' ? await AtomicFile.create(target) : undefined;
    const sink = file ?? (target as ByteSink);
    try {
      const parquet = format === 'parquet' ? await ParquetEncoder.create(columns, sink, options.metadata) : undefined;
      const safety = options.csvSafe && format === 'csv' ? new CsvSafety() : undefined;
      if (format === 'csv') await sink.write(formatCsvRow(safety ? names.map((name) => safety.text(name)) : names));
      return new TableWriter(columns, sink, file, format, parquet, groupRows, safety, options.onCsvSafe);
    } catch (error) {
      await file?.abort();
      throw error;
    }
  }

  /** Rows appended so far. */
  get count(): number {
    return this.#count;
  }

  /** One value for each column, in their order. */
  async append(row: TableRow): Promise<void> {
    if (row.length !== this.columns.length) {
      throw new DeepYeastError(
        'invalid-argument',
        `found a row of ${row.length} values, expected ${this.columns.length} as there are columns`,
      );
    }
    this.#rows.push(row);
    this.#count++;
    if (this.#rows.length >= this.#groupRows) await this.#flush();
  }

  /** Ends the table; a file appears at its path now. */
  async commit(): Promise<void> {
    await this.#flush();
    await this.#parquet?.finish();
    await this.#file?.commit();
    this.#atEnd();
  }

  /** Drops an unfinished file. Nothing happens after a commit; bytes already sent to a stream stay sent. */
  async abort(): Promise<void> {
    this.#rows = [];
    await this.#file?.abort();
  }

  async #flush(): Promise<void> {
    const rows = this.#rows;
    this.#rows = [];
    if (rows.length === 0) return;
    if (this.#parquet) return this.#parquet.writeGroup(rows);
    const line = this.#format === 'csv' ? this.#csvLine : this.#jsonLine;
    await this.#sink.write(rows.map(line, this).join(''));
  }

  #csvLine(row: TableRow): string {
    return formatCsvRow(
      row.map((value, c) => {
        if (typeof value === 'boolean') return String(value);
        if (typeof value === 'number' && this.columns[c]?.type === 'float') return formatFloat32(value);
        return typeof value === 'string' ? this.#csvText(value) : value;
      }),
    );
  }

  #jsonLine(row: TableRow): string {
    const entries = this.columns.map(({ name, type }, c): [string, TableValue] => {
      const value = row[c] as TableValue;
      return [
        name,
        typeof value === 'number' && type === 'float' ? (parseNumber(formatFloat32(value)) ?? null) : value,
      ];
    });
    return `${JSON.stringify(Object.fromEntries(entries))}\n`;
  }
}
