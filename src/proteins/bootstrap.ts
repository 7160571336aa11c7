import { bootstrapIntervals } from '../evaluation/bootstrap';
import type { MixtureBootstrap, ProteinSums } from './soft-counts';

/** 32-bit FNV-1a over UTF-16 code units: gives each protein random numbers of its own, whatever else is in the table. */
export function nameHash(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** Rows of numbers in lexicographic order, so that the order in which cells came changes nothing. */
function compareRows(a: ArrayLike<number>, b: ArrayLike<number>): number {
  for (let i = 0; i < a.length; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The units to draw: rows of (cells, K sums), one a field, or one a cell where there is a single field. */
function unitsOf(sums: ProteinSums, k: number): Float64Array[] {
  const { single } = sums;
  if (!single) {
    const fields = [...sums.fields].sort(([a], [b]) => (a < b ? -1 : 1));
    return fields.map(([, row]) => row);
  }
  const cells = Array.from({ length: single.length / k }, (_, cell) =>
    Float64Array.of(1, ...single.slice(cell * k, (cell + 1) * k)),
  );
  return cells.sort(compareRows);
}

/**
 * 95% percentile intervals of the mixture (soft counts / cells) by the bootstrap over the protein's fields, or over its
 * cells where there is one field. Null without cells of its own to draw from.
 */
export function mixtureBootstrap(
  sums: ProteinSums,
  k: number,
  options: { replicates: number; seed: number },
): MixtureBootstrap | null {
  if (options.replicates === 0) return null;
  const [onlyPartial] = sums.partial;
  // What is behind a partial row cannot be drawn again: its own intervals stand while nothing was added to it.
  if (onlyPartial) return sums.partial.length === 1 && sums.fields.size === 0 ? onlyPartial.bootstrap : null;
  const units = unitsOf(sums, k);
  const intervals = bootstrapIntervals(
    units.length,
    k,
    (times, values) => {
      let cells = 0;
      values.fill(0);
      units.forEach((unit, u) => {
        const drawn = times[u] as number;
        if (drawn === 0) return;
        cells += drawn * (unit[0] as number);
        for (let c = 0; c < k; c++) values[c] = (values[c] as number) + drawn * (unit[c + 1] as number);
      });
      for (let c = 0; c < k; c++) values[c] = (values[c] as number) / cells;
    },
    { ...options, stream: nameHash(sums.protein) },
  );
  return {
    low: intervals.map((interval) => interval?.[0] ?? null),
    high: intervals.map((interval) => interval?.[1] ?? null),
    unit: sums.single ? 'cell' : 'field',
  };
}
