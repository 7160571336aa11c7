/** The process that `openParquet` reads a Parquet file in: hyparquet with the codecs that other programs use. */
import type { AsyncBuffer, DecodedArray, ParquetRowRange, ParquetScan } from 'hyparquet' with {
  'resolution-mode': 'import',
};
import { DeepYeastError, readerReason } from '../errors';
import type { ParquetAnswer, ParquetRequest } from './parquet';
import { serveParent } from './separate-process';

/**
 * A file of so many bytes holds at most this many rows for each: names and numbers compress well, but a table of which
 * each row takes less than this is a broken count.
 */
const rowsPerByte = 64;
const rowsInAnyCase = 4096;
/** Rows that are sent at a time. */
const rowsAtATime = 8192;

async function* read({ path, rows }: ParquetRequest): AsyncGenerator<ParquetAnswer> {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetScan, parquetSchema } = await import('hyparquet');
  const { compressors } = await import('hyparquet-compressors');
  const file: AsyncBuffer = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(file);
  const columns = parquetSchema(metadata).children.map((column) => column.element.name);
  const count = Number(metadata.num_rows);
  const most = rowsInAnyCase + rowsPerByte * file.byteLength;
  if (!(count >= 0 && count <= most)) {
    throw new Error(`says that it has ${count} rows, which ${file.byteLength} bytes do not hold`);
  }
  yield { columns, count };
  if (!rows) return;
  const scan = await parquetScan({ file, metadata, useOffsetIndex: false, compressors });
  let seen = 0;
  for (const range of scan.ranges) {
    const length = range.rowEnd - range.rowStart;
    seen += length;
    if (!(length >= 0) || seen > most) throw new Error(`has row groups of more than ${most} rows`);
    const values = await readGroup(scan, columns, range);
    const short = values.findIndex((column) => column.length < length);
    if (short >= 0) throw new Error(`has ${values[short]?.length} values of ${columns[short]} for ${length} rows`);
    for (let row = 0; row < length; row += rowsAtATime) {
      const end = Math.min(length, row + rowsAtATime);
      yield { values: values.map((column) => column.slice(row, end)) };
    }
  }
  if (seen !== count) throw new Error(`says that it has ${count} rows and holds ${seen}`);
}

/** One column after the other: of several read at once, a second damaged one would end the process. */
async function readGroup(
  scan: ParquetScan,
  columns: readonly string[],
  range: ParquetRowRange,
): Promise<DecodedArray[]> {
  const values: DecodedArray[] = [];
  for (const column of columns) values.push(await scan.readColumn({ column, ...range }));
  return values;
}

serveParent(async function* (request: ParquetRequest) {
  try {
    yield* read(request);
  } catch (error) {
    throw new DeepYeastError('table-invalid', readerReason(error));
  }
});
