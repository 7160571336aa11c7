/** A forest that is being trained: its native training set, and trees that are added to it step by step. */
import { throwIfAborted } from '../abort';
import { DeepYeastError } from '../errors';
import type { FeatureMatrix } from '../features/matrix';
import { loadAddon, type NativeForest } from '../native';
import { threadsFromEnvironment } from '../native/threads';
import { labelsOf, requireMatrix } from './feature-rows';
import type { ForestDescription } from './forest-file';

export interface ForestOptions {
  /** Default 500, the paper's choice. */
  trees?: number;
  /** Features drawn at each split; default the paper's 100, or all of fewer columns. */
  featuresPerSplit?: number;
  /** Fewest training rows in a leaf (scikit-learn's min_samples_leaf: different rows, not draws); default 1. */
  leafSize?: number;
  /** A weight for each class, 1e-6 to 1e6; `balanced`: rows / (classes * rows of the class). Default all 1. */
  classWeights?: readonly number[] | 'balanced';
  /** Each tree draws as many rows from every class as the rarest class has. Default false. */
  downSample?: boolean;
  /** An integer from 0 to 2^53 - 1; default 0. The same seed gives the same forest for any number of threads. */
  seed?: number;
  /** Default DEEPYEAST_THREADS, else as many as the process may use. */
  threads?: number | undefined;
  signal?: AbortSignal | undefined;
  /** Trees grown so far and in all. */
  onProgress?: ((done: number, total: number) => void) | undefined;
}

export interface ForestRunOptions {
  threads?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** Rows of one native call: bounds memory, and lets a long prediction be cancelled. */
const rowsAtOnce = 16_384;
const progressInterval = 100;
const paper = { trees: 500, featuresPerSplit: 100, leafSize: 1 } as const;

function weightsOf(options: ForestOptions, labels: Int32Array, classes: number): Float64Array {
  const { classWeights } = options;
  if (classWeights === undefined) return new Float64Array(classes).fill(1);
  if (classWeights !== 'balanced') return Float64Array.from(classWeights);
  const counts = new Float64Array(classes);
  for (const label of labels) counts[label] = (counts[label] ?? 0) + 1;
  const present = counts.filter((count) => count > 0).length;
  return counts.map((count) => (count > 0 ? labels.length / (present * count) : 1));
}

/** Runs native work that `cancel` stops, with the signal and progress attached. */
export async function cancellable<Result>(
  native: NativeForest,
  { signal, onProgress }: { signal?: AbortSignal | undefined; onProgress?: (() => void) | undefined },
  work: () => Promise<Result>,
): Promise<Result> {
  throwIfAborted(signal);
  const cancel = () => native.cancel();
  signal?.addEventListener('abort', cancel, { once: true });
  const timer = onProgress && setInterval(onProgress, progressInterval);
  try {
    const result = await work();
    throwIfAborted(signal);
    return result;
  } finally {
    clearInterval(timer);
    signal?.removeEventListener('abort', cancel);
  }
}

/** The training set of a forest that may still grow: what train and the search share. */
export class GrowingForest {
  readonly native: NativeForest;
  readonly #options: ForestOptions;
  readonly #threads: number;

  private constructor(native: NativeForest, options: ForestOptions, threads: number) {
    this.native = native;
    this.#options = options;
    this.#threads = threads;
  }

  static async open(
    features: FeatureMatrix,
    labels: ArrayLike<number>,
    classes: readonly string[],
    options: ForestOptions,
  ): Promise<{ growing: GrowingForest; description: ForestDescription }> {
    requireMatrix(features);
    if (classes.length === 0) throw new DeepYeastError('invalid-argument', 'classes is empty; expected their names');
    const checked = labelsOf(labels, features.rows);
    const {
      trees = paper.trees,
      featuresPerSplit = Math.min(paper.featuresPerSplit, features.columns),
      leafSize = paper.leafSize,
      downSample = false,
      seed = 0,
      threads = threadsFromEnvironment(),
      signal,
    } = options;
    if (!(featuresPerSplit <= features.columns)) {
      throw new DeepYeastError(
        'invalid-argument',
        `featuresPerSplit is ${featuresPerSplit}; expected at most ${features.columns}, the number of columns`,
      );
    }
    if (!Number.isSafeInteger(trees) || trees < 1) {
      throw new DeepYeastError('invalid-argument', `trees is ${trees}; expected an integer from 1`);
    }
    throwIfAborted(signal);
    const native = new (loadAddon().Forest)({ columns: features.columns, classes: classes.length });
    try {
      await native.beginTraining({
        values: features.values,
        labels: checked,
        featuresPerSplit,
        leafSize,
        classWeights: weightsOf(options, checked, classes.length),
        downSample,
        seed,
        threads,
      });
    } catch (error) {
      await native.close();
      throw error;
    }
    const { classWeights } = options;
    const description: ForestDescription = {
      classes: [...classes],
      columns: features.columns,
      ...(features.names && { names: [...features.names] }),
      options: {
        trees,
        featuresPerSplit,
        leafSize,
        ...(classWeights !== undefined && {
          classWeights: classWeights === 'balanced' ? classWeights : [...classWeights],
        }),
        downSample,
        seed,
      },
      outOfBagError: null,
    };
    return { growing: new GrowingForest(native, options, threads), description };
  }

  /** Grows until there are `trees`. */
  async grow(from: number, trees: number, total = trees): Promise<void> {
    const { signal, onProgress } = this.#options;
    const report = onProgress && (() => onProgress(this.native.grown, total));
    await cancellable(this.native, { signal, onProgress: report }, () => this.native.grow(trees - from, this.#threads));
    onProgress?.(trees, total);
  }
}

/** Sums over the trees [first, last) of the class frequencies in the leaf that each row comes to: [rows, classes]. */
export async function probabilitySums(
  native: NativeForest,
  features: FeatureMatrix,
  classes: number,
  first: number,
  last: number,
  { threads = threadsFromEnvironment(), signal }: ForestRunOptions,
): Promise<Float64Array> {
  const { values, rows, columns } = features;
  const sums = new Float64Array(rows * classes);
  for (let row = 0; row < rows; row += rowsAtOnce) {
    throwIfAborted(signal);
    const part = values.subarray(row * columns, Math.min(rows, row + rowsAtOnce) * columns);
    sums.set(await native.probabilitySums(part, first, last, threads), row * classes);
  }
  return sums;
}
