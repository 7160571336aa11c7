/** Names of wells: a row of one or two letters and a column, A01 to AF48 (1,536 wells). */

import { parseWholeNumber } from '../files/number';

export interface WellPosition {
  /** From 1. */
  row: number;
  column: number;
}

const mostRows = 32;
const mostColumns = 48;

/** The position that a well's name says (A1, a01, A001, AF48), or undefined where it is no well of such a plate. */
export function parseWell(name: string): WellPosition | undefined {
  const match = /^([A-Za-z]{1,2})0{0,2}([1-9]\d?)$/.exec(name.trim());
  if (!match) return undefined;
  const row = parseRow(match[1] as string);
  const column = parseColumn(match[2] as string);
  return row !== undefined && column !== undefined ? { row, column } : undefined;
}

/** A row by its letters (A, AF) or its number (1, 01), from 1; undefined where there is no such row. */
export function parseRow(text: string): number | undefined {
  let row = parseWholeNumber(text) ?? 0;
  if (/^[A-Za-z]{1,2}$/.test(text)) {
    for (const letter of text.toUpperCase()) row = row * 26 + letter.charCodeAt(0) - 64;
  }
  return row >= 1 && row <= mostRows ? row : undefined;
}

/** A column by its number, from 1; undefined where there is no such column. */
export function parseColumn(text: string): number | undefined {
  const column = parseWholeNumber(text) ?? 0;
  return column >= 1 && column <= mostColumns ? column : undefined;
}

/** The name by which a well goes everywhere: A01, AF48. */
export function wellName({ row, column }: WellPosition): string {
  const letters = row <= 26 ? String.fromCharCode(64 + row) : `A${String.fromCharCode(64 + row - 26)}`;
  return `${letters}${String(column).padStart(2, '0')}`;
}

/** A well's name in its one spelling (A1 becomes A01); what is no well's name stays as it is. */
export function normalizeWell(name: string): string {
  const position = parseWell(name);
  return position ? wellName(position) : name;
}

/** Order of wells: by row, then by column; what is no well's name comes last. */
export function compareWells(a: string, b: string): number {
  const first = parseWell(a);
  const second = parseWell(b);
  if (first && second) return first.row - second.row || first.column - second.column;
  if (first || second) return first ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}
