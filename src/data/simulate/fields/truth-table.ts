/** The tables that tell what is planted on plates of fields: one of the cells, one of the wells, and the plate map. */
import { formatCsvRow } from '../../../files/csv';
import type { PlannedField, PlannedWell, PlatePlan } from './plate-plan';
import type { SimulatedFieldCell } from './truth';

/** Columns of truth.csv. */
export const cellTruthColumns = [
  'plate',
  'well',
  'field',
  'label',
  'x',
  'y',
  'area',
  'border',
  'bud_of',
  'flag',
  'class',
  'protein',
  'looks',
  'layer',
  'stage',
  'dead',
  'diameter',
  'defocus',
  'brightness',
] as const;

/** The rows of a field's cells. */
export function cellTruthRows(
  plan: PlatePlan,
  { well, field }: PlannedField,
  cells: readonly SimulatedFieldCell[],
): string {
  const { plate, name, compartment, proteinName } = plan.wells[well] as PlannedWell;
  const place = [plan.plates[plate] as string, name, String(field)];
  return cells
    .map((cell) =>
      formatCsvRow([
        ...place,
        cell.label,
        rounded(cell.x),
        rounded(cell.y),
        cell.area,
        cell.border ? 1 : 0,
        cell.budOf === 0 ? '' : cell.budOf,
        cell.flag,
        compartment,
        proteinName,
        cell.looks,
        cell.layer,
        cell.stage,
        cell.dead,
        rounded(cell.diameter),
        rounded(cell.defocus),
        rounded(cell.brightness),
      ]),
    )
    .join('');
}

function rounded(value: number): string {
  return String(Math.round(value * 1000) / 1000);
}

/** plate-map.csv: what a lab knows of its plates. */
export function plateMap({ plates, wells }: PlatePlan): string {
  const rows = wells.map(({ plate, name, proteinName, compartment }) => [
    plates[plate] as string,
    name,
    proteinName,
    compartment,
  ]);
  return [['plate', 'well', 'protein', 'class'], ...rows].map(formatCsvRow).join('');
}

/** wells.csv: what is planted in every well. */
export function wellTruth({ plates, wells }: PlatePlan): string {
  const rows = wells.map(({ plate, name, proteinName, compartment, second, fault }) => [
    plates[plate] as string,
    name,
    proteinName,
    compartment,
    second ? `${compartment}+${second}` : compartment,
    fault,
  ]);
  return [['plate', 'well', 'protein', 'class', 'compartments', 'fault'], ...rows].map(formatCsvRow).join('');
}
