import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Cell, Dataset } from '../../src/data/dataset';
import { DatasetWriter, type DatasetWriterOptions } from '../../src/data/dataset-writer';
import { folderSnapshot } from '../bad-input/folder-snapshot';
import { temporaryFolder } from '../temporary-folder';

const folder = temporaryFolder();

const options: DatasetWriterOptions = {
  classes: ['er', 'golgi'],
  channels: ['rfp', 'gfp'],
  size: 4,
  normalization: { rule: 'bit-depth', bits: 12 },
  provenance: { made: 'by a test' },
};

function cell(name: string, label = 0, more: Record<string, string> = {}): Cell {
  return { cell: name, label, protein: 'P', plate: '', well: '', field: '1', x: '', y: '', source: 'made', ...more };
}

const image = (value: number) => new Uint8Array(32).fill(value);

test('a dataset is there whole after commit and not before', async () => {
  const writer = await DatasetWriter.create(folder.path('deep/down/d'), { ...options, extraColumns: ['quality'] });
  await writer.append(image(1), cell('a', 0, { quality: 'debris' }));
  await writer.append(image(2), cell('b', -1));
  await writer.addFile('notes.txt', 'hello');
  expect(existsSync(folder.path('deep/down/d'))).toBe(false);
  const dataset = await writer.commit({ provenance: { made: 'later' } });
  expect(readdirSync(folder.path('deep/down'))).toEqual(['d']);
  expect(readdirSync(folder.path('deep/down/d')).sort()).toEqual([
    'cells.csv',
    'dataset.json',
    'images.npy',
    'notes.txt',
  ]);
  expect(dataset.description).toEqual({
    classes: ['er', 'golgi'],
    channels: ['rfp', 'gfp'],
    normalization: { rule: 'bit-depth', bits: 12 },
    provenance: { made: 'later' },
  });
  expect([...dataset.labels]).toEqual([0, -1]);
  expect(await dataset.readImages(Uint32Array.of(1, 0))).toEqual(Uint8Array.of(...image(2), ...image(1)));
  expect((await dataset.table()).map((row) => row.quality)).toEqual(['debris', '']);
});

test('cells come back as they were written', async () => {
  const text = fc.string({ unit: fc.constantFrom('a', ',', '"', '\n', '\r\n', ' ', 'ü', ';'), maxLength: 6 });
  const row = fc.record({
    cell: text,
    label: fc.integer({ min: -1, max: 1 }),
    ...{ protein: text, plate: text, well: text, field: text, x: text, y: text, source: text, note: text },
  });
  let round = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 5 }), async (rows) => {
      const writer = await DatasetWriter.create(folder.path(`d${round++}`), { ...options, extraColumns: ['note'] });
      for (const [index, cell] of rows.entries()) await writer.append(image(index), cell);
      const dataset = await writer.commit();
      expect(await dataset.table()).toEqual(rows);
      expect([...dataset.labels]).toEqual(rows.map(({ label }) => label));
    }),
    { numRuns: 30 },
  );
});

test('one buffer may serve all images', async () => {
  const writer = await DatasetWriter.create(folder.path('d'), options);
  const reused = new Uint8Array(32);
  for (let index = 0; index < 3; index++) await writer.append(reused.fill(index), cell(`${index}`));
  const dataset = await writer.commit();
  expect(await dataset.readImages(Uint32Array.of(0, 1, 2))).toEqual(
    Uint8Array.of(...image(0), ...image(1), ...image(2)),
  );
});

describe('the disk is left as it was', () => {
  test('by abort, with the folders made on the way', async () => {
    writeFileSync(folder.path('bystander'), 'x');
    const before = folderSnapshot(folder.path());
    const writer = await DatasetWriter.create(folder.path('deep/down/d'), options);
    await writer.append(image(1), cell('a'));
    await writer.abort();
    await writer.abort();
    expect(folderSnapshot(folder.path())).toEqual(before);
    await expect(writer.append(image(1), cell('a'))).rejects.toMatchObject({ code: 'closed' });
    await expect(writer.commit()).rejects.toMatchObject({ code: 'closed' });
  });

  test('by a commit without cells', async () => {
    const writer = await DatasetWriter.create(folder.path('deep/d'), options);
    await expect(writer.commit()).rejects.toMatchObject({ code: 'dataset-invalid' });
    expect(readdirSync(folder.path())).toEqual([]);
  });

  test('where something is at the path already', async () => {
    mkdirSync(folder.path('d'));
    writeFileSync(folder.path('d', 'old'), 'old');
    writeFileSync(folder.path('file'), 'old');
    for (const name of ['d', 'file']) {
      await expect(DatasetWriter.create(folder.path(name), options)).rejects.toMatchObject({ code: 'output-exists' });
    }
    await expect(DatasetWriter.create(folder.path('file/d'), options)).rejects.toThrow();
    expect(readdirSync(folder.path()).sort()).toEqual(['d', 'file']);
    expect(readFileSync(folder.path('d', 'old'), 'utf8')).toBe('old');
  });

  test('where something turned up meanwhile', async () => {
    const writer = await DatasetWriter.create(folder.path('d'), options);
    await writer.append(image(1), cell('a'));
    mkdirSync(folder.path('d'));
    writeFileSync(folder.path('d', 'theirs'), 'x');
    await expect(writer.commit()).rejects.toMatchObject({ code: 'output-exists' });
    expect(readdirSync(folder.path())).toEqual(['d']);
    expect(readdirSync(folder.path('d'))).toEqual(['theirs']);
  });
});

test('an empty folder is taken', async () => {
  mkdirSync(folder.path('d'));
  const writer = await DatasetWriter.create(folder.path('d'), options);
  await writer.append(image(1), cell('a'));
  await writer.commit();
  expect((await Dataset.open(folder.path('d'))).count).toBe(1);
});

test('a wrong image or label is refused and the writer goes on', async () => {
  const writer = await DatasetWriter.create(folder.path('d'), options);
  await expect(writer.append(new Uint8Array(31), cell('a'))).rejects.toMatchObject({ code: 'invalid-argument' });
  for (const label of [2, -2, 0.5, Number.NaN]) {
    await expect(writer.append(image(1), cell('a', label))).rejects.toMatchObject({ code: 'labels-invalid' });
  }
  await writer.append(image(1), cell('a', 1));
  expect((await writer.commit()).count).toBe(1);
});
