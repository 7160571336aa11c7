import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseMask } from '../../src/fields/label-image';

const image = (rows: (number | bigint)[][]) => ({
  width: rows[0]!.length,
  height: rows.length,
  data: rows.flat() as number[],
});

test('labels are numbered by their value, without gaps', () => {
  const { labels, values, warnings } = parseMask(
    image([
      [900, 900, 0, 4294967295],
      [0, 0, 7, 4294967295],
    ]),
    'm',
  );
  expect([...labels]).toEqual([2, 2, 0, 3, 0, 0, 1, 3]);
  expect(values).toEqual([7, 900, 4294967295]);
  expect(warnings).toEqual([]);
});

test('an empty mask has no cells', () => {
  expect(parseMask(image([[0, 0]]), 'm')).toMatchObject({ values: [], warnings: [] });
});

test('64-bit numbers are taken', () => {
  expect(parseMask(image([[0n, 12n, 12n]]), 'm')).toMatchObject({ values: [12], labels: Uint32Array.of(0, 1, 1) });
});

test('the largest piece is kept', () => {
  const { labels, warnings } = parseMask(
    image([
      [5, 5, 0, 5],
      [5, 5, 0, 0],
      [0, 0, 5, 0],
    ]),
    'm.tif',
  );
  // The pixel at the lower right touches the square with a corner, the one at the upper right does not.
  expect([...labels]).toEqual([1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0]);
  expect(warnings).toEqual(['m.tif: 1 label is in pieces: the largest of each is taken']);
});

test.each([
  [
    'a mask of foreground and background',
    [[255, 255, 0, 255]],
    /m: the label 255 stands for separate bodies, at \(0, 0\) and \(3, 0\).*foreground and background/,
  ],
  [
    'numbers that wrapped around',
    [
      [3, 0, 3],
      [0, 0, 0],
      [4, 4, 4],
    ],
    /the label 3 stands for separate bodies.*16 or 32 bits/,
  ],
  ['fractions', [[0, 1.5]], /holds 1\.5, expected whole numbers/],
  ['what is no number', [[0, Number.NaN]], /holds NaN, expected whole numbers/],
  ['negative numbers', [[0, -1]], /holds -1, expected 0 for background/],
  ['huge numbers', [[0, 2 ** 33]], /holds 8589934592, expected numbers up to 4294967295/],
  ['huge 64-bit numbers', [[0n, 2n ** 63n]], /holds 9223372036854775808, expected numbers up to/],
])('%s are refused', (_, rows, says) => {
  expect(() => parseMask(image(rows), 'm')).toThrow(expect.objectContaining({ code: 'image-invalid' }));
  expect(() => parseMask(image(rows), 'm')).toThrow(says);
});

/** Pieces by flooding, one pixel after the other. */
function flooded(width: number, height: number, data: readonly number[]): { value: number; pixels: number[] }[] {
  const seen = new Set<number>();
  const pieces: { value: number; pixels: number[] }[] = [];
  for (const start of data.keys()) {
    if (data[start] === 0 || seen.has(start)) continue;
    const pixels = [start];
    seen.add(start);
    for (let next = 0; next < pixels.length; next++) {
      const [x, y] = [(pixels[next] as number) % width, Math.floor((pixels[next] as number) / width)];
      for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
        for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
          const at = v * width + u;
          if (data[at] !== data[start] || seen.has(at)) continue;
          seen.add(at);
          pixels.push(at);
        }
      }
    }
    pieces.push({ value: data[start] as number, pixels });
  }
  return pieces;
}

test('any numbers give connected labels or an answer', () => {
  const images = fc.integer({ min: 1, max: 9 }).chain((width) =>
    fc.integer({ min: 1, max: 9 }).chain((height) =>
      fc.record({
        width: fc.constant(width),
        height: fc.constant(height),
        data: fc.array(fc.constantFrom(0, 0, 1, 2, 70000), { minLength: width * height, maxLength: width * height }),
      }),
    ),
  );
  fc.assert(
    fc.property(images, ({ width, height, data }) => {
      const pieces = flooded(width, height, data);
      const byValue = new Map<number, number[][]>();
      for (const { value, pixels } of pieces) byValue.set(value, [...(byValue.get(value) ?? []), pixels]);
      const sizes = [...byValue.values()].map((all) => all.map((pixels) => pixels.length).sort((a, b) => b - a));
      const ambiguous = sizes.some(([first, second]) => second !== undefined && second * 2 >= (first as number));
      if (ambiguous) {
        expect(() => parseMask({ width, height, data }, 'm')).toThrow(/separate bodies/);
        return;
      }
      const { labels, values } = parseMask({ width, height, data }, 'm');
      expect(values).toEqual([...byValue.keys()].sort((a, b) => a - b));
      const expected = new Array(width * height).fill(0);
      for (const [value, all] of byValue) {
        const largest = all.reduce((best, pixels) => (pixels.length > best.length ? pixels : best));
        for (const pixel of largest) expected[pixel] = values.indexOf(value) + 1;
      }
      expect([...labels]).toEqual(expected);
    }),
    { numRuns: 500, seed: 20 },
  );
});
