import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeFeatureFolder } from '../../src/features/feature-folder';
import { readFeatureMatrix } from '../../src/features/matrix';
import { readCsv } from '../../src/files/csv';
import { Dataset } from '../../src/index';
import { normals } from '../features/fixture';
import { madeCells, smallNetwork, writeMadeDataset } from '../small-model';
import { run } from './in-process';

const classes = ['nucleus', 'vacuole', 'er'];
let folder: string;
let data: string;
let model: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cli-explain-'));
  data = join(folder, 'data');
  writeMadeDataset(data, madeCells(60, 3), classes);
  model = join(folder, 'model.safetensors');
  const network = await smallNetwork(classes);
  await network.save(model);
  await network.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

async function rows(path: string): Promise<Record<string, string>[]> {
  const all: Record<string, string>[] = [];
  for await (const row of readCsv(path)) all.push(row);
  return all;
}

test('deepyeast explain writes numbers, tables and sheets of every layer', async () => {
  const out = join(folder, 'explained');
  const options = ['--cells', '48', '--embedded', '30', '--gabor', '6', '--patches', '3', '--occlusion', 'cell3,cell7'];
  const found = await run('explain', '--model', model, '--data', data, '--out', out, ...options, '--json');
  expect(found.stdout).not.toContain('"error"');
  const layers = ['conv1_1', 'conv2_1', 'fc1', 'fc2'];
  expect(readdirSync(out).sort()).toEqual(
    [
      ...[
        'embeddings.csv',
        'explain.json',
        'neighbours.csv',
        'occlusion.csv',
        'occlusion.png',
        'patches.csv',
        'units.csv',
      ],
      ...layers.map((layer) => `patches_${layer}.png`),
    ].sort(),
  );
  const explanation = JSON.parse(readFileSync(join(out, 'explain.json'), 'utf8'));
  expect(JSON.parse(found.stdout)).toEqual(explanation);
  expect(explanation).toMatchObject({ cells: 48, embeddedCells: 30, seed: 0 });
  expect(explanation.classEntropy).toBeCloseTo(Math.log2(3), 6);
  expect(explanation.layers.map(({ layer }: { layer: string }) => layer)).toEqual(layers);
  expect(explanation.layers.map(({ receptiveField }: { receptiveField: number }) => receptiveField)).toEqual([
    3, 8, 16, 16,
  ]);
  const units = await rows(join(out, 'units.csv'));
  expect(units).toHaveLength(2 * 8 + 2 * 16 + 16 + 3);
  expect(units.filter(({ gabor_channel }) => gabor_channel !== '').length).toBeGreaterThan(20);
  const covered = await rows(join(out, 'occlusion.csv'));
  expect(covered.map(({ cell }) => cell)).toEqual(['cell3', 'cell7']);
  expect(Number(covered[0]?.largest_fall)).toBeGreaterThan(0);
  const patches = await rows(join(out, 'patches.csv'));
  expect(patches).toHaveLength(3 * (8 + 16 + 16 + 3));
  expect(patches[0]).toMatchObject({ layer: 'conv1_1', unit: '0', rank: '1' });
  expect(await rows(join(out, 'embeddings.csv'))).toHaveLength(30 * layers.length);
  const neighbours = await rows(join(out, 'neighbours.csv'));
  expect(new Set(neighbours.map(({ layer, space }) => `${layer} ${space}`))).toEqual(
    new Set(['fc1 tsne', 'fc1 features']),
  );
});

test('classic features stand beside the units: a unit that copies one is told so, and one that copies the class says most', async () => {
  const features = join(folder, 'features');
  expect((await run('features', '--model', model, '--data', data, '--layer', 'fc1', '--out', features)).status).toBe(0);
  // The layer's own values under other names, scaled and turned around, with the class and noise as two more columns.
  const own = await readFeatureMatrix(features);
  const dataset = await Dataset.open(data);
  const noise = normals(dataset.count, 8);
  const columns = own.columns + 2;
  const values = new Float32Array(dataset.count * columns);
  for (let row = 0; row < dataset.count; row++) {
    for (let c = 0; c < own.columns; c++) {
      values[row * columns + own.columns - 1 - c] = 5 - 2 * (own.values[row * own.columns + c] as number);
    }
    values[row * columns + own.columns] = dataset.labels[row] as number;
    values[row * columns + own.columns + 1] = noise[row] as number;
  }
  const names = [...Array.from({ length: own.columns }, (_, c) => `copy_${own.columns - 1 - c}`), 'class', 'noise'];
  const classic = join(folder, 'classic');
  await writeFeatureFolder(classic, dataset, names, [{ values }], () => ({}));
  const out = join(folder, 'explained-classic');
  const options = ['--layers', 'fc1', '--embedded', '30', '--gabor', '0', '--no-umap', '--classic', classic];
  const found = await run('explain', '--model', model, '--data', data, '--out', out, ...options);
  expect(found.stderr).not.toContain('error [');
  expect(found.stdout).toMatch(/^classic /m);
  const units = (await rows(join(out, 'units.csv'))).filter(({ constant }) => constant === 'false');
  expect(units.length).toBeGreaterThan(5);
  for (const { unit, classic_feature, classic_correlation } of units) {
    expect(classic_feature).toBe(`copy_${unit}`);
    expect(Number(classic_correlation)).toBeCloseTo(-1, 5);
  }
  const information = new Map(
    (await rows(join(out, 'classic.csv'))).map((row) => [row.feature as string, Number(row.information)]),
  );
  expect([...information.keys()]).toEqual(names);
  // log2(3) bits and Miller and Madow's correction.
  expect(information.get('class')).toBeGreaterThanOrEqual(Math.log2(3) - 0.1);
  expect(information.get('class')).toBe(Math.max(...information.values()));
});

test('an unknown layer is named with those there are, and nothing is left', async () => {
  const out = join(folder, 'none');
  const found = await run('explain', '--model', model, '--data', data, '--out', out, '--layers', 'fc9');
  expect(found.status).toBe(2);
  expect(found.stderr).toContain("'fc9', expected some of conv1_1, conv2_1, fc1, fc2");
  expect(existsSync(out)).toBe(false);
});

test('deepyeast calibrate fits a temperature and tries compartments never seen', async () => {
  const unseen = join(folder, 'unseen');
  writeMadeDataset(unseen, madeCells(20, 2), ['actin', 'bud neck'], { seed: 9 });
  const out = join(folder, 'calibrated');
  const data2 = ['--validation', data, '--test', data, '--unseen', unseen];
  const found = await run('calibrate', '--model', model, ...data2, '--out', out);
  expect(found.stderr).not.toContain('error');
  expect(found.stdout).toContain('temperature');
  const report = JSON.parse(readFileSync(join(out, 'calibration.json'), 'utf8'));
  const { before, after } = report.validation;
  expect(after.negativeLogLikelihood).toBeLessThanOrEqual(before.negativeLogLikelihood);
  expect(report.test).toEqual(report.validation);
  expect(report.unseen).toMatchObject({ cells: 20 });
  expect(report.unseen.thresholds).toHaveLength(19);
  expect(await rows(join(out, 'reliability.csv'))).toHaveLength(4 * 15);
});

test('deepyeast predict --reject answers uncertain below the threshold', async () => {
  const out = join(folder, 'predictions.csv');
  const found = await run('predict', data, '--model', model, '--reject', '0.5', '--temperature', '1.5', '--out', out);
  expect(found.status).toBe(0);
  const predictions = await rows(out);
  let rejected = 0;
  for (const row of predictions) {
    const largest = Math.max(...classes.map((name) => Number(row[`p_${name}`])));
    expect(row.predicted === 'uncertain').toBe(largest < 0.5);
    if (largest < 0.5) rejected++;
  }
  expect(found.stderr).toContain(`${rejected} cells are uncertain`);
  const plain = join(folder, 'plain.csv');
  await run('predict', data, '--model', model, '--out', plain);
  const sharper = (await rows(plain)).map((row) => Math.max(...classes.map((name) => Number(row[`p_${name}`]))));
  predictions.forEach((row, i) => {
    expect(Math.max(...classes.map((name) => Number(row[`p_${name}`])))).toBeLessThanOrEqual(
      (sharper[i] as number) + 1e-6,
    );
  });
});
