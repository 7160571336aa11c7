/**
 * Recall, precision and accuracy from a confusion matrix. A ratio 0/0 is null: it is undefined, and left out of medians
 * and means, whose `n` says how many values they summarise.
 */

import { ratio } from '../ratios';

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
