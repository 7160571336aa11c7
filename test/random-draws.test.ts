import { expect, test } from 'vitest';
import { analysisDraw, analysisDraws } from '../src/random-draws';

test('the ranges of the analyses never overlap and lie within 32 bits', () => {
  const ranges = Object.values(analysisDraws).toSorted((a, b) => a.first - b.first);
  for (const [i, { first, count }] of ranges.entries()) {
    expect(count).toBeGreaterThan(0);
    expect(first + count).toBeLessThanOrEqual(ranges[i + 1]?.first ?? 2 ** 32);
  }
});

test('a draw beyond its range is refused', () => {
  expect(analysisDraw('gallery', 999)).toBe(6999);
  expect(() => analysisDraw('gallery', 1000)).toThrow('draw 1000 of gallery');
  expect(() => analysisDraw('correlationNull', 1)).toThrow('from 0 to 0');
  expect(() => analysisDraw('sample', -1)).toThrow('draw -1');
});
