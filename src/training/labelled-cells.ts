import type { Dataset } from '../data/dataset';
import { DeepYeastError } from '../errors';
import type { Log } from '../log';

/** The cells of a dataset that have a label, with the labels as class indices of a network. */
export interface LabelledCells {
  dataset: Dataset;
  /** Rows of the dataset, ascending. */
  rows: Uint32Array;
  /** Class of each of them in the network's list. */
  labels: Int32Array;
}

/**
 * Matches the classes of a dataset with a network's by name. Cells without a label are left out, with a warning.
 *
 * @throws class-unknown for cells of a class that the network does not have, dataset-invalid when no cell has a label
 */
export function labelledCells(dataset: Dataset, classes: readonly string[], log: Log): LabelledCells {
  const classOf = dataset.classes.map((name) => classes.indexOf(name));
  const rows: number[] = [];
  const labels: number[] = [];
  const unknown = new Map<string, number>();
  dataset.labels.forEach((label, row) => {
    if (label < 0) return;
    const known = classOf[label] as number;
    if (known < 0) {
      const name = dataset.classes[label] as string;
      unknown.set(name, (unknown.get(name) ?? 0) + 1);
      return;
    }
    rows.push(row);
    labels.push(known);
  });
  if (unknown.size > 0) {
    const found = [...unknown].map(([name, cells]) => `${name} (${cells} cells)`).join(', ');
    throw new DeepYeastError(
      'class-unknown',
      `${dataset.path} has cells of classes that the network does not know: ${found}; expected ${classes.join(', ')}`,
    );
  }
  if (rows.length === 0) {
    throw new DeepYeastError(
      'dataset-invalid',
      `none of the ${dataset.count} cells of ${dataset.path} has a label; training and validation need labelled cells`,
    );
  }
  if (rows.length < dataset.count) {
    log(
      'warn',
      `${dataset.count - rows.length} of the ${dataset.count} cells of ${dataset.path} have no label: left out`,
    );
  }
  return { dataset, rows: Uint32Array.from(rows), labels: Int32Array.from(labels) };
}
