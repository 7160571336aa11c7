import { readdirSync, readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { chromium as playwright } from 'playwright-core';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { defaultNormalization } from '../../src/data/normalization';
import { openTable } from '../../src/files/table-reader';
import { changesOfFiles, Dataset, Network, runScreen, writeScreenProfiles } from '../../src/index';
import { run } from '../cli/in-process';
import { chromium } from '../report/chromium';
import { smallNetwork } from '../small-model';
import { temporaryFolder } from '../temporary-folder';
import { plantScreen, screenClasses } from './planted-screen';

const folder = temporaryFolder();

/** A screen, and the same plate by another network: nearly every protein moves. */
async function twoScreens() {
  const screen = await plantScreen(folder);
  await runScreen(screen.options('control'));
  const other = await smallNetwork(screenClasses, { seed: 8, normalization: defaultNormalization });
  await other.save(folder.path('other.safetensors'));
  await other.close();
  await runScreen(screen.options('drug', { model: folder.path('other.safetensors') }));
}

test('two screens side by side: the changes are those of their predictions, the cells those of their datasets', async () => {
  await twoScreens();
  const [drug, control, out] = ['drug', 'control', 'compared'].map((name) => folder.path(name)) as [
    string,
    string,
    string,
  ];
  const { status, stdout, stderr } = await run('screen', 'compare', drug, '--against', control, '--out', out, '--json');
  expect(status, stderr).toBe(0);
  const expected = await changesOfFiles([`${drug}/predictions.parquet`], [`${control}/predictions.parquet`]);
  expect(JSON.parse(stdout)).toMatchObject({ moved: expected.moved, tested: 3, proteins: 3, sharedCells: 0 });
  expect(expected.moved).toBeGreaterThan(0);
  const rows: Record<string, string>[] = [];
  for await (const { values } of (await openTable(`${out}/changes.csv`)).rows()) rows.push(values);
  expect(rows.map(({ protein, distance, moved }) => [protein, Number(distance), moved])).toEqual(
    expected.proteins.map(({ protein, distance, moved }) => [protein, distance, String(moved)]),
  );

  // Every cell of the strips is a crop of a dataset of the screen's.
  const pictures = readdirSync(`${out}/pictures`);
  expect(pictures).toHaveLength(2 * expected.moved);
  const crops: number[][] = [];
  for (const part of readdirSync(`${drug}/cells`)) {
    const dataset = await Dataset.open(`${drug}/cells/${part}`);
    const { size } = dataset;
    const images = await dataset.readImages(Uint32Array.from({ length: dataset.count }, (_, i) => i));
    for (let i = 0; i < dataset.count; i++)
      crops.push([...images.subarray(i * size * size * 2, (i + 1) * size * size * 2)]);
  }
  const { data, info } = await sharp(readFileSync(`${out}/pictures/0-0.jpg`))
    .raw()
    .toBuffer({ resolveWithObject: true });
  const size = info.width / 8;
  const tile = Array.from(
    { length: size * size },
    (_, i) => (Math.floor(i / size) * info.width + (i % size)) * info.channels,
  );
  const difference = (crop: number[]) =>
    tile.reduce((sum, at, i) => sum + Math.abs((data[at] as number) - (crop[2 * i] as number)), 0) / tile.length;
  expect(Math.min(...crops.map(difference))).toBeLessThan(8);

  const page = readFileSync(`${out}/index.html`, 'utf8');
  expect(page).toContain(`${expected.moved} of 3 tested proteins moved between control and drug`);
  if (chromium !== undefined) {
    const browser = await playwright.launch({ executablePath: chromium, args: ['--no-sandbox'] });
    try {
      const tab = await browser.newPage();
      const errors: string[] = [];
      tab.on('console', (message) => {
        if (message.type() === 'error') errors.push(message.text());
      });
      tab.on('requestfailed', (request) => errors.push(request.url()));
      await tab.goto(pathToFileURL(`${out}/index.html`).href);
      await tab.waitForSelector('html[data-ready]');
      const widths = await tab.$$eval('figure img', (images) =>
        images.map((image) => (image as unknown as { naturalWidth: number }).naturalWidth),
      );
      expect(widths).toEqual(pictures.map(() => info.width));
      expect(errors).toEqual([]);
    } finally {
      await browser.close();
    }
  }

  // Against itself nothing moves, and that is said.
  const same = await run('screen', 'compare', drug, '--against', drug, '--out', folder.path('same'));
  expect(same.status).toBe(0);
  expect(same.stderr).toContain('108 cells are in both screens');
  expect(readFileSync(folder.path('same', 'index.html'), 'utf8')).toContain('No protein moved.');
  expect(
    (await run('screen', 'compare', drug, '--against', folder.path('plate'), '--out', folder.path('x'))).status,
  ).not.toBe(0);
}, 120_000);

test('profiles: one row a cell, what says which it is, then the features', async () => {
  const screen = await plantScreen(folder);
  await runScreen(screen.options('out'));
  const out = folder.path('profiles.parquet');
  expect(await run('screen', 'profiles', folder.path('out'), '--features', 'fc1', '--out', out)).toMatchObject({
    status: 0,
  });
  const rows: Record<string, string>[] = [];
  for await (const { values } of (await openTable(out)).rows()) rows.push(values);
  const predictions: Record<string, string>[] = [];
  for await (const { values } of (await openTable(folder.path('out', 'predictions.parquet'))).rows())
    predictions.push(values);
  expect(
    rows.map((row) => [
      row.Metadata_Plate,
      row.Metadata_Well,
      row.Metadata_Site,
      row.Metadata_Cell,
      row.Metadata_Excluded,
    ]),
  ).toEqual(predictions.map(({ plate, well, field, cell, excluded }) => [plate, well, field, cell, excluded]));
  const names = Object.keys(rows[0] as object);
  expect(names.slice(0, 4)).toEqual(['Metadata_Plate', 'Metadata_Well', 'Metadata_Site', 'Metadata_Cell']);
  expect(names.filter((name) => name.startsWith('Cells_fc1_'))).toHaveLength(16);
  expect(names.every((name) => /^(Metadata|Cells)_/.test(name))).toBe(true);

  // The features are the network's activations of the crops.
  const network = await Network.load(folder.path('model.safetensors'));
  let row = 0;
  for (const part of readdirSync(folder.path('out', 'cells')).sort()) {
    const dataset = await Dataset.open(folder.path('out', 'cells', part));
    const crops = await dataset.readImages(Uint32Array.from({ length: dataset.count }, (_, i) => i));
    for await (const { count, values } of network.activations(crops, 'fc1')) {
      for (let i = 0; i < count; i++, row++) {
        for (let c = 0; c < 16; c++) {
          expect(Number(rows[row]?.[`Cells_fc1_${c}`])).toBeCloseTo(values[i * 16 + c] as number, 4);
        }
      }
    }
  }
  expect(row).toBe(rows.length);
  await network.close();

  const classic = folder.path('classic.parquet');
  expect(await writeScreenProfiles(folder.path('out'), classic, { features: 'classic' })).toMatchObject({ cells: row });
  await expect(writeScreenProfiles(folder.path('out'), classic, { features: 'none' })).rejects.toMatchObject({
    code: 'invalid-argument',
  });
}, 120_000);
