/**
 * How much a unit says of the class: mutual information between the class and the unit's binned output (the paper's
 * Figure 3d), in bits, Miller-Madow corrected, with the same after a permutation of the labels beside it.
 */
import { DeepYeastError } from '../errors';
import { permutation } from '../random';
import { analysisDraw } from '../random-draws';
import { featureColumn, type NamedFeatureMatrix } from './matrix';

/** Equal-frequency bins for the values other than zero; zeros have a bin of their own. */
export const informationBins = 31;

/**
 * Bins of values: 0 for zeros, then equal-frequency bins of the rest. Equal values share a bin (that of the first of
 * them), so that heavy ties leave some bins empty.
 */
export function binValues(values: ArrayLike<number>, bins = informationBins): Uint8Array {
  const codes = new Uint8Array(values.length);
  const rest: number[] = [];
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i])) {
      throw new DeepYeastError('invalid-argument', `found a value that is no number at ${i}, expected numbers only`);
    }
    if (values[i] !== 0) rest.push(i);
  }
  rest.sort((a, b) => (values[a] as number) - (values[b] as number) || a - b);
  let code = 0;
  for (let rank = 0; rank < rest.length; rank++) {
    const at = rest[rank] as number;
    const before = rest[rank - 1];
    if (before === undefined || values[before] !== values[at]) code = 1 + Math.floor((rank * bins) / rest.length);
    codes[at] = code;
  }
  return codes;
}

/**
 * Mutual information of two codings of the same cells, in bits. Plug-in estimate; with `corrected`, Miller and Madow's:
 * each entropy gains (occupied bins - 1) / 2N nats, and so the information may fall a little below zero.
 *
 * @param a codes 0 ... aCount - 1; @param b codes 0 ... bCount - 1
 */
export function mutualInformation(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  aCount: number,
  bCount: number,
  { corrected = true }: { corrected?: boolean } = {},
): number {
  const joint = new Float64Array(aCount * bCount);
  for (let i = 0; i < a.length; i++) {
    const at = (a[i] as number) * bCount + (b[i] as number);
    joint[at] = (joint[at] as number) + 1;
  }
  return informationOfCounts(joint, aCount, bCount, corrected);
}

/** From a table of counts [aCount, bCount], in bits. */
function informationOfCounts(joint: Float64Array, aCount: number, bCount: number, corrected: boolean): number {
  const rows = new Float64Array(aCount);
  const columns = new Float64Array(bCount);
  let total = 0;
  let occupied = 0;
  for (let i = 0; i < aCount; i++) {
    for (let j = 0; j < bCount; j++) {
      const count = joint[i * bCount + j] as number;
      rows[i] = (rows[i] as number) + count;
      columns[j] = (columns[j] as number) + count;
      total += count;
      if (count > 0) occupied++;
    }
  }
  if (total === 0) return 0;
  let information = 0;
  for (let i = 0; i < aCount; i++) {
    for (let j = 0; j < bCount; j++) {
      const count = joint[i * bCount + j] as number;
      if (count === 0) continue;
      information += (count / total) * Math.log((count * total) / ((rows[i] as number) * (columns[j] as number)));
    }
  }
  if (corrected) {
    const used = (counts: Float64Array) => counts.reduce((sum, count) => sum + (count > 0 ? 1 : 0), 0);
    information += (used(rows) + used(columns) - occupied - 1) / (2 * total);
  }
  return information / Math.LN2;
}

export interface UnitInformation {
  unit: string;
  /** The same value for every cell: it says nothing. */
  constant: boolean;
  /** With the class among all of them; at most the entropy of the classes. */
  information: number;
  /** The largest with one class against the rest, and which class that is. */
  oneAgainstRest: number;
  bestClass: string;
  /** Both for the labels in a random order: what is found where nothing is. */
  permuted: number;
  permutedOneAgainstRest: number;
}

/**
 * The information of every feature about the class.
 * @param labels class of each row, 0 ... classes.length - 1
 * @throws invalid-argument when labels and rows differ, or a row has no label
 */
export function unitInformation(
  features: NamedFeatureMatrix,
  labels: ArrayLike<number>,
  classes: readonly string[],
  { seed = 0 }: { seed?: number } = {},
): UnitInformation[] {
  const { rows, columns, names } = features;
  const k = classes.length;
  requireLabels(labels, rows, k);
  const order = permutation(seed, 'analysis', analysisDraw('informationNull'), rows);
  const shuffled = Uint32Array.from(order, (at) => labels[at] as number);
  return Array.from({ length: columns }, (_, column) => {
    const values = featureColumn(features, column);
    const codes = binValues(values);
    const found = informationAbout(codes, labels, k);
    const none = informationAbout(codes, shuffled, k);
    return {
      unit: names[column] as string,
      constant: values.every((value) => value === values[0]),
      information: found.all,
      oneAgainstRest: found.best,
      bestClass: classes[found.bestClass] as string,
      permuted: none.all,
      permutedOneAgainstRest: none.best,
    };
  });
}

function requireLabels(labels: ArrayLike<number>, rows: number, k: number): void {
  const bad = Array.from(labels).find((label) => !(label >= 0 && label < k));
  if (labels.length !== rows || bad !== undefined) {
    throw new DeepYeastError(
      'invalid-argument',
      `found ${labels.length} labels${bad === undefined ? '' : `, ${bad} among them`}, expected ${rows} from 0 to ${k - 1}`,
    );
  }
}

function informationAbout(codes: Uint8Array, labels: ArrayLike<number>, k: number) {
  const bins = informationBins + 1;
  const joint = new Float64Array(bins * k);
  for (let i = 0; i < codes.length; i++) {
    const at = (codes[i] as number) * k + (labels[i] as number);
    joint[at] = (joint[at] as number) + 1;
  }
  const all = informationOfCounts(joint, bins, k, true);
  const pair = new Float64Array(bins * 2);
  let best = Number.NEGATIVE_INFINITY;
  let bestClass = 0;
  for (let c = 0; c < k; c++) {
    for (let bin = 0; bin < bins; bin++) {
      let others = 0;
      for (let other = 0; other < k; other++) if (other !== c) others += joint[bin * k + other] as number;
      pair[2 * bin] = joint[bin * k + c] as number;
      pair[2 * bin + 1] = others;
    }
    const information = informationOfCounts(pair, bins, 2, true);
    if (information > best) [best, bestClass] = [information, c];
  }
  return { all, best, bestClass };
}

/** Entropy of the labels in bits (plug-in): the most that a unit can say of the class. */
export function labelEntropy(labels: ArrayLike<number>, classes: number): number {
  return mutualInformation(labels, labels, classes, classes, { corrected: false });
}
