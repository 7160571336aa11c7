import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fileDigest } from '../../src/files/digest';
import { readNpyHeader } from '../../src/files/npy';
import { madeCells, smallNetwork, writeMadeDataset } from '../small-model';
import { run } from './in-process';

const classes = ['nucleus', 'vacuole', 'er'];
let folder: string;
let data: string;
let model: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cli-features-'));
  data = join(folder, 'data');
  writeMadeDataset(data, madeCells(40, 3), classes);
  model = join(folder, 'model.safetensors');
  const network = await smallNetwork(classes);
  await network.save(model);
  await network.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

test('deepyeast features writes features.npy, cells.csv and features.json', async () => {
  const out = join(folder, 'fc1');
  const argv = ['features', '--model', model, '--data', data, '--layer', 'fc1', '--stage', 'linear', '--out', out];
  const found = await run(...argv);
  expect(found.stderr).toContain('fc1 (linear) [40, 16]');
  expect(found.status).toBe(0);
  expect(readdirSync(out).sort()).toEqual(['cells.csv', 'features.json', 'features.npy']);
  expect(await readNpyHeader(join(out, 'features.npy'))).toMatchObject({ dtype: '<f4', shape: [40, 16] });
  const description = JSON.parse(readFileSync(join(out, 'features.json'), 'utf8'));
  expect(description).toEqual({
    model: { path: model, sha256: await fileDigest(model) },
    data: { path: data, cells: 40 },
    skipped: [],
    layer: 'fc1',
    stage: 'linear',
    summary: null,
    shape: [40, 16],
    classes,
  });
  expect(JSON.parse((await run(...argv, '--json')).stdout)).toEqual(description);
});

test('a convolution’s summaries', async () => {
  const shapes: Record<string, number[]> = { maximum: [40, 8], mean: [40, 8], both: [40, 16], maps: [40, 16, 16, 8] };
  for (const [summary, shape] of Object.entries(shapes)) {
    const out = join(folder, summary);
    const argv = ['features', '--model', model, '--data', data, '--layer', 'conv1_1', '--out', out];
    expect((await run(...argv, '--summary', summary)).status).toBe(0);
    expect((await readNpyHeader(join(out, 'features.npy'))).shape).toEqual(shape);
  }
});

test('an unknown layer names those there are: status 2', async () => {
  const argv = ['features', '--model', model, '--data', data, '--layer', 'fc7', '--out', join(folder, 'none')];
  const { status, stderr } = await run(...argv);
  expect(status).toBe(2);
  expect(stderr).toContain('conv1_1, conv2_1, fc1, fc2');
});
