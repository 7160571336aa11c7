/**
 * Counter-based random numbers: Philox 4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as
 * 1, 2, 3", SC 2011). The key is the seed; the counter is {element / 4, stream, iteration, purpose} and element % 4 picks
 * the word, exactly as in native/system/random.h: the same (seed, purpose, iteration, stream, element) gives the same
 * number in TypeScript, in C++ and on every device.
 */
import { DeepYeastError } from './errors';

/** What the numbers are for; each purpose is a stream family of its own. */
export const purposes = {
  weights: 1,
  shuffle: 2,
  dropout: 3,
  augmentation: 4,
  split: 5,
  bootstrap: 6,
  simulation: 7,
  forest: 8,
  /** Samples and permutations of the analyses. */
  analysis: 9,
} as const;

export type Purpose = keyof typeof purposes;

const twoTo32 = 2 ** 32;
/** Elements of one stream: the block index is one 32-bit word of the counter and a block holds four words. */
const elementLimit = 4 * twoTo32;

/** The upper 32 bits of the 64-bit product of two 32-bit integers. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = aLow * bHigh + (middle & 0xffff);
  // Every sum is below 2^32, so plain arithmetic in doubles is exact.
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000)) >>> 0;
}

/** The ten-round block function: writes the four words for a counter of four words and a key of two. */
function philoxBlock(counter: Uint32Array, key: Uint32Array, words: Uint32Array): void {
  let c0 = counter[0] as number;
  let c1 = counter[1] as number;
  let c2 = counter[2] as number;
  let c3 = counter[3] as number;
  let k0 = key[0] as number;
  let k1 = key[1] as number;
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(0xd2511f53, c0);
    const high1 = multiplyHigh(0xcd9e8d57, c2);
    const low0 = Math.imul(0xd2511f53, c0) >>> 0;
    const low1 = Math.imul(0xcd9e8d57, c2) >>> 0;
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0;
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  words[0] = c0;
  words[1] = c1;
  words[2] = c2;
  words[3] = c3;
}

/** Philox 4x32-10: four words for a counter of four words and a key of two. */
export function philox4x32(counter: ArrayLike<number>, key: ArrayLike<number>): Uint32Array {
  const words = new Uint32Array(4);
  philoxBlock(Uint32Array.from(counter), Uint32Array.from(key), words);
  return words;
}

function requireInteger(name: string, value: number, below: number): void {
  if (!Number.isSafeInteger(value) || value < 0 || value >= below)
    throw new DeepYeastError(
      'invalid-argument',
      `${name} is ${value}; expected an integer from 0 to ${below - 1}; pass one`,
    );
}

/** One stream of random numbers; element i is a pure function of (seed, purpose, iteration, stream, i). */
export class RandomStream {
  readonly #key: Uint32Array;
  readonly #counter: Uint32Array;
  /** The block computed last: neighbouring elements share one. */
  readonly #words = new Uint32Array(4);

  /**
   * @param seed an integer from 0 to 2^53 - 1
   * @param iteration 32 bits: a mini-batch's number, an epoch, ...
   * @param stream 32 bits: a layer's index, a cell, ...
   * @throws invalid-argument when one of them is out of range
   */
  constructor(seed: number, purpose: Purpose, iteration: number, stream: number) {
    requireInteger('seed', seed, Number.MAX_SAFE_INTEGER + 1);
    requireInteger('iteration', iteration, twoTo32);
    requireInteger('stream', stream, twoTo32);
    this.#key = Uint32Array.of(seed % twoTo32, Math.floor(seed / twoTo32));
    this.#counter = Uint32Array.of(0, stream, iteration, purposes[purpose]);
    philoxBlock(this.#counter, this.#key, this.#words);
  }

  /** 32 uniform bits, an integer from 0 to 2^32 - 1. `element` is an integer from 0 to 2^34 - 1. */
  word(element: number): number {
    if (!(element >= 0 && element < elementLimit)) requireInteger('element', element, elementLimit);
    const block = Math.floor(element / 4);
    if (this.#counter[0] !== block) {
      this.#counter[0] = block;
      philoxBlock(this.#counter, this.#key, this.#words);
    }
    return this.#words[element % 4] as number;
  }

  /** Uniform on [0, 1), a multiple of 2^-32. */
  uniform(element: number): number {
    return this.word(element) / twoTo32;
  }

  /** Standard normal, by Box and Muller's transform of the words of the pair (2i, 2i + 1) that holds the element. */
  normal(element: number): number {
    const first = element - (element % 2);
    const radius = Math.sqrt(-2 * Math.log((this.word(first) + 1) / twoTo32));
    const angle = (2 * Math.PI * this.word(first + 1)) / twoTo32;
    return radius * (element % 2 === 0 ? Math.cos(angle) : Math.sin(angle));
  }
}

/** The words of a stream taken one after the other, for draws that need an unknown number of them. */
export class RandomSequence {
  readonly #stream: RandomStream;
  #element = 0;

  constructor(stream: RandomStream) {
    this.#stream = stream;
  }

  word(): number {
    return this.#stream.word(this.#element++);
  }

  /** Uniform on [0, 1), a multiple of 2^-32. */
  uniform(): number {
    return this.word() / twoTo32;
  }

  /** An integer from 0 to `bound` - 1, without bias: words above the last whole multiple of `bound` are drawn again. */
  integer(bound: number): number {
    requireInteger('bound - 1', bound - 1, twoTo32);
    const limit = twoTo32 - (twoTo32 % bound);
    let word = this.word();
    while (word >= limit) word = this.word();
    return word % bound;
  }
}

/** A uniform permutation of 0 ... n - 1 (Fisher and Yates), a pure function of (seed, purpose, iteration, n). */
export function permutation(seed: number, purpose: Purpose, iteration: number, n: number): Uint32Array {
  requireInteger('n', n, twoTo32);
  const sequence = new RandomSequence(new RandomStream(seed, purpose, iteration, 0));
  const order = new Uint32Array(n);
  for (let i = 0; i < n; i++) order[i] = i;
  for (let last = n - 1; last > 0; last--) {
    const pick = sequence.integer(last + 1);
    const moved = order[last] as number;
    order[last] = order[pick] as number;
    order[pick] = moved;
  }
  return order;
}
