/** Total variation distance of two mixtures: the share of cells that are elsewhere, 0 to 1. */
export function totalVariation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let c = 0; c < a.length; c++) sum += Math.abs((a[c] as number) - (b[c] as number));
  return sum / 2;
}
