import { expect, test } from 'vitest';
import { strongestCorrelations } from '../../src/features/correlation';
import { matrixOf, normals } from './fixture';

const cells = 500;
const [a, b, c] = [1, 2, 3].map((seed) => normals(cells, seed)) as [number[], number[], number[]];
const at = (values: number[], i: number) => values[i] as number;

test('each unit is matched with the feature that it was made of', () => {
  const features = matrixOf(Array.from({ length: cells }, (_, i) => [at(a, i), at(b, i), 4, 1e6 + at(c, i)]));
  const units = matrixOf(
    Array.from({ length: cells }, (_, i) => [3 * at(b, i) + 1, -at(a, i), at(a, i) + at(c, i), 5]),
    'u',
  );
  const [first, second, third, constant] = strongestCorrelations(units, features, { seed: 2 });
  expect(first).toMatchObject({ unit: 'u0', feature: 'f1' });
  expect(first?.correlation).toBeCloseTo(1, 5);
  expect(second).toMatchObject({ feature: 'f0' });
  expect(second?.correlation).toBeCloseTo(-1, 5);
  expect(third?.correlation).toBeCloseTo(Math.SQRT1_2, 1);
  expect(constant).toEqual({ unit: 'u3', feature: null, correlation: null, permuted: null });
  // Of 500 cells and three features: some tenths at most, never zero.
  expect(first?.permuted).toBeGreaterThan(0);
  expect(first?.permuted).toBeLessThan(0.2);
});

test('Pearson’s formula on a handful of cells', () => {
  const units = matrixOf([[1], [2], [3], [10]]);
  const features = matrixOf([[2], [1], [4], [5]], 'x');
  // Deviations -3, -2, -1, 6 and -1, -2, 1, 2: 18 / sqrt(50 * 10).
  expect(strongestCorrelations(units, features)[0]?.correlation).toBeCloseTo(18 / Math.sqrt(500), 6);
});

test('tables of other cells are refused', () => {
  expect(() => strongestCorrelations(matrixOf([[1], [2]]), matrixOf([[1]]))).toThrow(/same cells/);
});
