/**
 * Telling good cells from what is none (the paper's "Cell quality"): a forest on marked good cells and non-cells, its
 * settings picked by cross-validation, every number out of fold.
 */
import { throwIfAborted } from '../abort';
import { Forest } from '../classifiers/forest';
import { DeepYeastError } from '../errors';
import { areaUnderRoc, averagePrecision } from '../evaluation/rejection';
import { type FeatureMatrix, selectRows } from '../features/matrix';
import { permutation, RandomSequence, RandomStream } from '../random';
import { analysisDraw } from '../random-draws';

/** The two classes, in the order of the forest's. */
export const qualityClasses = ['non-cell', 'good'] as const;

export interface QualitySetting {
  featuresPerSplit: number;
  downSample: boolean;
}

export interface QualityOptions {
  /** Default 10. */
  folds?: number;
  /** Default 100, the paper's. */
  trees?: number;
  /** Features a split that cross-validation tries; default 10, 30, 100, as far as there are so many. */
  featuresPerSplit?: readonly number[];
  seed?: number;
  threads?: number | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: (done: number, total: number) => void;
}

/** Out-of-fold numbers. With 1,200 good cells to 118 others, 91% right is trivial: hence the areas. */
export interface QualityScores {
  accuracy: number;
  balancedAccuracy: number;
  areaUnderRoc: number;
  /** Of the non-cells, the rarer class. */
  averagePrecision: number;
}

export interface QualityDetector {
  forest: Forest;
  setting: QualitySetting;
  scores: QualityScores;
  /** Every setting tried. */
  search: (QualitySetting & QualityScores)[];
  good: number;
  nonCells: number;
}

/**
 * Picks cells to train on: of each class `perClass` good ones at random, and every non-cell.
 * @param candidates whether a cell may stand for good cells (marked good, and both models right, say)
 * @param nonCell whether it is marked as none
 */
export function qualityTrainingCells(
  labels: ArrayLike<number>,
  candidates: ArrayLike<boolean | number>,
  nonCell: ArrayLike<boolean | number>,
  { perClass = 100, seed = 0 }: { perClass?: number; seed?: number } = {},
): { good: Uint32Array; nonCells: Uint32Array } {
  const byClass = new Map<number, number[]>();
  const nonCells: number[] = [];
  for (let cell = 0; cell < labels.length; cell++) {
    if (nonCell[cell]) nonCells.push(cell);
    else if (candidates[cell] && (labels[cell] as number) >= 0) {
      const label = labels[cell] as number;
      byClass.set(label, [...(byClass.get(label) ?? []), cell]);
    }
  }
  const good = [...byClass].flatMap(([label, cells]) =>
    Array.from(
      permutation(seed, 'analysis', analysisDraw('qualityTraining', label), cells.length).subarray(0, perClass),
      (at) => cells[at] as number,
    ),
  );
  return { good: Uint32Array.from(good).sort(), nonCells: Uint32Array.from(nonCells) };
}

/**
 * Trains a detector: the setting of the largest out-of-fold area under the ROC curve, then a forest on all cells.
 * @param good rows of good cells; @param nonCells rows of the others
 * @throws invalid-argument with fewer of either than folds, aborted
 */
export async function trainQuality(
  features: FeatureMatrix,
  good: Uint32Array,
  nonCells: Uint32Array,
  options: QualityOptions = {},
): Promise<QualityDetector> {
  const { folds = 10, trees = 100, seed = 0, threads, signal, onProgress } = options;
  if (Math.min(good.length, nonCells.length) < folds || folds < 2) {
    throw new DeepYeastError(
      'invalid-argument',
      `found ${good.length} good cells and ${nonCells.length} non-cells, expected at least ${folds} of each as there are ` +
        'folds; mark more cells',
    );
  }
  const rows = Uint32Array.from([...nonCells, ...good]);
  const matrix = selectRows(features, rows);
  const labels = Uint32Array.from(rows, (_, i) => (i < nonCells.length ? 0 : 1));
  const foldOf = stratifiedFolds(labels, folds, seed);
  const perSplit = (options.featuresPerSplit ?? [10, 30, 100]).filter((count) => count <= features.columns);
  const settings = (perSplit.length > 0 ? perSplit : [features.columns]).flatMap((featuresPerSplit) =>
    [false, true].map((downSample): QualitySetting => ({ featuresPerSplit, downSample })),
  );
  const search: QualityDetector['search'] = [];
  const total = settings.length * folds;
  for (const setting of settings) {
    const scores = new Float64Array(rows.length);
    for (let fold = 0; fold < folds; fold++) {
      throwIfAborted(signal);
      const inside = [...labels.keys()].filter((i) => foldOf[i] !== fold);
      const outside = [...labels.keys()].filter((i) => foldOf[i] === fold);
      const forest = await Forest.train(
        selectRows(matrix, inside),
        Uint32Array.from(inside, (i) => labels[i] as number),
        qualityClasses,
        { trees, ...setting, seed: seed + fold, threads, signal },
      );
      try {
        const predicted = await forest.predict(selectRows(matrix, outside), { threads, signal });
        for (const [at, i] of outside.entries()) scores[i] = predicted[2 * at + 1] as number;
      } finally {
        await forest.close();
      }
      onProgress?.(search.length * folds + fold + 1, total);
    }
    search.push({ ...setting, ...qualityScores(scores, labels) });
  }
  const best = search.reduce((first, other) => (other.areaUnderRoc > first.areaUnderRoc ? other : first));
  const { featuresPerSplit, downSample, ...scores } = best;
  const setting = { featuresPerSplit, downSample };
  const forest = await Forest.train(matrix, labels, qualityClasses, { trees, ...setting, seed, threads, signal });
  return { forest, setting, scores, search, good: good.length, nonCells: nonCells.length };
}

/** Each class is dealt out to the folds in a random order. */
function stratifiedFolds(labels: Uint32Array, folds: number, seed: number): Uint8Array {
  const foldOf = new Uint8Array(labels.length);
  for (const label of [0, 1]) {
    const cells = [...labels.keys()].filter((i) => labels[i] === label);
    const order = permutation(seed, 'analysis', analysisDraw('qualityFolds', label), cells.length);
    for (const [place, at] of order.entries()) foldOf[cells[at] as number] = place % folds;
  }
  return foldOf;
}

/** Numbers of scores (probability of a good cell) against what the cells are (1 good, 0 none). */
export function qualityScores(scores: ArrayLike<number>, good: ArrayLike<number>): QualityScores {
  const of = (wanted: number) => Array.from(scores).filter((_, i) => good[i] === wanted);
  const [bad, fine] = [of(0), of(1)];
  const rejected = bad.filter((score) => score < 0.5).length;
  const kept = fine.filter((score) => score >= 0.5).length;
  return {
    accuracy: (rejected + kept) / scores.length,
    balancedAccuracy: (rejected / bad.length + kept / fine.length) / 2,
    areaUnderRoc: areaUnderRoc(fine, bad) as number,
    averagePrecision: averagePrecision(
      Array.from(scores, (score) => 1 - score),
      Array.from(good, (value) => value === 0),
    ) as number,
  };
}

/** The probability of a good cell for every row. */
export async function scoreQuality(
  forest: Forest,
  features: FeatureMatrix,
  options: { threads?: number | undefined; signal?: AbortSignal | undefined } = {},
): Promise<Float32Array> {
  const predicted = await forest.predict(features, options);
  return Float32Array.from({ length: features.rows }, (_, row) => predicted[2 * row + 1] as number);
}

/** What a filter does to one class; planted numbers are null where nothing is planted. */
export interface FilterClass {
  name: string;
  cells: number;
  removed: number;
  /** Planted non-cells among the cells, and how many of them are removed. */
  nonCells: number | null;
  nonCellsFound: number | null;
  /** Planted good cells that are removed. */
  goodCellsLost: number | null;
}

export interface FilterReport {
  threshold: number;
  cells: number;
  removed: number;
  classes: FilterClass[];
  /** Accuracy of each model on all cells, on the kept ones, and after removing as many at random (mean of 100 draws). */
  models: { name: string; before: number; after: number; random: number }[];
}

/** A cell to be filtered. Its label is read for the report only, never by the filter. */
export interface FilterCell {
  score: number;
  label: number;
  /** Whether it is a good cell; null where not known. */
  good: boolean | null;
  /** For each model, whether it gets the cell right. */
  right: readonly boolean[];
}

/**
 * What removing the cells with a score below the threshold does. Cells that trained the filter do not belong here.
 * @throws invalid-argument without cells
 */
export function filterReport(
  cells: readonly FilterCell[],
  classes: readonly string[],
  models: readonly string[],
  threshold: number,
  seed = 0,
): FilterReport {
  if (cells.length === 0) throw new DeepYeastError('invalid-argument', 'found no cell to filter, expected some');
  const kept = cells.filter(({ score }) => score >= threshold);
  const planted = cells.some(({ good }) => good !== null);
  const count = (from: readonly FilterCell[], wanted: (cell: FilterCell) => boolean) => from.filter(wanted).length;
  const accuracy = (from: readonly FilterCell[], m: number) =>
    from.length === 0 ? Number.NaN : count(from, ({ right }) => right[m] === true) / from.length;
  return {
    threshold,
    cells: cells.length,
    removed: cells.length - kept.length,
    classes: classes.map((name, label): FilterClass => {
      const own = cells.filter((cell) => cell.label === label);
      const removed = own.filter(({ score }) => score < threshold);
      return {
        name,
        cells: own.length,
        removed: removed.length,
        nonCells: planted ? count(own, ({ good }) => good === false) : null,
        nonCellsFound: planted ? count(removed, ({ good }) => good === false) : null,
        goodCellsLost: planted ? count(removed, ({ good }) => good === true) : null,
      };
    }),
    models: models.map((name, m) => ({
      name,
      before: accuracy(cells, m),
      after: accuracy(kept, m),
      random: randomRemoval(cells, kept.length, m, seed),
    })),
  };
}

function randomRemoval(cells: readonly FilterCell[], keep: number, m: number, seed: number): number {
  if (keep === 0) return Number.NaN;
  const draws = 100;
  let sum = 0;
  for (let draw = 0; draw < draws; draw++) {
    const sequence = new RandomSequence(new RandomStream(seed, 'analysis', analysisDraw('randomRemoval'), draw));
    const order = cells.map((_, i) => i);
    let right = 0;
    for (let i = 0; i < keep; i++) {
      const pick = i + sequence.integer(order.length - i);
      const moved = order[i] as number;
      order[i] = order[pick] as number;
      order[pick] = moved;
      if (cells[order[i] as number]?.right[m]) right++;
    }
    sum += right / keep;
  }
  return sum / draws;
}
