import { RandomStream } from '../../src/random';

/** Uniform numbers of [0, 1). */
export function uniforms(count: number, seed: number): Float64Array {
  const stream = new RandomStream(seed, 'simulation', 0, 0);
  return Float64Array.from({ length: count }, (_, element) => stream.uniform(element));
}
