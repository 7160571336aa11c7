import { DeepYeastError } from '../errors';
import type { SourceDescription } from './cell-source';

/**
 * Where each of a dataset's classes is among the model's, by name; -1 for a class that the model does not know and that
 * no cell has. The lists may differ in order and length.
 * @throws class-unknown that names the classes which cells have and the model does not know
 */
export function matchClasses(
  modelClasses: readonly string[],
  source: Pick<SourceDescription, 'path' | 'classes' | 'labels'>,
): Int32Array {
  const cells = new Array<number>(source.classes.length).fill(0);
  for (const label of Array.from(source.labels)) if (label >= 0) cells[label] = (cells[label] as number) + 1;
  const index = Int32Array.from(source.classes, (name) => modelClasses.indexOf(name));
  const unknown = source.classes.filter((_, c) => index[c] === -1 && (cells[c] as number) > 0);
  if (unknown.length > 0) {
    const names = unknown.map((name) => `'${name}' (${cells[source.classes.indexOf(name)]} cells)`);
    throw new DeepYeastError(
      'class-unknown',
      `${source.path} has cells of ${names.join(', ')}, expected only classes of the model: ${modelClasses.join(', ')}; ` +
        'use a model that was trained with them, or drop these cells',
    );
  }
  return index;
}
