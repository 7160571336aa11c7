/**
 * How many cells of a new compartment are needed (the paper's Figure 4c and Supplementary Figure 5): accuracy on test
 * after training on n cells a class, over nested random draws.
 */
import { throwIfAborted } from '../abort';
import type { Classifier } from '../classifiers/classifier';
import { DeepYeastError } from '../errors';
import { type FeatureMatrix, selectRows } from '../features/matrix';
import { argmax } from '../prediction/call';
import { permutation } from '../random';
import { analysisDraw } from '../random-draws';

/** The paper's numbers of cells a class. */
export const transferSizes = [1, 3, 5, 10, 25, 50, 100, 250, 500] as const;

/** Features of one kind for the three parts. */
export interface FeatureSet {
  /** 'fc1', 'classic', ... */
  name: string;
  training: FeatureMatrix;
  validation: FeatureMatrix;
  test: FeatureMatrix;
}

/** Classes of the rows of the three parts. */
export interface TransferLabels {
  classes: readonly string[];
  training: ArrayLike<number>;
  validation: ArrayLike<number>;
  test: ArrayLike<number>;
}

export interface LearningCurveOptions {
  /** Cells a class; default the paper's. Sizes that a class has not enough cells for are left out. */
  sizes?: readonly number[];
  /** Random draws; default 10. */
  draws?: number;
  seed?: number;
  threads?: number | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: (done: number, total: number) => void;
}

/** How the setting was chosen: on the full validation set, or not at all. The second is the honest cost in labels. */
export type Selection = 'validation' | 'fixed';

export interface CurvePoint {
  features: string;
  classifier: string;
  selection: Selection;
  /** Cells a class. */
  size: number;
  /** Accuracy on test of each draw. */
  accuracies: number[];
  mean: number;
  /** Sample standard deviation over the draws; null for one draw. */
  deviation: number | null;
  /** The setting of each draw. */
  settings: string[];
}

/**
 * The cells of every draw: of each class a random order whose first n are the draw's n cells, so that draws are nested
 * and the same for every method.
 * @returns [draw][class] rows
 */
export function nestedDraws(labels: ArrayLike<number>, classes: number, draws: number, seed: number): Uint32Array[][] {
  const rows = Array.from({ length: classes }, (): number[] => []);
  for (let row = 0; row < labels.length; row++) rows[labels[row] as number]?.push(row);
  return Array.from({ length: draws }, (_, draw) =>
    rows.map((cells, label) => {
      const order = permutation(seed, 'analysis', analysisDraw('learningCurve', draw * 1024 + label), cells.length);
      return Uint32Array.from(order, (at) => cells[at] as number);
    }),
  );
}

/** The sizes that every class has cells for. */
export function possibleSizes(
  labels: ArrayLike<number>,
  classes: readonly string[],
  sizes: readonly number[],
): number[] {
  const counts = new Array<number>(classes.length).fill(0);
  for (let row = 0; row < labels.length; row++)
    counts[labels[row] as number] = (counts[labels[row] as number] ?? 0) + 1;
  const least = Math.min(...counts);
  const possible = sizes.filter((size) => size <= least);
  if (possible.length === 0) {
    throw new DeepYeastError(
      'invalid-argument',
      `found ${least} training cells of ${classes[counts.indexOf(least)]}, expected at least ${Math.min(...sizes)}`,
    );
  }
  return possible;
}

/** Share of rows whose largest posterior is their class's. */
export function accuracyOf(posteriors: Float32Array, labels: ArrayLike<number>, classes: number): number {
  let correct = 0;
  for (let row = 0; row < labels.length; row++) {
    if (argmax(posteriors, row * classes, classes) === labels[row]) correct++;
  }
  return correct / labels.length;
}

/** A point from its draws. */
export function curvePoint(point: Omit<CurvePoint, 'mean' | 'deviation'>): CurvePoint {
  const { accuracies } = point;
  const mean = accuracies.reduce((sum, value) => sum + value, 0) / accuracies.length;
  const squares = accuracies.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { ...point, mean, deviation: accuracies.length > 1 ? Math.sqrt(squares / (accuracies.length - 1)) : null };
}

/**
 * Learning curves of every classifier on every feature set.
 * @throws invalid-argument for rows that do not match the labels, or too few cells; aborted
 */
export async function learningCurve(
  sets: readonly FeatureSet[],
  labels: TransferLabels,
  classifiers: readonly Classifier[],
  options: LearningCurveOptions = {},
): Promise<CurvePoint[]> {
  const { draws = 10, seed = 0, threads, signal, onProgress } = options;
  const { classes } = labels;
  for (const set of sets) {
    for (const part of ['training', 'validation', 'test'] as const) {
      if (set[part].rows === labels[part].length) continue;
      throw new DeepYeastError(
        'invalid-argument',
        `found ${set[part].rows} rows of ${set.name} features for ${labels[part].length} ${part} cells, expected one each`,
      );
    }
  }
  const sizes = possibleSizes(labels.training, classes, options.sizes ?? transferSizes);
  const drawn = nestedDraws(labels.training, classes.length, draws, seed);
  const total = sets.length * classifiers.length * sizes.length * draws;
  let done = 0;
  const points: CurvePoint[] = [];
  for (const set of sets) {
    for (const classifier of classifiers) {
      for (const size of sizes) {
        const found = { validation: emptyDraws(), fixed: emptyDraws() };
        for (const [draw, ofClass] of drawn.entries()) {
          throwIfAborted(signal);
          const rows = ofClass.flatMap((cells) => Array.from(cells.subarray(0, size)));
          const training = {
            features: selectRows(set.training, rows),
            labels: Uint32Array.from(rows, (row) => labels.training[row] as number),
            classes,
          };
          const results = await classifier.fit(training, classifier.settings, [set.validation, set.test], {
            seed: seed + draw,
            threads,
            signal,
          });
          const accuracies = results.map(([validation, test]) => ({
            validation: accuracyOf(validation as Float32Array, labels.validation, classes.length),
            test: accuracyOf(test as Float32Array, labels.test, classes.length),
          }));
          // The first of equally good settings.
          const picked = argmax(accuracies.map(({ validation }) => validation));
          const fixed = classifier.settings.findIndex(({ name }) => name === classifier.fixed);
          for (const [selection, at] of [
            ['validation', picked],
            ['fixed', fixed],
          ] as const) {
            found[selection].accuracies.push(accuracies[at]?.test as number);
            found[selection].settings.push(classifier.settings[at]?.name as string);
          }
          onProgress?.(++done, total);
        }
        for (const selection of ['validation', 'fixed'] as const) {
          const { name } = classifier;
          points.push(curvePoint({ features: set.name, classifier: name, selection, size, ...found[selection] }));
        }
      }
    }
  }
  return points;
}

const emptyDraws = () => ({ accuracies: [] as number[], settings: [] as string[] });
