/** Wells that the paths of one set spell in several ways: A1 and A01 of a plate are one well and one strain. */

import type { Cell } from './dataset';
import { proteinOf } from './identity';
import { normalizeWell } from './well';

/**
 * Where the paths of a plate spell one well in several ways, gives all wells of the set their usual names (A1 becomes A01),
 * and proteins that are known by their well alone with them. A set in which each well has one spelling stays as it is.
 * @returns what was done, for people
 */
export function unifyWells(cells: readonly Cell[]): string[] {
  const spellings = new Map<string, string>();
  let example: string | undefined;
  for (const { plate, well } of cells) {
    if (well === '') continue;
    const key = JSON.stringify([plate, normalizeWell(well)]);
    const first = spellings.get(key) ?? well;
    spellings.set(key, first);
    if (first !== well) {
      example = `${first} and ${well}${plate === '' ? '' : ` of ${plate}`}`;
      break;
    }
  }
  if (example === undefined) return [];
  for (const cell of cells) {
    const well = normalizeWell(cell.well);
    const strain = (name: string) => proteinOf(cell.cell, { plate: cell.plate, well: name });
    if (cell.well !== '' && cell.protein === strain(cell.well)) cell.protein = strain(well);
    cell.well = well;
  }
  return [`${example} are one well: all wells take names such as A01`];
}
