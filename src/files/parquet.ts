/**
 * Parquet files, written and read row group by row group, so that a table of a million rows needs the memory of one
 * group. The two libraries are loaded on first use: they are ES modules, and most runs never need them.
 */
import { open, stat } from 'node:fs/promises';
import type { SchemaElement } from 'hyparquet' with { 'resolution-mode': 'import' };
import type { ByteWriter, ParquetWriter } from 'hyparquet-writer' with { 'resolution-mode': 'import' };
import { DeepYeastError, fileError } from '../errors';
import { compiledModule, inSeparateProcess, limitsFor } from './separate-process';
import type { ByteSink, ColumnType, TableColumn, TableRow } from './table-column';

const schemaTypes: Record<ColumnType, Pick<SchemaElement, 'type' | 'converted_type'>> = {
  string: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  float: { type: 'FLOAT' },
  double: { type: 'DOUBLE' },
  integer: { type: 'INT32' },
  boolean: { type: 'BOOLEAN' },
};

/** Rows to the bytes of a Parquet file (Snappy, statistics on), handed to a sink after each row group. */
export class ParquetEncoder {
  readonly #columns: readonly TableColumn[];
  readonly #sink: ByteSink;
  readonly #bytes: ByteWriter;
  readonly #writer: ParquetWriter;

  private constructor(columns: readonly TableColumn[], sink: ByteSink, bytes: ByteWriter, writer: ParquetWriter) {
    this.#columns = columns;
    this.#sink = sink;
    this.#bytes = bytes;
    this.#writer = writer;
  }

  /** @param metadata goes into the file's key-value metadata */
  static async create(
    columns: readonly TableColumn[],
    sink: ByteSink,
    metadata: Readonly<Record<string, string>> = {},
  ): Promise<ParquetEncoder> {
    const { ByteWriter, ParquetWriter } = await import('hyparquet-writer');
    const bytes = new ByteWriter();
    const schema: SchemaElement[] = [
      { name: 'root', num_children: columns.length },
      ...columns.map(
        ({ name, type, nullable }): SchemaElement => ({
          name,
          ...schemaTypes[type],
          repetition_type: nullable ? 'OPTIONAL' : 'REQUIRED',
        }),
      ),
    ];
    const kvMetadata = Object.entries(metadata).map(([key, value]) => ({ key, value }));
    const writer = new ParquetWriter({ writer: bytes, schema, kvMetadata, createdBy: 'deepyeast' });
    return new ParquetEncoder(columns, sink, bytes, writer);
  }

  /** Writes one row group. */
  async writeGroup(rows: readonly TableRow[]): Promise<void> {
    if (rows.length === 0) return;
    const columnData = this.#columns.map(({ name, type, nullable }, c) => {
      const values = rows.map((row) => row[c] as never);
      if (nullable) return { name, data: values, offsetIndex: false };
      if (type === 'float') return { name, data: Float32Array.from(values), offsetIndex: false };
      if (type === 'double') return { name, data: Float64Array.from(values), offsetIndex: false };
      return { name, data: values, offsetIndex: false };
    });
    await this.#writer.write({ columnData, rowGroupSize: rows.length });
    await this.#drain();
  }

  /** Writes the footer. */
  async finish(): Promise<void> {
    await this.#writer.finish();
    await this.#drain();
  }

  async #drain(): Promise<void> {
    const chunk = this.#bytes.getBytes().slice();
    // `offset` goes on counting the file's bytes; only the buffer starts afresh.
    this.#bytes.index = 0;
    await this.#sink.write(chunk);
  }
}

/** True when the file begins with Parquet's magic number. */
export async function isParquet(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'r');
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(4), 0, 4, 0);
      return bytesRead === 4 && buffer.toString('latin1') === 'PAR1';
    } finally {
      await file.close();
    }
  } catch (error) {
    throw fileError('read', path, error);
  }
}

/** An open Parquet file. */
export interface ParquetTable {
  columns: string[];
  count: number;
  /** Streams the rows, some thousand in memory at a time. Numbers may come as bigint for 64-bit integers. */
  rows(): AsyncGenerator<Map<string, unknown>>;
}

/** What parquet-process.ts is asked for, and its answers: first what there is, then values by column. */
export interface ParquetRequest {
  path: string;
  /** Whether the rows are wanted as well. */
  rows: boolean;
}

export type ParquetAnswer = { columns: string[]; count: number } | { values: ArrayLike<unknown>[] };

/**
 * Opens a Parquet file (uncompressed, Snappy, gzip, ZSTD, LZ4, Brotli). It is read in a process of its own, so that a
 * damaged one, whatever its length fields say, is `table-invalid`.
 */
export async function openParquet(path: string): Promise<ParquetTable> {
  let size: number;
  try {
    size = (await stat(path)).size;
  } catch (error) {
    throw fileError('read', path, error);
  }
  const invalid = (reason: string) =>
    new DeepYeastError(
      'table-invalid',
      `${path} cannot be read as Parquet: it ${reason}; write it again, or as CSV, with columns of text and numbers`,
    );
  async function* answers(rows: boolean): AsyncGenerator<ParquetAnswer, void, void> {
    const died = (reason: string) => invalid(`is damaged: reading it ${reason}`);
    try {
      yield* inSeparateProcess<ParquetRequest, ParquetAnswer>({
        module: compiledModule(__dirname, 'parquet-process'),
        request: { path, rows },
        limits: limitsFor(size),
        died,
      });
    } catch (error) {
      if (!(error instanceof DeepYeastError) || error.code !== 'table-invalid') throw error;
      throw error.message.startsWith(path) ? error : invalid(readable(error.message));
    }
  }
  for await (const answer of answers(false)) {
    if (!('columns' in answer)) break;
    const { columns, count } = answer;
    return {
      columns,
      count,
      async *rows() {
        for await (const part of answers(true)) {
          if (!('values' in part)) continue;
          const { values } = part;
          const length = values[0]?.length ?? 0;
          for (let row = 0; row < length; row++) {
            yield new Map(columns.map((column, c) => [column, values[c]?.[row]]));
          }
        }
      },
    };
  }
  throw invalid('says nothing of its columns');
}

/** Completes "it ...". */
function readable(message: string): string {
  if (/^(says|has) /.test(message)) return message;
  if (message.startsWith('it ')) return message.slice(3);
  if (/codec|compress/i.test(message)) return `is compressed in a way that is not read (${message})`;
  return `is damaged or cut short (${message})`;
}
