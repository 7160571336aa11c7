/** Which wells and fields deserve a look: the rules, all relative to the other wells of the plate. */

import { groupBy } from '../group-by';
import { totalVariation } from '../proteins/total-variation';
import { median } from '../ratios';
import type { FieldFlag, FieldRow, WellFlag, WellRow } from './results';

/** Where a well or field stands out; docs/screens.md explains each to a reader of the tables. */
const rules = {
  /** Fewer cells that count say little of a protein, whatever the plate. */
  leastCells: 10,
  /** Of the median well of the plate. */
  leastShareOfCells: 0.25,
  /** Of the plate's median focus. Simulated fields out of focus have 0.55 of it, others at least 0.9. */
  leastFocus: 0.7,
  /** Share of a field's pixels at the camera's highest level. */
  mostSaturated: 0.005,
  /** Share of a well's cells that are flagged as dead. */
  mostDead: 0.4,
  /** Total variation distance, beyond what chance explains. */
  mostDisagreement: 0.3,
} as const;

/** Median focus by plate, over fields with cells. */
export function plateFocus(fields: readonly FieldRow[]): Map<string, number> {
  const withCells = fields.filter(({ cells = 0 }) => cells > 0);
  const byPlate = groupBy(withCells, ({ plate }) => plate);
  return new Map([...byPlate].map(([plate, own]) => [plate, median(own.map(({ focus = 0 }) => focus)).value ?? 0]));
}

export function fieldFlagsOf(field: FieldRow, focusOfPlate: number): FieldFlag[] {
  if (field.problem !== undefined) return [];
  const { cells = 0, focus = 0, saturated = 0 } = field;
  const flags: [FieldFlag, boolean][] = [
    ['out-of-focus', cells > 0 && focus < rules.leastFocus * focusOfPlate],
    ['saturated', saturated > rules.mostSaturated],
    ['no-cells', cells === 0],
  ];
  return flags.filter(([, holds]) => holds).map(([flag]) => flag);
}

/**
 * The flags of every well, set in place, and the disagreement between wells of one protein.
 *
 * @param fields of all wells, with their flags
 */
export function flagWells(wells: readonly WellRow[], fields: readonly FieldRow[]): void {
  const fieldsOf = groupBy(fields, (field) => wellKey(field));
  const typical = new Map(
    [...groupBy(wells, ({ plate }) => plate)].map(([plate, own]) => [
      plate,
      median(own.map(({ used }) => used)).value ?? 0,
    ]),
  );
  for (const own of groupBy(
    wells.filter(({ protein }) => protein !== ''),
    ({ protein }) => protein,
  ).values()) {
    for (const well of own) well.disagreement = disagreementOf(well, own);
  }
  for (const well of wells) {
    const own = (fieldsOf.get(wellKey(well)) ?? []).filter(({ problem }) => problem === undefined);
    const half = (flag: FieldFlag) =>
      own.length > 0 && 2 * own.filter(({ flags }) => flags.includes(flag)).length >= own.length;
    const few = Math.max(rules.leastCells, rules.leastShareOfCells * (typical.get(well.plate) ?? 0));
    const flags: [WellFlag, boolean][] = [
      ['no-fields', own.length === 0],
      ['few-cells', own.length > 0 && well.used < few],
      ['out-of-focus', half('out-of-focus')],
      ['saturated', half('saturated')],
      ['dead', (well.dead ?? 0) > rules.mostDead],
      ['disagrees', (well.disagreement ?? 0) > rules.mostDisagreement + chance(well)],
    ];
    well.flags = flags.filter(([, holds]) => holds).map(([flag]) => flag);
  }
}

export function wellKey({ plate, well }: { plate: string; well: string }): string {
  return JSON.stringify([plate, well]);
}

/**
 * How far a well is from the protein's other wells: the lower median of the distances to each, so that of three wells the
 * one that differs has a large number and the two that agree have small ones; of two that differ, both have.
 */
function disagreementOf(well: WellRow, wells: readonly WellRow[]): number | null {
  if (well.used === 0) return null;
  const distances = wells
    .filter((other) => other !== well && other.used > 0)
    .map((other) => totalVariation(well.mixture, other.mixture))
    .sort((a, b) => a - b);
  return distances[Math.ceil(distances.length / 2) - 1] ?? null;
}

/**
 * Two samples of so many cells from one mixture differ by about this much: half the sum over classes of twice the standard
 * deviation of the difference of two shares.
 */
function chance({ used, mixture }: WellRow): number {
  if (used === 0) return 0;
  return mixture.reduce((sum, share) => sum + Math.sqrt((2 * share * (1 - share)) / used), 0);
}
