/**
 * P values adjusted by Benjamini and Hochberg's procedure (J. R. Statist. Soc. B 57, 1995): calling those of at most q
 * keeps the expected share of false discoveries at q. Nulls (not tested) stay null.
 */
export function benjaminiHochberg(pValues: readonly (number | null)[]): (number | null)[] {
  const tested = pValues
    .map((p, i) => ({ p, i }))
    .filter((entry): entry is { p: number; i: number } => entry.p !== null);
  tested.sort((a, b) => b.p - a.p);
  const adjusted = new Array<number | null>(pValues.length).fill(null);
  let least = 1;
  for (const [fromEnd, { p, i }] of tested.entries()) {
    least = Math.min(least, (p * tested.length) / (tested.length - fromEnd));
    adjusted[i] = least;
  }
  return adjusted;
}
