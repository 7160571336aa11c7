import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Dataset } from '../../src/data/dataset';
import { type Interval, parseRecipe, type TrainOptions, train } from '../../src/index';
import { Network, readCheckpoint } from '../../src/network';
import { AverageShares } from '../../src/training/averaging';
import { crossEntropy } from '../../src/training/validation';
import { plantedDataset, smallNetwork } from './planted-dataset';

/** The weight of each iteration's model in the average after the last one. */
function weights(shares: AverageShares, iterations: number): number[] {
  const found = new Array<number>(iterations).fill(0);
  for (let iteration = 0; iteration < iterations; iteration++) {
    const share = shares.share(iteration);
    for (let i = 0; i < iteration; i++) found[i] = (found[i] as number) * (1 - share);
    found[iteration] = share;
  }
  return found;
}

describe('AverageShares', () => {
  it('weighs iterations by their age', () => {
    const shares = new AverageShares(
      { kind: 'exponential', last: 0.5, halfLifeEpochs: 0.5, statisticsBatches: 1 },
      100,
      10,
    );
    const found = weights(shares, 100);
    expect(found.slice(0, 50)).toEqual(new Array(50).fill(0));
    expect(found.reduce((sum, weight) => sum + weight)).toBeCloseTo(1, 12);
    expect((found[94] as number) / (found[99] as number)).toBeCloseTo(0.5, 12);
  });

  it('takes the mean of models at equal distances', () => {
    const shares = new AverageShares({ kind: 'stochastic', last: 0.5, everyEpochs: 1, statisticsBatches: 1 }, 100, 10);
    const found = weights(shares, 100);
    for (const [iteration, weight] of found.entries()) {
      expect(weight).toBeCloseTo(iteration >= 50 && iteration % 10 === 0 ? 1 / 5 : 0, 12);
    }
  });

  it('takes the last iteration where the part is less than one', () => {
    const shares = new AverageShares(
      { kind: 'exponential', last: 0.001, halfLifeEpochs: 1, statisticsBatches: 1 },
      3,
      1,
    );
    expect(weights(shares, 3)).toEqual([0, 0, 1]);
  });
});

describe('a training with averaging', () => {
  let folder: string;
  let training: Dataset;
  let validation: Dataset;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'deepyeast-averaging-'));
    training = await plantedDataset(join(folder, 'training'), { cells: 65 });
    validation = await plantedDataset(join(folder, 'validation'), { cells: 31, seed: 2 });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const plain = parseRecipe({ batchSize: 10, iterations: 20, learningRate: 0.02 }, 'recipe');
  const recipe = parseRecipe(
    {
      ...plain,
      perturbations: { zoom: [0.9, 1.1], whiteNoise: [0, 5], mixup: 0.3 },
      averaging: { kind: 'stochastic', last: 0.5, everyEpochs: 0.46, statisticsBatches: 4 },
    },
    'recipe',
  );

  async function collect(network: Network, options: Partial<TrainOptions>): Promise<Interval[]> {
    const all: Interval[] = [];
    for await (const interval of train(network, { training, validation, recipe, reportEvery: 5, ...options })) {
      all.push(interval);
    }
    return all;
  }
  const create = (options: object = {}) => Network.create({ classes: training.classes, ...smallNetwork, ...options });

  it('trains the same weights as without, and ends with their mean', async () => {
    // The models after the iterations 10, 13, 16 and 19, counted from 0.
    await using averaged = await create();
    const { averaging, ...without } = recipe;
    const intervals = await collect(averaged, {});
    await using single = await create();
    const mean = new Map<string, Float64Array>();
    const losses: number[] = [];
    for await (const { iteration, loss } of train(single, { training, recipe: without, reportEvery: 1 })) {
      losses.push(loss);
      if (iteration <= 10 || (iteration - 11) % 3 !== 0) continue;
      for (const { name, trainable } of single.native.tensors) {
        if (!trainable) continue;
        const values = await single.native.tensor(name);
        const sum = mean.get(name) ?? new Float64Array(values.length);
        values.forEach((value, i) => {
          sum[i] = (sum[i] as number) + value / 4;
        });
        mean.set(name, sum);
      }
    }
    expect(averaging?.kind).toBe('stochastic');
    expect(intervals.map(({ iteration, averaged: has }) => [iteration, has])).toEqual([
      [5, undefined],
      [10, undefined],
      [15, true],
      [20, true],
    ]);
    intervals.forEach(({ loss }, i) => {
      expect(loss).toBeCloseTo(losses.slice(5 * i, 5 * i + 5).reduce((sum, value) => sum + value) / 5, 12);
    });
    for (const [name, expected] of mean) {
      const values = await averaged.native.tensor(name);
      values.forEach((value, i) => {
        expect(Math.abs(value - (expected[i] as number))).toBeLessThan(1e-6);
      });
    }
  });

  it('validates the average, and keeps it as the best model and in the network', async () => {
    const run = join(folder, 'kept');
    await using network = await create();
    const last = (await collect(network, { run, reportEvery: 20 })).at(-1) as Interval;
    const { logits } = await network.predict(validation);
    let loss = 0;
    validation.labels.forEach((label, cell) => {
      loss += crossEntropy(logits, 3 * cell, 3, label) / 31;
    });
    expect(last.validation?.loss).toBeCloseTo(loss, 12);
    expect(last.best).toBe(true);
    await using best = await Network.load(run);
    expect((await best.predict(validation)).logits).toEqual(logits);
    const { recipe: stored } = await readCheckpoint(run);
    expect(stored).toEqual(recipe);
  });

  it('is the same for any number of threads, and after it was stopped anywhere', async () => {
    const one = join(folder, 'one');
    await using whole = await create({ threads: 1 });
    const expected = await collect(whole, { run: one });
    const tensors = async (network: Network) =>
      Promise.all(network.native.tensors.map(({ name }) => network.native.tensor(name)));
    for (const stops of [[1], [3], [1, 2]]) {
      const run = join(folder, `stopped-${stops.join('-')}`);
      for (const count of stops) {
        await using network = await create({ threads: 2 });
        let seen = 0;
        const options = { training, validation, recipe, reportEvery: 5, run, resume: true };
        for await (const _ of train(network, options)) if (++seen === count) break;
      }
      await using network = await create({ threads: 3 });
      const rest = await collect(network, { run, resume: true });
      expect(rest.map(({ validation: found }) => found)).toEqual(
        expected.slice(4 - rest.length).map(({ validation: found }) => found),
      );
      expect(await tensors(network)).toEqual(await tensors(whole));
      await using again = await create();
      expect(await collect(again, { run, resume: true })).toEqual([]);
      expect(await tensors(again)).toEqual(await tensors(whole));
    }
  });
});
