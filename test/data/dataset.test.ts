import { cpSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Dataset } from '../../src/data/dataset';
import { parseNormalization } from '../../src/data/normalization';
import { DeepYeastError } from '../../src/errors';
import { writeSmallDataset } from '../bad-input/small-dataset';
import { temporaryFolder } from '../temporary-folder';

const folder = temporaryFolder();
const byHand = join(__dirname, '../fixtures/data/by-hand');

describe('a dataset made with NumPy and pandas', () => {
  test('opens: floats as labels, a missing label, extra columns, no normalization', async () => {
    const dataset = await Dataset.open(byHand);
    expect(dataset).toMatchObject({ count: 4, size: 8, channels: ['rfp', 'gfp'], classes: ['nucleus', 'vacuole'] });
    expect([...dataset.labels]).toEqual([0, 1, -1, 1]);
    expect(dataset.normalization).toEqual({ rule: 'none' });
    expect(dataset.extraColumns).toEqual(['batch', 'note']);
    const [first, , third] = await dataset.table();
    expect(first).toEqual({
      ...{ cell: 'a', label: 0, protein: 'YAL001C', plate: '', well: '', field: '', x: '', y: '', source: '' },
      ...{ batch: '1', note: 'x' },
    });
    expect(third).toMatchObject({ cell: 'c, "quoted"', label: -1, note: 'two\nlines' });
  });

  test('opens with a byte-order mark and CRLF in all its texts', async () => {
    cpSync(byHand, folder.path('d'), { recursive: true });
    for (const name of ['cells.csv', 'dataset.json']) {
      const text = readFileSync(folder.path('d', name), 'utf8');
      writeFileSync(folder.path('d', name), `\ufeff${text.replaceAll('\n', '\r\n')}`);
    }
    const [a, , c] = await (await Dataset.open(folder.path('d'))).table();
    expect(a).toMatchObject({ cell: 'a', label: 0 });
    expect(c).toMatchObject({ cell: 'c, "quoted"', note: 'two\r\nlines' });
  });
});

test('cells and labels are enough as columns; without classes all cells are unlabelled', async () => {
  writeSmallDataset(folder.path('d'), { cells: 2, classes: [], table: () => 'label,cell\n,x\n-1,y\n' });
  const dataset = await Dataset.open(folder.path('d'));
  expect([...dataset.labels]).toEqual([-1, -1]);
  expect((await dataset.table()).map(({ cell, protein }) => [cell, protein])).toEqual([
    ['x', ''],
    ['y', ''],
  ]);
});

test('images are read by position, in any order, more than once', async () => {
  writeSmallDataset(folder.path('d'));
  const dataset = await Dataset.open(folder.path('d'));
  const bytes = readFileSync(dataset.images.path).subarray(dataset.images.offset);
  const image = (index: number) => [...bytes.subarray(index * 128, (index + 1) * 128)];
  const indices = [3, 4, 5, 0, 23, 23, 7];
  expect([...(await dataset.readImages(Uint32Array.from(indices)))]).toEqual(indices.flatMap(image));
  expect(await dataset.readImages(new Uint32Array())).toEqual(new Uint8Array());
  await expect(dataset.readImages(Uint32Array.of(24))).rejects.toMatchObject({ code: 'invalid-argument' });
});

test('files that change while in use are noticed', async () => {
  writeSmallDataset(folder.path('d'));
  const dataset = await Dataset.open(folder.path('d'));
  truncateSync(dataset.images.path, 128 + 10 * 128 + 5);
  expect((await dataset.readImages(Uint32Array.of(9))).length).toBe(128);
  await expect(dataset.readImages(Uint32Array.of(8, 9, 10))).rejects.toMatchObject({
    code: 'images-truncated',
    message: expect.stringContaining('before image 10'),
  });
  const cells = folder.path('d', 'cells.csv');
  const lines = readFileSync(cells, 'utf8').split('\n');
  writeFileSync(cells, lines.slice(0, 5).join('\n'));
  await expect(dataset.table()).rejects.toMatchObject({ code: 'dataset-invalid' });
  writeFileSync(cells, [...lines, lines[1]].join('\n'));
  await expect(dataset.table()).rejects.toMatchObject({ code: 'dataset-invalid' });
});

test.each([
  [{ rule: 'sideways' }, /needs "rule"/],
  ['none', /must be an object/],
  [{ rule: 'range', ranges: [[0, 1]] }, /needs "ranges" with 2 pairs/],
  [
    {
      rule: 'range',
      ranges: [
        [0, 1],
        [5, 5],
      ],
    },
    /needs "ranges"/,
  ],
  [{ rule: 'percentile', per: 'plate', low: 1, high: 99, noiseFloor: 1, floor: 0 }, /needs "per"/],
  [{ rule: 'percentile', per: 'cell', low: 50, high: 20, noiseFloor: 1, floor: 0 }, /needs "high" from 50 to 100/],
  [{ rule: 'percentile', per: 'dataset', low: 1, high: 99, noiseFloor: 1, floor: 0 }, /needs "ranges"/],
  [{ rule: 'bit-depth', bits: 0 }, /needs "bits"/],
])('the normalization %j is refused', async (normalization, message) => {
  writeSmallDataset(folder.path('d'));
  writeFileSync(
    folder.path('d', 'dataset.json'),
    JSON.stringify({ classes: ['a', 'b', 'c'], channels: ['r', 'g'], normalization }),
  );
  const opening = Dataset.open(folder.path('d'));
  await expect(opening).rejects.toThrow(message);
  await expect(opening).rejects.toMatchObject({ code: 'dataset-invalid' });
});

test('any JSON as dataset.json opens or is dataset-invalid', async () => {
  writeSmallDataset(folder.path('d'));
  const names = fc.oneof(
    fc.constant(['a', 'b', 'c']),
    fc.constant(['r', 'g']),
    fc.array(fc.string(), { maxLength: 3 }),
    fc.jsonValue(),
  );
  const numbers = fc.oneof(fc.double(), fc.constantFrom(0, 1, 99, 'x', null));
  const rule = fc.record(
    {
      rule: fc.constantFrom('none', 'percentile', 'range', 'bit-depth', 'x', 3),
      per: fc.constantFrom('cell', 'field', 'dataset', 1),
      ...{ low: numbers, high: numbers, noiseFloor: numbers, floor: numbers, bits: numbers },
      ranges: fc.oneof(
        fc.constant([
          [0, 1],
          [2, 5],
        ]),
        fc.jsonValue(),
      ),
    },
    { requiredKeys: [] },
  );
  const description = fc.oneof(
    fc.jsonValue(),
    fc.record({ classes: names, channels: names, normalization: fc.oneof(rule, fc.jsonValue()) }, { requiredKeys: [] }),
  );
  await fc.assert(
    fc.asyncProperty(description, async (json) => {
      writeFileSync(folder.path('d', 'dataset.json'), JSON.stringify(json));
      try {
        const { classes, channels, normalization } = await Dataset.open(folder.path('d'));
        expect([classes.length >= 3, channels.length]).toEqual([true, 2]);
        expect(parseNormalization(JSON.parse(JSON.stringify(normalization)), 2, 'x')).toEqual(normalization);
      } catch (error) {
        expect(error).toBeInstanceOf(DeepYeastError);
        expect(['dataset-invalid', 'labels-invalid']).toContain((error as DeepYeastError).code);
      }
    }),
    { numRuns: 300 },
  );
});
