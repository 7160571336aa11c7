import { expect, test } from 'vitest';
import { normalizeImage } from '../../../src/data/intensity';
import { defaultNormalization } from '../../../src/data/normalization';
import { pixels, size } from '../../../src/data/simulate/canvas';
import { Draws } from '../../../src/data/simulate/draws';
import { applyRule } from '../../../src/data/simulate/rule';

test.each([
  [
    'a cell on noise',
    (i: number, draws: Draws) => 200 + 20 * draws.normal() + (i % size > 20 && i % size < 45 ? 1500 : 0),
  ],
  ['noise alone, which the floor keeps flat', (_: number, draws: Draws) => 300 + 30 * draws.normal()],
  ['saturated', (i: number) => (i % 7 === 0 ? 4095 : 100)],
  ['nothing', () => 0],
] as const)('the fast rule gives the bytes of the import: %s', (_, value) => {
  const draws = new Draws(1, 'cell', 0);
  const counts = Uint16Array.from({ length: pixels }, (__, i) => Math.max(0, Math.min(4095, value(i, draws))));
  const image = new Uint8Array(2 * pixels).fill(7);
  applyRule(counts, image, 1);
  const raw = { width: size, height: size, planes: [counts], eightBit: false, sampleType: '16-bit' };
  const expected = normalizeImage(raw, defaultNormalization, 'cell').pixels;
  expect(image.filter((__, i) => i % 2 === 1)).toEqual(expected);
  expect(image.filter((__, i) => i % 2 === 0).every((byte) => byte === 7)).toBe(true);
});
