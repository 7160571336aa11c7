/**
 * Exact t-SNE (van der Maaten and Hinton, JMLR 9, 2008) for some thousand points. Our own for two reasons: every pair is
 * visited once an iteration in typed arrays, which the npm library that is still kept does not do, and nothing
 * in it is random but the jitter drawn from the seed. Settings are scikit-learn's.
 */
import { setImmediate } from 'node:timers/promises';
import { throwIfAborted } from '../abort';
import { DeepYeastError } from '../errors';
import { RandomStream } from '../random';

export interface TsneOptions {
  /** Effective number of neighbours; default 30. */
  perplexity?: number;
  /** Default 1000, the first quarter of them (at most 250) exaggerated. */
  iterations?: number;
  /** Of the jitter that parts equal points; default 0. */
  seed?: number;
  signal?: AbortSignal | undefined;
  onProgress?: (iteration: number, iterations: number) => void;
}

export interface TsneEmbedding {
  /** [points, 2] */
  positions: Float64Array;
  /** Kullback-Leibler divergence of the embedding from the points, in nats. */
  divergence: number;
}

const exaggeration = 12;
const minimalGain = 0.01;
/** Iterations between two turns of the event loop. */
const turn = 10;

/**
 * Similarities p_ij of the pairs i < j, one after the other, that sum to one half: Gaussian neighbourhoods whose entropy
 * is log(perplexity), made symmetric (equations 1 and 2 of the paper, scikit-learn's _joint_probabilities).
 *
 * @param points [n, dimensions]
 * @throws invalid-argument where there are not more points than three times the perplexity
 */
export function pairSimilarities(points: Float64Array, n: number, dimensions: number, perplexity: number) {
  if (!(perplexity > 0) || n - 1 < 3 * perplexity) {
    throw new DeepYeastError(
      'invalid-argument',
      `found perplexity ${perplexity} for ${n} points, expected more than ${3 * perplexity} points; lower the perplexity`,
    );
  }
  const distances = squaredDistances(points, n, dimensions);
  const conditional = new Float64Array(n * n);
  const target = Math.log(perplexity);
  for (let i = 0; i < n; i++) conditionalRow(distances, conditional, i, n, target);
  const pairs = new Float64Array((n * (n - 1)) / 2);
  let at = 0;
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      const p = ((conditional[i * n + j] as number) + (conditional[j * n + i] as number)) / (2 * n);
      pairs[at++] = Math.max(p, Number.EPSILON);
    }
  }
  return pairs;
}

function squaredDistances(points: Float64Array, n: number, dimensions: number): Float64Array {
  const distances = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      let sum = 0;
      for (let d = 0; d < dimensions; d++) {
        const difference = (points[i * dimensions + d] as number) - (points[j * dimensions + d] as number);
        sum += difference * difference;
      }
      distances[i * n + j] = sum;
      distances[j * n + i] = sum;
    }
  }
  return distances;
}

/** Bisection for the precision of the Gaussian around point i. */
function conditionalRow(distances: Float64Array, p: Float64Array, i: number, n: number, target: number): void {
  const row = i * n;
  // Relative to the nearest: the exponentials cannot all underflow.
  let nearest = Number.POSITIVE_INFINITY;
  for (let j = 0; j < n; j++) if (j !== i) nearest = Math.min(nearest, distances[row + j] as number);
  let beta = 1;
  let low = 0;
  let high = Number.POSITIVE_INFINITY;
  for (let step = 0; step < 200; step++) {
    let sum = 0;
    let weighted = 0;
    for (let j = 0; j < n; j++) {
      if (j === i) continue;
      const distance = (distances[row + j] as number) - nearest;
      const value = Math.exp(-beta * distance);
      p[row + j] = value;
      sum += value;
      weighted += distance * value;
    }
    const difference = Math.log(sum) + (beta * weighted) / sum - target;
    for (let j = 0; j < n; j++) p[row + j] = (p[row + j] as number) / sum;
    if (Math.abs(difference) < 1e-6) return;
    if (difference > 0) {
      low = beta;
      beta = high === Number.POSITIVE_INFINITY ? 2 * beta : (beta + high) / 2;
    } else {
      high = beta;
      beta = (beta + low) / 2;
    }
  }
}

/**
 * Embeds points in the plane, from their first two dimensions (principal components, say) scaled to a deviation of 1e-4.
 * @param points [n, dimensions]
 * @throws invalid-argument as pairSimilarities, aborted
 */
export async function tsne(
  points: Float64Array,
  n: number,
  dimensions: number,
  options: TsneOptions = {},
): Promise<TsneEmbedding> {
  const { perplexity = 30, iterations = 1000, seed = 0, signal, onProgress } = options;
  const pairs = pairSimilarities(points, n, dimensions, perplexity);
  const y = initialPositions(points, n, dimensions, seed);
  const exaggerated = Math.min(250, Math.floor(iterations / 4));
  const rate = Math.max(n / exaggeration / 4, 50);
  const gradient = new Float64Array(2 * n);
  const repulsion = new Float64Array(2 * n);
  const velocity = new Float64Array(2 * n);
  const gains = new Float64Array(2 * n).fill(1);
  for (let iteration = 0; iteration < iterations; iteration++) {
    const early = iteration < exaggerated;
    if (iteration === exaggerated) {
      velocity.fill(0);
      gains.fill(1);
    }
    computeGradient(pairs, y, n, early ? exaggeration : 1, gradient, repulsion);
    const momentum = early ? 0.5 : 0.8;
    for (let i = 0; i < 2 * n; i++) {
      const slope = gradient[i] as number;
      const speed = velocity[i] as number;
      const gain = slope * speed < 0 ? (gains[i] as number) + 0.2 : Math.max(minimalGain, (gains[i] as number) * 0.8);
      gains[i] = gain;
      velocity[i] = momentum * speed - rate * gain * slope;
      y[i] = (y[i] as number) + (velocity[i] as number);
    }
    if (iteration % turn === turn - 1) {
      await setImmediate();
      throwIfAborted(signal);
      onProgress?.(iteration + 1, iterations);
    }
  }
  return { positions: y, divergence: divergence(pairs, y, n) };
}

function initialPositions(points: Float64Array, n: number, dimensions: number, seed: number): Float64Array {
  const jitter = new RandomStream(seed, 'analysis', 0, 2000);
  const y = new Float64Array(2 * n);
  let squares = 0;
  let mean = 0;
  for (let i = 0; i < n; i++) mean += (points[i * dimensions] as number) / n;
  for (let i = 0; i < n; i++) squares += ((points[i * dimensions] as number) - mean) ** 2 / n;
  const scale = squares > 0 ? 1e-4 / Math.sqrt(squares) : 0;
  for (let i = 0; i < n; i++) {
    for (let d = 0; d < 2; d++) {
      const value = d < dimensions ? (points[i * dimensions + d] as number) : 0;
      y[2 * i + d] = value * scale + 1e-6 * jitter.normal(2 * i + d);
    }
  }
  return y;
}

/** Equation 5, over each pair once: attraction by p, repulsion by the normalized Student kernel. */
function computeGradient(
  pairs: Float64Array,
  y: Float64Array,
  n: number,
  factor: number,
  gradient: Float64Array,
  repulsion: Float64Array,
): void {
  gradient.fill(0);
  repulsion.fill(0);
  let total = 0;
  let at = 0;
  for (let i = 0; i < n; i++) {
    const x0 = y[2 * i] as number;
    const x1 = y[2 * i + 1] as number;
    let attract0 = 0;
    let attract1 = 0;
    let repulse0 = 0;
    let repulse1 = 0;
    for (let j = i + 1; j < n; j++) {
      const d0 = x0 - (y[2 * j] as number);
      const d1 = x1 - (y[2 * j + 1] as number);
      const kernel = 1 / (1 + d0 * d0 + d1 * d1);
      total += kernel;
      const pull = factor * (pairs[at++] as number) * kernel;
      const push = kernel * kernel;
      attract0 += pull * d0;
      attract1 += pull * d1;
      repulse0 += push * d0;
      repulse1 += push * d1;
      gradient[2 * j] = (gradient[2 * j] as number) - pull * d0;
      gradient[2 * j + 1] = (gradient[2 * j + 1] as number) - pull * d1;
      repulsion[2 * j] = (repulsion[2 * j] as number) - push * d0;
      repulsion[2 * j + 1] = (repulsion[2 * j + 1] as number) - push * d1;
    }
    gradient[2 * i] = (gradient[2 * i] as number) + attract0;
    gradient[2 * i + 1] = (gradient[2 * i + 1] as number) + attract1;
    repulsion[2 * i] = (repulsion[2 * i] as number) + repulse0;
    repulsion[2 * i + 1] = (repulsion[2 * i + 1] as number) + repulse1;
  }
  const normalization = 2 * total;
  for (let i = 0; i < 2 * n; i++) {
    gradient[i] = 4 * ((gradient[i] as number) - (repulsion[i] as number) / normalization);
  }
}

/** KL(P || Q) over ordered pairs. */
function divergence(pairs: Float64Array, y: Float64Array, n: number): number {
  const kernels = new Float64Array(pairs.length);
  let total = 0;
  let at = 0;
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      const d0 = (y[2 * i] as number) - (y[2 * j] as number);
      const d1 = (y[2 * i + 1] as number) - (y[2 * j + 1] as number);
      const kernel = 1 / (1 + d0 * d0 + d1 * d1);
      kernels[at++] = kernel;
      total += 2 * kernel;
    }
  }
  let sum = 0;
  for (let pair = 0; pair < pairs.length; pair++) {
    const p = pairs[pair] as number;
    sum += 2 * p * Math.log(p / Math.max((kernels[pair] as number) / total, Number.EPSILON));
  }
  return sum;
}
