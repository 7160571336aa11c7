/** Label images: 0 is background, every other number one cell. */

import { DeepYeastError } from '../errors';

/** Numbers of a mask file, row by row, before they are checked. */
export interface LabelNumbers {
  width: number;
  height: number;
  data: ArrayLike<number> | ArrayLike<bigint>;
}

export interface LabelImage {
  /** Pixels. */
  width: number;
  height: number;
  /** Row by row; 0 is background. */
  labels: Uint32Array;
}

/** A label image whose labels are 1 to `values.length`, each one body. */
export interface Mask extends LabelImage {
  /** The number that the file gives to label 1, 2, ...: ascending, not necessarily without gaps. */
  values: number[];
  /** For people: what was passed over. */
  warnings: string[];
}

/** Largest number that a label may have. */
const mostValue = 2 ** 32 - 1;

/**
 * Checks the numbers of a mask and makes them labels 1 to n in ascending order of the numbers. A label in several pieces
 * keeps the largest, with a warning; where a second piece is at least half as large, the number stands for several cells
 * (a mask of foreground and background, or 8 bits for more than 255 cells) and is refused.
 *
 * @param name for messages
 * @throws image-invalid
 */
export function parseMask({ width, height, data }: LabelNumbers, name: string): Mask {
  const labels = new Uint32Array(width * height);
  const values = numberLabels(data, labels, name);
  const warnings = keepLargestPieces(labels, width, height, values, name);
  return { width, height, labels, values, warnings };
}

/** Writes labels 1 to n and returns the numbers that they stand for. */
function numberLabels(data: LabelNumbers['data'], labels: Uint32Array, name: string): number[] {
  const order = new Map<number | bigint, number>();
  let last: number | bigint = 0;
  let lastLabel = 0;
  for (let pixel = 0; pixel < labels.length; pixel++) {
    const value = data[pixel] as number | bigint;
    // Neighbours mostly belong together, so most pixels cost one comparison.
    if (value !== last) {
      last = value;
      lastLabel = 0;
      if (Number(value) !== 0) {
        lastLabel = order.get(value) ?? 0;
        if (lastLabel === 0) {
          requireLabel(value, name);
          lastLabel = order.size + 1;
          order.set(value, lastLabel);
        }
      }
    }
    labels[pixel] = lastLabel;
  }
  const found = [...order.keys()].map(Number);
  const values = [...found].sort((a, b) => a - b);
  const positions = new Map(values.map((value, index) => [value, index + 1]));
  const renumbered = Uint32Array.from([0, ...found.map((value) => positions.get(value) as number)]);
  if (renumbered.some((label, index) => label !== index)) {
    for (let pixel = 0; pixel < labels.length; pixel++) labels[pixel] = renumbered[labels[pixel] as number] as number;
  }
  return values;
}

function requireLabel(value: number | bigint, name: string): void {
  const number = Number(value);
  const fail = (expected: string) =>
    new DeepYeastError('image-invalid', `${name}: holds ${value}, expected ${expected}`);
  if (!Number.isInteger(number)) throw fail('whole numbers: a mask gives every pixel the number of its cell');
  if (number < 0) throw fail('0 for background and positive numbers for cells');
  if (number > mostValue) throw fail(`numbers up to ${mostValue}: number the cells from 1 on`);
}

/** Pixels of a row with the same label, neighbours of each other. */
interface Runs {
  label: number[];
  row: number[];
  begin: number[];
  /** Excluded. */
  end: number[];
  /** The run that stands for the piece; itself or an earlier one. */
  parent: number[];
}

/** Sets the smaller pieces of every label to background; pieces are connected along edges and corners of pixels. */
function keepLargestPieces(
  labels: Uint32Array,
  width: number,
  height: number,
  values: readonly number[],
  name: string,
): string[] {
  const runs = connectedRuns(labels, width, height);
  const sizes = new Float64Array(runs.label.length);
  for (const run of runs.label.keys()) {
    const piece = find(runs.parent, run);
    sizes[piece] = (sizes[piece] as number) + (runs.end[run] as number) - (runs.begin[run] as number);
  }
  const largest = new Int32Array(values.length + 1).fill(-1);
  const second = new Int32Array(values.length + 1).fill(-1);
  const sizeOf = (piece: number) => (piece < 0 ? 0 : (sizes[piece] as number));
  for (const run of runs.label.keys()) {
    if (runs.parent[run] !== run) continue;
    const label = runs.label[run] as number;
    const best = largest[label] as number;
    if (sizeOf(run) > sizeOf(best)) {
      second[label] = best;
      largest[label] = run;
    } else if (sizeOf(run) > sizeOf(second[label] as number)) second[label] = run;
  }
  let pieces = 0;
  for (let label = 1; label <= values.length; label++) {
    const other = second[label] as number;
    if (other < 0) continue;
    const best = largest[label] as number;
    if (sizeOf(other) * 2 >= sizeOf(best)) {
      const at = (run: number) => `${runs.begin[run]}, ${runs.row[run]}`;
      const hint =
        values.length === 1
          ? 'this is a mask of foreground and background: number its objects first (skimage.measure.label)'
          : 'were more cells numbered than the samples can hold? Save the labels with 16 or 32 bits';
      throw new DeepYeastError(
        'image-invalid',
        `${name}: the label ${values[label - 1]} stands for separate bodies, at (${at(best)}) and (${at(other)}) among ` +
          `others, expected a number of its own for every cell; ${hint}`,
      );
    }
    pieces++;
  }
  if (pieces === 0) return [];
  for (const run of runs.label.keys()) {
    const label = runs.label[run] as number;
    if (find(runs.parent, run) === largest[label]) continue;
    const line = (runs.row[run] as number) * width;
    labels.fill(0, line + (runs.begin[run] as number), line + (runs.end[run] as number));
  }
  return [`${name}: ${pieces} ${pieces === 1 ? 'label is' : 'labels are'} in pieces: the largest of each is taken`];
}

function connectedRuns(labels: Uint32Array, width: number, height: number): Runs {
  const runs: Runs = { label: [], row: [], begin: [], end: [], parent: [] };
  let above = 0;
  for (let row = 0; row < height; row++) {
    const first = runs.label.length;
    let candidate = above;
    for (let x = 0; x < width; ) {
      const label = labels[row * width + x] as number;
      const begin = x;
      do x++;
      while (x < width && labels[row * width + x] === label);
      if (label === 0) continue;
      const run = runs.label.length;
      runs.label.push(label);
      runs.row.push(row);
      runs.begin.push(begin);
      runs.end.push(x);
      runs.parent.push(run);
      // Runs of the line above that touch this one, corners included; both lines are in order.
      while (candidate < first && (runs.end[candidate] as number) < begin) candidate++;
      for (let other = candidate; other < first && (runs.begin[other] as number) <= x; other++) {
        if (runs.label[other] === label) join(runs.parent, run, other);
      }
    }
    above = first;
  }
  return runs;
}

function find(parent: number[], run: number): number {
  let root = run;
  while (parent[root] !== root) root = parent[root] as number;
  for (let at = run; at !== root; ) {
    const next = parent[at] as number;
    parent[at] = root;
    at = next;
  }
  return root;
}

/** The earlier run stands for both. */
function join(parent: number[], a: number, b: number): void {
  const [first, second] = [find(parent, a), find(parent, b)];
  parent[Math.max(first, second)] = Math.min(first, second);
}
