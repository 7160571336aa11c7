/** Real label lists as the model of a screen: its wells, their classes and their numbers of cells. */
import { DeepYeastError } from '../../errors';
import type { Compartment } from '../compartments';
import { deepYeastPattern } from '../import-plan';
import { readLabelList } from '../label-list';
import { parsePathPattern, readPaths } from '../path-pattern';
import { type LikeList, type LikeWell, type Part, partShares, parts, wellName } from './plan';

/**
 * Reads one label list, whose wells are split over the parts, or three in the order train, validation, test. A well with
 * two classes, or one in two lists, is `labels-invalid`; another number of lists is `invalid-argument`.
 */
export async function readLikeLists(paths: readonly string[], classes: readonly Compartment[]): Promise<LikeList[]> {
  if (paths.length === 1) {
    const wells = await readWells(paths[0] as string, classes);
    const split = splitWells(wells, classes);
    return parts.map((part) => ({ part, wells: split[part] }));
  }
  if (paths.length !== parts.length)
    throw new DeepYeastError(
      'invalid-argument',
      `found ${paths.length} label lists, expected one, or three in the order ${parts.join(', ')}`,
    );
  const lists: LikeList[] = [];
  const seen = new Map<string, string>();
  for (const [index, part] of parts.entries()) {
    const path = paths[index] as string;
    const wells = await readWells(path, classes);
    for (const { plate, well } of wells) {
      const name = wellName(plate, well);
      const earlier = seen.get(name);
      if (earlier !== undefined)
        throw new DeepYeastError('labels-invalid', `${path}: the well ${name} is in ${earlier} as well`);
      seen.set(name, path);
    }
    lists.push({ part, wells });
  }
  return lists;
}

async function readWells(path: string, classes: readonly Compartment[]): Promise<LikeWell[]> {
  const pattern = parsePathPattern(deepYeastPattern);
  const wells = new Map<string, LikeWell>();
  const entries = await readLabelList(path, classes);
  const { parts } = readPaths(
    pattern,
    entries.map((entry) => entry.path),
  );
  for (const [i, entry] of entries.entries()) {
    const name = entry.path.replace(/\.[^./]*$/, '');
    const { plate = '', well = name, field = '' } = parts[i] ?? {};
    const compartment = classes[entry.label] as Compartment;
    const known = wells.get(wellName(plate, well));
    if (known && known.compartment !== compartment)
      throw new DeepYeastError(
        'labels-invalid',
        `${path}, line ${entry.line}: the well ${wellName(plate, well)} is ${compartment} here and ${known.compartment} above`,
      );
    if (known) known.cells.push({ name, field });
    else wells.set(wellName(plate, well), { plate, well, compartment, cells: [{ name, field }] });
  }
  return [...wells.values()];
}

/** Whole wells, largest first, each to the part furthest below its share of its class. */
function splitWells(wells: readonly LikeWell[], classes: readonly Compartment[]): Record<Part, LikeWell[]> {
  const split: Record<Part, LikeWell[]> = { train: [], validation: [], test: [] };
  for (const compartment of classes) {
    const own = wells.filter((well) => well.compartment === compartment);
    const total = own.reduce((sum, well) => sum + well.cells.length, 0);
    const filled: Record<Part, number> = { train: 0, validation: 0, test: 0 };
    for (const well of [...own].sort((a, b) => b.cells.length - a.cells.length)) {
      const missing = (part: Part) => partShares[part] * total - filled[part];
      const part = parts.reduce((best, candidate) => (missing(candidate) > missing(best) ? candidate : best));
      split[part].push(well);
      filled[part] += well.cells.length;
    }
  }
  return split;
}
