/** The classifiers of the transfer analysis behind one face: trained on few cells, with a list of settings to pick from. */
import type { FeatureMatrix } from '../features/matrix';
import { Forest } from './forest';
import { LogisticRegression } from './logistic-regression';

export interface FitOptions {
  seed: number;
  threads?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** Features and classes of the cells to learn from. */
export interface TrainingCells {
  features: FeatureMatrix;
  labels: ArrayLike<number>;
  classes: readonly string[];
}

export interface Classifier {
  name: 'forest' | 'logistic regression';
  /** What the validation set picks from, in the order tried. */
  settings: readonly Setting[];
  /** What is used when nothing is picked: one of the settings, by its name. */
  fixed: string;
  /**
   * Trains one model a setting and predicts each of the matrices: [settings][matrices], [rows, classes] each.
   */
  fit(
    training: TrainingCells,
    settings: readonly Setting[],
    matrices: readonly FeatureMatrix[],
    options: FitOptions,
  ): Promise<Float32Array[][]>;
}

export interface Setting {
  name: string;
  values: Readonly<Record<string, number>>;
}

/** Random forests of a hundred trees: with so few cells more change nothing; the features a split are picked. */
export function forestClassifier(trees = 100): Classifier {
  const perSplit = [10, 30, 100];
  return {
    name: 'forest',
    settings: perSplit.map((features) => ({ name: `${features} features a split`, values: { features } })),
    fixed: '30 features a split',
    async fit({ features, labels, classes }, settings, matrices, options) {
      const results: Float32Array[][] = [];
      for (const { values } of settings) {
        const forest = await Forest.train(features, labels, classes, {
          trees,
          featuresPerSplit: Math.min(features.columns, values.features as number),
          ...options,
        });
        try {
          const predicted: Float32Array[] = [];
          for (const matrix of matrices) predicted.push(await forest.predict(matrix, options));
          results.push(predicted);
        } finally {
          await forest.close();
        }
      }
      return results;
    },
  };
}

/** L1-regularised logistic regression over a path of penalties, each started from the one before. */
export function logisticClassifier(path: readonly number[] = [0.01, 0.1, 1, 10]): Classifier {
  return {
    name: 'logistic regression',
    settings: path.map((c) => ({ name: `C ${c}`, values: { c } })),
    fixed: `C ${path[Math.floor(path.length / 2)]}`,
    async fit({ features, labels, classes }, settings, matrices, { signal }) {
      const results: Float32Array[][] = [];
      let start: LogisticRegression | undefined;
      for (const { values } of settings) {
        start = await LogisticRegression.train(features, labels, classes, {
          c: values.c as number,
          tolerance: 1e-5,
          iterations: 500,
          signal,
          ...(start && { start }),
        });
        const model = start;
        results.push(matrices.map((matrix) => model.predict(matrix)));
      }
      return results;
    },
  };
}
