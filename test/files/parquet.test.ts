import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openTable } from '../../src/files/table-reader';
import { run } from '../cli/in-process';
import { projectRoot } from '../shared-data';
import { temporaryFolder } from '../temporary-folder';

// Written by test/fixtures/tables/parquet.py.
const fixture = (name: string) => join(projectRoot, 'test/fixtures/tables', name);
const folder = temporaryFolder();

async function readAll(path: string) {
  const rows: Record<string, string>[] = [];
  for await (const { values } of (await openTable(path)).rows()) rows.push(values);
  return rows;
}

describe('what pyarrow wrote with each codec reads the same', () => {
  test.each(['none', 'snappy', 'gzip', 'zstd', 'lz4', 'brotli'])('%s', async (codec) => {
    const rows = await readAll(fixture(`codec-${codec}.parquet`));
    expect(rows).toHaveLength(300);
    for (const i of [0, 7, 299]) {
      const [p_a, p_b] = [i / 512, 1 - i / 512].map(String);
      expect(rows[i]).toEqual({
        cell: `c${i}`,
        protein: `YAL${String(i % 20).padStart(3, '0')}`,
        field: String(i % 4),
        p_a,
        p_b,
      });
    }
  });
});

describe('a file whose length fields lie is an error and not the end of the process', () => {
  test.each([
    ['endless-run.parquet', /asks for more than the \d+ MiB|damaged or cut short/],
    ['rows-without-bytes.parquet', /says that it has 1099511627776 rows, which 776 bytes do not hold/],
  ])('%s', async (name, reason) => {
    await expect(readAll(fixture(name))).rejects.toMatchObject({
      code: 'table-invalid',
      message: expect.stringMatching(reason),
    });
  });

  test('in the command line as well', async () => {
    const out = folder.path('proteins.csv');
    const { status, stderr } = await run('proteins', fixture('endless-run.parquet'), '--out', out);
    expect(status).toBe(3);
    expect(stderr).toMatch(/error \[table-invalid\]: .*endless-run\.parquet cannot be read as Parquet/);
  });
});

test('nothing of the reader’s own arrays is in a message', async () => {
  mkdirSync(folder.path('cut'), { recursive: true });
  const path = folder.path('cut/off.parquet');
  writeFileSync(path, Buffer.from('PAR1\x15\x04\x19\xf1\x80\x80\x80\x80\x01\0\0\0\x0c\0\0\0PAR1', 'latin1'));
  const message = await readAll(path).catch((error: Error) => error.message);
  expect(message).toMatch(/damaged/);
  expect(message).not.toMatch(/DataView|undefined|not a function|Invalid/);
});
