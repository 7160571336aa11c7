/** The middle value, or the mean of the two middle ones. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export const sum = (values) => values.reduce((total, value) => total + value, 0);

/** The definitions' error of a tensor: max |y - r| / max |r|. */
export function relativeError(values, reference) {
  let largest = 0;
  for (const value of reference) largest = Math.max(largest, Math.abs(value));
  return absoluteError(values, reference) / largest;
}

/** max |y - r|; Infinity where the lengths differ. */
export function absoluteError(values, reference) {
  if (values.length !== reference.length) return Number.POSITIVE_INFINITY;
  let difference = 0;
  for (let i = 0; i < reference.length; i++) {
    difference = Math.max(Math.abs(values[i] - reference[i]), difference); // a NaN stays
  }
  return difference;
}
