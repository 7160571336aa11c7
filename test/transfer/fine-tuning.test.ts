import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Dataset } from '../../src/data/dataset';
import type { Network } from '../../src/network';
import { argmax } from '../../src/prediction/call';
import { fineTune, withNewHead } from '../../src/transfer/fine-tuning';
import { madeCells, smallNetwork, writeMadeDataset } from '../small-model';

const classes = ['actin', 'bud neck', 'lipid particle'];
let folder: string;
let dataset: Dataset;
let source: Network;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fine-tuning-'));
  writeMadeDataset(folder, madeCells(90, 3), classes);
  dataset = await Dataset.open(folder);
  source = await smallNetwork(['nucleus', 'er']);
});
afterAll(async () => {
  await source.close();
  rmSync(folder, { recursive: true });
});

const rows = Uint32Array.from({ length: 60 }, (_, i) => i);

async function tensors(network: Network, pattern: RegExp): Promise<Map<string, Float32Array>> {
  const found = new Map<string, Float32Array>();
  for (const { name } of network.native.tensors) {
    if (pattern.test(name)) found.set(name, await network.native.tensor(name));
  }
  return found;
}

async function right(network: Network): Promise<number> {
  const { posteriors } = await network.predict(dataset);
  return [...dataset.labels.keys()].filter((cell) => argmax(posteriors, 3 * cell, 3) === dataset.labels[cell]).length;
}

test('a new head: all else is the source’s', async () => {
  const network = await withNewHead(source, classes, { seed: 1, device: { threads: 1 } });
  expect(network.classes).toEqual(classes);
  expect(await tensors(network, /^(conv|fc1)/)).toEqual(await tensors(source, /^(conv|fc1)/));
  expect(network.inputTransform).toEqual(source.inputTransform);
  await network.close();
});

describe('fineTune', () => {
  const labels = () => Int32Array.from(rows, (cell) => dataset.labels[cell] as number);
  const options = { iterations: 60, learningRate: 0.02, batchSize: 20, seed: 2, device: { threads: 1 } };

  test('learns the new classes and leaves the source as it was', async () => {
    const before = await tensors(source, /./);
    const tuned = await fineTune(source, dataset, rows, labels(), classes, { ...options, statisticsFrom: 0 });
    // Cells that had no part in it among them.
    expect(await right(tuned)).toBeGreaterThan(75);
    expect(await tensors(source, /./)).toEqual(before);
    await tuned.close();
  });

  test('dense layers only: convolutions and their statistics stay', async () => {
    const tuned = await fineTune(source, dataset, rows, labels(), classes, { ...options, layers: 'dense' });
    expect(await tensors(tuned, /^conv/)).toEqual(await tensors(source, /^conv/));
    expect((await tensors(tuned, /^fc1.weight/)).get('fc1.weight')).not.toEqual(
      (await tensors(source, /^fc1.weight/)).get('fc1.weight'),
    );
    await tuned.close();
  });

  test('with few cells a class the running statistics stay', async () => {
    const tuned = await fineTune(source, dataset, rows, labels(), classes, { ...options, iterations: 4 });
    expect(await tensors(tuned, /running/)).toEqual(await tensors(source, /running/));
    await tuned.close();
  });

  test('a single cell, or too high a rate, is said', async () => {
    const one = fineTune(source, dataset, Uint32Array.of(1), Int32Array.of(0), classes);
    await expect(one).rejects.toMatchObject({ code: 'invalid-argument' });
    const wild = fineTune(source, dataset, rows, labels(), classes, { ...options, learningRate: 1e30 });
    await expect(wild).rejects.toMatchObject({ code: 'loss-diverged' });
  });
});
