// One generator in three languages: Python's values (test/fixtures/network/philox.py), src/random.ts and the addon.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { loadAddon } from '../../src/native';
import { philox4x32, purposes, RandomStream } from '../../src/random';
import { readManifest } from '../network/fixture';

const { random } = await readManifest();
const addon = loadAddon();
const numbers = (words: string) => words.split(' ').map((word) => Number.parseInt(word, 16));

test.each(random.knownAnswers)('Random123: counter %s, key %s', (counter, key, words) => {
  expect([...addon.philox(Uint32Array.from(numbers(counter)), Uint32Array.from(numbers(key)))]).toEqual(numbers(words));
  expect([...philox4x32(numbers(counter), numbers(key))]).toEqual(numbers(words));
});

describe.each(random.values)('seed $seed, $purpose, iteration $iteration, stream $stream', (value) => {
  const { seed, purpose, iteration, stream, elements } = value;
  const ours = new RandomStream(seed, purpose, iteration, stream);

  test('words', () => {
    expect(elements.map((element) => ours.word(element))).toEqual(value.words);
    const key = Uint32Array.of(seed % 2 ** 32, Math.floor(seed / 2 ** 32));
    const native = elements.map((element) => {
      const counter = Uint32Array.of(Math.floor(element / 4), stream, iteration, purposes[purpose]);
      return addon.philox(counter, key)[element % 4];
    });
    expect(native).toEqual(value.words);
  });

  test('normal variates', () => {
    for (const [i, element] of elements.entries()) {
      expect(Math.abs(ours.normal(element) - value.normals[i]!)).toBeLessThan(1e-14);
    }
  });
});

test('the addon and TypeScript agree on any counter and key', () => {
  const word = fc.nat({ max: 0xffffffff });
  fc.assert(
    fc.property(fc.tuple(word, word, word, word), fc.tuple(word, word), (counter, key) => {
      expect([...addon.philox(Uint32Array.from(counter), Uint32Array.from(key))]).toEqual([
        ...philox4x32(counter, key),
      ]);
    }),
  );
});
