/** The search for a forest's settings on validation rows, as the paper's grid did it. */
import { DeepYeastError } from '../errors';
import type { FeatureMatrix } from '../features/matrix';
import { labelsOf, requireMatrix } from './feature-rows';
import { accuracyOf } from './forest-scores';
import { type ForestOptions, GrowingForest, probabilitySums } from './growing-forest';

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
      const { growing } = await GrowingForest.open(training.features, training.labels, classes, {
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
          await growing.grow(grown, trees, largest);
          const part = await probabilitySums(growing.native, validation.features, classes.length, grown, trees, {
            threads,
            signal,
          });
          for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] as number) + (part[i] as number);
          rows.push({ trees, featuresPerSplit, leafSize, ...accuracyOf(sums, truth, classes.length) });
          grown = trees;
        }
      } finally {
        await growing.native.close();
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
