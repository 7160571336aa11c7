/** What brightness alone tells of a cell's class: the rival that a network must leave far behind. */
import { LogisticRegression } from '../classifiers/logistic-regression';
import type { Dataset } from '../data/dataset';
import { DeepYeastError } from '../errors';
import type { FeatureMatrix } from '../features/matrix';
import { argmax } from '../prediction/call';

export interface IntensityBaseline {
  cells: number;
  correct: number;
  accuracy: number;
}

/** Cells read at once. */
const chunk = 512;
/** Moments of each channel: mean, standard deviation, skewness. */
const momentsPerChannel = 3;
/** So weak a penalty (LogisticOptions.c) that it only keeps the weights of separable classes finite. */
const weakPenalty = 100;

/**
 * Multinomial logistic regression on the intensity moments of each channel (mean, standard deviation, skewness), trained
 * on one dataset's labelled cells and tried on another's. No randomness.
 * @throws invalid-argument where the two differ in classes or channels, or one has no labelled cell
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
  const model = await LogisticRegression.train(known.features, known.labels, training.classes, { c: weakPenalty });
  const posteriors = model.predict(unknown.features);
  const classes = training.classes.length;
  const correct = unknown.labels.filter(
    (label, cell) => argmax(posteriors.subarray(cell * classes, (cell + 1) * classes)) === label,
  ).length;
  return { cells: unknown.labels.length, correct, accuracy: correct / unknown.labels.length };
}

/** Moments of the labelled cells. */
async function readMoments(dataset: Dataset): Promise<{ features: FeatureMatrix; labels: number[] }> {
  const labelled = [...dataset.labels.keys()].filter((cell) => (dataset.labels[cell] as number) >= 0);
  const channels = dataset.channels.length;
  const columns = momentsPerChannel * channels;
  const values = new Float32Array(labelled.length * columns);
  const samples = dataset.size * dataset.size;
  for (let start = 0; start < labelled.length; start += chunk) {
    const cells = labelled.slice(start, start + chunk);
    const images = await dataset.readImages(Uint32Array.from(cells));
    for (let i = 0; i < cells.length; i++) {
      for (let channel = 0; channel < channels; channel++)
        values.set(
          moments(images, i * samples * channels + channel, channels, samples),
          (start + i) * columns + momentsPerChannel * channel,
        );
    }
  }
  return {
    features: { rows: labelled.length, columns, values },
    labels: labelled.map((cell) => dataset.labels[cell] as number),
  };
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
