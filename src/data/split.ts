/** Cuts a dataset into parts that share no protein (or field), each class in the asked proportions. */

import { join } from 'node:path';
import { throwIfAborted } from '../abort';
import { DeepYeastError } from '../errors';
import { roundedTo } from '../files/number';
import { requireNothingAt } from '../files/output-folder';
import { writeFolder } from '../files/write-together';
import { permutation } from '../random';
import { Dataset } from './dataset';
import { DatasetWriter } from './dataset-writer';
import { type Grouping, groupOf } from './identity';

export interface SplitOptions {
  /** What must not be torn apart. */
  by: Grouping;
  /** Parts and their shares, which add up to 1: { train: 0.72, validation: 0.14, test: 0.14 }. */
  into: Readonly<Record<string, number>>;
  /** Decides between groups of the same size (0). */
  seed?: number;
  /** Let a class with fewer groups than parts be missing from some parts. */
  allowMissing?: boolean;
}

export interface SplitPart {
  name: string;
  share: number;
  /** Rows of the dataset, ascending. */
  rows: Uint32Array;
}

export interface SplitClass {
  /** '' stands for the unlabelled cells. */
  name: string;
  /** Cells and groups in all, then in each part. */
  cells: number;
  groups: number;
  parts: { cells: number; groups: number }[];
}

export interface Split {
  parts: SplitPart[];
  /** What was achieved, class by class. */
  classes: SplitClass[];
}

interface Group {
  rows: number[];
  /** Cells of each label. */
  labels: Map<number, number>;
}

/**
 * Decides which rows go where. Within each class the groups, largest first, go whole to the part furthest below its share
 * (in cells); the last ones go to parts that have none yet. A group with cells of several classes counts where most of
 * them are. Throws `split-impossible` for a class with fewer groups than parts, `invalid-argument`.
 */
export async function planSplit(dataset: Dataset, options: SplitOptions): Promise<Split> {
  const parts = parseParts(options.into);
  const groups = await collectGroups(dataset, options.by);
  // Sorted by name first, so that the order of the rows decides nothing.
  const names = [...groups.keys()].sort();
  const order = permutation(options.seed ?? 0, 'split', 0, names.length);
  const shuffled = Array.from(order, (index) => groups.get(names[index] as string) as Group);
  shuffled.sort((a, b) => b.rows.length - a.rows.length);

  const byLabel = new Map<number, Group[]>();
  for (const group of shuffled) {
    const label = majorityLabel(group);
    byLabel.set(label, [...(byLabel.get(label) ?? []), group]);
  }
  const assigned = parts.map((): number[] => []);
  const classes: SplitClass[] = [];
  for (const [label, members] of [...byLabel].sort(([a], [b]) => a - b)) {
    const name = label < 0 ? '' : (dataset.classes[label] as string);
    if (label >= 0 && members.length < parts.length && !options.allowMissing) {
      throw new DeepYeastError(
        'split-impossible',
        `the class "${name}" has ${members.length} ${groupNoun(options.by, members.length)}, expected at least ` +
          `${parts.length}, one for each part`,
      );
    }
    classes.push(assignClass(name, members, parts, assigned));
  }
  const empty = parts.find((_, index) => assigned[index]?.length === 0);
  if (empty) throw new DeepYeastError('split-impossible', `the part "${empty.name}" would get no cells`);
  return {
    parts: parts.map((part, index) => ({ ...part, rows: Uint32Array.from(assigned[index] as number[]).sort() })),
    classes,
  };
}

function assignClass(
  name: string,
  groups: readonly Group[],
  parts: readonly { share: number }[],
  assigned: number[][],
): SplitClass {
  const total = groups.reduce((sum, group) => sum + group.rows.length, 0);
  const achieved = parts.map(() => ({ cells: 0, groups: 0 }));
  for (const [index, group] of groups.entries()) {
    const withoutAny = achieved.filter((part) => part.groups === 0).length;
    const onlyEmpty = groups.length - index <= withoutAny;
    let chosen = -1;
    let largest = Number.NEGATIVE_INFINITY;
    for (const [part, { share }] of parts.entries()) {
      const { cells, groups: taken } = achieved[part] as { cells: number; groups: number };
      if (onlyEmpty && taken > 0) continue;
      const missing = share * total - cells;
      // Between equals the part with fewer cells in all, lest it is the same one that goes without in every class.
      const tie = missing === largest && (assigned[part]?.length ?? 0) < (assigned[chosen]?.length ?? 0);
      if (missing > largest || tie) {
        chosen = part;
        largest = missing;
      }
    }
    const part = achieved[chosen] as { cells: number; groups: number };
    part.cells += group.rows.length;
    part.groups++;
    for (const row of group.rows) assigned[chosen]?.push(row);
  }
  return { name, cells: total, groups: groups.length, parts: achieved };
}

function parseParts(into: Readonly<Record<string, number>>): { name: string; share: number }[] {
  const parts = Object.entries(into).map(([name, share]) => ({ name, share }));
  const invalid = (what: string) =>
    new DeepYeastError('invalid-argument', `${what}, as in train=0.72,validation=0.14,test=0.14`);
  if (parts.length < 2) throw invalid(`found ${parts.length} parts, expected at least two`);
  for (const { name, share } of parts) {
    if (!/^[\w-][\w.-]*$/.test(name)) throw invalid(`a part is named "${name}", expected a folder's name`);
    if (!(share > 0 && share < 1))
      throw invalid(`the share of "${name}" is ${share}, expected a number between 0 and 1`);
  }
  const sum = parts.reduce((total, { share }) => total + share, 0);
  if (Math.abs(sum - 1) > 1e-6) throw invalid(`the shares add up to ${roundedTo(sum, 6)}, expected 1`);
  return parts;
}

async function collectGroups(dataset: Dataset, by: Grouping): Promise<Map<string, Group>> {
  const groups = new Map<string, Group>();
  let row = 0;
  let unnamed = 0;
  for await (const cell of dataset.cells()) {
    if ((by === 'protein' && cell.protein === '') || (by === 'field' && cell.field === '')) unnamed++;
    // Cells are told apart by their row: a name may be there twice.
    const key = by === 'cell' ? String(row).padStart(10, '0') : groupOf(cell, by);
    let group = groups.get(key);
    if (!group) {
      group = { rows: [], labels: new Map() };
      groups.set(key, group);
    }
    group.rows.push(row++);
    group.labels.set(cell.label, (group.labels.get(cell.label) ?? 0) + 1);
  }
  if (unnamed > 0) {
    throw new DeepYeastError(
      'split-impossible',
      `${unnamed} of ${row} cells of ${dataset.path} have no ${by} in cells.csv, so they cannot be kept together`,
    );
  }
  return groups;
}

function majorityLabel(group: Group): number {
  const counts = [...group.labels].sort(([a, cellsOfA], [b, cellsOfB]) => cellsOfB - cellsOfA || a - b);
  return (counts[0] as [number, number])[0];
}

function groupNoun(by: Grouping, count: number): string {
  return count === 1 ? by : `${by}s`;
}

/** Images copied at once. */
const chunk = 512;

/**
 * Writes the parts of a split as datasets `out`/NAME. All are complete before the first gets its name; a failure leaves
 * none of them. Throws `output-exists`, `disk-full`, `io-error`, `aborted`.
 */
export async function writeSplit(
  dataset: Dataset,
  split: Split,
  options: SplitOptions & {
    out: string;
    signal?: AbortSignal | undefined;
    onProgress?: ((done: number, total: number) => void) | undefined;
  },
): Promise<Record<string, Dataset>> {
  const free = async () => {
    for (const { name } of split.parts) await requireNothingAt(join(options.out, name));
  };
  await free();
  const writers: DatasetWriter[] = [];
  await writeFolder(options.out, async (folder) => {
    try {
      for (const { name, share } of split.parts) {
        const { by, seed = 0 } = options;
        const made = { command: 'split', from: dataset.path, part: name, by, share, seed };
        writers.push(
          await DatasetWriter.create(join(folder, name), {
            ...dataset.description,
            size: dataset.size,
            extraColumns: dataset.extraColumns,
            provenance: { ...made, source: dataset.description.provenance },
          }),
        );
      }
      await copyCells(dataset, split, writers, options);
      for (const writer of writers) await writer.commit();
      await free();
    } catch (error) {
      for (const writer of writers) await writer.abort();
      throw error;
    }
  });
  const datasets: [string, Dataset][] = [];
  for (const { name } of split.parts) datasets.push([name, await Dataset.open(join(options.out, name))]);
  return Object.fromEntries(datasets);
}

async function copyCells(
  dataset: Dataset,
  split: Split,
  writers: readonly DatasetWriter[],
  options: { signal?: AbortSignal | undefined; onProgress?: ((done: number, total: number) => void) | undefined },
): Promise<void> {
  const partOf = new Uint32Array(dataset.count);
  for (const [index, { rows }] of split.parts.entries()) for (const row of rows) partOf[row] = index;
  const bytes = dataset.size * dataset.size * dataset.channels.length;
  let row = 0;
  let images: Uint8Array = new Uint8Array();
  for await (const cell of dataset.cells()) {
    const offset = row % chunk;
    if (offset === 0) {
      throwIfAborted(options.signal);
      const indices = Uint32Array.from({ length: Math.min(chunk, dataset.count - row) }, (_, index) => row + index);
      images = await dataset.readImages(indices);
    }
    await writers[partOf[row] as number]?.append(images.subarray(offset * bytes, (offset + 1) * bytes), cell);
    row++;
    options.onProgress?.(row, dataset.count);
  }
}

/** Plans and writes a split: see planSplit and writeSplit. */
export async function splitDataset(
  source: Dataset | string,
  options: SplitOptions & {
    out: string;
    signal?: AbortSignal | undefined;
    onProgress?: ((done: number, total: number) => void) | undefined;
  },
): Promise<{ split: Split; datasets: Record<string, Dataset> }> {
  const dataset = typeof source === 'string' ? await Dataset.open(source) : source;
  const split = await planSplit(dataset, options);
  return { split, datasets: await writeSplit(dataset, split, options) };
}
