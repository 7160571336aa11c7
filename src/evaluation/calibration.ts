/**
 * Whether a posterior of 0.8 is right four times in five: reliability diagram, expected calibration error, and the one
 * number that mends most of it, a temperature (Guo, Pleiss, Sun and Weinberger, ICML 2017).
 */
import { DeepYeastError } from '../errors';
import { argmax } from '../prediction/call';

/** Labelled cells' logits, or log posteriors: softmax does not tell them apart. */
export interface LabelledLogits {
  /** [cells, classes] */
  logits: ArrayLike<number>;
  /** Class of each cell; -1: unlabelled, left out. */
  labels: ArrayLike<number>;
  classes: number;
}

export interface ReliabilityBin {
  low: number;
  high: number;
  cells: number;
  /** Mean of the largest posterior, null in an empty bin. */
  confidence: number | null;
  /** Share called right, null in an empty bin. */
  accuracy: number | null;
}

export interface Calibration {
  temperature: number;
  cells: number;
  accuracy: number;
  /** Mean of the largest posterior. */
  confidence: number;
  /** Expected calibration error: |accuracy - confidence| of the bins, weighted by their cells. */
  expectedCalibrationError: number;
  /** The largest |accuracy - confidence| of a bin. */
  maximumCalibrationError: number;
  /** Mean negative log likelihood of the true class, in nats. */
  negativeLogLikelihood: number;
  bins: ReliabilityBin[];
}

function requireLogits({ logits, labels, classes }: LabelledLogits): number[] {
  if (classes < 1 || logits.length !== labels.length * classes) {
    throw new DeepYeastError(
      'invalid-argument',
      `found ${logits.length} logits of ${labels.length} cells, expected ${classes} a cell`,
    );
  }
  const labelled: number[] = [];
  for (let cell = 0; cell < labels.length; cell++) {
    const label = labels[cell] as number;
    if (label >= classes) {
      throw new DeepYeastError('invalid-argument', `found the label ${label}, expected less than ${classes}`);
    }
    if (label >= 0) labelled.push(cell);
  }
  if (labelled.length === 0) {
    throw new DeepYeastError('dataset-invalid', 'found no labelled cell, expected some to calibrate with');
  }
  return labelled;
}

/** softmax(logits / temperature) of one cell, written into `posterior`. */
export function temperedPosterior(
  logits: ArrayLike<number>,
  start: number,
  temperature: number,
  posterior: Float64Array,
): void {
  const k = posterior.length;
  let largest = Number.NEGATIVE_INFINITY;
  for (let c = 0; c < k; c++) largest = Math.max(largest, logits[start + c] as number);
  let sum = 0;
  for (let c = 0; c < k; c++) {
    const value = Math.exp(((logits[start + c] as number) - largest) / temperature);
    posterior[c] = value;
    sum += value;
  }
  for (let c = 0; c < k; c++) posterior[c] = (posterior[c] as number) / sum;
}

/**
 * Posteriors at another temperature: softmax(log p / T), row by row, which is that of the logits. At 1 they stay the same
 * array.
 * @param posteriors [cells, classes]
 */
export function temperPosteriors(posteriors: Float32Array, classes: number, temperature: number): Float32Array {
  if (temperature === 1) return posteriors;
  const logits = logPosteriors(posteriors);
  const tempered = new Float32Array(posteriors.length);
  const row = new Float64Array(classes);
  for (let start = 0; start < posteriors.length; start += classes) {
    temperedPosterior(logits, start, temperature, row);
    tempered.set(row, start);
  }
  return tempered;
}

/** Log posteriors, floored where float32 underflowed: the logits of a table that holds posteriors only. */
export function logPosteriors(posteriors: ArrayLike<number>): Float64Array {
  return Float64Array.from(posteriors, (p) => Math.log(Math.max(p, 1e-38)));
}

/**
 * Calibration of posteriors softmax(logits / temperature), in bins of equal width of the largest posterior.
 * @throws invalid-argument, dataset-invalid without a labelled cell
 */
export function calibration(
  data: LabelledLogits,
  { temperature = 1, bins = 15 }: { temperature?: number; bins?: number } = {},
): Calibration {
  const labelled = requireLogits(data);
  if (!(temperature > 0) || !Number.isSafeInteger(bins) || bins < 1) {
    throw new DeepYeastError(
      'invalid-argument',
      `found the temperature ${temperature} and ${bins} bins, expected a temperature above 0 and a whole number of bins`,
    );
  }
  const { logits, labels, classes } = data;
  const posterior = new Float64Array(classes);
  const cells = new Float64Array(bins);
  const confidences = new Float64Array(bins);
  const rights = new Float64Array(bins);
  let loss = 0;
  for (const cell of labelled) {
    const label = labels[cell] as number;
    temperedPosterior(logits, cell * classes, temperature, posterior);
    const called = argmax(posterior);
    const confidence = posterior[called] as number;
    loss -= Math.log(Math.max(posterior[label] as number, Number.MIN_VALUE));
    // Bins are open below and closed above, as in the paper.
    const bin = Math.min(bins - 1, Math.max(0, Math.ceil(confidence * bins) - 1));
    cells[bin] = (cells[bin] as number) + 1;
    confidences[bin] = (confidences[bin] as number) + confidence;
    rights[bin] = (rights[bin] as number) + (called === label ? 1 : 0);
  }
  const n = labelled.length;
  const total = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0);
  let expected = 0;
  let maximum = 0;
  const rows = Array.from({ length: bins }, (_, bin): ReliabilityBin => {
    const count = cells[bin] as number;
    const edges = { low: bin / bins, high: (bin + 1) / bins, cells: count };
    if (count === 0) return { ...edges, confidence: null, accuracy: null };
    const confidence = (confidences[bin] as number) / count;
    const accuracy = (rights[bin] as number) / count;
    expected += (count / n) * Math.abs(accuracy - confidence);
    maximum = Math.max(maximum, Math.abs(accuracy - confidence));
    return { ...edges, confidence, accuracy };
  });
  return {
    temperature,
    cells: n,
    accuracy: total(rights) / n,
    confidence: total(confidences) / n,
    expectedCalibrationError: expected,
    maximumCalibrationError: maximum,
    negativeLogLikelihood: loss / n,
    bins: rows,
  };
}

/** Bounds of the temperature: beyond them the labels say nothing (or everything) and no temperature would be the best. */
export const temperatureBounds = [0.05, 20] as const;

/**
 * The temperature of the least negative log likelihood. It is convex in 1 / temperature, so bisection on the derivative
 * finds it. To be fitted on validation cells.
 * @throws invalid-argument, dataset-invalid without a labelled cell
 */
export function fitTemperature(data: LabelledLogits): number {
  const labelled = requireLogits(data);
  const { logits, labels, classes } = data;
  const posterior = new Float64Array(classes);
  /** d NLL / d (1 / T) = mean of (expected logit - logit of the true class). */
  const slope = (inverse: number) => {
    let sum = 0;
    for (const cell of labelled) {
      const start = cell * classes;
      temperedPosterior(logits, start, 1 / inverse, posterior);
      for (let c = 0; c < classes; c++) sum += (posterior[c] as number) * (logits[start + c] as number);
      sum -= logits[start + (labels[cell] as number)] as number;
    }
    return sum;
  };
  let low = 1 / temperatureBounds[1];
  let high = 1 / temperatureBounds[0];
  for (let step = 0; step < 60; step++) {
    // Halved on the logarithm: a temperature is a factor.
    const middle = Math.sqrt(low * high);
    if (slope(middle) < 0) low = middle;
    else high = middle;
  }
  return 1 / Math.sqrt(low * high);
}
