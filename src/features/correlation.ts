/** Which known feature a unit resembles most: the largest Pearson correlation (the paper's Supplementary Figure 4). */
import { DeepYeastError } from '../errors';
import { permutation } from '../random';
import { analysisDraw } from '../random-draws';
import type { NamedFeatureMatrix } from './matrix';

export interface StrongestCorrelation {
  unit: string;
  /** The feature with the largest absolute correlation; null for a constant unit. */
  feature: string | null;
  correlation: number | null;
  /** The largest absolute correlation when the cells of the features are permuted: never zero, being a maximum. */
  permuted: number | null;
}

/**
 * Columns with mean 0 and length 1, [columns, rows]; a constant column (and one that varies by rounding alone) is all
 * zeros and marked.
 */
export function standardizedColumns({ rows, columns, values }: NamedFeatureMatrix): {
  values: Float32Array;
  constant: boolean[];
} {
  const standardized = new Float32Array(columns * rows);
  const constant: boolean[] = [];
  for (let column = 0; column < columns; column++) {
    let sum = 0;
    let largest = 0;
    for (let row = 0; row < rows; row++) {
      const value = values[row * columns + column] as number;
      sum += value;
      largest = Math.max(largest, Math.abs(value));
    }
    const mean = sum / rows;
    let squares = 0;
    for (let row = 0; row < rows; row++) squares += ((values[row * columns + column] as number) - mean) ** 2;
    const length = Math.sqrt(squares);
    // float32 holds seven digits: less variation than that is none.
    const flat = !(length > 1e-7 * largest * Math.sqrt(rows));
    constant.push(flat);
    if (flat) continue;
    for (let row = 0; row < rows; row++) {
      standardized[column * rows + row] = ((values[row * columns + column] as number) - mean) / length;
    }
  }
  return { values: standardized, constant };
}

/**
 * For every unit the feature that it correlates with most strongly, over the same cells.
 * @throws invalid-argument when the two tables have other numbers of rows
 */
export function strongestCorrelations(
  units: NamedFeatureMatrix,
  features: NamedFeatureMatrix,
  { seed = 0 }: { seed?: number } = {},
): StrongestCorrelation[] {
  const { rows } = units;
  if (features.rows !== rows) {
    throw new DeepYeastError(
      'invalid-argument',
      `found units of ${rows} cells and features of ${features.rows}, expected the same cells`,
    );
  }
  const left = standardizedColumns(units);
  const right = standardizedColumns(features);
  const order = permutation(seed, 'analysis', analysisDraw('correlationNull'), rows);
  const shuffled = new Float32Array(rows);
  return units.names.map((unit, u) => {
    if (left.constant[u]) return { unit, feature: null, correlation: null, permuted: null };
    const column = left.values.subarray(u * rows, (u + 1) * rows);
    for (let row = 0; row < rows; row++) shuffled[row] = column[order[row] as number] as number;
    let best = 0;
    let feature: string | null = null;
    let permuted = 0;
    for (let f = 0; f < features.columns; f++) {
      if (right.constant[f]) continue;
      const start = f * rows;
      let product = 0;
      let none = 0;
      for (let row = 0; row < rows; row++) {
        const value = right.values[start + row] as number;
        product += (column[row] as number) * value;
        none += (shuffled[row] as number) * value;
      }
      if (feature === null || Math.abs(product) > Math.abs(best)) {
        best = product;
        feature = features.names[f] as string;
      }
      permuted = Math.max(permuted, Math.abs(none));
    }
    // A product of two unit vectors may pass 1 by rounding.
    const correlation = feature === null ? null : Math.max(-1, Math.min(1, best));
    return { unit, feature, correlation, permuted: feature === null ? null : permuted };
  });
}
