/** The rows of cells.csv that the cells of a field become. */

import { type Cell, cellColumns } from '../data/dataset';
import { formatCsvRow } from '../files/csv';
import { roundedTo } from '../files/number';
import type { FieldCells, FoundCell } from './field-cells';
import type { FieldImages } from './layout';

/** Columns of every dataset that is cut from fields, after those of all datasets. */
const measuredColumns = ['mask_label', 'area', 'major_axis', 'minor_axis', 'border', 'bud_of', 'buds'] as const;

export interface RowOptions {
  /** Roles of the channels, in their order. */
  channels: readonly string[];
  /** Whether samples are stretched by numbers of their own in each cell: then the numbers are columns. */
  withRanges: boolean;
  /** Columns of the plate map and the pattern. */
  otherColumns: readonly string[];
}

/** The columns of cells.csv, in order. */
export function rowColumns({ channels, withRanges, otherColumns }: RowOptions): string[] {
  const intensities = channels.flatMap((role) => [`${role}_mean`, `${role}_integrated`, `${role}_background`]);
  const ranges = withRanges ? channels.flatMap((role) => [`low_${role}`, `high_${role}`]) : [];
  const own = [...cellColumns, ...measuredColumns, ...intensities, 'flags', ...ranges];
  return [...own, ...otherColumns.filter((name) => !own.includes(name))];
}

/** What is the same for all cells of a field. */
export interface FieldRow {
  field: FieldImages;
  protein: string;
  /** Index of the class, -1: none. */
  label: number;
  /** Paths of its images, joined by `;`. */
  source: string;
  /** By column. */
  others: Readonly<Record<string, string>>;
}

/** The lines of cells.csv for the cells of a field that have a crop. */
export function formatRows(result: FieldCells, row: FieldRow, options: RowOptions): string[] {
  const columns = rowColumns(options);
  const numbers = new Map(result.cells.map(({ label, number }) => [label, number]));
  const buds = countBuds(result);
  return result.kept.map((index, position) => {
    const cell = result.cells[index] as FoundCell;
    const { field } = row;
    const values: Cell & Record<string, string | number> = {
      ...row.others,
      cell: `${field.key}/${cell.number}`,
      label: row.label,
      protein: row.protein,
      plate: field.plate,
      well: field.well,
      field: field.field,
      x: decimals(cell.x),
      y: decimals(cell.y),
      source: row.source,
      mask_label: cell.number,
      area: cell.area,
      major_axis: decimals(cell.majorAxis),
      minor_axis: decimals(cell.minorAxis),
      border: cell.border ? 1 : 0,
      bud_of: cell.budOf === 0 ? '' : (numbers.get(cell.budOf) ?? ''),
      buds: buds.get(cell.label) ?? 0,
      flags: cell.flags.join(';'),
    };
    for (const [channel, role] of options.channels.entries()) {
      const { mean = 0, integrated = 0, background = 0 } = cell.intensity[role] ?? {};
      values[`${role}_mean`] = decimals(mean);
      values[`${role}_integrated`] = decimals(integrated);
      values[`${role}_background`] = decimals(background);
      if (!options.withRanges) continue;
      const [low, high] = result.ranges?.[position]?.[channel] ?? [];
      values[`low_${role}`] = String(low ?? '');
      values[`high_${role}`] = String(high ?? '');
    }
    return formatCsvRow(columns.map((name) => (name === 'label' && row.label === -1 ? '' : (values[name] ?? ''))));
  });
}

/** Two digits after the point are far below what a pixel or a grey level says. */
function decimals(value: number): string {
  return String(roundedTo(value, 2));
}

/** Buds by their mother's label. */
function countBuds({ cells, buds }: FieldCells): Map<number, number> {
  const mothers = buds.length > 0 ? buds.map(({ budOf }) => budOf) : cells.map(({ budOf }) => budOf);
  const counts = new Map<number, number>();
  for (const mother of mothers) if (mother !== 0) counts.set(mother, (counts.get(mother) ?? 0) + 1);
  return counts;
}
