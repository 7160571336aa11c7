/** The scores of a model on labelled cells: what metrics.json holds. */
import type { Dataset } from '../data/dataset';
import { DeepYeastError } from '../errors';
import type { Predictions } from '../network/network';
import { argmax } from '../prediction/call';
import { requireDistinctCells } from '../prediction/cell-source';
import { matchClasses } from '../prediction/class-match';
import { mean, median, ratio, type Summary } from '../ratios';
import { bootstrapIntervals, type ConfidenceInterval } from './bootstrap';
import type { Confusion } from './confusion';
import { type ClassMetrics, classMetrics } from './metrics';
import { type ProteinTally, Scores, type Unit } from './scores';

export interface EvaluationOptions {
  /** Accuracy is also given over proteins of at least so many cells. Default 10. */
  minimumCells?: number;
  /** Resamples of the bootstrap over proteins; 0: no intervals. Default 1000. */
  replicates?: number;
  seed?: number;
}

/** Shares called right; `interval`: 95%, by bootstrap over proteins, null with fewer than two of them. */
export interface Accuracy {
  count: number;
  correct: number;
  accuracy: number | null;
  interval: ConfidenceInterval | null;
}

export interface ProteinScores extends Accuracy {
  /** Proteins with two largest soft counts, called the lower class. */
  tied: number;
  /** By the proteins' class, in the model's order. */
  classes: ({ name: string } & Accuracy)[];
}

type WithInterval<T> = T & { interval: ConfidenceInterval | null };

export interface Report {
  /** Cells without a label are counted in `unlabelled` and left out of everything else. */
  cells: Accuracy & { unlabelled: number };
  /** In the model's order. */
  classes: (ClassMetrics & {
    recallInterval: ConfidenceInterval | null;
    precisionInterval: ConfidenceInterval | null;
  })[];
  medianRecall: WithInterval<Summary>;
  medianPrecision: WithInterval<Summary>;
  macroRecall: WithInterval<Summary>;
  confusion: {
    classes: string[];
    /** Row: true class; column: predicted class. */
    counts: number[][];
    /** Rows divided by their sums, null where a class has no cells. */
    rates: (number | null)[][];
  };
  /** The ten largest counts off the diagonal. */
  mostFrequentConfusions: Confusion[];
  /** A protein is called by the largest sum of its cells' posteriors. */
  proteins: ProteinScores;
  /** Of proteins with at least `minimumCells` labelled cells. */
  proteinsWithMinimumCells: ProteinScores & { minimumCells: number };
  /** Labelled cells that name no protein: in the cells' scores, not in the proteins'. */
  cellsWithoutProtein: number;
  bootstrap: { unit: 'protein'; units: number; replicates: number; seed: number; level: 0.95 };
}

const reportedConfusions = 10;

/** Gathers scores cell by cell. Memory grows with the number of proteins only. */
export class Evaluation {
  readonly classes: readonly string[];
  readonly #units = new Map<string, Unit>();
  #unlabelled = 0;
  #cellsWithoutProtein = 0;

  /** @param classes the model's, in the order of the posteriors */
  constructor(classes: readonly string[]) {
    this.classes = classes;
  }

  /**
   * One cell.
   * @param label index into the model's classes, -1: unlabelled
   * @param protein empty: not known
   * @param posteriors the cell's K values begin at `start`
   * @throws labels-invalid when the protein's cells have two labels
   */
  add(label: number, protein: string, posteriors: ArrayLike<number>, start = 0): void {
    if (label < 0) {
      this.#unlabelled++;
      return;
    }
    const k = this.classes.length;
    // A line feed begins no name of a protein: single cells cannot collide with one.
    const key = protein === '' ? `\n${String(this.#cellsWithoutProtein++).padStart(10, '0')}` : protein;
    let unit = this.#units.get(key);
    if (!unit) {
      unit = { protein, label, cells: 0, predicted: new Uint32Array(k), softCounts: new Float64Array(k) };
      this.#units.set(key, unit);
    }
    if (unit.label !== label) {
      throw new DeepYeastError(
        'labels-invalid',
        `protein ${protein} has cells labelled '${this.classes[unit.label]}' and cells labelled ` +
          `'${this.classes[label]}', expected one class a protein; correct the labels, or give the two groups of cells ` +
          'protein names of their own',
      );
    }
    unit.cells++;
    const predicted = argmax(posteriors, start, k);
    unit.predicted[predicted] = (unit.predicted[predicted] as number) + 1;
    for (let c = 0; c < k; c++) {
      unit.softCounts[c] = (unit.softCounts[c] as number) + (posteriors[start + c] as number);
    }
  }

  /** @throws invalid-argument for an option that is no count; dataset-invalid when no cell had a label */
  report(options: EvaluationOptions = {}): Report {
    const { minimumCells, replicates, seed } = evaluationOptions(options);
    if (this.#units.size === 0) {
      throw new DeepYeastError(
        'dataset-invalid',
        `found ${this.#unlabelled} cells and no label, expected labelled cells to score; use \`deepyeast predict\``,
      );
    }
    // In the order of names, so that the order of the cells changes no interval.
    const units = [...this.#units].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, unit]) => unit);
    const once = new Uint32Array(units.length).fill(1);
    const scores = new Scores(this.classes, units, minimumCells);
    const tally = scores.tally(once);
    const point = scores.values(tally);
    const intervals = bootstrapIntervals(
      units.length,
      point.length,
      (times, values) => values.set(scores.values(scores.tally(times))),
      { replicates, seed },
    );
    const interval = (index: number) => intervals[index] ?? null;
    const k = this.classes.length;
    const { at } = scores;
    const classes = classMetrics(this.classes, tally.confusion.counts).map((metrics, c) => ({
      ...metrics,
      recallInterval: interval(at.recall + c),
      precisionInterval: interval(at.precision + c),
    }));
    const recalls = classes.map(({ recall }) => recall);
    const accuracy = (count: number, correct: number, index: number): Accuracy => {
      return { count, correct, accuracy: ratio(correct, count), interval: interval(index) };
    };
    const proteinScores = (group: ProteinTally, index: number): ProteinScores => ({
      ...accuracy(group.count, group.correct, index),
      tied: group.tied,
      classes: this.classes.map((name, c) => ({
        name,
        ...accuracy(group.countOf[c] as number, group.correctOf[c] as number, index + 1 + c),
      })),
    });
    return {
      cells: { ...accuracy(tally.confusion.total, tally.confusion.correct, 0), unlabelled: this.#unlabelled },
      classes,
      medianRecall: { ...median(recalls), interval: interval(at.medianRecall) },
      medianPrecision: { ...median(classes.map((c) => c.precision)), interval: interval(at.medianPrecision) },
      macroRecall: { ...mean(recalls), interval: interval(at.macroRecall) },
      confusion: {
        classes: [...this.classes],
        counts: tally.confusion.rows(),
        rates: tally.confusion.rates(),
      },
      mostFrequentConfusions: tally.confusion.mostFrequentConfusions(reportedConfusions),
      proteins: proteinScores(tally.all, at.proteins),
      proteinsWithMinimumCells: { minimumCells, ...proteinScores(tally.withMinimumCells, at.proteins + 1 + k) },
      cellsWithoutProtein: this.#cellsWithoutProtein,
      bootstrap: { unit: 'protein', units: units.length, replicates, seed, level: 0.95 },
    };
  }
}

/** Checks the numbers and fills in the defaults. Throws `invalid-argument`. */
export function evaluationOptions(options: EvaluationOptions = {}): Required<EvaluationOptions> {
  const { minimumCells = 10, replicates = 1000, seed = 0 } = options;
  for (const [name, value] of Object.entries({ minimumCells, replicates, seed })) {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new DeepYeastError('invalid-argument', `found ${name} ${value}, expected an integer from 0 on`);
    }
  }
  return { minimumCells, replicates, seed };
}

/**
 * Scores predictions against a dataset's labels, matched by class name.
 * @param predictions the network's for this dataset, in the order of its cells
 * @throws invalid-argument when they are not, class-unknown, labels-invalid, dataset-invalid without labelled cells
 */
export async function evaluate(
  predictions: Predictions,
  dataset: Dataset,
  options: EvaluationOptions = {},
): Promise<Report> {
  evaluationOptions(options);
  if (predictions.count !== dataset.count) {
    throw new DeepYeastError(
      'invalid-argument',
      `found predictions of ${predictions.count} cells, expected ${dataset.count} as ${dataset.path} holds; predict it`,
    );
  }
  const classIndex = matchClasses(predictions.classes, dataset);
  await requireDistinctCells([dataset]);
  const evaluation = new Evaluation(predictions.classes);
  const k = predictions.classes.length;
  let index = 0;
  for await (const cell of dataset.cells()) {
    evaluation.add(classIndex[cell.label] ?? -1, cell.protein, predictions.posteriors, index++ * k);
  }
  return evaluation.report(options);
}
