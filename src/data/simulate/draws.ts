import { type Purpose, RandomSequence, RandomStream } from '../../random';

const purpose: Purpose = 'simulation';

/** Which kind of thing a stream of the simulator's random numbers belongs to (the stream's `iteration`). */
export const drawsOf = {
  cell: 0,
  protein: 1,
  plate: 2,
  field: 3,
  plan: 4,
  pixels: 5,
  /** Of a whole field: where its cells lie, what each of them is, its light, its pixels. */
  'field places': 6,
  'field cells': 7,
  'field light': 8,
  'field pixels': 9,
  'field focus': 11,
  /** The wells of a plate of fields. */
  wells: 10,
  /** What the pictures of a field have of their own in varied screens, and those of a cell. */
  microscope: 12,
  'microscope pixels': 13,
} as const;

/** Random quantities drawn one after the other from one stream: the same stream gives the same quantities, always. */
export class Draws {
  readonly #sequence: RandomSequence;
  #spare = Number.NaN;

  constructor(seed: number, kind: keyof typeof drawsOf, index: number) {
    this.#sequence = new RandomSequence(new RandomStream(seed, purpose, drawsOf[kind], index));
  }

  word(): number {
    return this.#sequence.word();
  }

  /** Uniform from `low` (included) to `high`. */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * this.#sequence.uniform();
  }

  /** An integer from `low` to `high`, both included. */
  integer(low: number, high: number): number {
    return low + this.#sequence.integer(high - low + 1);
  }

  /** A whole number whose mean is `expected`: the one below it or the one above it. */
  rounded(expected: number): number {
    return Math.floor(expected + this.uniform());
  }

  chance(probability: number): boolean {
    return this.#sequence.uniform() < probability;
  }

  /** Normal, by Box and Muller's transform; the second variate of a pair is kept for the next call. */
  normal(mean = 0, deviation = 1): number {
    if (!Number.isNaN(this.#spare)) {
      const value = this.#spare;
      this.#spare = Number.NaN;
      return mean + deviation * value;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.#sequence.uniform()));
    const angle = 2 * Math.PI * this.#sequence.uniform();
    this.#spare = radius * Math.sin(angle);
    return mean + deviation * radius * Math.cos(angle);
  }

  /** Normal, drawn again outside `low` to `high` (after eight tries the nearer bound). */
  truncatedNormal(mean: number, deviation: number, low: number, high: number): number {
    for (let attempt = 0; attempt < 8; attempt++) {
      const value = this.normal(mean, deviation);
      if (value >= low && value <= high) return value;
    }
    return mean < low ? low : high;
  }

  /** exp of a normal: `median` times a factor whose logarithm has the given deviation. */
  logNormal(median: number, deviation: number): number {
    return median * Math.exp(this.normal(0, deviation));
  }

  angle(): number {
    return this.uniform(0, 2 * Math.PI);
  }

  /** One position of a table of weights, with a probability in proportion to its weight. */
  weighted(weights: readonly number[]): number {
    let total = 0;
    for (const weight of weights) total += weight;
    let left = this.uniform(0, total);
    for (let i = 0; i < weights.length; i++) {
      left -= weights[i] as number;
      if (left < 0) return i;
    }
    return weights.length - 1;
  }
}
