/** What brightness alone tells of a cell's class: the rival that a network must leave far behind. */
import type { Dataset } from '../data/dataset';
import { DeepYeastError } from '../errors';

export interface IntensityBaseline {
  cells: number;
  correct: number;
  accuracy: number;
}

/** Cells read at once. */
const chunk = 512;
/** Moments of each channel: mean, standard deviation, skewness. */
const momentsPerChannel = 3;
const iterations = 400;

/**
 * Multinomial logistic regression on the intensity moments of each channel (mean, standard deviation, skewness), trained
 * on one dataset's labelled cells and tried on another's. No randomness. Throws `invalid-argument` where the two differ
 * in classes or channels, or one has no labelled cell.
 */
export async function intensityBaseline(training: Dataset, test: Dataset): Promise<IntensityBaseline> {
  for (const kind of ['classes', 'channels'] as const)
    if (training[kind].join('\n') !== test[kind].join('\n'))
      throw new DeepYeastError(
        'invalid-argument',
        `found ${kind} ${test[kind].join(', ')}, expected those of the training set: ${training[kind].join(', ')}`,
      );
  const known = await readMoments(training);
  const unknown = await readMoments(test);
  if (known.labels.length === 0 || unknown.labels.length === 0)
    throw new DeepYeastError('invalid-argument', 'found no labelled cell, expected some in both datasets');
  standardize(known, unknown);
  const weights = learn(known, training.classes.length);
  let correct = 0;
  for (const [cell, label] of unknown.labels.entries())
    if (predict(weights, unknown, cell, training.classes.length) === label) correct++;
  return { cells: unknown.labels.length, correct, accuracy: correct / unknown.labels.length };
}

/** Moments of the labelled cells: [cells, features], the last feature 1. */
interface Moments {
  features: Float64Array;
  width: number;
  labels: number[];
}

async function readMoments(dataset: Dataset): Promise<Moments> {
  const labelled = [...dataset.labels.keys()].filter((cell) => (dataset.labels[cell] as number) >= 0);
  const channels = dataset.channels.length;
  const width = momentsPerChannel * channels + 1;
  const features = new Float64Array(labelled.length * width);
  const samples = dataset.size * dataset.size;
  for (let start = 0; start < labelled.length; start += chunk) {
    const cells = labelled.slice(start, start + chunk);
    const images = await dataset.readImages(Uint32Array.from(cells));
    for (let i = 0; i < cells.length; i++) {
      const row = (start + i) * width;
      for (let channel = 0; channel < channels; channel++)
        features.set(
          moments(images, i * samples * channels + channel, channels, samples),
          row + momentsPerChannel * channel,
        );
      features[row + width - 1] = 1;
    }
  }
  return { features, width, labels: labelled.map((cell) => dataset.labels[cell] as number) };
}

function moments(images: Uint8Array, first: number, stride: number, count: number): [number, number, number] {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += images[first + i * stride] as number;
  const mean = sum / count;
  let second = 0;
  let third = 0;
  for (let i = 0; i < count; i++) {
    const difference = (images[first + i * stride] as number) - mean;
    second += difference * difference;
    third += difference * difference * difference;
  }
  const deviation = Math.sqrt(second / count);
  return [mean, deviation, deviation > 0 ? third / count / deviation ** 3 : 0];
}

/** Every feature but the last to mean 0 and deviation 1 over the training cells. */
function standardize(training: Moments, test: Moments): void {
  const { features, width, labels } = training;
  for (let column = 0; column < width - 1; column++) {
    let sum = 0;
    let squares = 0;
    for (let row = 0; row < labels.length; row++) sum += features[row * width + column] as number;
    const mean = sum / labels.length;
    for (let row = 0; row < labels.length; row++) squares += ((features[row * width + column] as number) - mean) ** 2;
    const deviation = Math.sqrt(squares / labels.length) || 1;
    for (const set of [training, test])
      for (let at = column; at < set.features.length; at += width)
        set.features[at] = ((set.features[at] as number) - mean) / deviation;
  }
}

/** Weights [classes, features] by gradient descent with momentum on the mean cross-entropy. */
function learn({ features, width, labels }: Moments, classes: number): Float64Array {
  const weights = new Float64Array(classes * width);
  const velocity = new Float64Array(classes * width);
  const gradient = new Float64Array(classes * width);
  const scores = new Float64Array(classes);
  for (let iteration = 0; iteration < iterations; iteration++) {
    gradient.fill(0);
    for (const [cell, label] of labels.entries()) {
      const most = scoreAll(weights, features, cell * width, width, scores);
      let total = 0;
      for (let k = 0; k < classes; k++) total += scores[k] = Math.exp((scores[k] as number) - most);
      for (let k = 0; k < classes; k++) {
        const error = (scores[k] as number) / total - (k === label ? 1 : 0);
        for (let j = 0; j < width; j++)
          gradient[k * width + j] =
            (gradient[k * width + j] as number) + error * (features[cell * width + j] as number);
      }
    }
    for (let i = 0; i < weights.length; i++) {
      velocity[i] = 0.9 * (velocity[i] as number) - (0.3 * (gradient[i] as number)) / labels.length;
      weights[i] = (weights[i] as number) + (velocity[i] as number);
    }
  }
  return weights;
}

/** Writes the score of every class and returns the largest. */
function scoreAll(
  weights: Float64Array,
  features: Float64Array,
  row: number,
  width: number,
  scores: Float64Array,
): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < scores.length; k++) {
    let sum = 0;
    for (let j = 0; j < width; j++) sum += (weights[k * width + j] as number) * (features[row + j] as number);
    scores[k] = sum;
    most = Math.max(most, sum);
  }
  return most;
}

/** The class with the largest score, ties to the lower one. */
function predict(weights: Float64Array, { features, width }: Moments, cell: number, classes: number): number {
  const scores = new Float64Array(classes);
  return scores.indexOf(scoreAll(weights, features, cell * width, width, scores));
}
