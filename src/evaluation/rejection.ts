/** Answering "uncertain": how well the largest posterior tells cells that may be called from those that may not. */
import { DeepYeastError } from '../errors';

/**
 * Area under the ROC curve: the probability that a positive scores higher than a negative, ties counted half
 * (Mann and Whitney's U). Null where one of the two groups is empty.
 */
export function areaUnderRoc(positives: ArrayLike<number>, negatives: ArrayLike<number>): number | null {
  if (positives.length === 0 || negatives.length === 0) return null;
  const all = [
    ...Array.from(positives, (score) => ({ score, positive: true })),
    ...Array.from(negatives, (score) => ({ score, positive: false })),
  ].sort((a, b) => a.score - b.score);
  let ranks = 0;
  for (let first = 0; first < all.length; ) {
    let end = first + 1;
    while (end < all.length && all[end]?.score === all[first]?.score) end++;
    // Equal scores share the mean of their ranks.
    const rank = (first + 1 + end) / 2;
    for (let i = first; i < end; i++) if (all[i]?.positive) ranks += rank;
    first = end;
  }
  const n = positives.length;
  return (ranks - (n * (n + 1)) / 2) / (n * negatives.length);
}

/**
 * Average precision, the area under the precision-recall curve as a step function (scikit-learn's
 * average_precision_score). Null without a positive.
 */
export function averagePrecision(scores: ArrayLike<number>, positive: ArrayLike<boolean | number>): number | null {
  const order = Array.from({ length: scores.length }, (_, i) => i).sort(
    (a, b) => (scores[b] as number) - (scores[a] as number),
  );
  const total = order.reduce((sum, i) => sum + (positive[i] ? 1 : 0), 0);
  if (total === 0) return null;
  let area = 0;
  let found = 0;
  let before = 0;
  for (let i = 0; i < order.length; i++) {
    const at = order[i] as number;
    if (positive[at]) found++;
    const next = order[i + 1];
    // A threshold lies between unequal scores only.
    if (next !== undefined && scores[next] === scores[at]) continue;
    area += ((found - before) / total) * (found / (i + 1));
    before = found;
  }
  return area;
}

export interface Rejection {
  /** Below it the answer is "uncertain". */
  threshold: number;
  /** Known cells that keep an answer, and how many of these are right; null where none does. */
  answered: number;
  accuracyOfAnswered: number | null;
  /** Cells of unseen compartments that are called uncertain; null without such cells. */
  unseenRejected: number | null;
}

/** A cell of a known compartment. */
export interface KnownCell {
  confidence: number;
  correct: boolean;
}

/**
 * What a threshold on the largest posterior does.
 * @param unseen largest posteriors of cells of compartments that the network never saw
 * @throws invalid-argument without known cells or for a threshold beyond 0 to 1
 */
export function rejection(known: readonly KnownCell[], unseen: ArrayLike<number>, threshold: number): Rejection {
  if (known.length === 0 || !(threshold >= 0 && threshold <= 1)) {
    throw new DeepYeastError(
      'invalid-argument',
      `found ${known.length} known cells and the threshold ${threshold}, expected some and a number from 0 to 1`,
    );
  }
  const kept = known.filter(({ confidence }) => confidence >= threshold);
  const right = kept.filter(({ correct }) => correct).length;
  const rejected = Array.from(unseen).filter((confidence) => confidence < threshold).length;
  return {
    threshold,
    answered: kept.length / known.length,
    accuracyOfAnswered: kept.length === 0 ? null : right / kept.length,
    unseenRejected: unseen.length === 0 ? null : rejected / unseen.length,
  };
}
