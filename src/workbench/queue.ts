/**
 * Which cells an answer helps most with. Cells that the classifier hesitates over come first, but each pick lowers what
 * is left of its protein and its class, so that twenty of one well are never shown; every fourth pick is the cell that is
 * farthest from all that has an answer or is in the queue.
 */
import type { Candidates, Choice } from './background-tasks';

export interface QueueInput {
  candidates: Candidates;
  /** [candidates, columns] */
  features: Float32Array;
  columns: number;
  classes: readonly string[];
  /** [candidates, classes]; undefined before the first training. */
  posteriors: Float32Array | undefined;
  /** [answered, columns]: features of cells that have an answer, a sample where they are many. */
  answered: Float32Array;
  /** Answers by class. */
  counts: readonly number[];
}

const newGroundEvery = 4;

export function chooseQueue(input: QueueInput, count: number): Choice[] {
  const { candidates, classes, posteriors, counts } = input;
  const { cells, groups, labels } = candidates;
  const k = classes.length;
  const most = Math.max(1, ...counts);
  const hesitations = cells.length === 0 || !posteriors ? undefined : hesitationsOf(posteriors, k, labels);
  const nearest = nearestSquares(input);
  const taken = new Uint8Array(cells.length);
  const ofGroup = new Map<number, number>();
  const ofClass = new Map<number, number>();
  const choices: Choice[] = [];
  while (choices.length < Math.min(count, cells.length)) {
    const explore = !hesitations || choices.length % newGroundEvery === newGroundEvery - 1;
    let best = -1;
    let bestScore = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < cells.length; i++) {
      if (taken[i]) continue;
      const spread = 0.5 ** (ofGroup.get(groups[i] as number) ?? 0);
      let score: number;
      if (explore || !hesitations) score = (nearest[i] as number) * spread;
      else {
        const called = hesitations.called[i] as number;
        // Classes with few answers are asked for more.
        const rare = Math.sqrt(most / (1 + (counts[called] ?? 0)));
        score =
          (hesitations.values[i] as number) *
          spread *
          0.9 ** (ofClass.get(called) ?? 0) *
          Math.min(2, 0.5 + 0.5 * rare);
      }
      if (score > bestScore) [best, bestScore] = [i, score];
    }
    taken[best] = 1;
    ofGroup.set(groups[best] as number, (ofGroup.get(groups[best] as number) ?? 0) + 1);
    approach(input, nearest, best);
    const called = hesitations?.called[best];
    if (called !== undefined) ofClass.set(called, (ofClass.get(called) ?? 0) + 1);
    choices.push({ cell: cells[best] as number, ...reasonOf(input, best, explore) });
  }
  return choices;
}

function hesitationsOf(posteriors: Float32Array, k: number, labels: Int32Array) {
  const count = posteriors.length / k;
  const values = new Float32Array(count);
  const called = new Uint16Array(count);
  for (let i = 0; i < count; i++) {
    const [first, second] = firstTwo(posteriors, i * k, k);
    called[i] = first;
    const label = labels[i] as number;
    const gap = (posteriors[i * k + first] as number) - (second < 0 ? 0 : (posteriors[i * k + second] as number));
    // A label that the classifier finds unlikely is as worth a look as a hesitation.
    values[i] = label >= 0 ? 1 - (posteriors[i * k + label] as number) : 1 - gap;
  }
  return { values, called };
}

function firstTwo(values: Float32Array, start: number, k: number): [number, number] {
  let first = 0;
  let second = -1;
  for (let c = 1; c < k; c++) {
    const value = values[start + c] as number;
    if (value > (values[start + first] as number)) [first, second] = [c, first];
    else if (second < 0 || value > (values[start + second] as number)) second = c;
  }
  return [first, second];
}

/** Squared distance of every candidate to the nearest answered cell; to the mean of all where none is answered. */
function nearestSquares({ candidates, features, columns, answered }: QueueInput): Float64Array {
  const count = candidates.cells.length;
  const nearest = new Float64Array(count);
  const centres = answered.length > 0 ? answered : meanOf(features, columns);
  for (let i = 0; i < count; i++) {
    let least = Number.POSITIVE_INFINITY;
    for (let at = 0; at < centres.length; at += columns)
      least = Math.min(least, squares(features, i * columns, centres, at, columns, least));
    nearest[i] = least;
  }
  return nearest;
}

function meanOf(features: Float32Array, columns: number): Float32Array {
  const mean = new Float32Array(columns);
  const rows = Math.max(1, features.length / columns);
  for (let i = 0; i < features.length; i++)
    mean[i % columns] = (mean[i % columns] as number) + (features[i] as number) / rows;
  return mean;
}

function squares(a: Float32Array, atA: number, b: Float32Array, atB: number, columns: number, most: number): number {
  let sum = 0;
  for (let c = 0; c < columns && sum < most; c++) sum += ((a[atA + c] as number) - (b[atB + c] as number)) ** 2;
  return sum;
}

function approach({ features, columns }: QueueInput, nearest: Float64Array, chosen: number): void {
  for (let i = 0; i < nearest.length; i++) {
    const before = nearest[i] as number;
    nearest[i] = Math.min(before, squares(features, i * columns, features, chosen * columns, columns, before));
  }
}

function reasonOf(
  { classes, posteriors, candidates, counts }: QueueInput,
  i: number,
  explore: boolean,
): Omit<Choice, 'cell'> {
  if (explore || !posteriors) return { reason: 'new-ground', text: 'unlike every cell that has an answer' };
  const k = classes.length;
  const [first, second] = firstTwo(posteriors, i * k, k);
  const percent = (c: number) => `${Math.round(100 * (posteriors[i * k + c] as number))}%`;
  const label = candidates.labels[i] as number;
  if (label >= 0 && label !== first) {
    return { reason: 'suspect', text: `labelled ${classes[label]}, but called ${classes[first]} (${percent(first)})` };
  }
  const average = counts.reduce((sum, value) => sum + value, 0) / k;
  if ((counts[first] ?? 0) < average / 3) {
    return { reason: 'rare-class', text: `called ${classes[first]} (${percent(first)}), which has few answers` };
  }
  const other = second < 0 ? '' : ` or ${classes[second]} (${percent(second)})`;
  return { reason: 'uncertain', text: `${classes[first]} (${percent(first)})${other}?` };
}
