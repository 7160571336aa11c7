/** Held-out scores of a classifier over folds that keep proteins whole. */
import { RandomStream } from '../random';
import { analysisDraw } from '../random-draws';

/** Fold of every row, 0 to folds - 1; rows of one group share theirs. Largest groups first, to the smallest fold. */
export function groupedFolds(groups: Uint32Array, folds: number): Uint8Array {
  const sizes = new Map<number, number>();
  for (const group of groups) sizes.set(group, (sizes.get(group) ?? 0) + 1);
  const loads = new Array<number>(folds).fill(0);
  const foldOf = new Map<number, number>();
  for (const [group, size] of [...sizes].sort((a, b) => b[1] - a[1] || a[0] - b[0])) {
    const fold = loads.indexOf(Math.min(...loads));
    loads[fold] = (loads[fold] as number) + size;
    foldOf.set(group, fold);
  }
  return Uint8Array.from(groups, (group) => foldOf.get(group) as number);
}

const resamples = 1000;

/** Share of rows that are right, with its 95% interval by bootstrap over groups; null where it cannot be known. */
export function accuracyByGroup(
  right: ArrayLike<boolean>,
  groups: Uint32Array,
  seed: number,
): { accuracy: number | null; low: number | null; high: number | null; groups: number } {
  const tallies = new Map<number, [right: number, all: number]>();
  for (let row = 0; row < groups.length; row++) {
    const tally = tallies.get(groups[row] as number) ?? [0, 0];
    tallies.set(groups[row] as number, [tally[0] + (right[row] ? 1 : 0), tally[1] + 1]);
  }
  const list = [...tallies.values()];
  if (list.length < 2) return { accuracy: null, low: null, high: null, groups: list.length };
  const stream = new RandomStream(seed, 'bootstrap', analysisDraw('workbench', 3), 0);
  const drawn = Array.from({ length: resamples }, (_, resample) => {
    let [correct, all] = [0, 0];
    for (let i = 0; i < list.length; i++) {
      const at = Math.floor(stream.uniform(resample * list.length + i) * list.length);
      const [ok, size] = list[at] as [number, number];
      correct += ok;
      all += size;
    }
    return correct / all;
  }).sort((a, b) => a - b);
  const correct = list.reduce((sum, [ok]) => sum + ok, 0);
  return {
    accuracy: correct / groups.length,
    low: drawn[Math.floor(0.025 * resamples)] as number,
    high: drawn[Math.ceil(0.975 * resamples) - 1] as number,
    groups: list.length,
  };
}
