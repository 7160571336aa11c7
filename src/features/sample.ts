import { raiseToSum } from '../data/share-out';
import { DeepYeastError } from '../errors';
import { permutation } from '../random';
import { analysisDraw } from '../random-draws';

/**
 * A class-stratified sample of labelled cells: every class keeps its share (largest remainders, at least one cell), the
 * cells of a class are drawn without replacement. All labelled cells where there are no more than asked for.
 *
 * @param labels class of each cell, -1: unlabelled and never drawn
 * @returns positions in ascending order, a pure function of the labels, the count and the seed
 * @throws invalid-argument for a count that is no whole number from 1, dataset-invalid without labelled cells
 */
export function stratifiedSample(labels: ArrayLike<number>, count: number, seed: number): Uint32Array {
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new DeepYeastError('invalid-argument', `found ${count} cells to draw, expected a whole number from 1 on`);
  }
  const byClass = new Map<number, number[]>();
  for (let cell = 0; cell < labels.length; cell++) {
    const label = labels[cell] as number;
    if (label < 0) continue;
    const cells = byClass.get(label);
    if (cells) cells.push(cell);
    else byClass.set(label, [cell]);
  }
  const groups = [...byClass].sort(([a], [b]) => a - b).map(([label, cells]) => ({ label, cells }));
  const total = groups.reduce((sum, { cells }) => sum + cells.length, 0);
  if (total === 0) throw new DeepYeastError('dataset-invalid', 'found no labelled cell, expected some to draw from');
  if (total <= count) return Uint32Array.from(groups.flatMap(({ cells }) => cells)).sort();
  const exact = groups.map(({ cells }) => (count * cells.length) / total);
  const taken = raiseToSum(
    exact.map((share) => Math.max(1, Math.floor(share))),
    exact,
    count,
  );
  const drawn = groups.flatMap(({ label, cells }, g) => {
    const shuffled = permutation(seed, 'analysis', analysisDraw('sample', label), cells.length);
    return Array.from(shuffled.subarray(0, taken[g]), (position) => cells[position] as number);
  });
  return Uint32Array.from(drawn).sort();
}
