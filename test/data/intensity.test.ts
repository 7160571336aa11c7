import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RawImage, Samples } from '../../src/data/image-file';
import { normalizeImage, percentile, pixelNoise } from '../../src/data/intensity';
import { defaultNormalization, type Normalization, sameNormalization } from '../../src/data/normalization';
import { RandomStream } from '../../src/random';

const size = 64;

/** Noise, and a bright disc where `signal` is above 0: what a cell with one labelled blob looks like. */
function plane(seed: number, { background = 100, noise = 5, signal = 0 } = {}): Float32Array {
  const random = new RandomStream(seed, 'simulation', 0, 0);
  return Float32Array.from({ length: size * size }, (_, index) => {
    const [x, y] = [(index % size) - 30, Math.floor(index / size) - 34];
    return background + noise * random.normal(index) + (x * x + y * y < 150 ? signal : 0);
  });
}

function image(...planes: Samples[]): RawImage {
  const eightBit = planes.every((samples) => samples instanceof Uint8Array);
  return {
    width: size,
    height: planes[0]!.length / size,
    eightBit,
    sampleType: eightBit ? '8-bit' : '32-bit float',
    planes,
  };
}

const normalized = (raw: RawImage, rule: Normalization = defaultNormalization) =>
  normalizeImage(raw, rule, 'x.tif').pixels;
const spread = (pixels: Uint8Array) =>
  percentile(Float64Array.from(pixels).sort(), 99.9) - percentile(Float64Array.from(pixels).sort(), 1);

test('percentiles are those of numpy.percentile', () => {
  // numpy.percentile([1, 2, 4, 8, 16], [0, 1, 10, 50, 99.9, 100])
  const expected = [1, 1.04, 1.4, 4, 15.968, 16];
  for (const [index, percent] of [0, 1, 10, 50, 99.9, 100].entries()) {
    expect(percentile([1, 2, 4, 8, 16], percent)).toBeCloseTo(expected[index]!, 12);
  }
  expect(percentile([7], 42)).toBe(7);
});

describe('the default rule', () => {
  test('does not depend on exposure: 0.3 to 3 times as bright gives the same bytes but for rounding', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.double({ min: 0.3, max: 3, noNaN: true }), fc.nat(300), (seed, factor, signal) => {
        const raw = plane(seed, { signal });
        const pixels = normalized(image(raw));
        const scaled = normalized(image(raw.map((sample) => sample * factor)));
        for (const [index, byte] of pixels.entries()) expect(Math.abs(byte - scaled[index]!)).toBeLessThanOrEqual(1);
      }),
      { numRuns: 30 },
    );
  });

  test('nor does it for 16-bit integers, which are rounded', () => {
    const raw = plane(3, { background: 1000, noise: 30, signal: 2000 });
    const pixels = normalized(image(Uint16Array.from(raw, Math.round)));
    for (const factor of [0.3, 0.7, 3]) {
      const scaled = normalized(image(Uint16Array.from(raw, (sample) => Math.round(sample * factor))));
      const worst = pixels.reduce((most, byte, index) => Math.max(most, Math.abs(byte - scaled[index]!)), 0);
      expect(worst).toBeLessThanOrEqual(2);
    }
  });

  test('does not stretch noise: a channel without signal spans a third, one with signal all of 0 to 255', () => {
    expect(spread(normalized(image(plane(1))))).toBeGreaterThan(50);
    expect(spread(normalized(image(plane(1))))).toBeLessThan(110);
    expect(spread(normalized(image(plane(1, { signal: 200 }))))).toBeGreaterThan(250);
  });

  test('treats each channel by itself and says which numbers it used', () => {
    const [a, b] = [plane(1, { signal: 100 }), plane(2, { signal: 4000 })];
    const both = normalizeImage(image(a, b), defaultNormalization, 'x.tif');
    const alone = [normalized(image(a)), normalized(image(b))];
    for (let pixel = 0; pixel < size * size; pixel++) {
      expect(both.pixels[2 * pixel]).toBe(alone[0]![pixel]);
      expect(both.pixels[2 * pixel + 1]).toBe(alone[1]![pixel]);
    }
    const sorted = Float64Array.from(b).sort();
    expect(both.ranges![1]![0]).toBeCloseTo(percentile(sorted, 1), 6);
    expect(both.ranges![1]![1]).toBeCloseTo(percentile(sorted, 99.9), 6);
  });

  test('makes zeros of a channel of one value', () => {
    expect(new Set(normalized(image(new Float32Array(size * size).fill(7))))).toEqual(new Set([0]));
  });
});

test('an absolute floor holds the range open', () => {
  const rule: Normalization = { ...defaultNormalization, noiseFloor: 0, floor: 1000 };
  const { ranges } = normalizeImage(image(plane(1, { signal: 200 })), rule, 'x.tif');
  expect(ranges![0]![1] - ranges![0]![0]).toBeCloseTo(1000, 9);
});

test('pixel noise is found under a blob, on a slope, and not where there is none', () => {
  for (const noise of [1, 5, 30]) {
    expect(pixelNoise(plane(4, { noise }), size) / noise).toBeGreaterThan(0.9);
    expect(pixelNoise(plane(4, { noise }), size) / noise).toBeLessThan(1.1);
  }
  expect(pixelNoise(plane(4, { noise: 5, signal: 50 }), size)).toBeLessThan(8);
  expect(
    pixelNoise(
      Float32Array.from({ length: size * size }, (_, index) => 3 * (index % size)),
      size,
    ),
  ).toBe(0);
  expect(pixelNoise(Float32Array.of(1, 9, 4, 5), 2)).toBe(0);
});

describe('the other rules', () => {
  test('none takes 8-bit samples as they are and refuses others', () => {
    const samples = Uint8Array.from({ length: size * size }, (_, index) => index % 256);
    expect(normalized(image(samples), { rule: 'none' })).toEqual(samples);
    expect(() => normalized(image(plane(1)), { rule: 'none' })).toThrow(
      /x\.tif: has 32-bit float samples, expected 8 bits/,
    );
  });

  test('range maps its ends to 0 and 255 and clips', () => {
    const samples = Float32Array.of(...[-5, 10, 20, 30, 999], ...new Array(59).fill(10));
    const rule: Normalization = { rule: 'range', ranges: [[10, 30]] };
    expect([...normalizeImage(image(samples), rule, 'x').pixels.subarray(0, 5)]).toEqual([0, 0, 128, 255, 255]);
  });

  test('bit depth scales by the depth and refuses what is beyond, never clips', () => {
    const samples = new Uint16Array(64).fill(16383);
    samples[1] = 8192;
    const rule: Normalization = { rule: 'bit-depth', bits: 14 };
    expect([...normalizeImage(image(samples), rule, 'x').pixels.subarray(0, 2)]).toEqual([255, 128]);
    samples[5] = 16384;
    expect(() => normalizeImage(image(samples), rule, 'x')).toThrow(/holds 16384, expected 0 to 16383 \(14 bits\)/);
    expect(() => normalizeImage(image(new Float32Array(64).fill(-1)), rule, 'x')).toThrow(/holds -1/);
  });

  test('numbers given for a field are used as they are', () => {
    const rule: Normalization = { ...defaultNormalization, per: 'field' };
    expect(normalizeImage(image(plane(1)), rule, 'x', [[0, 255]]).ranges).toEqual([[0, 255]]);
  });

  test('samples that are no numbers are an error', () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const samples = plane(1);
      samples[17] = value;
      expect(() => normalized(image(samples))).toThrow(/x\.tif: holds (NaN|Infinity), expected numbers/);
    }
  });
});

test('order is kept and ends are reached, whatever the samples', () => {
  const samples = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), {
    minLength: size,
    maxLength: size * 3,
  });
  const lengths = samples.map((values) => values.slice(0, values.length - (values.length % size)));
  const rule: Normalization = { ...defaultNormalization, low: 0, high: 100, noiseFloor: 0 };
  fc.assert(
    fc.property(lengths, (values) => {
      const pixels = normalized(image(Float32Array.from(values)), rule);
      for (let a = 1; a < values.length; a++) {
        if (values[a]! > values[a - 1]!) expect(pixels[a]).toBeGreaterThanOrEqual(pixels[a - 1]!);
      }
      if (new Set(values).size > 1) expect([Math.min(...pixels), Math.max(...pixels)]).toEqual([0, 255]);
    }),
  );
});

test('rules are the same when every number is', () => {
  const rules: Normalization[] = [
    { rule: 'none' },
    { rule: 'bit-depth', bits: 12 },
    { rule: 'bit-depth', bits: 14 },
    { rule: 'range', ranges: [[0, 10]] },
    { rule: 'range', ranges: [[0, 11]] },
    defaultNormalization,
    { ...defaultNormalization, per: 'field' },
    { ...defaultNormalization, high: 99.8 },
    { ...defaultNormalization, floor: 1 },
    { ...defaultNormalization, noiseFloor: 1 },
    { ...defaultNormalization, per: 'dataset', ranges: [[0, 1]] },
    { ...defaultNormalization, per: 'dataset', ranges: [[0, 2]] },
  ];
  for (const [i, a] of rules.entries()) {
    for (const [j, b] of rules.entries()) {
      expect(sameNormalization(a, b)).toBe(i === j);
      expect(sameNormalization(a, JSON.parse(JSON.stringify(b)))).toBe(i === j);
    }
  }
});
