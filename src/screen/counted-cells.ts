/** Which cells of a part count for their protein, and why the others do not. */

import type { CellFlag } from '../fields/measure';
import type { PartCells } from './results';
import type { ScreenFile } from './screen-options';

/** Why a cell does not count: its first flag among the excluded ones, or that a detector takes it for none. */
export type Exclusion = CellFlag | 'non-cell' | '';

/** For each cell why it does not count; '' where it does. */
export function exclusionsOf(
  { flags, quality }: Pick<PartCells, 'flags' | 'quality'>,
  screen: Pick<ScreenFile, 'exclude' | 'quality'>,
): Exclusion[] {
  const threshold = screen.quality?.threshold;
  return flags.map((text, i) => {
    const own = text === '' ? [] : text.split(';');
    const flag = screen.exclude.find((name) => own.includes(name));
    if (flag !== undefined) return flag;
    return threshold !== undefined && (quality?.[i] ?? 1) < threshold ? 'non-cell' : '';
  });
}
