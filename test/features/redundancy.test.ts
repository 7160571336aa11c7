import { expect, test } from 'vitest';
import { redundantFeatures } from '../../src/features/redundancy';
import { RandomStream } from '../../src/random';

test('constant features and followers of earlier ones are listed, others are not', () => {
  const noise = new RandomStream(3, 'simulation', 0, 0);
  const rows = 500;
  const values = new Float32Array(rows * 6);
  for (let row = 0; row < rows; row++) {
    const a = noise.normal(3 * row);
    const b = noise.normal(3 * row + 1);
    // b, constant, a follower of b, a near follower, an opposite one, a rather similar one
    values.set([b, 4, 1000 - 3 * b, b + 0.02 * a, b + 0.3 * a, -b + 0.01 * a], 6 * row);
  }
  const found = redundantFeatures({
    rows,
    columns: 6,
    values,
    names: ['b', 'constant', 'line', 'near', 'like', 'minus'],
  });
  expect(found.constant).toEqual(['constant']);
  expect(found.correlated.map(({ feature, other }) => [feature, other])).toEqual([
    ['line', 'b'],
    ['near', 'b'],
    ['minus', 'b'],
  ]);
  expect(found.correlated[0]!.correlation).toBeCloseTo(-1, 6);
  expect(redundantFeatures({ rows: 1, columns: 1, values: Float32Array.of(1), names: ['x'] }).constant).toEqual(['x']);
});
