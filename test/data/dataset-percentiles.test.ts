import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DatasetPercentiles } from '../../src/data/dataset-percentiles';
import type { Samples } from '../../src/data/image-file';
import { percentileRange, pixelNoise } from '../../src/data/intensity';
import { defaultNormalization } from '../../src/data/normalization';

const rule = { ...defaultNormalization, per: 'dataset' as const, noiseFloor: 0 };

/** Adds all images as often as it takes. */
function rangeOf(planes: readonly Samples[], normalization = rule): { range: number[]; passes: number } {
  const percentiles = new DatasetPercentiles(normalization);
  for (let passes = 1; ; passes++) {
    for (const samples of planes) percentiles.add(samples, samples.length);
    if (percentiles.endPass()) return { range: percentiles.range(), passes };
    expect(passes).toBeLessThan(4);
  }
}

const sorted = (planes: readonly Samples[], normalization = rule) => percentileRange(planes, [0], normalization);

test('16-bit samples need one pass, also with an offset and signed', () => {
  const counts = Uint16Array.from({ length: 1001 }, (_, index) => index);
  expect(rangeOf([counts], { ...rule, low: 10, high: 90 })).toEqual({ range: [100, 900], passes: 1 });
  const planes = [0, 1].map((image) =>
    Uint16Array.from({ length: 500 }, (_, i) => 32_760 + ((i * 7919 + image) % 503)),
  );
  expect(rangeOf(planes)).toEqual({ range: sorted(planes), passes: 1 });
  const signed = Int16Array.from({ length: 300 }, (_, i) => i - 200);
  expect(rangeOf([signed])).toEqual({ range: sorted([signed]), passes: 1 });
});

test('a high baseline in 32 bits, where a byte is 8 units, is exact', () => {
  const planes = [1, 2, 3].map((image) =>
    Uint32Array.from({ length: 4096 }, (_, i) => 999_900 + ((i * 2_654_435 + image * 101) % 2100)),
  );
  const { range, passes } = rangeOf(planes);
  expect(range).toEqual(sorted(planes));
  expect(passes).toBe(2);
});

test('any samples of any types: what sorting gives, to the last bit', () => {
  const plane = fc.oneof(
    fc.array(fc.integer({ min: 0, max: 65_535 }), { minLength: 1, maxLength: 40 }).map((all) => Uint16Array.from(all)),
    fc.array(fc.integer(), { minLength: 1, maxLength: 40 }).map((all) => Int32Array.from(all)),
    fc
      .array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 40 })
      .map((all) => Float32Array.from(all)),
    fc
      .array(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 }), { minLength: 1, maxLength: 40 })
      .map((all) => Float64Array.from(all)),
  );
  const percents = fc
    .tuple(fc.integer({ min: 0, max: 99 }), fc.integer({ min: 1, max: 100 }))
    .filter(([a, b]) => a < b);
  fc.assert(
    fc.property(fc.array(plane, { minLength: 1, maxLength: 4 }), percents, (planes, [low, high]) => {
      const normalization = { ...rule, low, high };
      expect(rangeOf(planes, normalization).range.map((value) => value + 0)).toEqual(
        sorted(planes, normalization).map((value) => value + 0),
      );
    }),
    { seed: 9, numRuns: 60 },
  );
});

test('the floor in multiples of the noise takes every image once, however many passes there are', () => {
  const planes = [5, 6].map((factor) => Float32Array.from({ length: 64 }, (_, i) => ((i * i * factor) % 17) / 7));
  const percentiles = new DatasetPercentiles({ ...rule, noiseFloor: 100 });
  for (let known = false; !known; known = percentiles.endPass())
    for (const samples of planes) percentiles.add(samples, 8);
  expect(percentiles.range()).toEqual(
    percentileRange(
      planes,
      planes.map((samples) => pixelNoise(samples, 8)),
      { ...rule, noiseFloor: 100 },
    ),
  );
});
