/**
 * Percentile intervals by the bootstrap: units (proteins, fields, cells) are drawn with replacement, as many as there
 * are, and a statistic is computed anew each time.
 */
import { RandomSequence, RandomStream } from '../random';

/** The lower and the upper end. */
export type ConfidenceInterval = [number, number];

export interface BootstrapOptions {
  /** How many resamples. 0: no intervals. */
  replicates: number;
  seed: number;
  /** Tells independent bootstraps of one seed apart; 32 bits. */
  stream?: number;
  /** The probability inside the interval. Default 0.95. */
  level?: number;
}

/**
 * The quantile of sorted values at `probability`, linear between order statistics (NumPy's default).
 * @param sorted ascending, at least one
 */
export function quantile(sorted: ArrayLike<number>, probability: number): number {
  const position = probability * (sorted.length - 1);
  const below = Math.floor(position);
  const lower = sorted[below] as number;
  const upper = sorted[Math.min(below + 1, sorted.length - 1)] as number;
  return lower + (upper - lower) * (position - below);
}

/**
 * Percentile intervals of `statistics` numbers at once. An interval is null when there are fewer than two units (nothing
 * to resample), no replicates, or the number is undefined in every one; undefined replicates are otherwise left out.
 *
 * Replicate r draws from the Philox stream (seed, bootstrap, iteration r, stream), so the intervals are a pure function
 * of the seed and of the order of the units.
 *
 * @param units how many units there are
 * @param statistics how many numbers `compute` writes
 * @param compute gets how often each unit was drawn ([units]) and writes the numbers, NaN where undefined
 */
export function bootstrapIntervals(
  units: number,
  statistics: number,
  compute: (times: Uint32Array, values: Float64Array) => void,
  { replicates, seed, stream = 0, level = 0.95 }: BootstrapOptions,
): (ConfidenceInterval | null)[] {
  if (units < 2 || replicates < 1) return new Array(statistics).fill(null);
  const samples = Array.from({ length: statistics }, () => new Float64Array(replicates));
  const values = new Float64Array(statistics);
  const times = new Uint32Array(units);
  for (let r = 0; r < replicates; r++) {
    const sequence = new RandomSequence(new RandomStream(seed, 'bootstrap', r, stream));
    times.fill(0);
    for (let draw = 0; draw < units; draw++) {
      const unit = sequence.integer(units);
      times[unit] = (times[unit] as number) + 1;
    }
    compute(times, values);
    for (let s = 0; s < statistics; s++) (samples[s] as Float64Array)[r] = values[s] as number;
  }
  return samples.map((sample) => {
    const sorted = sample.filter((value) => !Number.isNaN(value)).sort();
    if (sorted.length === 0) return null;
    return [quantile(sorted, (1 - level) / 2), quantile(sorted, (1 + level) / 2)];
  });
}
