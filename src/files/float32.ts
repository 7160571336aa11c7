import { rounded } from './number';

/**
 * The shortest of 6, 7, 8 or 9 significant digits that reads back as the same float32, so that a table of posteriors
 * loses nothing and stays readable (0.1, not 0.10000000149011612). Nine digits always suffice.
 */
export function formatFloat32(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const exact = Math.fround(value);
  for (let digits = 6; digits < 9; digits++) {
    const short = rounded(exact, digits);
    if (Math.fround(short) === exact) return String(short);
  }
  return String(rounded(exact, 9));
}
