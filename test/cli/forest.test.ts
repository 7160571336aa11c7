import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readCsv } from '../../src/files/csv';
import { madeCells, writeMadeDataset } from '../small-model';
import { run } from './in-process';

const classes = ['nucleus', 'vacuole', 'er'];
let folder: string;
const at = (...parts: string[]) => join(folder, ...parts);
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cli-forest-'));
  for (const [part, seed] of [
    ['train', 5],
    ['validation', 6],
  ] as const) {
    writeMadeDataset(at(part), madeCells(60, 3), classes, { seed });
    const { status, stdout, stderr } = await run(
      'features',
      '--classic',
      '--data',
      at(part),
      '--out',
      at('features', part),
      '--redundant',
    );
    expect(stderr).toContain('60 cells');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^total +643 +\d+ +\d+$/m);
    expect(stdout).toMatch(/^Texture +312/m);
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

test('features --classic describes its columns', async () => {
  const description = JSON.parse(readFileSync(at('features', 'train', 'features.json'), 'utf8'));
  expect(description).toMatchObject({ features: 'classic', marker: 'rfp', shape: [60, 643], classes });
  expect(description.names).toHaveLength(643);
  const { stdout } = await run('features', '--classic', '--data', at('train'), '--out', at('again'), '--json');
  expect(JSON.parse(stdout)).toEqual({ ...description, data: { path: at('train'), cells: 60 } });
});

test.each([
  ['nothing to extract', [], 'expected one of them'],
  ['two things to extract', ['--classic', '--layer', 'fc1'], 'cannot be used'],
  ['a model for classic features', ['--classic', '--model', 'm'], 'cannot be used'],
  ['an unknown marker', ['--classic', '--marker', 'blue'], "'blue'"],
])('features: %s is status 2', async (_, argv, message) => {
  const { status, stderr } = await run('features', '--data', at('train'), '--out', at('none'), ...argv);
  expect(stderr).toContain(message);
  expect(status).toBe(2);
});

const parts = () => ['--features', at('features', 'train'), '--validation', at('features', 'validation')];

test('train, then predict: a table like that of a network', async () => {
  const train = [
    'forest',
    'train',
    ...parts(),
    '--trees',
    '40',
    '--features-per-split',
    '30',
    '--out',
    at('f.safetensors'),
  ];
  const trained = await run(...train, '--importance', at('importance.csv'));
  expect(trained.stderr).toContain('40 trees, 30 of 643 features');
  expect(trained.status).toBe(0);
  expect(trained.stdout).toMatch(/^out of bag +60 +\d/m);
  expect(trained.stdout).toMatch(/^validation +60 +\d/m);
  const rows: Record<string, string>[] = [];
  for await (const row of readCsv(at('importance.csv'))) rows.push(row);
  expect(rows).toHaveLength(643);
  expect(Object.keys(rows[0]!)).toEqual(['feature', 'impurity', 'permutation', 'permutation_deviation']);
  expect(rows.reduce((sum, row) => sum + Number(row.impurity), 0)).toBeCloseTo(1, 6);

  const argv = ['forest', 'predict', '--forest', at('f.safetensors'), '--features', at('features', 'validation')];
  const predicted = await run(...argv, '--with', 'label,well', '--out', at('predictions.csv'));
  expect(predicted.stderr).toContain('60 cells in');
  const predictions: Record<string, string>[] = [];
  for await (const row of readCsv(at('predictions.csv'))) predictions.push(row);
  expect(Object.keys(predictions[0]!)).toEqual([
    'cell',
    'protein',
    'predicted',
    'label',
    'well',
    'p_nucleus',
    'p_vacuole',
    'p_er',
  ]);
  const accuracy = predictions.filter((row) => row.predicted === row.label).length / 60;
  const { validation, outOfBagError } = JSON.parse((await run(...train, '--json')).stdout);
  expect(validation.accuracy).toBeCloseTo(accuracy, 12);
  expect(accuracy).toBeGreaterThan(0.6);
  expect(outOfBagError).toBeLessThan(0.4);
  expect((await run(...argv)).stdout).toBe(
    readFileSync(at('predictions.csv'), 'utf8').replaceAll(/^((?:[^,]*,){3})[^,]*,[^,]*,/gm, '$1'),
  );
});

test('search: a table of all settings, the best one trained', async () => {
  const argv = [
    'forest',
    'search',
    ...parts(),
    '--trees',
    '5,20',
    '--features-per-split',
    '10,50',
    '--leaf-size',
    '1,10',
  ];
  const { status, stdout, stderr } = await run(...argv, '--out', at('search.csv'), '--forest', at('best.safetensors'));
  expect(stderr).toContain('8 settings on 60 cells');
  expect(status).toBe(0);
  expect(stdout.trim().split('\n')).toHaveLength(9);
  const found = JSON.parse((await run(...argv, '--json')).stdout);
  expect(found.rows).toHaveLength(8);
  const features = at('features', 'validation');
  const predicted = await run(
    'forest',
    'predict',
    '--forest',
    at('best.safetensors'),
    '--features',
    features,
    '--json',
    '--out',
    at('p.csv'),
  );
  expect(JSON.parse(predicted.stdout)).toMatchObject({ cells: 60, classes });
});

test.each([
  ['a folder without features', ['train', '--features', 'nowhere', '--out', 'f'], 1, 'io-error'],
  [
    'more features than there are',
    ['train', '--trees', '2', '--features-per-split', '900', '--out', 'f'],
    2,
    'at most 643',
  ],
  ['weights of another number', ['train', '--trees', '2', '--class-weights', '1,2', '--out', 'f'], 2, 'classWeights'],
  ['weights that are no numbers', ['train', '--class-weights', 'a', '--out', 'f'], 2, "'balanced'"],
  ['a forest that is none', ['predict', '--forest', 'package.json'], 3, 'model-invalid'],
])('%s', async (_, argv, status, message) => {
  const features = argv.includes('--features') ? [] : ['--features', at('features', 'train')];
  const found = await run('forest', ...argv.map((part) => (part === 'f' ? at('f') : part)), ...features);
  expect(found.stderr).toContain(message);
  expect(found.status).toBe(status);
});
