/** Whole numbers in given proportions, by the method of the largest remainders. */

/** Whole numbers of sum `total` in proportion to the weights, by the largest remainders, each at least `least`. */
export function shareOut(total: number, weights: readonly number[], least = 1): number[] {
  const sum = weights.reduce((a, b) => a + b, 0);
  const free = total - least * weights.length;
  const exact = weights.map((weight) => (sum > 0 ? (free * weight) / sum : 0));
  return raiseToSum(
    exact.map((value) => least + Math.floor(value)),
    exact,
    total,
  );
}

/**
 * Raises whole numbers by one each until their sum is `total`, those first whose exact share has the largest fraction,
 * of equal ones the first in the list. Numbers whose sum is `total` or more are left as they are.
 */
export function raiseToSum(counts: readonly number[], exact: readonly number[], total: number): number[] {
  const raised = [...counts];
  const order = [...exact.keys()].sort((a, b) => ((exact[b] as number) % 1) - ((exact[a] as number) % 1) || a - b);
  let left = total - counts.reduce((a, b) => a + b, 0);
  for (const index of order) {
    if (left <= 0) break;
    raised[index] = (raised[index] as number) + 1;
    left--;
  }
  return raised;
}
