/**
 * What tells proteins, fields and cells apart. Every command uses these keys: made of all that is known of a cell, so that
 * well A01 of two plates, field 1 of two wells and cell 7 of two fields never count as one.
 */

import { posix } from 'node:path';
import { KeySet } from '../files/key-set';
import type { Cell } from './dataset';
import { normalizeWell } from './well';

/** What a cell must not be separated from: its protein, its field, or nothing. */
export const groupings = ['protein', 'field', 'cell'] as const;
export type Grouping = (typeof groupings)[number];

/** A cell as far as it is known: a table of predictions has neither source nor index of the label. */
export type KnownCell = Pick<Cell, 'cell' | 'protein' | 'plate' | 'well' | 'field'> &
  Partial<Pick<Cell, 'label' | 'source' | 'x' | 'y'>>;

/**
 * The tagged strain: what the path calls the protein, else plate and well, else the cell itself, so that cells are never
 * pooled by accident.
 */
export function proteinOf(name: string, parts: { protein?: string; plate?: string; well?: string }): string {
  const { protein, plate = '', well = '' } = parts;
  if (protein !== undefined) return protein;
  if (well === '') return name;
  return plate === '' ? well : `${plate}/${well}`;
}

/** Whether a cell's protein is known; otherwise it has its own name, or none. */
export function hasProtein(cell: KnownCell): boolean {
  return cell.protein !== '' && cell.protein !== cell.cell;
}

/** Whether anything but its own number tells a cell's field from the fields of other strains. */
export function hasPlace(cell: KnownCell): boolean {
  return cell.well !== '' || hasProtein(cell);
}

/**
 * The micrograph of a cell: plate; well, or the protein where there is no well; field. Where neither is known, the folder
 * and the class tell fields apart. Wells A1 and A01 are one, and so are fields 1 and 01, f1 and f01.
 */
export function fieldOf(cell: KnownCell): string {
  const place =
    cell.well !== ''
      ? ['well', normalizeWell(cell.well)]
      : hasProtein(cell)
        ? ['protein', cell.protein]
        : ['folder', folderOf(cell.source ?? ''), cell.label ?? ''];
  // Names may hold any character: JSON keeps ('a', 'b/c') and ('a/b', 'c') apart.
  return JSON.stringify([cell.plate, ...place, withoutLeadingZeros(cell.field)]);
}

/** A field's number in its one spelling: 01 becomes 1, f001 becomes f1; any other name stays as it is. */
function withoutLeadingZeros(field: string): string {
  return field.replace(/^([A-Za-z]*)0+(?=\d+$)/, '$1');
}

/** The folder of a cell's (first) file. */
export function folderOf(source: string): string {
  const [first = ''] = source.split(';');
  return posix.dirname(first);
}

/** The group of a cell. */
export function groupOf(cell: KnownCell, grouping: Grouping): string {
  if (grouping === 'protein') return cell.protein;
  return grouping === 'field' ? fieldOf(cell) : cellKey(cell, cellKeyColumns);
}

/** The columns that make up the key of a cell, as far as two tables both have them. */
export const cellKeyColumns = ['cell', 'plate', 'well', 'field', 'x', 'y', 'source'] as const;
export type CellKeyColumn = (typeof cellKeyColumns)[number];

/** The key of a cell by some of its columns. Wells A1 and A01 are one. */
export function cellKey(cell: Readonly<Record<string, unknown>>, columns: readonly string[]): string {
  return JSON.stringify(
    columns.map((column) => {
      const text = String((Object.hasOwn(cell, column) ? cell[column] : '') ?? '');
      return column === 'well' ? normalizeWell(text) : text;
    }),
  );
}

/** Finds cells that are there twice, in little memory: 16 bytes a cell. */
export class DistinctCells {
  readonly #columns: readonly string[];
  readonly #keys = new KeySet();
  /** Cells that were there already. */
  repeated = 0;
  /** The first of them, in words. */
  example: string | undefined;

  /** @param columns of the key; default all that tell cells apart */
  constructor(columns: readonly string[] = cellKeyColumns) {
    this.#columns = columns;
  }

  /** Whether the cell is new. */
  add(cell: Readonly<Record<string, unknown>>): boolean {
    if (this.#keys.add(cellKey(cell, this.#columns))) return true;
    this.repeated++;
    this.example ??= describeCellKey(cell, this.#columns);
    return false;
  }
}

/** A cell in words: its name and what else is known of it. */
export function describeCellKey(cell: Readonly<Record<string, unknown>>, columns: readonly string[]): string {
  const [name, ...others] = columns;
  const rest = others
    .filter((column) => Object.hasOwn(cell, column) && cell[column] !== '' && cell[column] !== undefined)
    .map((column) => `${column} ${cell[column]}`);
  return `'${cell[name as string]}'${rest.length > 0 ? ` (${rest.join(', ')})` : ''}`;
}
