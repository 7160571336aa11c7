/** From the camera's counts to a dataset's bytes: the default rule of import, fast for whole numbers. */
import { pixelNoise, type Range, withFloor } from '../intensity';
import { defaultNormalization } from '../normalization';
import { pixels, size } from './canvas';

/** The camera's largest count (12 bits). */
export const mostCounts = 4095;

const histogram = new Uint16Array(mostCounts + 2);

/** Applies the rule to one channel's counts (0 to 4095) and writes it into an interleaved image of two channels. */
export function applyRule(counts: Uint16Array, image: Uint8Array, channel: number): void {
  histogram.fill(0);
  for (let i = 0; i < pixels; i++) {
    const count = counts[i] as number;
    histogram[count] = (histogram[count] as number) + 1;
  }
  const { low, high } = defaultNormalization;
  const [from, to]: Range = withFloor(
    percentile(low),
    percentile(high),
    [pixelNoise(counts, size)],
    defaultNormalization,
  );
  // One division for all: a table from counts to bytes would be as long as the image.
  const scale = to > from ? 255 / (to - from) : 0;
  const offset = 0.5 - from * scale;
  for (let i = 0; i < pixels; i++) {
    const byte = ((counts[i] as number) * scale + offset) | 0;
    image[2 * i + channel] = Math.max(0, Math.min(255, byte));
  }
}

/** Percentile with linear interpolation, as percentile() of intensity.ts, from the histogram. */
function percentile(percent: number): number {
  const position = (percent / 100) * (pixels - 1);
  const below = Math.floor(position);
  let seen = 0;
  let value = 0;
  while (seen + (histogram[value] as number) <= below) seen += histogram[value++] as number;
  let next = value;
  if (seen + (histogram[value] as number) <= below + 1) {
    next = value + 1;
    while (next < mostCounts && histogram[next] === 0) next++;
  }
  return value + (next - value) * (position - below);
}
