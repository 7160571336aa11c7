/**
 * Random forests (Breiman, "Random forests", Machine Learning 45, 2001) on features: the paper's baseline on classic
 * features (Methods, "Random forest"), and its classifier of new compartments and of cell quality.
 *
 * Features are binned to a byte, with edges from the training rows; splits follow scikit-learn's rules (Gini impurity,
 * features drawn afresh at each split, min_samples_leaf); a tree depends on the seed and its number alone.
 */
import { throwIfAborted } from '../abort';
import { DeepYeastError } from '../errors';
import { loadAddon, type NativeForest } from '../native';
import { threadsFromEnvironment } from '../network/network';
import { type ForestDescription, readForest, writeForest } from './forest-file';

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

/** One row a cell; all values finite. */
export interface FeatureMatrix {
  /** [rows, columns] */
  readonly values: Float32Array;
  readonly rows: number;
  readonly columns: number;
  /** Of the columns. */
  readonly names?: readonly string[];
}

export interface ForestRunOptions {
  threads?: number | undefined;
  signal?: AbortSignal | undefined;
}

export interface PermutationOptions extends ForestRunOptions {
  /** Default 0. */
  seed?: number;
  /** Permutations of each column; default 5. */
  repeats?: number;
}

export interface PermutationImportance {
  /** With no column permuted. */
  accuracy: number;
  /** [columns] mean loss of accuracy over the repeats. */
  mean: Float64Array;
  /** [columns] population standard deviation over the repeats. */
  standardDeviation: Float64Array;
  /** [repeats, columns] */
  decreases: Float64Array;
}

/** Rows of one native call: bounds memory, and lets a long prediction be cancelled. */
const rowsAtOnce = 16_384;
const progressInterval = 100;
const paper = { trees: 500, featuresPerSplit: 100, leafSize: 1 } as const;

/** @throws invalid-argument unless values has rows * columns elements, and columns is what is expected */
export function requireMatrix(features: FeatureMatrix, columns = features.columns): void {
  const { values, rows, names } = features;
  if (features.columns !== columns) {
    throw new DeepYeastError(
      'invalid-argument',
      `the features have ${features.columns} columns; expected ${columns}: use the features the forest was trained on`,
    );
  }
  if (!(values instanceof Float32Array) || !Number.isSafeInteger(rows) || values.length !== rows * columns) {
    throw new DeepYeastError(
      'invalid-argument',
      `the features have ${values?.length} values; expected a Float32Array of ${rows} rows of ${columns}`,
    );
  }
  if (names !== undefined && names.length !== columns) {
    throw new DeepYeastError('invalid-argument', `found ${names.length} names for ${columns} columns`);
  }
}

function labelsOf(labels: ArrayLike<number>, rows: number): Int32Array {
  if (labels.length !== rows) {
    throw new DeepYeastError('invalid-argument', `found ${labels.length} labels for ${rows} rows; expected one a row`);
  }
  const result = new Int32Array(rows);
  for (let row = 0; row < rows; row++) {
    const label = labels[row] as number;
    if (!Number.isInteger(label)) {
      throw new DeepYeastError('labels-invalid', `row ${row} has the label ${label}; expected the number of a class`);
    }
    result[row] = label;
  }
  return result;
}

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
async function cancellable<Result>(
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
class Nursery {
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
  ): Promise<{ nursery: Nursery; description: ForestDescription }> {
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
    return { nursery: new Nursery(native, options, threads), description };
  }

  /** Grows until there are `trees`. */
  async grow(from: number, trees: number, total = trees): Promise<void> {
    const { signal, onProgress } = this.#options;
    const report = onProgress && (() => onProgress(this.native.grown, total));
    await cancellable(this.native, { signal, onProgress: report }, () => this.native.grow(trees - from, this.#threads));
    onProgress?.(trees, total);
  }
}

/** A trained random forest. Release its memory with close() or `await using`. */
export class Forest {
  readonly classes: readonly string[];
  /** Of the features. */
  readonly columns: number;
  /** Of the columns, where the training features had them. */
  readonly names: readonly string[] | undefined;
  readonly trees: number;
  /** What it was trained with. */
  readonly options: Readonly<ForestDescription['options']>;
  /**
   * The share of training rows, among those outside the bootstrap sample of at least one tree, that the mean vote of
   * these trees gets wrong. Null where there is no such row.
   */
  readonly outOfBagError: number | null;
  readonly #native: NativeForest;
  readonly #importance: Float64Array;
  #closed = false;

  private constructor(native: NativeForest, description: ForestDescription, importance: Float64Array) {
    this.#native = native;
    this.#importance = importance;
    this.classes = description.classes;
    this.columns = description.columns;
    this.names = description.names;
    this.trees = description.options.trees;
    this.options = description.options;
    this.outOfBagError = description.outOfBagError;
  }

  /**
   * Trains a forest.
   *
   * @param labels one a row: a class's position in `classes`
   * @throws invalid-argument, labels-invalid, aborted, addon-missing
   */
  static async train(
    features: FeatureMatrix,
    labels: ArrayLike<number>,
    classes: readonly string[],
    options: ForestOptions = {},
  ): Promise<Forest> {
    const { nursery, description } = await Nursery.open(features, labels, classes, options);
    const { native } = nursery;
    try {
      const { threads = threadsFromEnvironment() } = options;
      await nursery.grow(0, description.options.trees);
      const outOfBagError = await native.outOfBagError(threads);
      await native.endTraining();
      return new Forest(native, { ...description, outOfBagError }, await native.impurityImportance());
    } catch (error) {
      await native.close();
      throw error;
    }
  }

  /**
   * Loads what save wrote.
   * @throws model-invalid, io-error
   */
  static async load(path: string): Promise<Forest> {
    const { description, arrays, importance } = await readForest(path);
    const native = new (loadAddon().Forest)({ columns: description.columns, classes: description.classes.length });
    try {
      await native.restore(arrays, importance);
      return new Forest(native, description, importance);
    } catch (error) {
      await native.close();
      if (error instanceof DeepYeastError && error.code === 'model-invalid')
        throw new DeepYeastError('model-invalid', `${path}: ${error.message}`, { cause: error });
      throw error;
    }
  }

  /**
   * Writes a safetensors file, whole or not at all: the trees as int32 and float32 arrays in scikit-learn's form
   * (feature, threshold, left child), the rest as metadata.
   * @throws disk-full, io-error, closed
   */
  async save(path: string): Promise<void> {
    this.#requireOpen();
    const { classes, columns, names, options, outOfBagError } = this;
    const description = { classes: [...classes], columns, ...(names && { names: [...names] }), options, outOfBagError };
    await writeForest(path, description, await this.#native.arrays(), this.#importance);
  }

  /**
   * Class probabilities, [rows, classes]: the mean over the trees of the class frequencies in the leaf that a row comes
   * to. Rows sum to one.
   * @throws invalid-argument, aborted, closed
   */
  async predict(features: FeatureMatrix, options: ForestRunOptions = {}): Promise<Float32Array> {
    this.#requireOpen();
    requireMatrix(features, this.columns);
    const sums = await probabilitySums(this.#native, features, this.classes.length, 0, this.trees, options);
    return Float32Array.from(sums, (sum) => sum / this.trees);
  }

  /**
   * [columns], summing to one: the mean decrease in impurity as scikit-learn counts it (each tree's decreases as shares
   * of their sum, averaged over the trees).
   */
  impurityImportance(): Float64Array {
    return this.#importance.slice();
  }

  /**
   * How much accuracy is lost when a column's values are permuted among the rows (Breiman's importance, on the rows
   * given: training rows overstate it).
   * @throws invalid-argument, labels-invalid, aborted, closed
   */
  async permutationImportance(
    features: FeatureMatrix,
    labels: ArrayLike<number>,
    options: PermutationOptions = {},
  ): Promise<PermutationImportance> {
    this.#requireOpen();
    requireMatrix(features, this.columns);
    const { seed = 0, repeats = 5, threads = threadsFromEnvironment(), signal } = options;
    const { columns } = this;
    const checked = labelsOf(labels, features.rows);
    const native = this.#native;
    const { accuracy, decreases } = await cancellable(native, { signal }, () =>
      native.permutationImportance(features.values, checked, seed, repeats, threads),
    );
    const mean = new Float64Array(columns);
    const standardDeviation = new Float64Array(columns);
    for (let column = 0; column < columns; column++) {
      const values = Array.from({ length: repeats }, (_, repeat) => decreases[repeat * columns + column] as number);
      const average = values.reduce((sum, value) => sum + value, 0) / repeats;
      mean[column] = average;
      standardDeviation[column] = Math.sqrt(values.reduce((sum, v) => sum + (v - average) ** 2, 0) / repeats);
    }
    return { accuracy, mean, standardDeviation, decreases };
  }

  #requireOpen(): void {
    if (this.#closed) throw new DeepYeastError('closed', 'this forest was closed; train or load another');
  }

  /** Releases the memory; later calls fail with `closed`. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#native.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

async function probabilitySums(
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

/** Features with the class of each row. */
export interface LabelledFeatures {
  features: FeatureMatrix;
  /** One a row: a class's position. */
  labels: ArrayLike<number>;
}

export interface ForestGrid {
  trees: readonly number[];
  featuresPerSplit: readonly number[];
  leafSize: readonly number[];
}

/** The range the paper searched: 50 to 1,000 trees, 10 to 300 features a split, leaves of 1 to 50. */
export const paperForestGrid: ForestGrid = {
  trees: [50, 100, 250, 500, 1000],
  featuresPerSplit: [10, 30, 100, 300],
  leafSize: [1, 5, 10, 50],
};

export interface ForestSetting {
  trees: number;
  featuresPerSplit: number;
  leafSize: number;
}

export interface ForestSearchRow extends ForestSetting {
  /** On the validation rows. */
  accuracy: number;
  /** Mean recall over the classes that the validation rows have. */
  macroRecall: number;
}

export interface ForestSearch {
  /** Highest validation accuracy; among equals fewer trees, then larger leaves, then fewer features. */
  best: ForestSearchRow;
  /** In the order of the grid: features, then leaf size, then trees. */
  rows: ForestSearchRow[];
}

export interface ForestSearchOptions extends Omit<ForestOptions, 'trees' | 'featuresPerSplit' | 'leafSize'> {
  /** Class names, in the order of the labels. */
  classes: readonly string[];
}

/**
 * Tries every setting of a grid on validation rows. A setting of more trees grows on the trees of the smaller one:
 * a forest of 1,000 trees begins with the one of 50, so that each (features, leaf size) grows its largest forest only.
 *
 * @param grid features per split beyond the number of columns are left out
 * @throws invalid-argument, labels-invalid, aborted
 */
export async function searchForest(
  training: LabelledFeatures,
  validation: LabelledFeatures,
  grid: ForestGrid = paperForestGrid,
  options: ForestSearchOptions,
): Promise<ForestSearch> {
  const { classes, signal, threads, onProgress, ...rest } = options;
  requireMatrix(validation.features, training.features.columns);
  const truth = labelsOf(validation.labels, validation.features.rows);
  const sizes = ascending('trees', grid.trees);
  const leaves = ascending('leafSize', grid.leafSize);
  const widths = ascending('featuresPerSplit', grid.featuresPerSplit).filter((n) => n <= training.features.columns);
  if (widths.length === 0) {
    throw new DeepYeastError(
      'invalid-argument',
      `every featuresPerSplit of the grid is above ${training.features.columns}, the number of columns; give smaller ones`,
    );
  }
  const largest = sizes.at(-1) as number;
  const total = widths.length * leaves.length * largest;
  const rows: ForestSearchRow[] = [];
  let before = 0;
  for (const featuresPerSplit of widths) {
    for (const leafSize of leaves) {
      const report = onProgress && ((done: number) => onProgress(before + done, total));
      const { nursery } = await Nursery.open(training.features, training.labels, classes, {
        ...rest,
        trees: largest,
        featuresPerSplit,
        leafSize,
        threads,
        signal,
        onProgress: report,
      });
      try {
        const sums = new Float64Array(truth.length * classes.length);
        let grown = 0;
        for (const trees of sizes) {
          await nursery.grow(grown, trees, largest);
          const part = await probabilitySums(nursery.native, validation.features, classes.length, grown, trees, {
            threads,
            signal,
          });
          for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] as number) + (part[i] as number);
          rows.push({ trees, featuresPerSplit, leafSize, ...scores(sums, truth, classes.length) });
          grown = trees;
        }
      } finally {
        await nursery.native.close();
      }
      before += largest;
    }
  }
  const order = (row: ForestSearchRow) => [-row.accuracy, row.trees, -row.leafSize, row.featuresPerSplit];
  const best = rows.reduce((a, b) => (compare(order(b), order(a)) < 0 ? b : a));
  return { best, rows };
}

function ascending(name: string, values: readonly number[]): number[] {
  const sorted = [...new Set(values)].sort((a, b) => a - b);
  if (sorted.length === 0 || !sorted.every((value) => Number.isSafeInteger(value) && value >= 1)) {
    throw new DeepYeastError('invalid-argument', `${name} of the grid is [${values}]; expected integers from 1`);
  }
  return sorted;
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [i, value] of a.entries()) {
    if (value !== b[i]) return value - (b[i] as number);
  }
  return 0;
}

/** Accuracy and macro recall of the class with the largest sum, ties to the lower class. */
function scores(sums: Float64Array, truth: Int32Array, classes: number): { accuracy: number; macroRecall: number } {
  const correct = new Float64Array(classes);
  const counts = new Float64Array(classes);
  for (const [row, label] of truth.entries()) {
    const votes = sums.subarray(row * classes, (row + 1) * classes);
    const call = votes.indexOf(Math.max(...votes));
    counts[label] = (counts[label] ?? 0) + 1;
    if (call === label) correct[label] = (correct[label] as number) + 1;
  }
  const recalls = [...counts.keys()]
    .filter((k) => counts[k])
    .map((k) => (correct[k] as number) / (counts[k] as number));
  return {
    accuracy: correct.reduce((sum, value) => sum + value, 0) / truth.length,
    macroRecall: recalls.reduce((sum, value) => sum + value, 0) / recalls.length,
  };
}
