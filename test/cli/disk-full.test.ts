import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCommand, runCommandWithFileLimit } from '../command-line';
import { madeCells, smallNetwork, writeMadeDataset } from '../small-model';

const classes = ['nucleus', 'vacuole', 'er'];
let folder: string;
let model: string;
let data: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cli-disk-full-'));
  data = join(folder, 'data');
  writeMadeDataset(data, madeCells(600, 3), classes);
  model = join(folder, 'model.safetensors');
  const network = await smallNetwork(classes);
  await network.save(model);
  await network.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

const commands: Record<string, (out: string) => string[]> = {
  'predict to Parquet': (out) => ['predict', '--model', model, data, '--out', `${out}.parquet`],
  evaluate: (out) => ['evaluate', '--model', model, '--data', data, '--out', out, '--bootstrap', '0'],
  features: (out) => ['features', '--model', model, '--data', data, '--layer', 'fc1', '--out', out],
  report: (out) => ['report', model, '--data', data, '--out', `${out}.html`, '--bootstrap', '0'],
  explain: (out) => [
    ...['explain', '--model', model, '--data', data, '--cells', '60', '--embedded', '40', '--gabor', '0', '--no-umap'],
    ...['--layers', 'fc1', '--out', out],
  ],
  calibrate: (out) => ['calibrate', '--model', model, '--validation', data, '--out', out],
  proteins: (out) => ['proteins', join(folder, 'predictions.csv'), '--out', `${out}.csv`, '--bootstrap', '0'],
};

test.each(Object.entries(commands))('%s: disk-full, and nothing is left', (_, command) => {
  const predictions = join(folder, 'predictions.csv');
  expect(runCommand(['predict', '--model', model, data, '--out', predictions]).status).toBe(0);
  const before = readdirSync(folder).sort();
  const { status, stderr } = runCommandWithFileLimit(2, command(join(folder, 'out')));
  expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining('error [disk-full]: ') });
  expect(readdirSync(folder).sort()).toEqual(before);
});

test('an older table stays as it was', () => {
  const out = join(folder, 'older.csv');
  writeFileSync(out, 'older');
  expect(runCommandWithFileLimit(2, ['predict', '--model', model, data, '--out', out]).status).toBe(1);
  expect(readFileSync(out, 'utf8')).toBe('older');
});
