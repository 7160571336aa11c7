import { expect, test } from 'vitest';
import { raiseToSum, shareOut } from '../../src/data/share-out';

test('shareOut gives whole numbers of the right sum, in proportion', () => {
  expect(shareOut(10, [1, 1, 2], 0)).toEqual([3, 2, 5]);
  expect(shareOut(7, [1, 0, 0])).toEqual([5, 1, 1]);
  expect(shareOut(100, [72, 14, 14], 0)).toEqual([72, 14, 14]);
  expect(shareOut(3, [])).toEqual([]);
});

test('raiseToSum raises the largest fractions first, the first of equal ones, and never more than is left', () => {
  expect(raiseToSum([1, 1, 2], [1.2, 1.5, 2.3], 5)).toEqual([1, 2, 2]);
  expect(raiseToSum([1, 1], [1.5, 1.5], 3)).toEqual([2, 1]);
  expect(raiseToSum([2, 3], [0.5, 0.5], 4)).toEqual([2, 3]);
});
