import { expect, test } from 'vitest';
import type { Classifier } from '../../src/classifiers/classifier';
import { learningCurve, nestedDraws, possibleSizes } from '../../src/transfer/learning-curve';
import { matrixOf, normals } from '../features/fixture';

const classes = ['a', 'b'];

/** Cells whose first feature is their class, with noise. */
function part(count: number, seed: number) {
  const noise = normals(count * 3, seed);
  const labels = Array.from({ length: count }, (_, i) => i % 2);
  const rows = labels.map((label, i) => [2 * label + (noise[3 * i] as number), noise[3 * i + 1] as number, 1]);
  return { labels, features: matrixOf(rows) };
}

/** The nearest class mean; its second setting looks at a feature that says nothing. */
const nearestMean: Classifier = {
  name: 'forest',
  settings: [
    { name: 'useless', values: { column: 1 } },
    { name: 'useful', values: { column: 0 } },
  ],
  fixed: 'useless',
  async fit({ features, labels }, settings, matrices) {
    return settings.map(({ values }) => {
      const column = values.column as number;
      const means = [0, 1].map((label) => {
        const own = Array.from({ length: features.rows }, (_, i) => i).filter((i) => labels[i] === label);
        return own.reduce((sum, i) => sum + (features.values[i * features.columns + column] as number), 0) / own.length;
      });
      return matrices.map((matrix) =>
        Float32Array.from({ length: matrix.rows * 2 }, (_, at) => {
          const value = matrix.values[Math.floor(at / 2) * matrix.columns + column] as number;
          const [near, far] = at % 2 === 0 ? [means[0], means[1]] : [means[1], means[0]];
          return Math.abs(value - (near as number)) < Math.abs(value - (far as number)) ? 1 : 0;
        }),
      );
    });
  },
};

test('draws are nested, of one class each, and a pure function of the seed', () => {
  const labels = Array.from({ length: 40 }, (_, i) => i % 2);
  const draws = nestedDraws(labels, 2, 3, 5);
  expect(draws).toEqual(nestedDraws(labels, 2, 3, 5));
  expect(draws[0]).not.toEqual(draws[1]);
  for (const [label, cells] of (draws[0] ?? []).entries()) {
    expect(new Set(cells).size).toBe(20);
    expect([...cells].every((cell) => labels[cell] === label)).toBe(true);
  }
});

test('sizes that a class has no cells for are left out', () => {
  expect(possibleSizes([0, 0, 0, 1, 1], classes, [1, 2, 3])).toEqual([1, 2]);
  expect(() => possibleSizes([0, 0], classes, [1])).toThrow(/found 0 training cells of b/);
});

test('validation picks the setting that works; nothing picked is the fixed one', async () => {
  const [training, validation, testing] = [part(80, 1), part(60, 2), part(100, 3)] as const;
  const set = { name: 'made', training: training.features, validation: validation.features, test: testing.features };
  const labels = { classes, training: training.labels, validation: validation.labels, test: testing.labels };
  const progress: number[] = [];
  const curve = await learningCurve([set], labels, [nearestMean], {
    sizes: [1, 20, 500],
    draws: 4,
    seed: 2,
    onProgress: (done) => progress.push(done),
  });
  expect(progress.at(-1)).toBe(8);
  expect(curve.map(({ size, selection }) => `${size} ${selection}`)).toEqual([
    '1 validation',
    '1 fixed',
    '20 validation',
    '20 fixed',
  ]);
  const [, , picked, fixed] = curve;
  expect(picked?.settings).toEqual(['useful', 'useful', 'useful', 'useful']);
  expect(picked?.mean).toBeGreaterThan(0.75);
  expect(fixed?.mean).toBeLessThan(0.65);
  expect(picked?.accuracies).toHaveLength(4);
  expect(picked?.deviation).toBeGreaterThanOrEqual(0);
  const again = await learningCurve([set], labels, [nearestMean], { sizes: [1, 20], draws: 4, seed: 2 });
  expect(again).toEqual(curve);
});

test('rows that do not match the labels are refused', async () => {
  const { features, labels } = part(10, 1);
  const set = { name: 'made', training: features, validation: features, test: features };
  const wrong = { classes, training: labels, validation: labels, test: [0] };
  await expect(learningCurve([set], wrong, [nearestMean])).rejects.toThrow(/10 rows of made features for 1 test cells/);
});
