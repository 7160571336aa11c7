import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadAddon } from '../src/native';
import { permutation, philox4x32, purposes, RandomSequence, RandomStream } from '../src/random';

describe('philox4x32', () => {
  // The known-answer vectors that Random123 publishes (tests/kat_vectors, philox4x32 with 10 rounds).
  it.each([
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ])('gives the published words for counter %j and key %j', (counter, key, words) => {
    expect([...philox4x32(counter, key)]).toEqual(words);
  });

  it('agrees with the native core', () => {
    const word = fc.integer({ min: 0, max: 0xffffffff });
    fc.assert(
      fc.property(fc.tuple(word, word, word, word), fc.tuple(word, word), (counter, key) => {
        expect(philox4x32(counter, key)).toEqual(loadAddon().philox(Uint32Array.from(counter), Uint32Array.from(key)));
      }),
    );
  });

  it('agrees with the same rounds in BigInt arithmetic', () => {
    const word = fc.integer({ min: 0, max: 0xffffffff });
    fc.assert(
      fc.property(fc.tuple(word, word, word, word), fc.tuple(word, word), (counter, key) => {
        expect([...philox4x32(counter, key)]).toEqual(referencePhilox(counter, key));
      }),
    );
  });
});

function referencePhilox(counter: number[], key: number[]): number[] {
  const mask = 0xffffffffn;
  let [c0, c1, c2, c3] = counter.map(BigInt) as [bigint, bigint, bigint, bigint];
  let [k0, k1] = key.map(BigInt) as [bigint, bigint];
  for (let round = 0; round < 10; round++) {
    const a = 0xd2511f53n * c0;
    const b = 0xcd9e8d57n * c2;
    [c0, c1, c2, c3] = [(b >> 32n) ^ c1 ^ k0, b & mask, (a >> 32n) ^ c3 ^ k1, a & mask];
    k0 = (k0 + 0x9e3779b9n) & mask;
    k1 = (k1 + 0xbb67ae85n) & mask;
  }
  return [c0, c1, c2, c3].map(Number);
}

describe('RandomStream', () => {
  it('lays key and counter out as the native core does', () => {
    const seed = 5 * 2 ** 32 + 7;
    const stream = new RandomStream(seed, 'dropout', 11, 13);
    for (const element of [0, 1, 2, 3, 4, 4_000_003, 2 ** 34 - 1]) {
      const block = philox4x32([Math.floor(element / 4), 13, 11, purposes.dropout], [7, 5]);
      expect(stream.word(element)).toBe(block[element % 4]);
    }
  });

  it('gives the same element in any order of asking', () => {
    const forward = new RandomStream(3, 'split', 0, 0);
    const backward = new RandomStream(3, 'split', 0, 0);
    const words = Array.from({ length: 17 }, (_, i) => forward.word(i));
    for (let i = 16; i >= 0; i--) expect(backward.word(i)).toBe(words[i]);
    expect(new Set(words).size).toBe(17);
  });

  it('draws uniforms and normals with the moments they should have', () => {
    const stream = new RandomStream(1, 'simulation', 0, 0);
    const count = 40_000;
    let uniforms = 0;
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < count; i++) {
      const uniform = stream.uniform(i);
      expect(uniform >= 0 && uniform < 1).toBe(true);
      uniforms += uniform;
      const normal = stream.normal(i);
      sum += normal;
      squares += normal * normal;
    }
    // Five standard errors of each mean.
    expect(Math.abs(uniforms / count - 0.5)).toBeLessThan(5 * Math.sqrt(1 / 12 / count));
    expect(Math.abs(sum / count)).toBeLessThan(5 / Math.sqrt(count));
    expect(Math.abs(squares / count - 1)).toBeLessThan(5 * Math.sqrt(2 / count));
  });

  it.each([-1, 1.5, Number.NaN, 2 ** 53])('refuses the seed %s', (seed) => {
    expect(() => new RandomStream(seed, 'split', 0, 0)).toThrow(/seed is .*expected an integer/);
  });

  it('refuses elements that no counter reaches', () => {
    const stream = new RandomStream(0, 'split', 0, 0);
    expect(() => stream.word(2 ** 34)).toThrow(/element/);
    expect(() => stream.word(-1)).toThrow(/element/);
  });
});

describe('RandomSequence.integer', () => {
  it('is below its bound, reaches every value and favours none', () => {
    const sequence = new RandomSequence(new RandomStream(9, 'bootstrap', 0, 0));
    const counts = new Array<number>(7).fill(0);
    for (let i = 0; i < 70_000; i++) {
      const value = sequence.integer(7);
      counts[value] = (counts[value] ?? 0) + 1;
    }
    expect(counts).toHaveLength(7);
    const chiSquare = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
    expect(chiSquare).toBeLessThan(35.9); // the 1 - 3e-6 quantile for six degrees of freedom
  });

  it('draws again above the last whole multiple', () => {
    // For bound 2^31 + 1 nearly half of all words are rejected; the plain remainder would favour small values two to one.
    const sequence = new RandomSequence(new RandomStream(2, 'bootstrap', 0, 0));
    const bound = 2 ** 31 + 1;
    let low = 0;
    for (let i = 0; i < 10_000; i++) if (sequence.integer(bound) < bound / 2) low++;
    expect(Math.abs(low - 5_000)).toBeLessThan(250);
  });

  it('takes bounds 1 and 2^32 and refuses 0', () => {
    const sequence = new RandomSequence(new RandomStream(2, 'bootstrap', 0, 0));
    expect(sequence.integer(1)).toBe(0);
    expect(sequence.integer(2 ** 32)).toBeLessThan(2 ** 32);
    expect(() => sequence.integer(0)).toThrow(/bound/);
  });
});

describe('permutation', () => {
  it('holds every index once and depends on seed, purpose and iteration only', () => {
    const one = permutation(4, 'shuffle', 2, 1000);
    expect([...one].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect(permutation(4, 'shuffle', 2, 1000)).toEqual(one);
    expect(permutation(5, 'shuffle', 2, 1000)).not.toEqual(one);
    expect(permutation(4, 'shuffle', 3, 1000)).not.toEqual(one);
    expect(permutation(4, 'split', 2, 1000)).not.toEqual(one);
  });

  it('draws each of the orders of three alike', () => {
    const counts = new Map<string, number>();
    for (let i = 0; i < 6_000; i++) {
      const order = permutation(1, 'shuffle', i, 3).join();
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    for (const count of counts.values()) expect(Math.abs(count - 1_000)).toBeLessThan(150);
  });

  it('takes nothing and one', () => {
    expect([...permutation(1, 'split', 0, 0)]).toEqual([]);
    expect([...permutation(1, 'split', 0, 1)]).toEqual([0]);
  });
});
