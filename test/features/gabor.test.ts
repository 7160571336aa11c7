import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Dataset } from '../../src/data/dataset';
import { gaborBank, gaborCorrelations, gaborEnergy } from '../../src/features/gabor';
import { madeCells, smallNetwork, writeMadeDataset } from '../small-model';
import { analysisFixture } from './fixture';

interface Gabor {
  size: number;
  image: number[];
  cases: { frequency: number; angle: number; energy: number[] }[];
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'gabor-'));
  // Without labels: pure noise, independent in the two channels.
  const cells = madeCells(12, 3).map(({ label: _, ...cell }) => cell);
  writeMadeDataset(folder, cells, ['a', 'b', 'c']);
});
afterAll(() => rmSync(folder, { recursive: true }));

test('energy is the magnitude of scikit-image’s gabor', () => {
  const { size, image, cases } = analysisFixture<Gabor>('gabor');
  for (const { frequency, angle, energy } of cases) {
    gaborEnergy(image, size, { frequency, angle }).forEach((value, i) => {
      expect(value).toBeCloseTo(energy[i] as number, 8);
    });
  }
});

test('the bank has four scales and six angles', () => {
  expect(gaborBank).toHaveLength(24);
  expect(new Set(gaborBank.map(({ frequency }) => frequency)).size).toBe(4);
});

test('a unit that holds its filter up against the crop is matched with the channel that it reads', async () => {
  const classes = ['a', 'b', 'c'];
  const network = await smallNetwork(classes);
  try {
    // Every unit of the first layer reads one channel alone: even units the red one, odd units the green one.
    const weights = await network.native.tensor('conv1_1.weight');
    const information = network.native.tensors.find(({ name }) => name === 'conv1_1.weight');
    const [units = 0] = information?.shape ?? [];
    const strideOfChannel = information?.shape[1] === 2 ? weights.length / units / 2 : 1;
    for (let i = 0; i < weights.length; i++) {
      const within = i % (weights.length / units);
      const channel = strideOfChannel === 1 ? within % 2 : Math.floor(within / strideOfChannel);
      const unit = Math.floor(i / (weights.length / units));
      if (channel !== unit % 2) weights[i] = 0;
    }
    await network.native.setTensor('conv1_1.weight', weights);
    const dataset = await Dataset.open(folder);
    const cells = Uint32Array.from({ length: 12 }, (_, i) => i);
    const found = await gaborCorrelations(network, dataset, cells, ['conv1_1', 'conv2_1']);
    const first = found.get('conv1_1') ?? [];
    expect(first.map(({ channel }) => channel)).toEqual(first.map((_, unit) => (unit % 2 === 0 ? 'rfp' : 'gfp')));
    for (const { correlation, permuted } of first) {
      expect(Math.abs(correlation ?? 0)).toBeGreaterThan(permuted ?? 1);
    }
    expect(found.get('conv2_1')).toHaveLength(16);
    await expect(gaborCorrelations(network, dataset, cells, ['fc1'])).rejects.toMatchObject({
      code: 'invalid-argument',
    });
  } finally {
    await network.close();
  }
});
