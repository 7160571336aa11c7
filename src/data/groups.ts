import type { Cell } from './dataset';

/** What a cell must not be separated from: its protein, its field, or nothing. */
export const groupings = ['protein', 'field', 'cell'] as const;
export type Grouping = (typeof groupings)[number];

type GroupedCell = Pick<Cell, 'cell' | 'protein' | 'plate' | 'well' | 'field'>;

/** The micrograph of a cell: plate and well (or the protein, where there is no well), and field. */
export function fieldOf(cell: GroupedCell): string {
  const place = cell.well === '' ? [cell.protein] : [cell.plate, cell.well];
  // Names may hold any character: JSON keeps ('a', 'b/c') and ('a/b', 'c') apart.
  return JSON.stringify([...place, cell.field]);
}

/** The group of a cell. */
export function groupOf(cell: GroupedCell, grouping: Grouping): string {
  if (grouping === 'protein') return cell.protein;
  return grouping === 'field' ? fieldOf(cell) : cell.cell;
}
