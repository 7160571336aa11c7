/** The classifier that learns from the answers: a logistic regression or a forest on the components. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Forest } from '../classifiers/forest';
import { LogisticRegression } from '../classifiers/logistic-regression';
import { fileError } from '../errors';
import type { FeatureMatrix } from '../features/matrix';
import { selectRows } from '../features/matrix';
import { writeFileAtomically } from '../files/atomic-file';
import { parseJson } from '../files/parse-json';
import { argmax } from '../prediction/call';
import { backgroundFiles, type Scores, type TrainingCells } from './background-tasks';
import { accuracyByGroup, groupedFolds } from './grouped-folds';

export interface Trained {
  predict(features: FeatureMatrix): Promise<Float32Array>;
  save(folder: string): Promise<void>;
  close(): Promise<void>;
}

/** Trains on some cells. */
export async function trainClassifier(
  kind: 'logistic' | 'forest',
  features: FeatureMatrix,
  labels: Int32Array,
  classes: readonly string[],
  seed: number,
): Promise<Trained> {
  if (kind === 'forest') {
    const forest = await Forest.train(features, labels, classes, { trees: 200, seed });
    return ofForest(forest);
  }
  return ofLogistic(
    await LogisticRegression.train(features, labels, classes, { c: 1, iterations: 200, tolerance: 1e-4 }),
  );
}

function ofForest(forest: Forest): Trained {
  return {
    predict: (features) => forest.predict(features),
    save: (folder) => forest.save(join(folder, backgroundFiles.forest)),
    close: () => forest.close(),
  };
}

type Linear = Pick<LogisticRegression, 'classes' | 'columns' | 'weights' | 'intercepts' | 'means' | 'scales'>;

function ofLogistic(model: LogisticRegression): Trained {
  return {
    predict: async (features) => model.predict(features),
    save: (folder) => {
      const { classes, columns, weights, intercepts, means, scales } = model;
      const arrays = { weights, intercepts, means, scales };
      const plain = Object.fromEntries(Object.entries(arrays).map(([name, values]) => [name, Array.from(values)]));
      return writeFileAtomically(
        join(folder, backgroundFiles.classifier),
        `${JSON.stringify({ classes, columns, ...plain })}\n`,
      );
    },
    close: async () => {},
  };
}

/** The classifier that was saved last, and its classes. */
export async function loadClassifier(
  kind: 'logistic' | 'forest',
  folder: string,
): Promise<Trained & { classes: readonly string[] }> {
  if (kind === 'forest') {
    const forest = await Forest.load(join(folder, backgroundFiles.forest));
    return { ...ofForest(forest), classes: forest.classes };
  }
  const path = join(folder, backgroundFiles.classifier);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw fileError('read', path, error);
  }
  const stored = parseJson(text, path, 'model-invalid') as Linear;
  // A regression is its numbers: what predicts needs nothing else.
  const model = Object.assign(Object.create(LogisticRegression.prototype), stored) as LogisticRegression;
  return { ...ofLogistic(model), classes: stored.classes };
}

const foldCount = 5;

/** Scores over folds that keep groups whole. */
export async function heldOutScores(
  kind: 'logistic' | 'forest',
  features: FeatureMatrix,
  { labels, classes, groups }: TrainingCells,
  seed: number,
): Promise<Omit<Scores, 'seconds'>> {
  const k = classes.length;
  const confusion = classes.map(() => new Array<number>(k).fill(0));
  const groupCount = new Set(groups).size;
  const right = new Array<boolean>(labels.length).fill(false);
  const folds = Math.min(foldCount, groupCount);
  if (folds < 2)
    return { labels: labels.length, accuracy: null, low: null, high: null, proteins: groupCount, confusion };
  const fold = groupedFolds(groups, folds);
  for (let held = 0; held < folds; held++) {
    const inside = [...fold.keys()].filter((row) => fold[row] !== held);
    const outside = [...fold.keys()].filter((row) => fold[row] === held);
    const model = await trainClassifier(
      kind,
      selectRows(features, inside),
      Int32Array.from(inside, (row) => labels[row] as number),
      classes,
      seed,
    );
    try {
      const posteriors = await model.predict(selectRows(features, outside));
      for (const [i, row] of outside.entries()) {
        const truth = labels[row] as number;
        const called = argmax(posteriors, i * k, k);
        right[row] = called === truth;
        const counts = confusion[truth] as number[];
        counts[called] = (counts[called] as number) + 1;
      }
    } finally {
      await model.close();
    }
  }
  const { accuracy, low, high } = accuracyByGroup(right, groups, seed);
  return { labels: labels.length, accuracy, low, high, proteins: groupCount, confusion };
}
