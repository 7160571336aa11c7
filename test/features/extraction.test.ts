import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Dataset } from '../../src/data/dataset';
import { type FeatureOptions, featureShape, features, writeFeatures } from '../../src/features/extraction';
import { parseNpyHeader } from '../../src/files/npy';
import type { Network } from '../../src/network';
import { madeCells, smallNetwork, writeMadeDataset } from '../small-model';

const classes = ['a', 'b', 'c'];
let network: Network;
let folder: string;
let dataset: Dataset;
beforeAll(async () => {
  network = await smallNetwork(classes);
});
afterAll(() => network.close());
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'features-'));
  writeMadeDataset(join(folder, 'data'), madeCells(30, 3), classes);
  dataset = await Dataset.open(join(folder, 'data'));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function all(options: FeatureOptions): Promise<Float32Array> {
  const parts: number[] = [];
  for await (const { values } of features(network, dataset, options)) parts.push(...values);
  return Float32Array.from(parts);
}

async function maps(layer: string): Promise<Float32Array> {
  const parts: number[] = [];
  for await (const { values } of network.activations(dataset, layer)) parts.push(...values);
  return Float32Array.from(parts);
}

function readArray(path: string): { shape: number[]; dtype: string; values: Float32Array } {
  const bytes = readFileSync(path);
  const { shape, dtype, dataOffset } = parseNpyHeader(bytes, path);
  return { shape, dtype, values: new Float32Array(Uint8Array.from(bytes.subarray(dataOffset)).buffer) };
}

describe('features', () => {
  test('of a dense layer are its units, whatever the batch', async () => {
    expect(featureShape(network, { layer: 'fc1' })).toEqual([16]);
    const units = await all({ layer: 'fc1' });
    expect(units).toHaveLength(30 * 16);
    expect(units).toEqual(await maps('fc1'));
    expect(Math.min(...units)).toBe(0);
    const other = await all({ layer: 'fc1', batchSize: 7 });
    other.forEach((value, i) => {
      expect(value).toBeCloseTo(units[i] as number, 5);
    });
  });

  test('of the last layer are the logits', async () => {
    const { logits } = await network.predict(dataset);
    expect(await all({ layer: 'fc2' })).toEqual(logits);
  });

  test('of a convolution are each unit’s maximum, mean, both, or the maps', async () => {
    const full = await maps('conv2_1');
    expect(featureShape(network, { layer: 'conv2_1', summary: 'maps' })).toEqual([8, 8, 16]);
    expect(await all({ layer: 'conv2_1', summary: 'maps' })).toEqual(full);
    const maxima = await all({ layer: 'conv2_1' });
    const means = await all({ layer: 'conv2_1', summary: 'mean' });
    const both = await all({ layer: 'conv2_1', summary: 'both' });
    expect([maxima.length, means.length, both.length]).toEqual([480, 480, 960]);
    for (let cell = 0; cell < 30; cell++) {
      for (let unit = 0; unit < 16; unit++) {
        const values = Array.from({ length: 64 }, (_, at) => full[(cell * 64 + at) * 16 + unit] as number);
        expect(maxima[cell * 16 + unit]).toBe(Math.max(...values));
        const mean = values.reduce((sum, value) => sum + value, 0) / 64;
        expect(means[cell * 16 + unit]).toBeCloseTo(mean, 5);
        expect(both[cell * 32 + unit]).toBe(maxima[cell * 16 + unit]);
        expect(both[cell * 32 + 16 + unit]).toBe(means[cell * 16 + unit]);
      }
    }
  });

  test('differ by stage, and a maximum may be negative before the ReLU', async () => {
    const linear = await all({ layer: 'fc1', stage: 'linear' });
    const normalized = await all({ layer: 'fc1', stage: 'normalized' });
    const activated = await all({ layer: 'fc1', stage: 'activated' });
    expect(Math.min(...linear)).toBeLessThan(0);
    normalized.forEach((value, i) => {
      expect(activated[i]).toBeCloseTo(Math.max(0, value), 5);
    });
    expect(featureShape(network, { layer: 'conv1_1', stage: 'pooled', summary: 'maps' })).toEqual([8, 8, 8]);
    const pooled = await all({ layer: 'conv1_1', stage: 'pooled' });
    const before = await all({ layer: 'conv1_1' });
    pooled.forEach((value, i) => {
      expect(value).toBeCloseTo(before[i] as number, 5);
    });
  });

  test.each([{ layer: 'fc9' }, { layer: 'fc1', stage: 'raw' }, { layer: 'fc1', summary: 'sum' }])(
    '%o is refused with the names there are',
    async (options) => {
      await expect(all(options as FeatureOptions)).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringMatching(/expected one of/),
      });
    },
  );

  test('the stage pooled is refused where no pooling follows', async () => {
    await expect(all({ layer: 'fc1', stage: 'pooled' })).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(/no pooling follows fc1/),
    });
  });

  test('another intensity rule is refused', async () => {
    const path = join(folder, 'other');
    writeMadeDataset(path, madeCells(3, 3), classes, {
      normalization: {
        rule: 'range',
        ranges: [
          [0, 9],
          [0, 9],
        ],
      },
    });
    dataset = await Dataset.open(path);
    await expect(all({ layer: 'fc1' })).rejects.toMatchObject({ code: 'rule-mismatch' });
    expect(await all({ layer: 'fc1', allowRuleMismatch: true })).toHaveLength(48);
  });
});

describe('writeFeatures', () => {
  test('writes an array that NumPy reads, the cells as they are, and what made it', async () => {
    const out = join(folder, 'out');
    const options = { layer: 'fc1', stage: 'linear', record: { model: { sha256: 'x' } }, batchSize: 8 } as const;
    const description = await writeFeatures(network, dataset, out, options);
    expect(readdirSync(out).sort()).toEqual(['cells.csv', 'features.json', 'features.npy']);
    const array = readArray(join(out, 'features.npy'));
    expect([array.dtype, array.shape]).toEqual(['<f4', [30, 16]]);
    expect(array.values).toEqual(await all({ layer: 'fc1', stage: 'linear', batchSize: 8 }));
    expect(readFileSync(join(out, 'cells.csv'))).toEqual(readFileSync(join(dataset.path, 'cells.csv')));
    expect(JSON.parse(readFileSync(join(out, 'features.json'), 'utf8'))).toEqual({
      model: { sha256: 'x' },
      layer: 'fc1',
      stage: 'linear',
      summary: null,
      shape: [30, 16],
      classes,
    });
    expect(description.shape).toEqual([30, 16]);
  });

  test('whole maps', async () => {
    const out = join(folder, 'out');
    await writeFeatures(network, dataset, out, { layer: 'conv1_1', summary: 'maps' });
    expect(readArray(join(out, 'features.npy')).shape).toEqual([30, 16, 16, 8]);
  });

  test('a failure leaves nothing behind', async () => {
    const out = join(folder, 'deep', 'out');
    const signal = AbortSignal.abort();
    await expect(writeFeatures(network, dataset, out, { layer: 'fc1', signal })).rejects.toMatchObject({
      code: 'aborted',
    });
    expect(existsSync(join(folder, 'deep'))).toBe(false);
    truncateSync(join(dataset.path, 'images.npy'), 6000);
    await expect(writeFeatures(network, dataset, out, { layer: 'fc1', batchSize: 4 })).rejects.toMatchObject({
      code: 'images-truncated',
    });
    expect(existsSync(join(folder, 'deep'))).toBe(false);
  });
});
