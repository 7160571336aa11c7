import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { bootstrapIntervals, type ConfidenceInterval, quantile } from '../../src/evaluation/bootstrap';
import { RandomStream } from '../../src/random';

const { quantiles } = JSON.parse(readFileSync(join(__dirname, '../fixtures/evaluation/scores.json'), 'utf8'));

test('quantiles are NumPy’s', () => {
  quantiles.probabilities.forEach((probability: number, i: number) => {
    expect(quantile(quantiles.values, probability)).toBeCloseTo(quantiles.expected[i], 14);
  });
  expect(quantile([4], 0.3)).toBe(4);
});

function meanOf(sample: number[]) {
  return (times: Uint32Array, values: Float64Array) => {
    values[0] = sample.reduce((sum, value, i) => sum + value * (times[i] as number), 0) / sample.length;
  };
}

describe('bootstrap intervals', () => {
  const noise = new RandomStream(8, 'simulation', 0, 0);
  const sample = Array.from({ length: 200 }, (_, i) => noise.normal(i));

  test('every resample draws as many units as there are', () => {
    bootstrapIntervals(
      17,
      1,
      (times, values) => {
        expect(times.reduce((sum, count) => sum + count, 0)).toBe(17);
        values[0] = 0;
      },
      { replicates: 50, seed: 1 },
    );
  });

  test('a mean’s interval is the normal one', () => {
    const [interval] = bootstrapIntervals(200, 1, meanOf(sample), { replicates: 4000, seed: 1 }) as [
      ConfidenceInterval,
    ];
    const average = sample.reduce((sum, value) => sum + value, 0) / 200;
    const deviation = Math.sqrt(sample.reduce((sum, value) => sum + (value - average) ** 2, 0)) / 200;
    expect(interval[0]).toBeCloseTo(average - 1.96 * deviation, 2);
    expect(interval[1]).toBeCloseTo(average + 1.96 * deviation, 2);
  });

  test('they are a function of the seed and the stream', () => {
    const run = (seed: number, stream = 0) =>
      bootstrapIntervals(200, 1, meanOf(sample), { replicates: 100, seed, stream });
    expect(run(1)).toEqual(run(1));
    expect(run(2)).not.toEqual(run(1));
    expect(run(1, 5)).not.toEqual(run(1));
  });

  test('nothing to resample, no replicates or nothing defined: null', () => {
    const compute = (_: Uint32Array, values: Float64Array) => {
      values[0] = Number.NaN;
      values[1] = 1;
    };
    expect(bootstrapIntervals(1, 2, compute, { replicates: 10, seed: 0 })).toEqual([null, null]);
    expect(bootstrapIntervals(5, 2, compute, { replicates: 0, seed: 0 })).toEqual([null, null]);
    expect(bootstrapIntervals(5, 2, compute, { replicates: 10, seed: 0 })).toEqual([null, [1, 1]]);
  });

  test('undefined replicates are left out', () => {
    let replicate = 0;
    const compute = (_: Uint32Array, values: Float64Array) => {
      values[0] = replicate++ % 2 === 0 ? Number.NaN : 3;
    };
    expect(bootstrapIntervals(5, 1, compute, { replicates: 10, seed: 0 })).toEqual([[3, 3]]);
  });
});
