/** What is told of every field: fields.csv and skipped.csv of the dataset. */

import { formatCsvRow } from '../files/csv';
import { rounded, roundedTo } from '../files/number';
import { median } from '../ratios';
import { cellDiameters, type FieldCells } from './field-cells';
import type { FieldProblem } from './layout';
import type { PlateField } from './plate';

/** A field as it goes into the journal of an unfinished dataset. */
export interface FieldReport {
  key: string;
  plate: string;
  well: string;
  field: string;
  source: string;
  /** Why it has no cells in the dataset; then nothing else was measured. */
  problem?: string;
  cells?: number;
  /** Cells with a crop. */
  kept?: number;
  /** Median diameter of the circles as large as its good cells, in pixels of the field; absent where it has none. */
  diameter?: number;
  /** Crop pixels a field pixel. */
  scale?: number;
  focus?: number;
  background?: number;
  covered?: number;
  saturated?: number;
}

/** A field that was left out. */
export interface SkippedField {
  /** Its key; '' where the file belongs to no field. */
  field: string;
  path: string;
  reason: string;
}

function identify({ images, source }: PlateField): FieldReport {
  const { key, plate, well, field } = images;
  return { key, plate, well, field, source };
}

export function reportField(field: PlateField, result: FieldCells, scale: number): FieldReport {
  const { cells, kept } = result;
  const { focus, background, covered, saturated } = result.field;
  const diameter = median(cellDiameters(cells)).value;
  return {
    ...identify(field),
    cells: cells.length,
    kept: kept.length,
    ...(diameter !== null && { diameter }),
    scale,
    ...{ focus, background, covered, saturated },
  };
}

/** Pixels of a typical cell in the crops: the median over fields; undefined where no field has a good cell. */
export function typicalDiameter(reports: readonly FieldReport[]): number | undefined {
  const widths = reports.map(({ diameter, scale = 1 }) => (diameter === undefined ? null : diameter * scale));
  const { value } = median(widths);
  return value === null ? undefined : roundedTo(value, 2);
}

export function reportProblem(field: PlateField, problem: string): FieldReport {
  return { ...identify(field), problem };
}

const columns = [
  ...['plate', 'well', 'field', 'source', 'cells', 'kept', 'diameter'],
  ...['focus', 'background', 'covered', 'saturated', 'problem'],
] as const;

/** fields.csv: one row a field, in order. */
export function formatFields(reports: readonly FieldReport[]): string {
  const digits = (value: number | undefined) => (value === undefined ? '' : String(rounded(value, 6)));
  const rows = reports.map((report) =>
    formatCsvRow([
      report.plate,
      report.well,
      report.field,
      report.source,
      report.cells ?? '',
      report.kept ?? '',
      digits(report.diameter),
      digits(report.focus),
      digits(report.background),
      digits(report.covered),
      digits(report.saturated),
      report.problem ?? '',
    ]),
  );
  return formatCsvRow([...columns]) + rows.join('');
}

/** All fields that were left out: those known before the images were opened, then the others in order. */
export function skippedFields(problems: readonly FieldProblem[], reports: readonly FieldReport[]): SkippedField[] {
  const early = problems.map(({ path, reason }) => ({ field: '', path, reason }));
  const late = reports
    .filter(({ problem }) => problem !== undefined)
    .map(({ key, source, problem }) => ({ field: key, path: source, reason: problem as string }));
  return [...early, ...late];
}

/** skipped.csv */
export function formatSkipped(skipped: readonly SkippedField[]): string {
  const rows = skipped.map(({ field, path, reason }) => formatCsvRow([field, path, reason]));
  return formatCsvRow(['field', 'path', 'reason']) + rows.join('');
}
