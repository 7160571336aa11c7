import type { Dataset } from '../data/dataset';
import { DeepYeastError } from '../errors';

/**
 * Where each of a dataset's classes is among the model's, by name; -1 for a class that the model does not know and that
 * no cell has. The lists may differ in order and length.
 * @throws class-unknown that names the classes which cells have and the model does not know
 */
export function matchClasses(modelClasses: readonly string[], dataset: Dataset): Int32Array {
  const cells = new Array<number>(dataset.classes.length).fill(0);
  for (const label of dataset.labels) if (label >= 0) cells[label] = (cells[label] as number) + 1;
  const index = Int32Array.from(dataset.classes, (name) => modelClasses.indexOf(name));
  const unknown = dataset.classes.filter((_, c) => index[c] === -1 && (cells[c] as number) > 0);
  if (unknown.length > 0) {
    const names = unknown.map((name) => `'${name}' (${cells[dataset.classes.indexOf(name)]} cells)`);
    throw new DeepYeastError(
      'class-unknown',
      `${dataset.path} has cells of ${names.join(', ')}, expected only classes of the model: ${modelClasses.join(', ')}; ` +
        'use a model that was trained with them, or drop these cells',
    );
  }
  return index;
}
