/**
 * Two models on the same cells (the paper's Figure 2 and Supplementary Figure 2), their mistakes one by one
 * (Supplementary Files 4 and 5), and why each was made, by stated rules.
 */
import { cellKey, describeCellKey } from '../data/identity';
import { DeepYeastError } from '../errors';
import { argmax, callClass } from '../prediction/call';
import type { PredictionTable } from '../prediction/labelled-predictions';
import { median, ratio } from '../ratios';
import { type ClassMetrics, classMetrics } from './metrics';

export interface ComparedModel {
  name: string;
  accuracy: number;
  classes: ClassMetrics[];
  medianRecall: number | null;
  medianPrecision: number | null;
  proteins: { count: number; correct: number; accuracy: number | null };
}

/** Why a cell was called wrongly. */
export const mistakeCauses = ['technical', 'heterogeneity or label', 'model error'] as const;
export type MistakeCause = (typeof mistakeCauses)[number];

/** One model's view of a cell. */
export interface CellCall {
  predicted: string;
  /** Of the predicted class. */
  posterior: number;
  /** Place of the true class among the posteriors, from 1. */
  rankOfTrue: number;
  /** Mean posterior of the true class over the protein's cells. */
  proteinPosterior: number;
}

export interface Mistake {
  cell: string;
  protein: string;
  true: string;
  first: CellCall;
  second: CellCall;
  wrongIn: 'both' | 'first' | 'second';
  /** Quality score, null where none is known. */
  quality: number | null;
  /** Of the first model's call; null where the first is right. */
  cause: MistakeCause | null;
}

/** A protein that both models call something else than its label. */
export interface SuspectProtein {
  protein: string;
  cells: number;
  label: string;
  predicted: string;
  /** Mean posterior of the predicted class, and of the label, over both models. */
  predictedMean: number;
  labelMean: number;
}

export interface Comparison {
  cells: number;
  /** Cells that only the first table names, and those that only the second one does: they are left out. */
  unmatched: [number, number];
  /** Cells compared that have no quality; null where no qualities are given. */
  unscored: number | null;
  models: [ComparedModel, ComparedModel];
  /** Cells by who is right. */
  agreement: {
    bothRight: number;
    onlyFirstRight: number;
    onlySecondRight: number;
    bothWrong: number;
    sameWrongCall: number;
  };
  /** McNemar's exact test on the cells that one model alone gets right: its p value, two-sided. Cells are not independent. */
  mcNemar: number;
  mistakes: Mistake[];
  causes: Record<MistakeCause, number>;
  suspects: SuspectProtein[];
}

export interface CompareOptions {
  /** Quality by cell name, 0 (no cell) to 1 (a good cell). */
  quality?: ReadonlyMap<string, number>;
  /** Below it a cell is technical. Default 0.5. */
  qualityThreshold?: number;
  /** From which posterior on a call is confident. Default 0.8. */
  confident?: number;
  /** A suspect protein has at least so many cells. Default 10. */
  minimumCells?: number;
}

interface ProteinCells {
  label: number;
  cells: number;
  sums: [Float64Array, Float64Array];
}

/**
 * Compares two models on the cells that both tables hold with the same label.
 *
 * A mistake of the first model is `technical` where the cell's quality is below the threshold; `heterogeneity or label`
 * where the call is confident and yet the protein's other cells say its label (their summed posteriors without this
 * cell); else a `model error`.
 *
 * @throws invalid-argument for tables of other classes, cells or labels
 */
export function compareModels(
  first: PredictionTable,
  second: PredictionTable,
  options: CompareOptions = {},
): Comparison {
  const { classes } = first;
  const k = classes.length;
  const pairs = matchCells(first, second);
  const { quality } = options;
  if (quality) requireDistinctNames(first.name, pairs);
  const confusion = [new Float64Array(k * k), new Float64Array(k * k)] as const;
  const proteins = new Map<string, ProteinCells>();
  const agreement = { bothRight: 0, onlyFirstRight: 0, onlySecondRight: 0, bothWrong: 0, sameWrongCall: 0 };
  for (const { a, posteriors } of pairs) {
    const calls = posteriors.map((posterior) => argmax(posterior)) as [number, number];
    for (const m of [0, 1] as const) {
      const at = a.label * k + calls[m];
      confusion[m][at] = (confusion[m][at] as number) + 1;
    }
    const right = calls.map((call) => call === a.label);
    if (right[0] && right[1]) agreement.bothRight++;
    else if (right[0]) agreement.onlyFirstRight++;
    else if (right[1]) agreement.onlySecondRight++;
    else agreement.bothWrong++;
    if (!right[0] && calls[0] === calls[1]) agreement.sameWrongCall++;
    if (a.protein === '') continue;
    let protein = proteins.get(a.protein);
    if (!protein) {
      protein = { label: a.label, cells: 0, sums: [new Float64Array(k), new Float64Array(k)] };
      proteins.set(a.protein, protein);
    }
    protein.cells++;
    for (const m of [0, 1] as const) {
      for (let c = 0; c < k; c++) protein.sums[m][c] = (protein.sums[m][c] as number) + (posteriors[m][c] as number);
    }
  }
  const models = [first, second].map((table, m): ComparedModel => {
    const counts = confusion[m as 0 | 1];
    const metrics = classMetrics(classes, counts);
    const diagonal = classes.reduce((sum, _, c) => sum + (counts[c * k + c] as number), 0);
    const called = [...proteins.values()].filter(({ label, sums }) => callClass(sums[m as 0 | 1]).index === label);
    return {
      name: table.name,
      accuracy: diagonal / pairs.length,
      classes: metrics,
      medianRecall: median(metrics.map(({ recall }) => recall)).value,
      medianPrecision: median(metrics.map(({ precision }) => precision)).value,
      proteins: { count: proteins.size, correct: called.length, accuracy: ratio(called.length, proteins.size) },
    };
  }) as [ComparedModel, ComparedModel];
  const mistakes = findMistakes(pairs, proteins, classes, options);
  const causes = Object.fromEntries(
    mistakeCauses.map((cause) => [cause, mistakes.filter((mistake) => mistake.cause === cause).length]),
  ) as Record<MistakeCause, number>;
  return {
    cells: pairs.length,
    unmatched: [first.cells.length - pairs.length, second.cells.length - pairs.length],
    unscored: quality ? pairs.filter(({ a }) => !quality.has(a.cell)).length : null,
    models,
    agreement,
    mcNemar: exactSignTest(agreement.onlyFirstRight, agreement.onlySecondRight),
    mistakes,
    causes,
    suspects: findSuspects(proteins, classes, options.minimumCells ?? 10),
  };
}

interface Pair {
  a: PredictionTable['cells'][number];
  posteriors: [Float64Array, Float64Array];
}

function matchCells(first: PredictionTable, second: PredictionTable): Pair[] {
  const order = first.classes.map((name) => second.classes.indexOf(name));
  if (order.includes(-1) || first.classes.length !== second.classes.length) {
    throw new DeepYeastError(
      'invalid-argument',
      `${second.name} has the classes ${second.classes.join(', ')}, expected those of ${first.name}: ` +
        first.classes.join(', '),
    );
  }
  const columns = joinColumns(first, second);
  const own = byKey(first, columns);
  const others = byKey(second, columns);
  const pairs: Pair[] = [];
  for (const [key, a] of own) {
    const b = others.get(key);
    if (!b) continue;
    if (second.classes[b.label] !== first.classes[a.label]) {
      throw new DeepYeastError(
        'invalid-argument',
        `cell ${a.cell} is labelled '${first.classes[a.label]}' for ${first.name} and '${second.classes[b.label]}' for ` +
          `${second.name}, expected one label; predict the same dataset`,
      );
    }
    pairs.push({ a, posteriors: [a.posterior, Float64Array.from(order, (c) => b.posterior[c] as number)] });
  }
  if (pairs.length === 0) {
    throw new DeepYeastError(
      'invalid-argument',
      `found no cell that ${first.name} and ${second.name} both name, expected the same dataset`,
    );
  }
  return pairs;
}

/** Qualities go by the cell's name alone. */
function requireDistinctNames(table: string, pairs: readonly Pair[]): void {
  const names = new Set<string>();
  for (const { a } of pairs) {
    if (names.has(a.cell)) {
      throw new DeepYeastError(
        'table-invalid',
        `${table} has several cells named '${a.cell}', of which the qualities tell one only, expected each name once`,
      );
    }
    names.add(a.cell);
  }
}

/** The name of a cell, and the plate, well and field where both tables have them. */
function joinColumns(first: PredictionTable, second: PredictionTable): string[] {
  const columnsOf = (table: PredictionTable) => Object.keys(table.cells[0]?.key ?? {});
  const others = columnsOf(second);
  return ['cell', ...columnsOf(first).filter((c) => c !== 'cell' && c !== 'protein' && others.includes(c))];
}

function byKey(table: PredictionTable, columns: readonly string[]): Map<string, PredictionTable['cells'][number]> {
  const rows = new Map<string, PredictionTable['cells'][number]>();
  for (const cell of table.cells) {
    const named = { ...cell.key, cell: cell.cell };
    const key = cellKey(named, columns);
    if (rows.has(key)) {
      throw new DeepYeastError(
        'table-invalid',
        `${table.name} names the cell ${describeCellKey(named, columns)} twice, expected each cell once; copy what tells ` +
          'them apart into both tables (--with plate,well,field)',
      );
    }
    rows.set(key, cell);
  }
  return rows;
}

function findMistakes(
  pairs: readonly Pair[],
  proteins: ReadonlyMap<string, ProteinCells>,
  classes: readonly string[],
  { quality, qualityThreshold = 0.5, confident = 0.8 }: CompareOptions,
): Mistake[] {
  const mistakes: Mistake[] = [];
  for (const { a, posteriors } of pairs) {
    const calls = posteriors.map((posterior) => argmax(posterior)) as [number, number];
    const wrong = calls.map((call) => call !== a.label);
    if (!wrong[0] && !wrong[1]) continue;
    const protein = proteins.get(a.protein);
    const callOf = (m: 0 | 1): CellCall => {
      const posterior = posteriors[m];
      const ofTrue = posterior[a.label] as number;
      return {
        predicted: classes[calls[m]] as string,
        posterior: posterior[calls[m]] as number,
        rankOfTrue: 1 + posterior.filter((p, c) => p > ofTrue || (p === ofTrue && c < a.label)).length,
        proteinPosterior: protein ? (protein.sums[m][a.label] as number) / protein.cells : ofTrue,
      };
    };
    const score = quality?.get(a.cell) ?? null;
    mistakes.push({
      cell: a.cell,
      protein: a.protein,
      true: classes[a.label] as string,
      first: callOf(0),
      second: callOf(1),
      wrongIn: wrong[0] && wrong[1] ? 'both' : wrong[0] ? 'first' : 'second',
      quality: score,
      cause: wrong[0] ? causeOf(a, posteriors[0], protein, score, qualityThreshold, confident) : null,
    });
  }
  return mistakes;
}

function causeOf(
  { label }: Pair['a'],
  posterior: Float64Array,
  protein: ProteinCells | undefined,
  quality: number | null,
  threshold: number,
  confident: number,
): MistakeCause {
  if (quality !== null && quality < threshold) return 'technical';
  const sure = (posterior[argmax(posterior)] as number) >= confident;
  if (!sure || !protein || protein.cells < 2) return 'model error';
  const others = protein.sums[0].map((sum, c) => sum - (posterior[c] as number));
  return callClass(others).index === label ? 'heterogeneity or label' : 'model error';
}

/** Proteins whose cells, by both models, are in one other compartment. */
function findSuspects(
  proteins: ReadonlyMap<string, ProteinCells>,
  classes: readonly string[],
  minimumCells: number,
): SuspectProtein[] {
  const suspects: SuspectProtein[] = [];
  for (const [protein, { label, cells, sums }] of proteins) {
    const [a, b] = sums.map((sum) => callClass(sum).index) as [number, number];
    if (cells < minimumCells || a !== b || a === label) continue;
    const meanOf = (c: number) => ((sums[0][c] as number) + (sums[1][c] as number)) / (2 * cells);
    suspects.push({
      protein,
      cells,
      label: classes[label] as string,
      predicted: classes[a] as string,
      predictedMean: meanOf(a),
      labelMean: meanOf(label),
    });
  }
  return suspects.sort((x, y) => y.predictedMean - x.predictedMean || (x.protein < y.protein ? -1 : 1));
}

/** Two-sided binomial test with one half: twice the smaller tail, at most 1. */
export function exactSignTest(a: number, b: number): number {
  const n = a + b;
  let logChoose = 0;
  let tail = 0;
  for (let i = 0; i <= Math.min(a, b); i++) {
    if (i > 0) logChoose += Math.log(n - i + 1) - Math.log(i);
    tail += Math.exp(logChoose - n * Math.LN2);
  }
  return Math.min(1, 2 * tail);
}

/** What the simulator planted in a cell: columns of its cells.csv. */
export interface PlantedCell {
  quality: string;
  /** The class that it looks like instead of its own; empty for none. */
  looks: string;
  /** The class that it was drawn as. */
  truth: string;
  label: string;
}

/** The cause that was planted. */
export function plantedCause({ quality, looks, truth, label }: PlantedCell): MistakeCause {
  if (quality !== '' && quality !== 'cell') return 'technical';
  return looks !== '' || (truth !== '' && truth !== label) ? 'heterogeneity or label' : 'model error';
}

/**
 * The rules against what was planted: rows are planted causes, columns the rules' answers, over the first model's
 * mistakes.
 */
export function scoreCauses(
  mistakes: readonly Mistake[],
  planted: ReadonlyMap<string, PlantedCell>,
): Record<MistakeCause, Record<MistakeCause, number>> {
  const empty = () => Object.fromEntries(mistakeCauses.map((cause) => [cause, 0])) as Record<MistakeCause, number>;
  const table = Object.fromEntries(mistakeCauses.map((cause) => [cause, empty()])) as Record<
    MistakeCause,
    Record<MistakeCause, number>
  >;
  for (const { cell, cause } of mistakes) {
    const cause0 = planted.get(cell);
    if (cause !== null && cause0) table[plantedCause(cause0)][cause]++;
  }
  return table;
}
