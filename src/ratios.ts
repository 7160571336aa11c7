/** Ratios that may be undefined: 0/0 is null, and left out of the means and medians, which say how many values they hold. */

/** A summary of the defined values among several ratios. */
export interface Summary {
  value: number | null;
  /** How many defined values it summarises. */
  n: number;
}

/** count / total, null for 0/0. */
export function ratio(count: number, total: number): number | null {
  return total === 0 ? null : count / total;
}

function defined(values: readonly (number | null)[]): number[] {
  return values.filter((value) => value !== null);
}

/** The median of the defined values; the mean of the middle two for an even number of them. */
export function median(values: readonly (number | null)[]): Summary {
  const sorted = defined(values).sort((a, b) => a - b);
  const n = sorted.length;
  if (n === 0) return { value: null, n };
  const upper = sorted[n >> 1] as number;
  return { value: n % 2 === 1 ? upper : ((sorted[n / 2 - 1] as number) + upper) / 2, n };
}

/** The mean of the defined values: of recalls, the macro recall (balanced accuracy). */
export function mean(values: readonly (number | null)[]): Summary {
  const kept = defined(values);
  if (kept.length === 0) return { value: null, n: 0 };
  return { value: kept.reduce((sum, value) => sum + value, 0) / kept.length, n: kept.length };
}
