/** Which class a row of posteriors calls. */

/** What `predict --reject` writes instead of a class. */
export const uncertain = 'uncertain';

/** The index of the largest value, the lower one on a tie. */
export function argmax(values: ArrayLike<number>, start = 0, count = values.length - start): number {
  let best = 0;
  for (let i = 1; i < count; i++) if ((values[start + i] as number) > (values[start + best] as number)) best = i;
  return best;
}

/** The class of the largest value, ties (to 1e-12 of the sum, which a reordering of the cells can move) to the lower. */
export function callClass(values: ArrayLike<number>): { index: number; tied: boolean } {
  let largest = Number.NEGATIVE_INFINITY;
  let sum = 0;
  for (let c = 0; c < values.length; c++) {
    largest = Math.max(largest, values[c] as number);
    sum += values[c] as number;
  }
  const threshold = largest - 1e-12 * sum;
  let index = -1;
  let tied = false;
  for (let c = 0; c < values.length; c++) {
    if ((values[c] as number) < threshold) continue;
    if (index < 0) index = c;
    else tied = true;
  }
  return { index, tied };
}
