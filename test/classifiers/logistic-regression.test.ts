import { describe, expect, test } from 'vitest';
import { LogisticRegression } from '../../src/classifiers/logistic-regression';
import { analysisFixture, matrixOf, normals } from '../features/fixture';

interface Fixture {
  rows: number;
  columns: number;
  classes: number;
  values: number[];
  labels: number[];
  cases: { c: number; objective: number; nonZero: number; posterior: number[] }[];
}

const { rows, columns, classes, values, labels, cases } = analysisFixture<Fixture>('logistic-regression');
const names = Array.from({ length: columns }, (_, c) => `f${c}`);
const features = { rows, columns, names, values: Float32Array.from(values) };
const classNames = Array.from({ length: classes }, (_, c) => `class ${c}`);

describe('logistic regression with an L1 penalty', () => {
  test.each(cases)('is scikit-learn’s at C $c', async ({ c, objective, nonZero, posterior }) => {
    const model = await LogisticRegression.train(features, labels, classNames, {
      c,
      tolerance: 1e-12,
      iterations: 20_000,
    });
    expect(model.objective).toBeLessThan(objective + 1e-6);
    expect(model.objective).toBeCloseTo(objective, 5);
    expect(model.nonZero).toBe(nonZero);
    model.predict(features).forEach((value, i) => {
      expect(Math.abs(value - (posterior[i] as number))).toBeLessThan(2e-3);
    });
  });

  test('a path started from the model before ends at the same objective', async () => {
    const options = { tolerance: 1e-10, iterations: 20_000 };
    const start = await LogisticRegression.train(features, labels, classNames, { c: 0.1, ...options });
    const warm = await LogisticRegression.train(features, labels, classNames, { c: 1, start, ...options });
    const cold = await LogisticRegression.train(features, labels, classNames, { c: 1, ...options });
    expect(warm.objective).toBeCloseTo(cold.objective, 6);
  });

  test('a constant feature and a feature of another scale change nothing', async () => {
    const noise = normals(60, 4);
    const truth = Array.from({ length: 60 }, (_, i) => i % 2);
    const table = (scale: number) =>
      matrixOf(truth.map((label, i) => [scale * (label + 0.3 * (noise[i] as number)), 7]));
    const [small, large] = await Promise.all(
      [1, 1000].map((scale) => LogisticRegression.train(table(scale), truth, ['a', 'b'], { c: 1 })),
    );
    expect(small?.weights[1]).toBe(0);
    expect(large?.objective).toBeCloseTo(small?.objective as number, 5);
    const posteriors = large?.predict(table(1000)) as Float32Array;
    const right = truth.filter((label, i) => (posteriors[2 * i + label] as number) > 0.5).length;
    expect(right).toBeGreaterThan(55);
  });

  test('features of another number and labels that do not fit are refused', async () => {
    const model = await LogisticRegression.train(features, labels, classNames, { iterations: 10 });
    expect(() => model.predict(matrixOf([[1, 2]]))).toThrow(/found 2 features a row, expected 8/);
    await expect(LogisticRegression.train(features, [0], classNames)).rejects.toMatchObject({
      code: 'invalid-argument',
    });
  });

  test('can be cancelled', async () => {
    const signal = AbortSignal.abort();
    await expect(LogisticRegression.train(features, labels, classNames, { signal })).rejects.toMatchObject({
      code: 'aborted',
    });
  });
});
