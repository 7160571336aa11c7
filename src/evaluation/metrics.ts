/**
 * Recall, precision and accuracy from a confusion matrix. A ratio 0/0 is null: it is undefined, and left out of medians
 * and means, whose `n` says how many values they summarise.
 */

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

/** The numbers of one class. */
export interface ClassMetrics {
  name: string;
  /** Share of the class's cells that were called so; null without any. */
  recall: number | null;
  /** Share of the cells called so that are of the class; null when none was. */
  precision: number | null;
  /** Cells of the class. */
  support: number;
}

/**
 * Recall, precision and support of every class.
 * @param counts [K * K], row: true class, column: predicted class
 */
export function classMetrics(classes: readonly string[], counts: ArrayLike<number>): ClassMetrics[] {
  const k = classes.length;
  return classes.map((name, c) => {
    let support = 0;
    let called = 0;
    for (let other = 0; other < k; other++) {
      support += counts[c * k + other] as number;
      called += counts[other * k + c] as number;
    }
    const correct = counts[c * k + c] as number;
    return { name, recall: ratio(correct, support), precision: ratio(correct, called), support };
  });
}
