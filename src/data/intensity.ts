/** From raw samples to bytes, by the rules of normalization.ts. */

import { DeepYeastError } from '../errors';
import type { RawImage, Samples } from './image-file';
import { describeNormalization, type Normalization, type PercentileNormalization } from './normalization';

/** Raw sample that becomes 0 and raw sample that becomes 255. */
export type Range = [low: number, high: number];

export interface NormalizedImage {
  /** [height, width, channels]. */
  pixels: Uint8Array;
  /** The numbers used, one pair a channel; undefined where samples were taken as they are. */
  ranges: Range[] | undefined;
}

/**
 * Applies a rule to an image. `ranges` are the numbers of the image's field, for a rule per field. An image that the
 * rule does not fit (values that are not numbers, 16 bits under `none`, a value beyond the bit depth) is `image-invalid`;
 * `name` is for the message.
 */
export function normalizeImage(
  image: RawImage,
  normalization: Normalization,
  name: string,
  ranges?: readonly Range[],
): NormalizedImage {
  const invalid = (what: string) => new DeepYeastError('image-invalid', `${name}: ${what}`);
  if (normalization.rule === 'none') {
    if (!image.eightBit) {
      throw invalid(
        `has ${image.sampleType} samples, expected 8 bits under the rule ${describeNormalization(normalization)}`,
      );
    }
    return { pixels: interleave(image, (sample) => sample), ranges: undefined };
  }
  for (const plane of image.planes) requireFinite(plane, name);
  if (normalization.rule === 'bit-depth') {
    const most = 2 ** normalization.bits - 1;
    for (const plane of image.planes) requireBitDepth(plane, normalization.bits, name);
    const used = image.planes.map((): Range => [0, most]);
    return { pixels: stretch(image, used), ranges: used };
  }
  const fixed = normalization.ranges ?? ranges;
  if (!fixed && (normalization as PercentileNormalization).per !== 'cell') {
    throw new DeepYeastError(
      'invalid-argument',
      `${name}: the rule ${describeNormalization(normalization)} needs numbers that are not known for this image`,
    );
  }
  const used = fixed
    ? fixed.map(([low, high]): Range => [low, high])
    : image.planes.map((plane) =>
        percentileRange([plane], [pixelNoise(plane, image.width)], normalization as PercentileNormalization),
      );
  return { pixels: stretch(image, used), ranges: used };
}

/** A sample beyond the camera's bit depth is `image-invalid`, never clipped. */
export function requireBitDepth(samples: Samples, bits: number, name: string): void {
  const most = 2 ** bits - 1;
  const outside = samples.find((sample: number) => sample < 0 || sample > most);
  if (outside === undefined) return;
  throw new DeepYeastError(
    'image-invalid',
    `${name}: holds ${outside}, expected 0 to ${most} (${bits} bits): give the camera's bit depth`,
  );
}

/** Samples that are not finite numbers have no place in 0..255: `image-invalid`. */
export function requireFinite(samples: Samples, name: string): void {
  if (!(samples instanceof Float32Array || samples instanceof Float64Array)) return;
  for (const sample of samples) {
    if (!Number.isFinite(sample))
      throw new DeepYeastError('image-invalid', `${name}: holds ${sample}, expected numbers`);
  }
}

/**
 * The range of a percentile rule over one or more planes of a channel: from the low percentile to the high one, but at
 * least `noiseFloor` x the mean of the planes' pixel noise, and at least `floor`. The low end stays.
 */
export function percentileRange(
  planes: readonly Samples[],
  noise: readonly number[],
  normalization: PercentileNormalization,
): Range {
  const length = planes.reduce((sum, plane) => sum + plane.length, 0);
  const sorted = new Float64Array(length);
  let offset = 0;
  for (const plane of planes) {
    sorted.set(plane, offset);
    offset += plane.length;
  }
  sorted.sort();
  return withFloor(percentile(sorted, normalization.low), percentile(sorted, normalization.high), noise, normalization);
}

/** The same from percentiles already known. */
export function withFloor(
  low: number,
  high: number,
  noise: readonly number[],
  normalization: PercentileNormalization,
): Range {
  const meanNoise = noise.length === 0 ? 0 : noise.reduce((sum, value) => sum + value, 0) / noise.length;
  return [low, low + Math.max(high - low, normalization.noiseFloor * meanNoise, normalization.floor)];
}

/** Percentile of ascending values with linear interpolation, as numpy.percentile. */
export function percentile(sorted: ArrayLike<number>, percent: number): number {
  const position = (percent / 100) * (sorted.length - 1);
  const below = Math.floor(position);
  const low = sorted[below] as number;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] as number;
  return low + (high - low) * (position - below);
}

/**
 * Standard deviation of the pixel noise, from the mean absolute response to a mask that is blind to flat and sloping
 * image content (J. Immerkaer, "Fast noise variance estimation", 1996). It grows with the image: twice as bright, twice
 * the noise, so that a floor in multiples of it does not depend on exposure. 0 for images less than 3 pixels wide or high.
 */
export function pixelNoise(samples: Samples, width: number): number {
  const height = samples.length / width;
  if (width < 3 || height < 3) return 0;
  const at = (index: number) => samples[index] as number;
  let sum = 0;
  for (let row = 1; row < height - 1; row++) {
    for (let column = 1; column < width - 1; column++) {
      const here = row * width + column;
      const up = here - width;
      const down = here + width;
      const response =
        at(up - 1) -
        2 * at(up) +
        at(up + 1) -
        2 * at(here - 1) +
        4 * at(here) -
        2 * at(here + 1) +
        at(down - 1) -
        2 * at(down) +
        at(down + 1);
      sum += Math.abs(response);
    }
  }
  return (Math.sqrt(Math.PI / 2) * sum) / (6 * (width - 2) * (height - 2));
}

/** low to 0, high to 255, clipped, rounded; a range of no width gives 0. */
function stretch(image: RawImage, ranges: readonly Range[]): Uint8Array {
  return interleave(image, (sample, channel) => {
    const [low, high] = ranges[channel] as Range;
    if (!(high > low)) return 0;
    return Math.round(Math.min(1, Math.max(0, (sample - low) / (high - low))) * 255);
  });
}

function interleave(image: RawImage, map: (sample: number, channel: number) => number): Uint8Array {
  const channels = image.planes.length;
  const pixels = new Uint8Array(image.width * image.height * channels);
  for (const [channel, plane] of image.planes.entries()) {
    for (let index = 0; index < plane.length; index++)
      pixels[index * channels + channel] = map(plane[index] as number, channel);
  }
  return pixels;
}
