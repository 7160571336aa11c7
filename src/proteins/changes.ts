/** What moved between two conditions: the change of each protein's mixture, tested by permuting fields. */
import { throwIfAborted } from '../abort';
import { DeepYeastError } from '../errors';
import { writeRecords } from '../files/record-table';
import { openTable } from '../files/table-reader';
import type { ByteSink, TableWriterOptions } from '../files/table-writer';
import { callClass } from '../prediction/call';
import {
  DistinctPredictions,
  type PredictedCell,
  predictedClasses,
  readPredictions,
} from '../prediction/predictions-table';
import { RandomSequence, RandomStream } from '../random';
import { nameHash } from './bootstrap';
import { benjaminiHochberg } from './false-discovery';
import { SoftCounts } from './soft-counts';
import { totalVariation } from './total-variation';

export interface ChangeOptions {
  /** Random permutations where all of them would be more; default 9,999. */
  permutations?: number;
  /** False discovery rate at which a protein is said to have moved; default 0.05. */
  falseDiscoveryRate?: number;
  seed?: number;
  signal?: AbortSignal;
}

/** One protein in two conditions; A is the one asked about, B the one it is held against. */
export interface ProteinChange {
  protein: string;
  cells: number;
  cellsAgainst: number;
  fields: number;
  fieldsAgainst: number;
  /** The most probable class in each. */
  predicted: string;
  predictedAgainst: string;
  /** Effect size: total variation distance of the mixtures, the share of cells that are elsewhere; 0 to 1. */
  distance: number;
  /** The class that changed most, the change of its share (A - B), and Cohen's h of the two shares. */
  changedClass: string;
  change: number;
  cohensH: number;
  /** Of the distance, two-sided by nature; null where the fields are too few to be permuted. */
  p: number | null;
  /** Permutations behind p; `exact`: these are all there are. */
  permutations: number;
  exact: boolean;
  /** Adjusted by Benjamini and Hochberg over the proteins tested. */
  q: number | null;
  moved: boolean;
  /** Shares of the classes, in the order of the classes. */
  mixture: number[];
  mixtureAgainst: number[];
}

export interface ChangeTable {
  classes: string[];
  falseDiscoveryRate: number;
  /** Sorted by name. */
  proteins: ProteinChange[];
  tested: number;
  moved: number;
  /** Proteins of one of the two only. */
  onlyIn: number;
  onlyInAgainst: number;
}

/** A field's cells and summed posteriors: [cells, K sums]. */
type FieldSums = Float64Array;

/** Fewer ways than this to deal the fields out are all tried. */
const enumerated = 20_000;

/**
 * Compares proteins in two conditions, cell by cell tables of predictions of one model. Fields are exchanged, never
 * cells: cells of a field share its focus and light, and would make everything significant.
 *
 * The statistic is the total variation distance of the two mixtures (soft counts / cells, fields pooled); p is the share
 * of the ways to deal the fields out to the conditions whose distance is at least as large, itself included. All ways
 * where they are fewer than 20,000, random ones otherwise.
 *
 * @throws invalid-argument where the classes differ, aborted
 */
export function proteinChanges(a: SoftCounts, b: SoftCounts, options: ChangeOptions = {}): ChangeTable {
  const { permutations = 9999, falseDiscoveryRate = 0.05, seed = 0, signal } = options;
  if (a.classes.join('\n') !== b.classes.join('\n')) {
    throw new DeepYeastError(
      'invalid-argument',
      `found the classes ${b.classes.join(', ')}, expected ${a.classes.join(', ')}; predict both with one model`,
    );
  }
  if (!Number.isSafeInteger(permutations) || permutations < 1 || !(falseDiscoveryRate > 0 && falseDiscoveryRate < 1)) {
    throw new DeepYeastError(
      'invalid-argument',
      `found ${permutations} permutations and the false discovery rate ${falseDiscoveryRate}, expected a whole number ` +
        'from 1 and a rate between 0 and 1',
    );
  }
  const shared = [...a.proteins.keys()].filter((name) => b.proteins.has(name)).sort((x, y) => (x < y ? -1 : 1));
  const rows = shared.map((name) => {
    throwIfAborted(signal);
    return compareProtein(name, fieldSums(a, name), fieldSums(b, name), a.classes, { permutations, seed });
  });
  const adjusted = benjaminiHochberg(rows.map(({ p }) => p));
  const proteins = rows.map((row, i): ProteinChange => {
    const q = adjusted[i] ?? null;
    return { ...row, q, moved: q !== null && q <= falseDiscoveryRate };
  });
  return {
    classes: [...a.classes],
    falseDiscoveryRate,
    proteins,
    tested: proteins.filter(({ p }) => p !== null).length,
    moved: proteins.filter(({ moved }) => moved).length,
    onlyIn: a.proteins.size - shared.length,
    onlyInAgainst: b.proteins.size - shared.length,
  };
}

/** In the order of the fields' names, so that the order of the cells changes nothing. */
function fieldSums(sums: SoftCounts, protein: string): FieldSums[] {
  const fields = sums.proteins.get(protein)?.fields ?? new Map<string, FieldSums>();
  return [...fields].sort(([x], [y]) => (x < y ? -1 : 1)).map(([, row]) => row);
}

function compareProtein(
  protein: string,
  a: FieldSums[],
  b: FieldSums[],
  classes: readonly string[],
  { permutations, seed }: { permutations: number; seed: number },
): Omit<ProteinChange, 'q' | 'moved'> {
  const k = classes.length;
  const all = [...a, ...b];
  const chosen = (count: number) => Uint8Array.from(all, (_, i) => (i < count ? 1 : 0));
  const observed = mixtures(all, chosen(a.length), k);
  const distance = totalVariation(observed.inside, observed.outside);
  const differences = classes.map((_, c) => (observed.inside[c] as number) - (observed.outside[c] as number));
  const most = callClass(differences.map(Math.abs)).index;
  const tested = permutationTest(
    all,
    a.length,
    k,
    distance,
    permutations,
    new RandomStream(seed, 'bootstrap', 1, nameHash(protein)),
  );
  const arc = (share: number) => 2 * Math.asin(Math.sqrt(Math.min(1, Math.max(0, share))));
  return {
    protein,
    cells: a.reduce((sum, row) => sum + (row[0] as number), 0),
    cellsAgainst: b.reduce((sum, row) => sum + (row[0] as number), 0),
    fields: a.length,
    fieldsAgainst: b.length,
    predicted: classes[callClass(observed.inside).index] as string,
    predictedAgainst: classes[callClass(observed.outside).index] as string,
    distance,
    changedClass: classes[most] as string,
    change: differences[most] as number,
    cohensH: arc(observed.inside[most] as number) - arc(observed.outside[most] as number),
    ...tested,
    mixture: Array.from(observed.inside),
    mixtureAgainst: Array.from(observed.outside),
  };
}

/** The mixtures of the fields that are chosen, and of the others. */
function mixtures(fields: readonly FieldSums[], chosen: Uint8Array, k: number) {
  const inside = new Float64Array(k);
  const outside = new Float64Array(k);
  let insideCells = 0;
  let outsideCells = 0;
  for (const [i, row] of fields.entries()) {
    const sums = chosen[i] ? inside : outside;
    if (chosen[i]) insideCells += row[0] as number;
    else outsideCells += row[0] as number;
    for (let c = 0; c < k; c++) sums[c] = (sums[c] as number) + (row[c + 1] as number);
  }
  for (let c = 0; c < k; c++) {
    inside[c] = (inside[c] as number) / insideCells;
    outside[c] = (outside[c] as number) / outsideCells;
  }
  return { inside, outside };
}

function binomial(n: number, k: number): number {
  let ways = 1;
  for (let i = 1; i <= k; i++) ways = (ways * (n - k + i)) / i;
  return Math.round(ways);
}

function permutationTest(
  fields: readonly FieldSums[],
  count: number,
  k: number,
  observed: number,
  permutations: number,
  stream: RandomStream,
): { p: number | null; permutations: number; exact: boolean } {
  const n = fields.length;
  const ways = binomial(n, count);
  // Two ways (one field each) can tell nothing: p would be 1 whatever was seen.
  if (count === 0 || count === n || ways <= 2) return { p: null, permutations: 0, exact: true };
  // Rounding must not part equal distances.
  const threshold = observed - 1e-12;
  const atLeast = (chosen: Uint8Array) => {
    const { inside, outside } = mixtures(fields, chosen, k);
    return totalVariation(inside, outside) >= threshold;
  };
  if (ways <= enumerated) {
    let extreme = 0;
    for (const chosen of combinations(n, count)) if (atLeast(chosen)) extreme++;
    return { p: extreme / ways, permutations: ways, exact: true };
  }
  const sequence = new RandomSequence(stream);
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  const chosen = new Uint8Array(n);
  let extreme = 1;
  for (let permutation = 0; permutation < permutations; permutation++) {
    chosen.fill(0);
    // The first `count` of a shuffle: a random subset.
    for (let i = 0; i < count; i++) {
      const pick = i + sequence.integer(n - i);
      const moved = order[i] as number;
      order[i] = order[pick] as number;
      order[pick] = moved;
      chosen[order[i] as number] = 1;
    }
    if (atLeast(chosen)) extreme++;
  }
  return { p: extreme / (permutations + 1), permutations, exact: false };
}

/** Every choice of `count` out of n; the same array each time. */
function* combinations(n: number, count: number): Generator<Uint8Array> {
  const chosen = new Uint8Array(n);
  function* place(from: number, left: number): Generator<Uint8Array> {
    if (left === 0) {
      yield chosen;
      return;
    }
    for (let at = from; at <= n - left; at++) {
      chosen[at] = 1;
      yield* place(at + 1, left - 1);
      chosen[at] = 0;
    }
  }
  yield* place(0, count);
}

/**
 * The changes between tables of predictions in files: `paths` against `against`. `sharedCells` are in both, with the same
 * name and probabilities: they are no sign of a change, nor of none.
 * @throws table-invalid for a table that is none of predictions, and as proteinChanges
 */
export async function changesOfFiles(
  paths: readonly string[],
  against: readonly string[],
  options: ChangeOptions = {},
): Promise<ChangeTable & { sharedCells: number }> {
  const a = new DistinctPredictions();
  const sums = await gather(paths, a, options.signal);
  let sharedCells = 0;
  const others = await gather(against, new DistinctPredictions(), options.signal, (cell) => {
    if (cell.cell !== '' && a.has(cell)) sharedCells++;
  });
  return { ...proteinChanges(sums, others, options), sharedCells };
}

async function gather(
  paths: readonly string[],
  distinct: DistinctPredictions,
  signal: AbortSignal | undefined,
  onCell?: (cell: PredictedCell) => void,
): Promise<SoftCounts> {
  let sums: SoftCounts | undefined;
  for (const path of paths) {
    const table = await openTable(path);
    const classes = predictedClasses(table);
    if (sums && classes.length > 0 && classes.join('\n') !== sums.classes.join('\n')) {
      throw new DeepYeastError(
        'table-invalid',
        `${path} has the classes ${classes.join(', ')}, expected ${sums.classes.join(', ')} as ${paths[0]}`,
      );
    }
    sums ??= new SoftCounts(classes);
    for await (const cell of readPredictions(table)) {
      throwIfAborted(signal);
      distinct.add(path, cell);
      onCell?.(cell);
      if (cell.excluded !== '') continue;
      // What a strain's cells are labelled says nothing of where it is now.
      sums.addCell({ ...cell, label: null });
    }
  }
  if (!sums) throw new DeepYeastError('invalid-argument', 'found no table of predictions, expected at least one');
  return sums;
}

const changeColumns = [
  ...['protein', 'cells', 'cells_against', 'fields', 'fields_against', 'predicted', 'predicted_against', 'distance'],
  ...['changed_class', 'change', 'cohens_h', 'p', 'permutations', 'exact', 'q', 'moved'],
];

/** Writes the table of changes, the shares of every class in both conditions at the end of a row. */
export async function writeChangeTable(
  target: string | ByteSink,
  table: ChangeTable,
  options: TableWriterOptions = {},
): Promise<void> {
  const rows = table.proteins.map((row) => ({
    protein: row.protein,
    cells: row.cells,
    cells_against: row.cellsAgainst,
    fields: row.fields,
    fields_against: row.fieldsAgainst,
    predicted: row.predicted,
    predicted_against: row.predictedAgainst,
    distance: row.distance,
    changed_class: row.changedClass,
    change: row.change,
    cohens_h: row.cohensH,
    p: row.p,
    permutations: row.permutations,
    exact: row.exact,
    q: row.q,
    moved: row.moved,
    ...Object.fromEntries(table.classes.map((name, c) => [`share_${name}`, row.mixture[c] as number])),
    ...Object.fromEntries(table.classes.map((name, c) => [`share_against_${name}`, row.mixtureAgainst[c] as number])),
  }));
  const shares = ['share_', 'share_against_'].flatMap((prefix) => table.classes.map((name) => prefix + name));
  await writeRecords(target, rows, { ...options, columns: [...changeColumns, ...shares] });
}
