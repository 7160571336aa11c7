/**
 * Parquet files, written and read row group by row group, so that a table of a million rows needs the memory of one
 * group. The two libraries are loaded on first use: they are ES modules, and most runs never need them.
 */
import { open } from 'node:fs/promises';
import type { AsyncBuffer, DecodedArray, ParquetRowRange, ParquetScan, SchemaElement } from 'hyparquet' with {
  'resolution-mode': 'import',
};
import type { ByteWriter, ParquetWriter } from 'hyparquet-writer' with { 'resolution-mode': 'import' };
import { DeepYeastError, fileError } from '../errors';
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
  /** Streams the rows, one row group in memory at a time. Numbers may come as bigint for 64-bit integers. */
  rows(): AsyncGenerator<Record<string, unknown>>;
}

/** Opens a Parquet file. A damaged one, or one with a compression other than Snappy, is `table-invalid`. */
export async function openParquet(path: string): Promise<ParquetTable> {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetScan, parquetSchema } = await import('hyparquet');
  const invalid = (error: unknown) =>
    new DeepYeastError(
      'table-invalid',
      `${path} cannot be read as Parquet (${error instanceof Error ? error.message : String(error)}); ` +
        'expected uncompressed or Snappy-compressed columns: write it again, or as CSV',
      { cause: error },
    );
  let file: AsyncBuffer;
  try {
    file = await asyncBufferFromFile(path);
  } catch (error) {
    throw fileError('read', path, error);
  }
  try {
    const metadata = await parquetMetadataAsync(file);
    const columns = parquetSchema(metadata).children.map((column) => column.element.name);
    // One column after the other: of several read at once, a second damaged one would end the process.
    async function readGroup(scan: ParquetScan, range: ParquetRowRange): Promise<DecodedArray[]> {
      const values: DecodedArray[] = [];
      for (const column of columns) values.push(await scan.readColumn({ column, ...range }));
      return values;
    }
    return {
      columns,
      count: Number(metadata.num_rows),
      async *rows() {
        try {
          const scan = await parquetScan({ file, metadata, useOffsetIndex: false });
          for (const range of scan.ranges) {
            const values = await readGroup(scan, range);
            for (let row = 0; row < range.rowEnd - range.rowStart; row++) {
              yield Object.fromEntries(columns.map((column, c) => [column, values[c]?.[row]]));
            }
          }
        } catch (error) {
          throw invalid(error);
        }
      },
    };
  } catch (error) {
    throw invalid(error);
  }
}
