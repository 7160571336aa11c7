/** From predictions, in memory or in files, to the table of proteins. */
import { throwIfAborted } from '../abort';
import type { Dataset } from '../data/dataset';
import { DeepYeastError } from '../errors';
import { KeySet } from '../files/key-set';
import { openTable } from '../files/table-reader';
import type { Predictions } from '../network/network';
import { requireDistinctCells } from '../prediction/cell-source';
import { DistinctPredictions, fieldKey, predictedClasses, readPredictions } from '../prediction/predictions-table';
import { dirichletTable, type ProteinOptions, type ProteinTable, proteinOptions } from './dirichlet';
import { PlatelessWells } from './plateless-wells';
import { SoftCounts } from './soft-counts';
import { proteinTableClasses, readProteinTable } from './table';

/**
 * The Dirichlet posterior of every protein of a dataset.
 * @param predictions the network's for this dataset, in the order of its cells
 * @throws invalid-argument when they are not, labels-invalid for a protein with two labels
 */
export async function proteins(
  predictions: Predictions,
  dataset: Dataset,
  options: ProteinOptions = {},
): Promise<ProteinTable> {
  proteinOptions(options);
  if (predictions.count !== dataset.count) {
    throw new DeepYeastError(
      'invalid-argument',
      `found predictions of ${predictions.count} cells, expected ${dataset.count} as ${dataset.path} holds; predict it`,
    );
  }
  await requireDistinctCells([dataset]);
  const sums = new SoftCounts(predictions.classes);
  const k = predictions.classes.length;
  let index = 0;
  for await (const cell of dataset.cells()) {
    sums.addCell({
      protein: cell.protein,
      field: fieldKey(cell),
      label: dataset.classes[cell.label] ?? null,
      posterior: predictions.posteriors,
      start: index++ * k,
    });
  }
  return dirichletTable(sums, options);
}

/** proteinsOfFiles's table, and what the user should know about it. */
export interface ProteinsOfFiles {
  table: ProteinTable;
  /** No predictions named a field, so that the bootstrap had to draw cells. */
  fieldsUnknown: boolean;
  /** Rows read from tables of proteins, added up by soft counts. */
  partialRows: number;
  /** For people: what may count twice, or pool two strains, and cannot be told from the tables. */
  warnings: string[];
}

/**
 * The Dirichlet posterior of every protein of several files together. Each is either a table of predictions (columns
 * p_<class>) or a table of proteins made by this function (columns soft_count_<class>), CSV or Parquet, and the latter
 * are added by soft counts, never by alpha. The files' classes must be the same; their order is the first file's.
 * Without `prior` the partial tables' own is used, or else 1.
 *
 * @throws table-invalid, labels-invalid for a protein with two labels, invalid-argument when partial tables were made
 *   with several priors and none is given, aborted
 */
export async function proteinsOfFiles(
  paths: readonly string[],
  options: ProteinOptions & { signal?: AbortSignal } = {},
): Promise<ProteinsOfFiles> {
  proteinOptions(options);
  let sums: SoftCounts | undefined;
  const priors = new Set<number>();
  let fieldsUnknown = true;
  let partialRows = 0;
  const distinct = new DistinctPredictions();
  const distinctRows = new KeySet();
  const wells = new PlatelessWells();
  for (const path of paths) {
    const table = await openTable(path);
    const partial = proteinTableClasses(table);
    const classes = partial.length > 0 ? partial : predictedClasses(table);
    // readPredictions says what is wrong with a table without classes.
    sums ??= classes.length > 0 ? new SoftCounts(classes) : undefined;
    const order = sums ? columnOrder(sums.classes, classes, path, paths[0] as string) : [];
    const ordered = (values: ArrayLike<number>) => Float64Array.from(order, (c) => values[c] as number);
    if (sums && partial.length > 0) {
      let rows = 0;
      let repeated = 0;
      for await (const { row, prior } of readProteinTable(table)) {
        throwIfAborted(options.signal);
        priors.add(prior);
        partialRows++;
        rows++;
        if (!distinctRows.add(JSON.stringify([row.protein, row.cells, ...ordered(row.softCounts)]))) repeated++;
        const { bootstrap } = row;
        sums.addPartial({
          ...row,
          softCounts: ordered(row.softCounts),
          bootstrap: bootstrap && {
            unit: bootstrap.unit,
            low: order.map((c) => bootstrap.low[c] ?? null),
            high: order.map((c) => bootstrap.high[c] ?? null),
          },
        });
      }
      if (repeated === rows && rows > 0) {
        throw new DeepYeastError(
          'table-invalid',
          `${path} holds nothing but rows of the tables before it, with the same soft counts: give each table once`,
        );
      }
    } else {
      for await (const cell of readPredictions(table)) {
        throwIfAborted(options.signal);
        distinct.add(path, cell);
        if (cell.excluded !== '') continue;
        wells.add(path, { protein: cell.protein, plate: cell.key.plate ?? '' });
        if (cell.field !== '') fieldsUnknown = false;
        sums?.addCell({ ...cell, posterior: ordered(cell.posterior) });
      }
    }
  }
  if (!sums) throw new DeepYeastError('invalid-argument', 'found no table of predictions, expected at least one');
  if (options.prior === undefined && priors.size > 1) {
    throw new DeepYeastError(
      'invalid-argument',
      `the tables were made with the priors ${[...priors].join(', ')}; say which to use with --prior`,
    );
  }
  const [prior] = priors;
  const table = dirichletTable(sums, prior === undefined ? options : { prior, ...options });
  const warnings = [...wells.warnings, ...countedInBoth(sums)];
  if (distinct.nameless > 0 && paths.length > 1) {
    warnings.push(`${distinct.nameless} rows name no cell: nothing tells whether a cell is in two of the tables`);
  }
  const onlyPartial = [...sums.proteins.values()].every((entry) => entry.partial.length > 0);
  return { table, fieldsUnknown: fieldsUnknown && !onlyPartial, partialRows, warnings };
}

/**
 * Proteins that have cells in tables of predictions and rows in tables of proteins: nothing tells which cells a row sums up.
 * @returns a warning, for people
 * @throws table-invalid where every such row is the sum of the predictions that are given with it
 */
function countedInBoth(sums: SoftCounts): string[] {
  let first: string | undefined;
  let count = 0;
  let repeated = 0;
  for (const { protein, cells, softCounts, partial } of sums.proteins.values()) {
    const ownCells = partial.reduce((rest, row) => rest - row.cells, cells);
    if (partial.length === 0 || ownCells <= 0) continue;
    first ??= protein;
    count++;
    const own = softCounts.map((sum, c) => partial.reduce((rest, row) => rest - (row.softCounts[c] as number), sum));
    // Soft counts are sums of numbers of 32 bits: equal ones differ by the order in which they were added.
    const tolerance = 1e-5 * ownCells;
    if (
      partial.some(
        (row) =>
          row.cells === ownCells && own.every((sum, c) => Math.abs(sum - (row.softCounts[c] as number)) <= tolerance),
      )
    ) {
      repeated++;
    }
  }
  if (first === undefined) return [];
  if (repeated === count) {
    throw new DeepYeastError(
      'table-invalid',
      `the soft counts of ${first} in a table of proteins are those of its predictions, which are given too: give each ` +
        'cell once, as a prediction or in a table of proteins',
    );
  }
  return [
    `${count} proteins, ${first} among them, are in a table of proteins and in a table of predictions: cells that are in ` +
      'both count twice',
  ];
}

/** Where each of the first file's classes is in another's. */
function columnOrder(expected: readonly string[], found: readonly string[], path: string, first: string): number[] {
  const missing = expected.find((name) => !found.includes(name));
  const surplus = found.find((name) => !expected.includes(name));
  if (missing !== undefined || surplus !== undefined) {
    throw new DeepYeastError(
      'table-invalid',
      missing !== undefined
        ? `${path} has no class '${missing}', which ${first} has; give tables of one model`
        : `${path} has the class '${surplus}', which ${first} has not; give tables of one model`,
    );
  }
  return expected.map((name) => found.indexOf(name));
}
