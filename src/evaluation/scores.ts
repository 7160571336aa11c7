/** Every score of a report as a row of numbers, so that the bootstrap can compute all of them at once. */

import { callClass } from '../prediction/call';
import { mean, median, ratio } from '../ratios';
import { ConfusionMatrix } from './confusion';
import { classMetrics } from './metrics';

/** A protein's cells, or one cell without a protein: what the bootstrap draws. */
export interface Unit {
  readonly protein: string;
  readonly label: number;
  cells: number;
  /** Cells by predicted class. */
  readonly predicted: Uint32Array;
  readonly softCounts: Float64Array;
}

/** Proteins counted, in all and by class. */
export class ProteinTally {
  count = 0;
  correct = 0;
  tied = 0;
  readonly countOf: Float64Array;
  readonly correctOf: Float64Array;

  constructor(classes: number) {
    this.countOf = new Float64Array(classes);
    this.correctOf = new Float64Array(classes);
  }

  add(label: number, correct: boolean, tied: boolean, times: number): void {
    this.count += times;
    this.countOf[label] = (this.countOf[label] as number) + times;
    if (tied) this.tied += times;
    if (!correct) return;
    this.correct += times;
    this.correctOf[label] = (this.correctOf[label] as number) + times;
  }
}

export interface Tally {
  confusion: ConfusionMatrix;
  all: ProteinTally;
  withMinimumCells: ProteinTally;
}

/** All scores as one row of numbers, for any number of times that each unit is counted. */
export class Scores {
  readonly #classes: readonly string[];
  readonly #units: readonly Unit[];
  readonly #minimumCells: number;
  /** The proteins' calls, null for single cells that name no protein. */
  readonly #calls: readonly ({ index: number; tied: boolean } | null)[];
  /** Where each score begins in `values`; the cells' accuracy is the first. */
  readonly at: Record<'recall' | 'precision' | 'medianRecall' | 'medianPrecision' | 'macroRecall' | 'proteins', number>;

  constructor(classes: readonly string[], units: readonly Unit[], minimumCells: number) {
    this.#classes = classes;
    this.#units = units;
    this.#minimumCells = minimumCells;
    this.#calls = units.map((unit) => (unit.protein === '' ? null : callClass(unit.softCounts)));
    const k = classes.length;
    this.at = {
      recall: 1,
      precision: 1 + k,
      medianRecall: 1 + 2 * k,
      medianPrecision: 2 + 2 * k,
      macroRecall: 3 + 2 * k,
      proteins: 4 + 2 * k,
    };
  }

  /** Counts each unit as often as `times` says. */
  tally(times: Uint32Array): Tally {
    const k = this.#classes.length;
    const confusion = new ConfusionMatrix(this.#classes);
    const all = new ProteinTally(k);
    const withMinimumCells = new ProteinTally(k);
    this.#units.forEach((unit, u) => {
      const count = times[u] as number;
      if (count === 0) return;
      for (let c = 0; c < k; c++) {
        const cells = unit.predicted[c] as number;
        if (cells > 0) confusion.add(unit.label, c, count * cells);
      }
      const call = this.#calls[u];
      if (!call) return;
      const correct = call.index === unit.label;
      all.add(unit.label, correct, call.tied, count);
      if (unit.cells >= this.#minimumCells) withMinimumCells.add(unit.label, correct, call.tied, count);
    });
    return { confusion, all, withMinimumCells };
  }

  /** The scores in the order of `at`, NaN where undefined. */
  values({ confusion, all, withMinimumCells }: Tally): number[] {
    const metrics = classMetrics(this.#classes, confusion.counts);
    const recalls = metrics.map(({ recall }) => recall);
    const precisions = metrics.map(({ precision }) => precision);
    const accuracies = (tally: ProteinTally) => [
      ratio(tally.correct, tally.count),
      ...this.#classes.map((_, c) => ratio(tally.correctOf[c] as number, tally.countOf[c] as number)),
    ];
    return [
      ratio(confusion.correct, confusion.total),
      ...recalls,
      ...precisions,
      median(recalls).value,
      median(precisions).value,
      mean(recalls).value,
      ...accuracies(all),
      ...accuracies(withMinimumCells),
    ].map((value) => value ?? Number.NaN);
  }
}
