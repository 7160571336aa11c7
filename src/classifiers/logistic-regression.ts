/**
 * Multinomial logistic regression with an L1 penalty on standardized features: the paper's rival to the forest on few
 * cells (Methods, "Transfer learning").
 */
import { setImmediate } from 'node:timers/promises';
import { throwIfAborted } from '../abort';
import { DeepYeastError } from '../errors';
import type { FeatureMatrix } from '../features/matrix';

export interface LogisticOptions {
  /** Inverse strength of the penalty, scikit-learn's C: the sum of losses counts C times the sum of |weights|. Default 1. */
  c?: number;
  /** Default 2000. */
  iterations?: number;
  /** Relative change of the objective over ten iterations at which it ends; default 1e-7. */
  tolerance?: number;
  /** Start from another's weights: along a path of penalties. */
  start?: LogisticRegression;
  signal?: AbortSignal | undefined;
}

/** A trained model: standardization, weights and intercepts. */
export class LogisticRegression {
  readonly classes: readonly string[];
  readonly columns: number;
  readonly c: number;
  /** [classes, columns], of standardized features. */
  readonly weights: Float64Array;
  readonly intercepts: Float64Array;
  readonly means: Float64Array;
  /** 1 / deviation; 0 for a constant feature, which counts nothing. */
  readonly scales: Float64Array;
  /** Mean loss + sum of |weights| / (C rows). */
  readonly objective: number;

  private constructor(fields: Omit<LogisticRegression, 'predict' | 'nonZero'>) {
    this.classes = fields.classes;
    this.columns = fields.columns;
    this.c = fields.c;
    this.weights = fields.weights;
    this.intercepts = fields.intercepts;
    this.means = fields.means;
    this.scales = fields.scales;
    this.objective = fields.objective;
  }

  /** Weights other than zero. */
  get nonZero(): number {
    return this.weights.reduce((sum, weight) => sum + (weight !== 0 ? 1 : 0), 0);
  }

  /**
   * Trains by proximal gradient descent with momentum and restarts (FISTA; Beck and Teboulle 2009, O'Donoghue and
   * Candès 2015). Deterministic.
   * @param labels class of each row
   * @throws invalid-argument, aborted
   */
  static async train(
    features: FeatureMatrix,
    labels: ArrayLike<number>,
    classes: readonly string[],
    options: LogisticOptions = {},
  ): Promise<LogisticRegression> {
    const { rows, columns } = features;
    const { c = 1, iterations = 2000, tolerance = 1e-7, start, signal } = options;
    const k = classes.length;
    if (rows < 1 || labels.length !== rows || !(c > 0)) {
      throw new DeepYeastError(
        'invalid-argument',
        `found ${rows} rows, ${labels.length} labels and C ${c}, expected as many labels as rows and C above 0`,
      );
    }
    const { means, scales } = standardization(features);
    const x = standardized(features, means, scales);
    const penalty = 1 / (c * rows);
    const width = columns + 1;
    // The last column is 1, its weight the intercept, which is not penalized.
    let current = startingWeights(start, k, columns);
    let ahead = current.slice();
    let momentum = 1;
    const step = 1 / (0.5 * largestEigenvalue(x, rows, width) + 1e-12);
    const gradient = new Float64Array(k * width);
    let objective = Number.POSITIVE_INFINITY;
    let before = Number.POSITIVE_INFINITY;
    for (let iteration = 0; iteration < iterations; iteration++) {
      const loss = lossAndGradient(x, labels, rows, width, k, ahead, gradient);
      const next = new Float64Array(k * width);
      for (let i = 0; i < next.length; i++) {
        const moved = (ahead[i] as number) - step * (gradient[i] as number);
        const threshold = i % width === columns ? 0 : step * penalty;
        next[i] = Math.sign(moved) * Math.max(0, Math.abs(moved) - threshold);
      }
      // Restart the momentum where it points uphill.
      let uphill = 0;
      for (let i = 0; i < next.length; i++) {
        uphill += ((ahead[i] as number) - (next[i] as number)) * ((next[i] as number) - (current[i] as number));
      }
      const following = uphill > 0 ? 1 : (1 + Math.sqrt(1 + 4 * momentum * momentum)) / 2;
      const weight = uphill > 0 ? 0 : (momentum - 1) / following;
      ahead = next.map((value, i) => value + weight * (value - (current[i] as number)));
      current = next;
      momentum = following;
      if (iteration % 10 !== 9) continue;
      objective = loss + penalty * absoluteSum(current, width);
      await setImmediate();
      throwIfAborted(signal);
      if (Math.abs(before - objective) <= tolerance * Math.max(1e-12, Math.abs(objective))) break;
      before = objective;
    }
    objective = lossAndGradient(x, labels, rows, width, k, current, gradient) + penalty * absoluteSum(current, width);
    const weights = new Float64Array(k * columns);
    for (let label = 0; label < k; label++) {
      weights.set(current.subarray(label * width, label * width + columns), label * columns);
    }
    const intercepts = Float64Array.from({ length: k }, (_, label) => current[label * width + columns] as number);
    return new LogisticRegression({
      classes: [...classes],
      columns,
      c,
      weights,
      intercepts,
      means,
      scales,
      objective,
    });
  }

  /** Class probabilities, [rows, classes]. Throws `invalid-argument` for features of another number. */
  predict(features: FeatureMatrix): Float32Array {
    const { rows, columns, values } = features;
    if (columns !== this.columns) {
      throw new DeepYeastError('invalid-argument', `found ${columns} features a row, expected ${this.columns}`);
    }
    const k = this.classes.length;
    const posteriors = new Float32Array(rows * k);
    const scores = new Float64Array(k);
    for (let row = 0; row < rows; row++) {
      scores.set(this.intercepts);
      for (let column = 0; column < columns; column++) {
        const scale = this.scales[column] as number;
        if (scale === 0) continue;
        const value = ((values[row * columns + column] as number) - (this.means[column] as number)) * scale;
        for (let c = 0; c < k; c++) {
          scores[c] = (scores[c] as number) + (this.weights[c * columns + column] as number) * value;
        }
      }
      softmax(scores);
      posteriors.set(scores, row * k);
    }
    return posteriors;
  }
}

function softmax(scores: Float64Array): void {
  const largest = scores.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  let sum = 0;
  for (let c = 0; c < scores.length; c++) sum += scores[c] = Math.exp((scores[c] as number) - largest);
  for (let c = 0; c < scores.length; c++) scores[c] = (scores[c] as number) / sum;
}

/** Mean and 1 / population deviation of every feature. */
function standardization({ rows, columns, values }: FeatureMatrix): { means: Float64Array; scales: Float64Array } {
  const means = new Float64Array(columns);
  const scales = new Float64Array(columns);
  for (let column = 0; column < columns; column++) {
    let sum = 0;
    for (let row = 0; row < rows; row++) sum += values[row * columns + column] as number;
    const mean = sum / rows;
    let squares = 0;
    for (let row = 0; row < rows; row++) squares += ((values[row * columns + column] as number) - mean) ** 2;
    const deviation = Math.sqrt(squares / rows);
    means[column] = mean;
    scales[column] = deviation > 1e-6 * Math.abs(mean) && deviation > 1e-12 ? 1 / deviation : 0;
  }
  return { means, scales };
}

/** [rows, columns + 1], the last column 1. */
function standardized({ rows, columns, values }: FeatureMatrix, means: Float64Array, scales: Float64Array) {
  const width = columns + 1;
  const x = new Float64Array(rows * width);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const value = (values[row * columns + column] as number) - (means[column] as number);
      x[row * width + column] = value * (scales[column] as number);
    }
    x[row * width + columns] = 1;
  }
  return x;
}

function startingWeights(start: LogisticRegression | undefined, k: number, columns: number): Float64Array {
  const weights = new Float64Array(k * (columns + 1));
  if (!start || start.columns !== columns || start.classes.length !== k) return weights;
  for (let label = 0; label < k; label++) {
    weights.set(start.weights.subarray(label * columns, (label + 1) * columns), label * (columns + 1));
    weights[label * (columns + 1) + columns] = start.intercepts[label] as number;
  }
  return weights;
}

/** Of X'X / rows, by power iteration, a little above: the curvature of the loss is at most half of it. */
function largestEigenvalue(x: Float64Array, rows: number, width: number): number {
  let vector = new Float64Array(width).fill(1 / Math.sqrt(width));
  let value = 0;
  for (let iteration = 0; iteration < 50; iteration++) {
    const next = new Float64Array(width);
    for (let row = 0; row < rows; row++) {
      let product = 0;
      const start = row * width;
      for (let column = 0; column < width; column++)
        product += (x[start + column] as number) * (vector[column] as number);
      for (let column = 0; column < width; column++) {
        next[column] = (next[column] as number) + ((x[start + column] as number) * product) / rows;
      }
    }
    const length = Math.sqrt(next.reduce((sum, entry) => sum + entry * entry, 0));
    if (length === 0) return 1;
    const settled = Math.abs(length - value) < 1e-4 * length;
    value = length;
    vector = next.map((entry) => entry / length);
    if (settled && iteration > 5) break;
  }
  return 1.05 * value;
}

function absoluteSum(weights: Float64Array, width: number): number {
  let sum = 0;
  for (let i = 0; i < weights.length; i++) if (i % width !== width - 1) sum += Math.abs(weights[i] as number);
  return sum;
}

/** Mean cross-entropy at `weights`, and its gradient. */
function lossAndGradient(
  x: Float64Array,
  labels: ArrayLike<number>,
  rows: number,
  width: number,
  k: number,
  weights: Float64Array,
  gradient: Float64Array,
): number {
  gradient.fill(0);
  const scores = new Float64Array(k);
  let loss = 0;
  for (let row = 0; row < rows; row++) {
    const start = row * width;
    for (let label = 0; label < k; label++) {
      let sum = 0;
      const from = label * width;
      for (let column = 0; column < width; column++) {
        sum += (x[start + column] as number) * (weights[from + column] as number);
      }
      scores[label] = sum;
    }
    softmax(scores);
    const truth = labels[row] as number;
    loss -= Math.log(Math.max(scores[truth] as number, Number.MIN_VALUE)) / rows;
    for (let label = 0; label < k; label++) {
      const error = ((scores[label] as number) - (label === truth ? 1 : 0)) / rows;
      if (error === 0) continue;
      const to = label * width;
      for (let column = 0; column < width; column++) {
        gradient[to + column] = (gradient[to + column] as number) + error * (x[start + column] as number);
      }
    }
  }
  return loss;
}
