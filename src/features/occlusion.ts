/**
 * Where a cell's class is seen: how much the probability of a class falls when a part of the crop is replaced by the mean
 * image (Zeiler and Fergus, ECCV 2014).
 */
import { DeepYeastError } from '../errors';
import type { BatchOptions, Network } from '../network/network';
import { argmax } from '../prediction/call';

export interface OcclusionOptions extends BatchOptions {
  /** Class whose probability is watched, an index; default the predicted one. */
  label?: number;
  /** Side of the square that is covered, in pixels; default an eighth of the crop. */
  window?: number;
  /** Pixels between two squares; default half the window. */
  step?: number;
}

export interface OcclusionMap {
  /** The class that was watched, and its probability for the whole crop. */
  label: number;
  probability: number;
  /** Shape [size, size]; mean fall of the probability over the squares that cover a pixel; negative where it rises. */
  drop: Float32Array;
}

/**
 * The occlusion map of one crop.
 * @param crop uint8 [size, size, channels]
 * @throws invalid-argument, aborted, closed
 */
export async function occlusionMap(
  network: Network,
  crop: Uint8Array,
  options: OcclusionOptions = {},
): Promise<OcclusionMap> {
  const { imageSize: size, channels } = network.topology;
  const window = options.window ?? Math.max(2, size >> 3);
  const step = options.step ?? Math.max(1, window >> 1);
  for (const [name, value] of Object.entries({ window, step })) {
    if (!Number.isSafeInteger(value) || value < 1 || value > size) {
      throw new DeepYeastError('invalid-argument', `found the ${name} ${value}, expected 1 to ${size} pixels`);
    }
  }
  const k = network.classes.length;
  const { posteriors } = await network.predict(crop, options);
  const label = options.label ?? argmax(posteriors, 0, k);
  if (!(Number.isSafeInteger(label) && label >= 0 && label < k)) {
    throw new DeepYeastError('invalid-argument', `found the label ${label}, expected 0 to ${k - 1}`);
  }
  const corners: number[] = [];
  for (let at = 0; at < size - window; at += step) corners.push(at);
  corners.push(size - window);
  const squares = corners.flatMap((top) => corners.map((left) => ({ top, left })));
  const mean = network.inputTransform?.mean;
  const bytes = size * size * channels;
  const pixels = new Uint8Array(squares.length * bytes);
  for (const [s, { top, left }] of squares.entries()) {
    pixels.set(crop, s * bytes);
    for (let y = top; y < top + window; y++) {
      for (let at = (y * size + left) * channels; at < (y * size + left + window) * channels; at++) {
        pixels[s * bytes + at] = Math.round(mean?.[at] ?? 0);
      }
    }
  }
  const covered = await network.predict(pixels, options);
  const probability = posteriors[label] as number;
  const drop = new Float32Array(size * size);
  const times = new Uint32Array(size * size);
  for (const [s, { top, left }] of squares.entries()) {
    const fall = probability - (covered.posteriors[s * k + label] as number);
    for (let y = top; y < top + window; y++) {
      for (let x = left; x < left + window; x++) {
        drop[y * size + x] = (drop[y * size + x] as number) + fall;
        times[y * size + x] = (times[y * size + x] as number) + 1;
      }
    }
  }
  // With a step beyond the window some pixels are never covered: their map is 0.
  for (let i = 0; i < drop.length; i++) drop[i] = (drop[i] as number) / Math.max(1, times[i] as number);
  return { label, probability, drop };
}
