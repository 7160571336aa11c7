/**
 * The paper's model of a protein: its cells' class probabilities, summed, update a symmetric Dirichlet prior over the
 * mixture of classes that its cells are in. alpha_k = alpha0 + sum over cells of p_k.
 */
import { DeepYeastError } from '../errors';
import { callClass } from '../prediction/call';
import { ratio } from '../ratios';
import { mixtureBootstrap } from './bootstrap';
import type { MixtureBootstrap, ProteinSums, SoftCounts } from './soft-counts';

/** What the Beta intervals take for granted; said wherever they are shown. */
export const betaAssumption = 'assuming independent cells and calibrated posteriors';

export interface ProteinOptions {
  /** alpha0, the prior's pseudo-count of every class. Default 1. */
  prior?: number;
  /** Accuracy is also given over proteins of at least so many cells. Default 10. */
  minimumCells?: number;
  /** Resamples for the bootstrap intervals; 0: none. Default 1000. */
  replicates?: number;
  seed?: number;
}

/** The posterior of one protein. Arrays have one value a class. */
export interface ProteinRow {
  protein: string;
  cells: number;
  /** Distinct fields; null when not known, as after adding up partial tables. */
  fields: number | null;
  /** The class of its cells, null when they have none. */
  label: string | null;
  /** The class of the largest alpha; on a tie the lower one. */
  predicted: string;
  /** Another class's alpha is as large, to 1e-12 of the sum. */
  tied: boolean;
  /** Whether predicted is the label; null without a label. */
  correct: boolean | null;
  /** Sums of the cells' posteriors. */
  softCounts: number[];
  /** soft count / cells: the paper's mixture, its "frequency of cells". */
  mode: number[];
  /** alpha_k / A. */
  mean: number[];
  /** 95% interval of Beta(alpha_k, A - alpha_k), assuming independent cells and calibrated posteriors. */
  low: number[];
  high: number[];
  /** 95% intervals of the mode by the bootstrap over fields, or cells where there is one field. */
  bootstrap: MixtureBootstrap | null;
}

/** Proteins called right among those with a label. */
export interface ProteinAccuracy {
  count: number;
  correct: number;
  accuracy: number | null;
  /** How many calls were ties. */
  tied: number;
}

export interface ProteinTable {
  classes: string[];
  prior: number;
  minimumCells: number;
  betaAssumption: typeof betaAssumption;
  /** Sorted by name, in code-unit order. */
  proteins: ProteinRow[];
  all: ProteinAccuracy;
  /** Of the proteins with at least `minimumCells` cells. */
  withMinimumCells: ProteinAccuracy;
  /** Cells whose protein is not known: in no row. */
  cellsWithoutProtein: number;
}

/** The central 95% interval of Beta(a, b); with b = 0 (a single class) all mass is at 1. */
export function betaInterval(a: number, b: number): [number, number] {
  // On first use: hundreds of small files.
  const betaQuantile = require('@stdlib/stats-base-dists-beta-quantile') as (p: number, a: number, b: number) => number;
  return b === 0 ? [1, 1] : [betaQuantile(0.025, a, b), betaQuantile(0.975, a, b)];
}

/** Distinct fields behind the sums; null when not known: unnamed, or in several partial tables that may share some. */
function fieldCount({ fields, partial }: ProteinSums): number | null {
  const [row] = partial;
  if (row) return partial.length === 1 && fields.size === 0 ? row.fields : null;
  return fields.has('') ? null : fields.size;
}

function accuracyOf(rows: readonly ProteinRow[]): ProteinAccuracy {
  const labelled = rows.filter((row) => row.correct !== null);
  const correct = labelled.filter((row) => row.correct).length;
  const tied = labelled.filter((row) => row.tied).length;
  return { count: labelled.length, correct, accuracy: ratio(correct, labelled.length), tied };
}

/** Checks the numbers of ProteinOptions and fills in the defaults. Throws `invalid-argument`. */
export function proteinOptions(options: ProteinOptions = {}): Required<ProteinOptions> {
  const { prior = 1, minimumCells = 10, replicates = 1000, seed = 0 } = options;
  if (!(prior > 0 && Number.isFinite(prior))) {
    throw new DeepYeastError('invalid-argument', `found the prior ${prior}, expected a number above 0, as 1`);
  }
  for (const [name, value] of Object.entries({ minimumCells, replicates, seed })) {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new DeepYeastError('invalid-argument', `found ${name} ${value}, expected an integer from 0 on`);
    }
  }
  return { prior, minimumCells, replicates, seed };
}

/** The Dirichlet posterior of every protein of the sums. */
export function dirichletTable(sums: SoftCounts, options: ProteinOptions = {}): ProteinTable {
  const { prior, minimumCells, replicates, seed } = proteinOptions(options);
  const classes = [...sums.classes];
  for (const { protein, label } of sums.proteins.values()) {
    if (label !== null && !classes.includes(label)) {
      throw new DeepYeastError(
        'class-unknown',
        `protein ${protein} is labelled '${label}', expected one of the predicted classes: ${classes.join(', ')}`,
      );
    }
  }
  const proteins = [...sums.proteins.values()]
    .sort((a, b) => (a.protein < b.protein ? -1 : 1))
    .map((entry): ProteinRow => {
      const softCounts = Array.from(entry.softCounts);
      const alpha = softCounts.map((count) => prior + count);
      const total = alpha.reduce((sum, value) => sum + value, 0);
      const { index, tied } = callClass(alpha);
      const predicted = classes[index] as string;
      // The others' sum, not total - alpha: nothing is lost where one class has nearly everything.
      const intervals = alpha.map((value, c) =>
        betaInterval(
          value,
          alpha.reduce((sum, other, o) => (o === c ? sum : sum + other), 0),
        ),
      );
      return {
        protein: entry.protein,
        cells: entry.cells,
        fields: fieldCount(entry),
        label: entry.label,
        predicted,
        tied,
        correct: entry.label === null ? null : entry.label === predicted,
        softCounts,
        mode: softCounts.map((count) => count / entry.cells),
        mean: alpha.map((value) => value / total),
        low: intervals.map(([low]) => low),
        high: intervals.map(([, high]) => high),
        bootstrap: mixtureBootstrap(entry, classes.length, { replicates, seed }),
      };
    });
  return {
    classes,
    prior,
    minimumCells,
    betaAssumption,
    proteins,
    all: accuracyOf(proteins),
    withMinimumCells: accuracyOf(proteins.filter((row) => row.cells >= minimumCells)),
    cellsWithoutProtein: sums.cellsWithoutProtein,
  };
}
