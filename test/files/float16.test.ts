import { describe, expect, it } from 'vitest';
import { fromFloat16, toFloat16 } from '../../src/files/float16';

/** All finite numbers of half precision that are not negative, in order, by the definition of the format. */
const magnitudes: number[] = [];
for (let exponent = 0; exponent < 31; exponent++) {
  for (let fraction = 0; fraction < 1024; fraction++) {
    magnitudes.push(exponent === 0 ? (fraction / 1024) * 2 ** -14 : (1 + fraction / 1024) * 2 ** (exponent - 15));
  }
}

const half = (value: number) => fromFloat16(toFloat16(Float32Array.of(value)))[0];

describe('float16', () => {
  it('has the numbers of the format', () => {
    const found = fromFloat16(Uint16Array.from(magnitudes, (_, i) => i));
    expect([...found]).toEqual(magnitudes);
    expect([...fromFloat16(Uint16Array.of(0x8000, 0xbc00, 0x7c00, 0xfc00, 0x7e00))]).toEqual([
      -0,
      -1,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      Number.NaN,
    ]);
  });

  it('keeps every number that half precision has', () => {
    const all = Uint16Array.from({ length: 0x7c01 }, (_, i) => i);
    expect(toFloat16(fromFloat16(all))).toEqual(all);
    const negative = all.map((bits) => bits | 0x8000);
    expect(toFloat16(fromFloat16(negative))).toEqual(negative);
  });

  it('rounds to the nearest, ties to even', () => {
    for (let i = 0; i + 1 < magnitudes.length; i++) {
      const [lower, upper] = [magnitudes[i] as number, magnitudes[i + 1] as number];
      const middle = (lower + upper) / 2; // exact in float32, as are its neighbours there
      const even = i % 2 === 0 ? lower : upper;
      const step = (upper - lower) / 256;
      if (half(middle) !== even || half(middle - step) !== lower || half(-middle - step) !== -upper) {
        expect([half(middle), half(middle - step), half(-middle - step)]).toEqual([even, lower, -upper]);
      }
    }
  });

  it('becomes infinite beyond what it can hold, and stays what is no number', () => {
    expect(half(65_519)).toBe(65_504);
    expect(half(65_520)).toBe(Number.POSITIVE_INFINITY);
    expect(half(-1e30)).toBe(Number.NEGATIVE_INFINITY);
    expect(half(Number.NaN)).toBeNaN();
    expect(Object.is(half(-1e-30), -0)).toBe(true);
  });
});
