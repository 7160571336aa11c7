/** Folders of images that are taken together: what tells them apart belongs to the names of their cells and plates. */

import { basename, posix, resolve } from 'node:path';
import { DeepYeastError } from '../errors';
import type { Cell } from './dataset';
import { hasProtein } from './identity';
import type { ImportPlan } from './import-plan';

/**
 * The plans of several folders with cells that no two of them share: the folder's name goes before the name of each cell
 * and its source, and is the plate where the pattern names none, so that well A01 of two folders is two strains. A single
 * plan stays as it is.
 * @throws invalid-argument for a folder that is given twice
 */
export function tellApart(plans: readonly ImportPlan[]): ImportPlan[] {
  if (plans.length < 2) return [...plans];
  const folders = plans.map(({ source }) => resolve(source));
  const twice = folders.find((folder, i) => folders.indexOf(folder) !== i);
  if (twice !== undefined) {
    throw new DeepYeastError('invalid-argument', `the folder ${twice} is given twice, expected each once`);
  }
  const names = folders.map((folder) => basename(folder));
  const short = new Set(names).size === names.length;
  return plans.map((plan, i) => {
    const name = short ? (names[i] as string) : posix.normalize(plan.source.replaceAll('\\', '/')).replace(/\/$/, '');
    const cells = plan.cells.map((planned) => ({ ...planned, cell: underFolder(planned.cell, name) }));
    return { ...plan, cells };
  });
}

function underFolder(cell: Cell, folder: string): Cell {
  const name = `${folder}/${cell.cell}`;
  const source = cell.source
    .split(';')
    .map((path) => `${folder}/${path}`)
    .join(';');
  const plateless = cell.plate === '';
  // The name of a strain that is a well says the plate too, if there is one.
  const isWell = plateless && cell.well !== '' && cell.protein === cell.well;
  const protein = !hasProtein(cell) ? name : isWell ? `${folder}/${cell.well}` : cell.protein;
  return { ...cell, cell: name, source, protein, plate: plateless ? folder : cell.plate };
}
