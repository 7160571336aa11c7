import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DeepYeastError } from '../../src/errors';
import { formatCsvRow, readCsv, readCsvColumns, readCsvRows } from '../../src/files/csv';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'deepyeast-csv-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function written(content: string | Uint8Array): string {
  const path = join(folder, 'table.csv');
  writeFileSync(path, content);
  return path;
}

async function rowsOf(content: string | Uint8Array, options = {}): Promise<Record<string, string>[]> {
  const rows: Record<string, string>[] = [];
  for await (const row of readCsv(written(content), options)) rows.push(row);
  return rows;
}

describe('reading', () => {
  test('a byte-order mark, CRLF, quoted commas, quotes and line breaks, empty lines', async () => {
    const content = '\ufeffcell,note\r\na,"x, y"\r\n\r\nb,"say ""hi"""\r\nc,"two\r\nlines"\r\n';
    expect(await rowsOf(content)).toEqual([
      { cell: 'a', note: 'x, y' },
      { cell: 'b', note: 'say "hi"' },
      { cell: 'c', note: 'two\r\nlines' },
    ]);
  });

  test('a last line without its line break, another delimiter, empty fields', async () => {
    expect(await rowsOf('a;b\n1;\n;2', { delimiter: ';' })).toEqual([
      { a: '1', b: '' },
      { a: '', b: '2' },
    ]);
  });

  test('only a header: no rows', async () => {
    expect(await rowsOf('a,b\n')).toEqual([]);
    expect(await readCsvColumns(written('a,b\n'))).toEqual(['a', 'b']);
  });

  test('lines are counted as in an editor', async () => {
    const lines: number[] = [];
    for await (const { line } of readCsvRows(written('a,b\n1,2\n\n"3\n3",4\n5,6\n'))) lines.push(line);
    expect(lines).toEqual([2, 5, 6]);
  });

  test.each([
    ['a row too short', 'a,b\n1,2\n3\n', /line 3: found 1 fields, expected 2/],
    ['a row too long', 'a,b\n1,2,3\n', /line 2: found 3 fields, expected 2/],
    ['a column twice', 'a,b,a\n1,2,3\n', /two columns named "a"/],
    ['a quote never closed', 'a,b\n"1,2\n3,4\n', /quote/i],
    ['a quote inside a field', 'a,b\n1"x,2\n', /quote/i],
    ['nothing', '', /is empty, expected a header line/],
  ])('%s is table-invalid', async (_, content, message) => {
    const reading = rowsOf(content);
    await expect(reading).rejects.toThrow(message);
    await expect(reading).rejects.toMatchObject({ code: 'table-invalid' });
  });

  test('a file that is not there is an io-error', async () => {
    const path = join(folder, 'none.csv');
    await expect(readCsv(path).next()).rejects.toMatchObject({ code: 'io-error' });
    await expect(readCsvColumns(path)).rejects.toMatchObject({ code: 'io-error' });
    await expect(readCsv(folder).next()).rejects.toMatchObject({ code: 'io-error' });
  });

  test('a reader that stops early closes the file', async (context) => {
    if (!existsSync('/proc/self/fd')) return context.skip('open files cannot be counted here');
    const path = written(`a\n${'1\n'.repeat(50_000)}`);
    const readOne = async () => {
      for await (const row of readCsv(path)) {
        expect(row).toEqual({ a: '1' });
        break;
      }
    };
    const open = () => readdirSync('/proc/self/fd').filter((fd) => linkOf(fd) === path).length;
    for (let round = 0; round < 5; round++) await readOne();
    await expect.poll(open).toBe(0);
  });
});

function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return '';
  }
}

describe('properties', () => {
  const field = fc.string({
    unit: fc.constantFrom('a', ',', '"', '\n', '\r', ' ', 'é', '\ufeff', '\t', ';'),
    maxLength: 8,
  });
  const names = fc.uniqueArray(fc.oneof(field, fc.constantFrom('__proto__', 'constructor')), {
    minLength: 1,
    maxLength: 5,
  });

  test('what is written is read back', async () => {
    const tables = names.chain((columns) =>
      fc.tuple(
        fc.constant(columns),
        fc.array(fc.array(field, { minLength: columns.length, maxLength: columns.length }), { maxLength: 6 }),
      ),
    );
    await fc.assert(
      fc.asyncProperty(tables, async ([columns, rows]) => {
        const text = [columns, ...rows].map(formatCsvRow).join('');
        expect((await rowsOf(text)).map(Object.entries)).toEqual(
          rows.map((row) => Object.entries(Object.fromEntries(columns.map((name, index) => [name, row[index]])))),
        );
      }),
      { numRuns: 300 },
    );
  });

  test('any bytes are rows or table-invalid', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        await rowsOf(bytes).catch((error) => {
          expect(error).toBeInstanceOf(DeepYeastError);
          expect(error.code).toBe('table-invalid');
        });
      }),
      { numRuns: 300 },
    );
  });
});

test('numbers, null and NaN', () => {
  expect(formatCsvRow(['a', 1.5, null, Number.NaN, 0, -1e-9])).toBe('a,1.5,,,0,-1e-9\n');
  expect(formatCsvRow([''])).toBe('""\n');
  expect(formatCsvRow([null])).toBe('""\n');
});
