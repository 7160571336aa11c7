/** Edge effects: whether the outermost wells of a plate differ from the inner ones (evaporation, temperature, focus). */

import { parseWell } from '../data/well';
import { median } from '../ratios';
import { edgeMeasures, type PlateEdge, type WellRow } from './results';

/** Fewer wells in a group are not tested. */
const fewest = 5;

/** One row for each plate and measure, in the order of the plates. Wells with names that are no places are left out. */
export function plateEdges(wells: readonly WellRow[]): PlateEdge[] {
  return [...new Set(wells.map(({ plate }) => plate))].flatMap((plate) => {
    const placed = wells
      .filter((row) => row.plate === plate && !row.flags.includes('no-fields'))
      .flatMap((row) => {
        const place = parseWell(row.well);
        return place ? [{ row, place }] : [];
      });
    const rows = placed.map(({ place }) => place.row);
    const columns = placed.map(({ place }) => place.column);
    const bounds = [smallest(rows), largest(rows), smallest(columns), largest(columns)];
    const isEdge = ({ row, column }: { row: number; column: number }) =>
      row === bounds[0] || row === bounds[1] || column === bounds[2] || column === bounds[3];
    return edgeMeasures.map((measure): PlateEdge => {
      const of = (edge: boolean) =>
        placed
          .filter(({ place }) => isEdge(place) === edge)
          .map(({ row }) => row[measure])
          .filter((value): value is number => value !== null);
      const outer = of(true);
      const inner = of(false);
      const p = Math.min(outer.length, inner.length) < fewest ? null : mannWhitney(outer, inner);
      const [edgeMedian, innerMedian] = [median(outer).value ?? 0, median(inner).value ?? 0];
      const differs = Math.abs(edgeMedian - innerMedian) > 0.1 * Math.max(Math.abs(innerMedian), Number.MIN_VALUE);
      return {
        plate,
        measure,
        edgeWells: outer.length,
        innerWells: inner.length,
        edge: edgeMedian,
        inner: innerMedian,
        p,
        effect: p !== null && p < 0.001 && differs,
      };
    });
  });
}

function smallest(values: readonly number[]): number {
  return values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
}

function largest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
}

/**
 * Two-sided P value of the Mann-Whitney U test by the normal approximation with continuity and tie corrections (Mann and
 * Whitney, Ann. Math. Statist. 18, 1947), as scipy.stats.mannwhitneyu(method='asymptotic') gives it.
 */
export function mannWhitney(a: readonly number[], b: readonly number[]): number {
  const pooled = [...a.map((value) => ({ value, first: true })), ...b.map((value) => ({ value, first: false }))];
  pooled.sort((x, y) => x.value - y.value);
  const n = pooled.length;
  let rankSum = 0;
  let ties = 0;
  for (let start = 0; start < n; ) {
    let end = start + 1;
    while (end < n && pooled[end]?.value === pooled[start]?.value) end++;
    const tied = end - start;
    ties += tied ** 3 - tied;
    for (let i = start; i < end; i++) if (pooled[i]?.first) rankSum += (start + 1 + end) / 2;
    start = end;
  }
  const u = rankSum - (a.length * (a.length + 1)) / 2;
  const mean = (a.length * b.length) / 2;
  const variance = ((a.length * b.length) / 12) * (n + 1 - ties / (n * (n - 1)));
  if (variance === 0) return 1;
  const z = Math.max(0, Math.abs(u - mean) - 0.5) / Math.sqrt(variance);
  // On first use, as the other functions of this library.
  const erfc = require('@stdlib/math-base-special-erfc') as (x: number) => number;
  return erfc(z / Math.SQRT2);
}
