import { createHash } from 'node:crypto';
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { readCsv } from '../../src/files/csv';
import {
  type CellsOptions,
  type CellsResult,
  cellsOfPlates,
  Dataset,
  listFields,
  readZarrLabels,
  writeZarrLabels,
} from '../../src/index';
import { temporaryFolder } from '../temporary-folder';
import { fieldsFixture, rfpGfp } from './fixture';
import { type PlantedPlate, writePlantedMap, writePlantedPlate } from './planted-plate';

const folder = temporaryFolder();
let plate: PlantedPlate;

beforeEach(async () => {
  plate = await writePlantedPlate(folder.path('plate'));
});

const channels = new Map([
  ['rfp', 'ch3'],
  ['gfp', 'ch1'],
]);

function run(out: string, options: Partial<CellsOptions> = {}): Promise<CellsResult> {
  return cellsOfPlates({ sources: [plate.path], channels, out: folder.path(out), ...options });
}

/** All files of a folder with a digest of their bytes. */
function contents(name: string): Record<string, string> {
  const path = folder.path(name);
  return Object.fromEntries(
    readdirSync(path)
      .sort()
      .map((file) => [
        file,
        createHash('sha256')
          .update(readFileSync(join(path, file)))
          .digest('hex'),
      ]),
  );
}

async function rowsOf(path: string): Promise<Record<string, string>[]> {
  const rows: Record<string, string>[] = [];
  for await (const row of readCsv(path)) rows.push(row);
  return rows;
}

test('every planted cell becomes a row with its place, protein and class', async () => {
  writePlantedMap(folder.path('map.csv'));
  const result = await run('out', { plateMap: folder.path('map.csv') });
  const planted = plate.fields.flatMap(({ well, field, cells, marker, protein }) =>
    cells.map((cell) => ({ ...cell, well, field, source: `${marker};${protein}` })),
  );
  expect(result).toMatchObject({ fields: 4, skipped: [], empty: 0, cells: planted.length });
  const dataset = await Dataset.open(folder.path('out'));
  expect(dataset).toMatchObject({ count: planted.length, size: 64, classes: ['er', 'nuclear_periphery'] });
  expect(dataset.channels).toEqual(['rfp', 'gfp']);
  expect(dataset.description.cellDiameter).toBeCloseTo(18, -0.5);
  const rows = await dataset.table();
  expect(new Set(rows.map(({ cell }) => cell)).size).toBe(planted.length);
  for (const cell of planted) {
    const near = rows.filter(
      (row) =>
        row.well === cell.well &&
        row.field === String(cell.field) &&
        Math.hypot(Number(row.x) - cell.x, Number(row.y) - cell.y) < 1,
    );
    expect(near).toHaveLength(1);
    const [row] = near as [(typeof rows)[0]];
    const [protein, label, strain] = cell.well === 'A01' ? ['Sec63', 0, 's-17'] : ['Nup49', 1, 's-18'];
    expect(row).toMatchObject({ protein, label, strain, plate: 'plate', source: cell.source, border: '0', bud_of: '' });
    expect(row.cell).toBe(`plate/${cell.well}/${cell.field}/${row.mask_label}`);
    expect(Math.abs(Math.sqrt(Number(row.area) / Math.PI) - cell.radius)).toBeLessThan(1);
    expect(Number(row.major_axis)).toBeGreaterThanOrEqual(Number(row.minor_axis));
    expect(Number(row.rfp_mean)).toBeGreaterThan(Number(row.rfp_background) + 400);
    expect(Number(row.gfp_integrated)).toBeGreaterThan(0);
    expect(Number(row.high_rfp)).toBeGreaterThan(Number(row.low_rfp));
  }
  // The middle of a crop is the middle of its cell: bright.
  const images = await dataset.readImages(Uint32Array.from(rows.keys()));
  for (const index of rows.keys()) expect(images[((index * 64 + 31) * 64 + 31) * 2]).toBeGreaterThan(60);

  const fields = await rowsOf(folder.path('out/fields.csv'));
  expect(fields).toMatchObject(
    plate.fields.map(({ well, field, cells }) => ({
      well,
      field: String(field),
      cells: String(cells.length),
      kept: String(cells.length),
      problem: '',
    })),
  );
  expect(readdirSync(folder.path())).not.toContain('out.unfinished');
});

test('without a plate map the protein is the well', async () => {
  const { dataset } = await run('out');
  expect(new Set((await dataset.table()).map(({ protein, label }) => `${protein} ${label}`))).toEqual(
    new Set(['plate/A01 -1', 'plate/B03 -1']),
  );
});

describe('the bytes are the same', () => {
  const all = () => ({ masks: folder.path('masks'), overlays: folder.path('overlays') });

  test('for any number of threads', async () => {
    await run('one', { threads: 1, ...all() });
    const masks = contents('masks');
    const overlays = contents('overlays');
    expect(Object.keys(masks)).toEqual(plate.fields.map(({ marker }) => marker.replace('.tiff', '_mask.tiff')));
    expect(Object.keys(overlays)).toEqual(plate.fields.map(({ marker }) => marker.replace('.tiff', '_overlay.png')));
    for (const threads of [2, 7]) {
      await run(`of-${threads}`, { threads, ...all() });
      expect(contents(`of-${threads}`)).toEqual(contents('one'));
      expect(contents('masks')).toEqual(masks);
      expect(contents('overlays')).toEqual(overlays);
    }
  });

  test.each([1, 2, 3])('when the work is stopped after %i fields and goes on', async (count) => {
    await run('whole', { ...all(), threads: 2 });
    const masks = contents('masks');
    const controller = new AbortController();
    const stopped = run('out', {
      ...all(),
      threads: 2,
      signal: controller.signal,
      onProgress: (done) => {
        if (done === count) controller.abort();
      },
    });
    await expect(stopped).rejects.toMatchObject({ code: 'aborted' });
    expect(existsSync(folder.path('out'))).toBe(false);
    const journal = readFileSync(folder.path('out.unfinished/fields.jsonl'), 'utf8').trim().split('\n');
    expect(journal).toHaveLength(count);
    const seen: number[] = [];
    await run('out', { ...all(), threads: 1, onProgress: (done) => seen.push(done) });
    expect(seen[0]).toBe(count);
    expect(contents('out')).toEqual(contents('whole'));
    expect(contents('masks')).toEqual(masks);
    expect(existsSync(folder.path('out.unfinished'))).toBe(false);
  });

  test('where a process died while it wrote', async () => {
    await run('whole');
    const controller = new AbortController();
    const onProgress = (done: number) => done === 2 && controller.abort();
    await run('out', { signal: controller.signal, onProgress }).catch(() => {});
    // What a killed process may leave behind the last whole line of the journal.
    const unfinished = (name: string) => folder.path('out.unfinished', name);
    writeFileSync(unfinished('fields.jsonl'), '{"cells":99,"imag', { flag: 'a' });
    writeFileSync(unfinished('dataset/images.npy'), Buffer.alloc(12345, 7), { flag: 'a' });
    writeFileSync(unfinished('dataset/cells.csv'), 'plate/B03/1/1,,"half a ', { flag: 'a' });
    await run('out');
    expect(contents('out')).toEqual(contents('whole'));
  });
});

describe('work that was stopped', () => {
  async function stopAfterOne(options: Partial<CellsOptions> = {}): Promise<void> {
    const controller = new AbortController();
    const onProgress = (done: number) => done === 1 && controller.abort();
    await expect(run('out', { ...options, signal: controller.signal, onProgress })).rejects.toMatchObject({
      code: 'aborted',
    });
  }

  test.each<[string, Partial<CellsOptions>, RegExp]>([
    ['another size', { size: 32 }, /size is 32, there 64/],
    ['other flags to drop', { drop: ['border'] }, /drop is \["border"\], there absent/],
    ['another diameter', { diameter: 12 }, /diameter is 12, there absent/],
    ['channels changed round', { channels: new Map([...channels].reverse()) }, /channels is/],
  ])('is not gone on with under %s', async (_, options, says) => {
    await stopAfterOne();
    const before = contents('out.unfinished/dataset');
    await expect(run('out', options)).rejects.toMatchObject({
      code: 'run-mismatch',
      message: expect.stringMatching(says),
    });
    expect(contents('out.unfinished/dataset')).toEqual(before);
  });

  test('is not gone on with when the plate has changed', async () => {
    await stopAfterOne();
    const [first] = plate.fields as [(typeof plate.fields)[0]];
    for (const name of [first.marker, first.protein]) {
      renameSync(join(plate.path, name), join(plate.path, name.replace('f01', 'f09')));
    }
    await expect(run('out')).rejects.toMatchObject({
      code: 'run-mismatch',
      message: expect.stringMatching(/plate is/),
    });
  });

  test('that lost bytes is told so', async () => {
    await stopAfterOne();
    truncateSync(folder.path('out.unfinished/dataset/images.npy'), 1000);
    await expect(run('out')).rejects.toMatchObject({
      code: 'run-invalid',
      message: expect.stringMatching(/images\.npy has 1000 bytes, expected at least \d+ by its journal/),
    });
  });

  test('is in the hands of one process', async () => {
    let second: unknown;
    await run('out', {
      onProgress: (done) => {
        if (done === 1) second = run('out').catch((error) => error);
      },
    });
    expect(await second).toMatchObject({ code: 'run-locked' });
  });
});

describe('a field that cannot be used', () => {
  // Not among those that are surveyed: it is met in the middle of the work.
  const bad = () => plate.fields[3] as (typeof plate.fields)[0];
  beforeEach(async () => {
    plate = await writePlantedPlate(folder.path('plate'), { fieldsPerWell: 4, cells: 4 });
    truncateSync(join(plate.path, bad().protein), 2000);
  });

  test('stops the work, which goes on when it is mended', async () => {
    await expect(run('out')).rejects.toMatchObject({
      code: 'image-invalid',
      message: expect.stringContaining(bad().protein),
    });
    expect(existsSync(folder.path('out'))).toBe(false);
    expect(readFileSync(folder.path('out.unfinished/fields.jsonl'), 'utf8').split('\n')).toHaveLength(4);
    await writePlantedPlate(plate.path, { fieldsPerWell: 4, cells: 4 });
    await run('out');
    await run('whole');
    expect(contents('out')).toEqual(contents('whole'));
  });

  test('is left out on request, also after a stop', async () => {
    await run('out').catch(() => {});
    const log: string[] = [];
    const result = await run('out', { onError: 'skip', log: (level, message) => log.push(`${level}: ${message}`) });
    expect(result).toMatchObject({ fields: 7, skipped: [{ field: 'plate/A01/4', reason: expect.any(String) }] });
    expect(log).toContainEqual(expect.stringMatching(new RegExp(`^warn: skipped: .*${bad().protein}`)));
    const [row] = await rowsOf(folder.path('out/skipped.csv'));
    expect(row).toMatchObject({ field: 'plate/A01/4', path: `${bad().marker};${bad().protein}` });
    expect((await rowsOf(folder.path('out/fields.csv')))[3]).toMatchObject({ cells: '', problem: row?.reason });
    const fields = new Set((await result.dataset.table()).map(({ well, field }) => `${well} ${field}`));
    expect(fields.size).toBe(7);
    expect(fields).not.toContain('A01 4');
  });

  test('that lacks a channel is one as well', async () => {
    renameSync(join(plate.path, bad().protein), folder.path('elsewhere.tiff'));
    await expect(run('out')).rejects.toMatchObject({
      code: 'image-invalid',
      message: expect.stringMatching(/no image for the channel gfp/),
    });
    expect(readdirSync(folder.path()).sort()).toEqual(['elsewhere.tiff', 'plate']);
    const result = await run('out', { onError: 'skip' });
    expect(result.skipped).toMatchObject([{ path: expect.stringContaining(bad().marker) }]);
  });

  test('and no other one: nothing is left behind', async () => {
    for (const { marker } of plate.fields) truncateSync(join(plate.path, marker), 100);
    for (const onError of ['stop', 'skip'] as const) {
      await expect(run('deep/out', { onError, masks: folder.path('masks') })).rejects.toMatchObject({
        code: 'image-invalid',
      });
      expect(readdirSync(folder.path())).toEqual(['plate']);
    }
  });
});

test('cells with a flag are kept and marked, or dropped', async () => {
  plate = await writePlantedPlate(folder.path('crowded'), { width: 120, height: 100, cells: 12, seed: 5 });
  const all = await run('all', { masks: folder.path('masks') });
  const flagged = (await all.dataset.table()).filter(({ flags }) => String(flags).split(';').includes('merged'));
  const kept = await run('kept', { drop: ['merged'] });
  expect(kept.dataset.count).toBe(all.dataset.count - flagged.length);
  expect(kept.cells).toBe(all.dataset.count);
});

test('masks that were written give the same cells again', async () => {
  const first = await run('first', { masks: folder.path('masks') });
  const second = await run('second', { masksFrom: folder.path('masks') });
  expect(readFileSync(folder.path('second/images.npy'))).toEqual(readFileSync(folder.path('first/images.npy')));
  const places = async ({ dataset }: CellsResult) =>
    (await dataset.table()).map(({ cell, x, y, area }) => [cell, x, y, area]);
  expect(await places(second)).toEqual(await places(first));
});

test('a field without a mask is one that cannot be used', async () => {
  await run('first', { masks: folder.path('masks') });
  const [first] = plate.fields as [(typeof plate.fields)[0]];
  renameSync(folder.path('masks', first.marker.replace('.tiff', '_mask.tiff')), folder.path('masks/other.tiff'));
  const log: string[] = [];
  const options = { masksFrom: folder.path('masks'), log: (_: string, message: string) => log.push(message) };
  await expect(run('out', options)).rejects.toThrow(/found no mask for it in/);
  expect(log).toContainEqual(expect.stringMatching(/1 masks in .* belong to no field, other\.tiff for one/));
  expect(await run('out', { ...options, onError: 'skip' })).toMatchObject({ fields: 3, skipped: [{}] });
});

describe('OME-Zarr', () => {
  /** A plate with two squares as labels in every image. */
  async function labelledPlate(version: string): Promise<string> {
    const root = folder.path('plate.zarr');
    cpSync(join(fieldsFixture, 'zarr', `plate-${version}.zarr`), root, { recursive: true });
    const labels = new Uint32Array(12 * 9);
    for (const [label, left] of [
      [40, 1],
      [7, 6],
    ] as const)
      for (let y = 2; y < 6; y++) labels.fill(label, y * 12 + left, y * 12 + left + 4);
    const { fields } = await listFields([root], { channels: rfpGfp('0', '1') });
    for (const { markerPath } of fields) await writeZarrLabels(markerPath, 'squares', { width: 12, height: 9, labels });
    return root;
  }

  test.each(['0.4', '0.5'])('labels of version %s are masks, and masks become labels', async (version) => {
    const root = await labelledPlate(version);
    const options = { sources: [root], channels: rfpGfp('0', '1'), size: 8, masksFrom: root, masksPattern: 'squares' };
    const result = await run('out', { ...options, zarrLabels: 'cells of mine' }).catch((error) => error);
    expect(result).toMatchObject({ code: 'invalid-argument' });
    const { dataset, fields } = await run('out', { ...options, zarrLabels: 'copy' });
    expect([fields, dataset.count]).toEqual([4, 8]);
    const rows = await dataset.table();
    expect(rows.slice(0, 2)).toMatchObject([
      { mask_label: '7', x: '7.5', y: '3.5', area: '16' },
      { mask_label: '40', x: '2.5', y: '3.5', area: '16' },
    ]);
    const listing = await listFields([root], { channels: rfpGfp('0', '1') });
    for (const { markerPath } of listing.fields) {
      expect(await readZarrLabels(markerPath, 'copy')).toEqual(await readZarrLabels(markerPath, 'squares'));
    }
  });
});

test('fields are resampled to the cells of a model', async () => {
  const { dataset } = await run('out', { cellDiameter: 30 });
  expect(dataset.description.cellDiameter).toBeGreaterThan(28);
  expect(dataset.description.cellDiameter).toBeLessThan(32);
  // Places stay in pixels of the field.
  const [first] = plate.fields as [(typeof plate.fields)[0]];
  const rows = (await dataset.table()).filter(({ well, field }) => well === 'A01' && field === '1');
  for (const cell of first.cells) {
    expect(rows.some(({ x, y }) => Math.hypot(Number(x) - cell.x, Number(y) - cell.y) < 1)).toBe(true);
  }
});

test('a pixel size asks for that of the fields', async () => {
  await expect(run('out', { pixelSize: 0.1 })).rejects.toThrow(/do not say how large a pixel is.*--field-pixel-size/);
  const { dataset } = await run('out', { pixelSize: 0.1, fieldPixelSize: 0.2 });
  expect(dataset.description.cellDiameter).toBeCloseTo(36, -0.5);
});

test('fields without cells are told, a plate without any is an error', async () => {
  plate = await writePlantedPlate(folder.path('empty'), { cells: 0, fieldsPerWell: 1 });
  await expect(run('out')).rejects.toMatchObject({
    code: 'dataset-invalid',
    message: expect.stringMatching(/found no cell in 2 fields/),
  });
  expect(readdirSync(folder.path()).sort()).toEqual(['empty', 'plate']);
});

test('nothing at the output is overwritten', async () => {
  writeFileSync(folder.path('out'), 'mine');
  await expect(run('out')).rejects.toMatchObject({ code: 'output-exists' });
  expect(readFileSync(folder.path('out'), 'utf8')).toBe('mine');
});

test.each<[string, Partial<CellsOptions>, RegExp]>([
  ['no source', { sources: [] }, /found no folder of images/],
  ['no channels', { channels: new Map() }, /found 0 channels/],
  ['two scales', { pixelSize: 0.1, cellDiameter: 30 }, /both a pixel size and a cell diameter/],
  ['a pixel size of fields alone', { fieldPixelSize: 0.1 }, /without that of the crops/],
  ['masks beside a diameter', { masksFrom: 'masks', diameter: 20 }, /options of the segmentation beside masks/],
  ['a pattern of masks alone', { masksPattern: '{well}.tif' }, /without their folder/],
  [
    'percentiles of the dataset',
    { normalization: { rule: 'percentile', per: 'dataset', low: 1, high: 99, noiseFloor: 0, floor: 0 } },
    /not known before its last field/,
  ],
])('%s: an answer before any work', async (_, options, says) => {
  await expect(run('out', options)).rejects.toMatchObject({
    code: 'invalid-argument',
    message: expect.stringMatching(says),
  });
  expect(readdirSync(folder.path())).toEqual(['plate']);
});
