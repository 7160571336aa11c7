/**
 * Random forests (Breiman, "Random forests", Machine Learning 45, 2001) on features: the paper's baseline on classic
 * features (Methods, "Random forest"), and its classifier of new compartments and of cell quality.
 *
 * Features are binned to a byte, with edges from the training rows; splits follow scikit-learn's rules (Gini impurity,
 * features drawn afresh at each split, min_samples_leaf); a tree depends on the seed and its number alone.
 */
import { DeepYeastError } from '../errors';
import type { FeatureMatrix } from '../features/matrix';
import { loadAddon, type NativeForest } from '../native';
import { threadsFromEnvironment } from '../native/threads';
import { labelsOf, requireMatrix } from './feature-rows';
import { type ForestDescription, readForest, writeForest } from './forest-file';
import {
  cancellable,
  type ForestOptions,
  type ForestRunOptions,
  GrowingForest,
  probabilitySums,
} from './growing-forest';

export type { ForestOptions, ForestRunOptions } from './growing-forest';

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
    const { growing, description } = await GrowingForest.open(features, labels, classes, options);
    const { native } = growing;
    try {
      const { threads = threadsFromEnvironment() } = options;
      await growing.grow(0, description.options.trees);
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
