import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { asyncBufferFromFile } from 'hyparquet/src/node.js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { formatFloat32 } from '../../src/files/float32';
import { openTable, type TextRow } from '../../src/files/table-reader';
import {
  type TableColumn,
  type TableFormat,
  type TableRow,
  TableWriter,
  type TableWriterOptions,
  tableFormatOf,
} from '../../src/files/table-writer';
import { RandomStream } from '../../src/random';

const fixtures = join(__dirname, '../fixtures/tables');
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'table-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const columns: TableColumn[] = [
  { name: 'text', type: 'string' },
  { name: 'float', type: 'float' },
  { name: 'double, maybe', type: 'double', nullable: true },
  { name: 'integer', type: 'integer' },
  { name: 'truth', type: 'boolean', nullable: true },
];
const noise = new RandomStream(2, 'simulation', 0, 0);
const rows: TableRow[] = Array.from({ length: 23 }, (_, i) => [
  ['plain', 'with "quotes", commas', 'naïve β', ''][i % 4] as string,
  Math.fround(noise.uniform(i)),
  i % 5 === 0 ? null : noise.normal(i),
  i - 3,
  i % 3 === 0 ? null : i % 2 === 0,
]);

async function write(path: string, format?: TableFormat): Promise<void> {
  const table = await TableWriter.create(path, columns, {
    ...(format ? { format } : {}),
    groupRows: 8,
    metadata: { origin: 'a test' },
  });
  for (const row of rows) await table.append(row);
  await table.commit();
}

async function readAll(path: string): Promise<TextRow[]> {
  const found: TextRow[] = [];
  for await (const row of (await openTable(path)).rows()) found.push(row);
  return found;
}

describe('float32 in decimal', () => {
  test('reads back as the same number with the fewest digits', () => {
    expect(formatFloat32(0.1)).toBe('0.1');
    expect(formatFloat32(1)).toBe('1');
    expect(formatFloat32(0)).toBe('0');
    expect(formatFloat32(2 ** -149)).toBe('1.4013e-45');
    for (let i = 0; i < 5_000; i++) {
      const bits = Uint32Array.of(noise.word(i) & 0x7f7fffff);
      const value = new Float32Array(bits.buffer)[0] as number;
      const text = formatFloat32(value);
      expect(Math.fround(Number(text))).toBe(value);
      const digits = Number(text).toExponential().replace(/e.*/, '').replace(/\D/g, '').length;
      expect(digits).toBeLessThanOrEqual(9);
      if (digits > 6) expect(Math.fround(Number(value.toPrecision(digits - 1)))).not.toBe(value);
    }
  });
});

describe('tables', () => {
  test('the format asked for wins over the ending, which wins over CSV', () => {
    expect(tableFormatOf('a/b.parquet')).toBe('parquet');
    expect(tableFormatOf('b.CSV')).toBe('csv');
    expect(tableFormatOf('b.jsonl')).toBe('jsonl');
    expect(tableFormatOf(undefined)).toBe('csv');
    expect(tableFormatOf('b.parquet', 'csv')).toBe('csv');
    expect(() => tableFormatOf('b', 'xlsx')).toThrow(expect.objectContaining({ code: 'invalid-argument' }));
  });

  test.each(['csv', 'parquet'] as const)('%s comes back as it was written', async (format) => {
    const path = join(folder, `table.${format}`);
    await write(path);
    const table = await openTable(path);
    expect(table.columns).toEqual(columns.map((column) => column.name));
    const found = await readAll(path);
    expect(found).toHaveLength(rows.length);
    found.forEach(({ values }, i) => {
      const [text, float, double, integer, truth] = rows[i] as TableRow;
      expect(values.text).toBe(text);
      expect(Math.fround(Number(values.float))).toBe(float);
      expect(values['double, maybe']).toBe(double === null ? '' : String(double));
      expect(values.integer).toBe(String(integer));
      expect(values.truth).toBe(truth === null ? '' : String(truth));
    });
  });

  test('JSON lines', async () => {
    const path = join(folder, 'table.jsonl');
    await write(path);
    const found = readFileSync(path, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(found).toHaveLength(rows.length);
    expect(Object.keys(found[1])).toEqual(columns.map((column) => column.name));
    expect(found[0]).toMatchObject({ text: 'plain', 'double, maybe': null, integer: -3, truth: null });
    expect(Math.fround(found[7].float)).toBe(rows[7]?.[1]);
  });

  test('Parquet is written in row groups and carries its metadata', async () => {
    const path = join(folder, 'table.parquet');
    await write(path);
    const file = await asyncBufferFromFile(path);
    const metadata = await parquetMetadataAsync(file);
    expect(metadata.row_groups.map((group) => Number(group.num_rows))).toEqual([8, 8, 7]);
    expect(metadata.key_value_metadata).toContainEqual({ key: 'origin', value: 'a test' });
    const read = await parquetReadObjects({ file });
    expect(read.map((row) => columns.map((column) => row[column.name]))).toEqual(rows);
  });

  test('a Parquet file of ours is what pandas read from it', async () => {
    const path = join(fixtures, 'written.parquet');
    if (process.env.WRITE_FIXTURES === '1') await write(path);
    const pandas = JSON.parse(readFileSync(join(fixtures, 'written.json'), 'utf8'));
    expect(pandas.schema).toEqual({
      text: 'string',
      float: 'float',
      'double, maybe': 'double',
      integer: 'int32',
      truth: 'bool',
    });
    expect(pandas.nulls).toEqual({
      text: false,
      float: false,
      'double, maybe': true,
      integer: false,
      truth: true,
    });
    expect(pandas.row_groups).toBe(3);
    expect(pandas.metadata).toMatchObject({ origin: 'a test' });
    expect(pandas.rows).toHaveLength(rows.length);
    pandas.rows.forEach((row: TableRow, i: number) => {
      expect(row[0]).toBe(rows[i]?.[0]);
      expect(Math.fround(row[1] as number)).toBe(rows[i]?.[1]);
      if (rows[i]?.[2] === null) expect(row[2]).toBeNull();
      else expect(row[2]).toBeCloseTo(rows[i]?.[2] as number, 13);
      expect(row.slice(3)).toEqual(rows[i]?.slice(3));
    });
    // The file that pandas read holds what is written today.
    await write(join(folder, 'today.parquet'));
    const today = await parquetReadObjects({ file: await asyncBufferFromFile(join(folder, 'today.parquet')) });
    expect(await parquetReadObjects({ file: await asyncBufferFromFile(path) })).toEqual(today);
  });

  test.each(['csv', 'parquet', 'jsonl'] as const)('an empty table in %s', async (format) => {
    const path = join(folder, `empty.${format}`);
    await (await TableWriter.create(path, columns)).commit();
    if (format === 'jsonl') return expect(readFileSync(path, 'utf8')).toBe('');
    expect((await openTable(path)).columns).toEqual(columns.map((column) => column.name));
    expect(await readAll(path)).toEqual([]);
  });

  test('nothing is at the path before the commit or after an abort', async () => {
    const path = join(folder, 'table.csv');
    const table = await TableWriter.create(path, columns);
    await table.append(rows[0] as TableRow);
    expect(existsSync(path)).toBe(false);
    await table.abort();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('a repeated column and a short row are refused', async () => {
    const twice = [columns[0], columns[0]] as TableColumn[];
    await expect(TableWriter.create(join(folder, 't.csv'), twice)).rejects.toMatchObject({ code: 'invalid-argument' });
    const table = await TableWriter.create(join(folder, 't.csv'), columns);
    await expect(table.append(['x'])).rejects.toMatchObject({ code: 'invalid-argument' });
    await table.abort();
  });

  test('a sink gets the bytes of the table', async () => {
    const chunks: string[] = [];
    const sink = {
      async write(chunk: string | Uint8Array) {
        chunks.push(String(chunk));
      },
    };
    const table = await TableWriter.create(sink, columns, { format: 'csv', groupRows: 2 });
    for (const row of rows) await table.append(row);
    await table.commit();
    await write(join(folder, 'same.csv'));
    expect(chunks.join('')).toBe(readFileSync(join(folder, 'same.csv'), 'utf8'));
    expect(chunks.length).toBeGreaterThan(10);
  });
});

describe('reading', () => {
  test('a Parquet file by pandas: text, numbers, nulls', async () => {
    const path = join(fixtures, 'predictions.parquet');
    const table = await openTable(path);
    expect(table.columns.slice(0, 5)).toEqual(['cell', 'protein', 'field', 'label', 'quality']);
    const found = await readAll(path);
    expect(found).toHaveLength(250);
    expect(found[19]?.values).toMatchObject({ cell: 'c19', protein: 'YAL019', field: '3', label: '' });
    expect(found[1]?.values.label).toBe('b, c');
    expect(found[249]?.where).toBe('row 250');
  });

  test('a damaged Parquet file is table-invalid', async () => {
    const path = join(folder, 'broken.parquet');
    writeFileSync(path, readFileSync(join(fixtures, 'predictions.parquet')).subarray(0, 4000));
    await expect(openTable(path)).rejects.toMatchObject({ code: 'table-invalid' });
    const bytes = readFileSync(join(fixtures, 'predictions.parquet'));
    bytes.fill(0xff, 100, 2000);
    writeFileSync(path, bytes);
    await expect(readAll(path)).rejects.toMatchObject({ code: 'table-invalid' });
  });

  test('a Parquet file with bytes changed anywhere is read or table-invalid, never anything else', async () => {
    const path = join(folder, 'fuzzed.parquet');
    const bytes = readFileSync(join(fixtures, 'predictions.parquet'));
    const change = fc.record({ at: fc.nat(bytes.length - 1), value: fc.nat(255) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 20 }), async (changes) => {
        const changed = Buffer.from(bytes);
        for (const { at, value } of changes) changed[at] = value;
        // The magic number at the beginning is what tells Parquet from CSV.
        bytes.copy(changed, 0, 0, 4);
        writeFileSync(path, changed);
        const error = await readAll(path).catch((reason) => reason);
        if (!Array.isArray(error)) expect(error).toMatchObject({ code: 'table-invalid' });
      }),
      { numRuns: 40, seed: 7 },
    );
  });

  test('a missing file is io-error', async () => {
    await expect(openTable(join(folder, 'nowhere.csv'))).rejects.toMatchObject({ code: 'io-error' });
  });
});

test('--csv-safe: text that spreadsheets take for a formula gets an apostrophe, numbers and other formats do not', async () => {
  const writeAll = async (path: string, options: TableWriterOptions) => {
    const columns = [
      { name: 'cell', type: 'string' },
      { name: '=p', type: 'double' },
    ] as const;
    const writer = await TableWriter.create(path, columns, options);
    for (const name of ['=1+1', '+x', '-y', '@z', 'plain', "'quoted", '\tt']) await writer.append([name, -0.5]);
    await writer.commit();
    return readFileSync(path, 'utf8').split('\n');
  };
  const said: number[] = [];
  const lines = await writeAll(join(folder, 'safe.csv'), { csvSafe: true, onCsvSafe: (fields) => said.push(fields) });
  expect(lines).toEqual([
    "cell,'=p",
    "'=1+1,-0.5",
    "'+x,-0.5",
    "'-y,-0.5",
    "'@z,-0.5",
    'plain,-0.5',
    "'quoted,-0.5",
    "'\tt,-0.5",
    '',
  ]);
  expect(said).toEqual([6]);
  expect((await writeAll(join(folder, 'raw.csv'), {}))[1]).toBe('=1+1,-0.5');
  expect((await writeAll(join(folder, 'rows.jsonl'), { format: 'jsonl', csvSafe: true }))[0]).toBe(
    '{"cell":"=1+1","=p":-0.5}',
  );
});
