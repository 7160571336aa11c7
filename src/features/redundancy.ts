/** Which features say nothing, and which say the same as another. */
import type { NamedFeatureMatrix } from './matrix';

export interface Redundancy {
  /** Names of features with one value for all rows. */
  constant: string[];
  /** Each later feature that follows an earlier one, with the first such and their Pearson correlation. */
  correlated: { feature: string; other: string; correlation: number }[];
}

/**
 * Lists constant features, and those whose Pearson correlation with an earlier feature is above `threshold` or below
 * -`threshold`. A feature that is listed is not compared with later ones.
 */
export function redundantFeatures(matrix: NamedFeatureMatrix, threshold = 0.999): Redundancy {
  const { rows, columns, values, names } = matrix;
  const result: Redundancy = { constant: [], correlated: [] };
  const kept: { name: string; scores: Float64Array }[] = [];
  for (let column = 0; column < columns; column++) {
    const name = names[column] ?? `f_${column}`;
    const scores = standardScores(values, rows, columns, column);
    if (scores === undefined) {
      result.constant.push(name);
      continue;
    }
    let found: { other: string; correlation: number } | undefined;
    for (const earlier of kept) {
      const correlation = product(scores, earlier.scores);
      if (Math.abs(correlation) <= threshold) continue;
      found = { other: earlier.name, correlation };
      break;
    }
    if (found) result.correlated.push({ feature: name, ...found });
    else kept.push({ name, scores });
  }
  return result;
}

/** Values less their mean, of length one; undefined where all are alike. */
function standardScores(values: Float32Array, rows: number, columns: number, column: number): Float64Array | undefined {
  const scores = Float64Array.from({ length: rows }, (_, row) => values[row * columns + column] as number);
  if (scores.every((value) => value === scores[0])) return undefined;
  const mean = scores.reduce((sum, value) => sum + value, 0) / rows;
  for (let row = 0; row < rows; row++) scores[row] = (scores[row] as number) - mean;
  const length = Math.sqrt(product(scores, scores));
  for (let row = 0; row < rows; row++) scores[row] = (scores[row] as number) / length;
  return scores;
}

function product(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
