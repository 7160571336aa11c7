// Real fields of view with hand-corrected truth: the crops are their pixels, and masks of others give the same cells.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readCsv } from '../../src/files/csv';
import { cellsOfPlates, type Dataset } from '../../src/index';
import { sharedDataOrSkip } from '../shared-data';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'deepyeast-real-cells-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const channels = new Map([
  ['rfp', 'ch3'],
  ['gfp', 'ch1'],
]);

test('the truth masks, found by name, give every cell of the table at its place', async (context) => {
  const fields = sharedDataOrSkip(context, 'fields');
  // Both `_truth` and `_labeled` lie beside the images: the pattern says which.
  const { dataset, fields: count } = await cellsOfPlates({
    sources: [fields],
    channels,
    masksFrom: fields,
    masksPattern: 'r{row}c{column}f{field}p01_truth.tiff',
    out: join(root, 'truth'),
  });
  expect(count).toBe(2);
  const rows = await dataset.table();
  for (const field of ['1', '2']) {
    const own = new Map(rows.filter((row) => row.field === field).map((row) => [row.mask_label, row]));
    let listed = 0;
    for await (const cell of readCsv(join(fields, `r01c01f0${field}p01_cells.csv`))) {
      listed++;
      const row = own.get(cell.label as string);
      expect(row).toBeDefined();
      expect(Math.hypot(Number(row?.x) - Number(cell.x), Number(row?.y) - Number(cell.y))).toBeLessThan(0.2);
      expect(Math.abs(Number(row?.area) - Number(cell.area))).toBeLessThanOrEqual(1);
      expect(Number(row?.border)).toBe(Number(cell.border || 0));
    }
    expect(own.size).toBe(listed);
  }
});

test('cells that are found lie in the middle of their crops', async (context) => {
  const fields = sharedDataOrSkip(context, 'fields');
  const found = await cellsOfPlates({
    sources: [fields],
    channels,
    out: join(root, 'found'),
    masks: join(root, 'masks'),
  });
  expect(found.dataset.count).toBeGreaterThan(1000);
  const again = await cellsOfPlates({
    sources: [fields],
    channels,
    masksFrom: join(root, 'masks'),
    out: join(root, 'again'),
  });
  const images = ({ path }: Dataset) => readFileSync(join(path, 'images.npy'));
  expect(images(again.dataset).equals(images(found.dataset))).toBe(true);
  const rows = await found.dataset.table();
  const pixels = await found.dataset.readImages(Uint32Array.from(rows.keys()));
  const good = rows.flatMap((row, index) => (row.flags === '' && Number(row.area) > 200 ? [index] : []));
  expect(good.length).toBeGreaterThan(500);
  const middle = (index: number, x: number, y: number) => pixels[((index * 64 + y) * 64 + x) * 2] as number;
  const brighter = good.filter((index) => middle(index, 31, 31) > middle(index, 1, 1));
  expect(brighter.length / good.length).toBeGreaterThan(0.9);
});
