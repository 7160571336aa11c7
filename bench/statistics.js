/** The middle value, or the mean of the two middle ones. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The definitions' error of a tensor: max |y - r| / max |r|. */
export function relativeError(values, reference) {
  let largest = 0;
  let difference = 0;
  for (let i = 0; i < reference.length; i++) {
    largest = Math.max(largest, Math.abs(reference[i]));
    const here = Math.abs(values[i] - reference[i]);
    difference = Math.max(here, difference); // a NaN stays
  }
  return difference / largest;
}

/** max |y - r|. */
export function absoluteError(values, reference) {
  let difference = 0;
  for (let i = 0; i < reference.length; i++) {
    const here = Math.abs(values[i] - reference[i]);
    difference = Math.max(here, difference);
  }
  return difference;
}
