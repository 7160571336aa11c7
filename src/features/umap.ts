import { throwIfAborted } from '../abort';
import { DeepYeastError } from '../errors';
import { RandomSequence, RandomStream } from '../random';

export interface UmapOptions {
  /** Size of the local neighbourhood; default 15. */
  neighbours?: number;
  /** Of the plane; default 0.1. */
  minimumDistance?: number;
  seed?: number;
  signal?: AbortSignal | undefined;
}

/**
 * UMAP (McInnes, Healy and Melville 2018) by umap-js, with its random numbers from the seed.
 * @param points [n, dimensions]
 * @returns [n, 2]
 * @throws invalid-argument with no more points than neighbours, aborted
 */
export async function umap(
  points: Float64Array,
  n: number,
  dimensions: number,
  options: UmapOptions = {},
): Promise<Float64Array> {
  const { neighbours = 15, minimumDistance = 0.1, seed = 0, signal } = options;
  if (n <= neighbours) {
    throw new DeepYeastError('invalid-argument', `found ${n} points, expected more than the ${neighbours} neighbours`);
  }
  const { UMAP } = await import('umap-js');
  const sequence = new RandomSequence(new RandomStream(seed, 'analysis', 0, 2001));
  const rows = Array.from({ length: n }, (_, i) => Array.from(points.subarray(i * dimensions, (i + 1) * dimensions)));
  const reducer = new UMAP({
    nComponents: 2,
    nNeighbors: neighbours,
    minDist: minimumDistance,
    random: () => sequence.uniform(),
  });
  const embedding = await reducer.fitAsync(rows, () => !signal?.aborted);
  throwIfAborted(signal);
  return Float64Array.from(embedding.flat());
}
