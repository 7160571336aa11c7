/** Checks of the features and labels that a classifier is given. */
import { DeepYeastError } from '../errors';
import type { FeatureMatrix } from '../features/matrix';

/** @throws invalid-argument unless values has rows * columns elements, and columns is what is expected */
export function requireMatrix(features: FeatureMatrix, columns = features.columns): void {
  const { values, rows, names } = features;
  if (features.columns !== columns) {
    throw new DeepYeastError(
      'invalid-argument',
      `the features have ${features.columns} columns; expected ${columns}: use the features the forest was trained on`,
    );
  }
  if (!(values instanceof Float32Array) || !Number.isSafeInteger(rows) || values.length !== rows * columns) {
    throw new DeepYeastError(
      'invalid-argument',
      `the features have ${values?.length} values; expected a Float32Array of ${rows} rows of ${columns}`,
    );
  }
  if (names !== undefined && names.length !== columns) {
    throw new DeepYeastError('invalid-argument', `found ${names.length} names for ${columns} columns`);
  }
}

/**
 * The label of every row as int32.
 * @throws invalid-argument, labels-invalid
 */
export function labelsOf(labels: ArrayLike<number>, rows: number): Int32Array {
  if (labels.length !== rows) {
    throw new DeepYeastError('invalid-argument', `found ${labels.length} labels for ${rows} rows; expected one a row`);
  }
  const result = new Int32Array(rows);
  for (let row = 0; row < rows; row++) {
    const label = labels[row] as number;
    if (!Number.isInteger(label)) {
      throw new DeepYeastError('labels-invalid', `row ${row} has the label ${label}; expected the number of a class`);
    }
    result[row] = label;
  }
  return result;
}
