import type { FeatureMatrix } from './matrix';

export interface PrincipalComponents {
  /** Scores, [rows, count], components in order of decreasing variance. */
  scores: Float64Array;
  count: number;
  /** Variance of each component. */
  variances: number[];
}

/**
 * Principal components of centred features. Each component's largest loading is positive, so that the signs are a pure
 * function of the data. Fewer components than asked for where rows or columns are fewer.
 */
export function principalComponents(features: FeatureMatrix, wanted: number): PrincipalComponents {
  const { rows, columns } = features;
  const count = Math.min(wanted, columns, Math.max(1, rows - 1));
  const centred = centre(features);
  // The smaller of the two products: their non-zero eigenvalues are the same.
  const wide = columns > rows;
  const side = wide ? rows : columns;
  const product = wide ? gramOfRows(centred, rows, columns) : gramOfColumns(centred, rows, columns);
  // On first use: it takes a while to load.
  const { EigenvalueDecomposition, Matrix } = require('ml-matrix') as typeof import('ml-matrix');
  const decomposition = new EigenvalueDecomposition(Matrix.from1DArray(side, side, product), { assumeSymmetric: true });
  const eigenvalues = decomposition.realEigenvalues;
  const vectors = decomposition.eigenvectorMatrix;
  const order = [...eigenvalues.keys()].sort((a, b) => (eigenvalues[b] as number) - (eigenvalues[a] as number));
  const scores = new Float64Array(rows * count);
  const variances: number[] = [];
  const loading = new Float64Array(columns);
  for (let component = 0; component < count; component++) {
    const at = order[component] as number;
    variances.push(Math.max(0, (eigenvalues[at] as number) / Math.max(1, rows - 1)));
    for (let column = 0; column < columns; column++) {
      if (!wide) {
        loading[column] = vectors.get(column, at);
        continue;
      }
      let sum = 0;
      for (let row = 0; row < rows; row++) sum += (centred[row * columns + column] as number) * vectors.get(row, at);
      loading[column] = sum;
    }
    const length = Math.hypot(...loading);
    let extreme = 0;
    for (const value of loading) if (Math.abs(value) > Math.abs(extreme) + 1e-12) extreme = value;
    const scale = length > 0 ? Math.sign(extreme || 1) / length : 0;
    for (let row = 0; row < rows; row++) {
      let sum = 0;
      for (let column = 0; column < columns; column++) {
        sum += (centred[row * columns + column] as number) * (loading[column] as number);
      }
      scores[row * count + component] = sum * scale;
    }
  }
  return { scores, count, variances };
}

function centre({ rows, columns, values }: FeatureMatrix): Float64Array {
  const centred = Float64Array.from(values);
  for (let column = 0; column < columns; column++) {
    let sum = 0;
    for (let row = 0; row < rows; row++) sum += centred[row * columns + column] as number;
    const mean = sum / rows;
    for (let row = 0; row < rows; row++) {
      centred[row * columns + column] = (centred[row * columns + column] as number) - mean;
    }
  }
  return centred;
}

function gramOfColumns(values: Float64Array, rows: number, columns: number): Float64Array {
  const gram = new Float64Array(columns * columns);
  for (let row = 0; row < rows; row++) {
    const start = row * columns;
    for (let i = 0; i < columns; i++) {
      const value = values[start + i] as number;
      if (value === 0) continue;
      for (let j = i; j < columns; j++) {
        gram[i * columns + j] = (gram[i * columns + j] as number) + value * (values[start + j] as number);
      }
    }
  }
  for (let i = 0; i < columns; i++) {
    for (let j = 0; j < i; j++) gram[i * columns + j] = gram[j * columns + i] as number;
  }
  return gram;
}

function gramOfRows(values: Float64Array, rows: number, columns: number): Float64Array {
  const gram = new Float64Array(rows * rows);
  for (let i = 0; i < rows; i++) {
    for (let j = i; j < rows; j++) {
      let sum = 0;
      for (let c = 0; c < columns; c++) {
        sum += (values[i * columns + c] as number) * (values[j * columns + c] as number);
      }
      gram[i * rows + j] = sum;
      gram[j * rows + i] = sum;
    }
  }
  return gram;
}
