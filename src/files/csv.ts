import { Readable } from 'node:stream';
import { DeepYeastError, fileError } from '../errors';
import { streamText } from './text';

export interface CsvOptions {
  /** Between fields: a comma unless given. */
  delimiter?: string;
  /** What the file holds, where it has been read already; the path only serves messages then. */
  text?: string;
}

export interface CsvRow {
  /** Line of the file (from 1) on which the row ends. */
  line: number;
  values: Record<string, string>;
}

/**
 * Streams the rows of a CSV file with a header line as records column -> text. Takes UTF-8, or UTF-16 with a byte-order
 * mark, LF or CRLF, quoted fields with commas, quotes and line breaks; skips empty lines. A row of another length than the header, a
 * repeated column or a stray quote is `table-invalid` with its line; an unreadable file `io-error`.
 */
export async function* readCsv(path: string, options: CsvOptions = {}): AsyncGenerator<Record<string, string>> {
  for await (const row of readCsvRows(path, options)) yield row.values;
}

/** As readCsv, with the line of each row. */
export async function* readCsvRows(path: string, options: CsvOptions = {}): AsyncGenerator<CsvRow> {
  let columns: string[] | undefined;
  for await (const { record, line } of readRecords(path, options)) {
    if (!columns) {
      columns = header(path, record);
      continue;
    }
    if (record.length !== columns.length) {
      throw new DeepYeastError(
        'table-invalid',
        `${path}, line ${line}: found ${record.length} fields, expected ${columns.length} as in the header`,
      );
    }
    // fromEntries, not assignment: a column may be named __proto__.
    yield { line, values: Object.fromEntries(columns.map((name, index) => [name, record[index] as string])) };
  }
  if (!columns) throw emptyFile(path);
}

/** The columns of a CSV file, from its header line. */
export async function readCsvColumns(path: string, options: CsvOptions = {}): Promise<string[]> {
  for await (const { record } of readRecords(path, options)) return header(path, record);
  throw emptyFile(path);
}

/** One line of CSV with its line feed; fields are quoted where RFC 4180 asks for it. null and NaN are empty fields. */
export function formatCsvRow(values: readonly (string | number | null)[]): string {
  const fields = values.map((value) => {
    if (value === null || Number.isNaN(value)) return '';
    const text = String(value);
    return /[",\r\n\ufeff]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  });
  // A lone empty field would be an empty line, which readers skip.
  return fields.length === 1 && fields[0] === '' ? '""\n' : `${fields.join(',')}\n`;
}

async function* readRecords(path: string, options: CsvOptions): AsyncGenerator<{ record: string[]; line: number }> {
  const { CsvError, parse } = await import('csv-parse');
  const file = Readable.from(options.text === undefined ? streamText(path, 'table-invalid') : [options.text]);
  const parser = parse({
    bom: true,
    delimiter: options.delimiter ?? ',',
    info: true,
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    skip_empty_lines: true,
  });
  file.on('error', (error: Error) => parser.destroy(error));
  file.pipe(parser);
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: { lines: number } }>) {
      yield { record, line: info.lines };
    }
  } catch (error) {
    if (error instanceof CsvError) {
      throw new DeepYeastError('table-invalid', `${path}: ${error.message}`, { cause: error });
    }
    throw fileError('read', path, error);
  } finally {
    file.destroy();
    parser.destroy();
  }
}

function header(path: string, names: string[]): string[] {
  const seen = new Set<string>();
  const repeated = names.find((name) => seen.size === seen.add(name).size);
  if (repeated !== undefined) {
    throw new DeepYeastError('table-invalid', `${path} has two columns named "${repeated}", expected each name once`);
  }
  return names;
}

function emptyFile(path: string): DeepYeastError {
  return new DeepYeastError('table-invalid', `${path} is empty, expected a header line and rows`);
}
