/**
 * Numbers written as text, by people and by other programs. Everything that is read from outside goes through here:
 * JavaScript's own conversion takes '' for 0, '0x10' for 16 and 'Infinity' for a number.
 */

import { DeepYeastError } from '../errors';

const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/** A decimal number, with spaces around it or without; undefined for any other text, and for what is too large. */
export function parseNumber(text: string): number | undefined {
  const trimmed = text.trim();
  if (!decimal.test(trimmed)) return undefined;
  const value = Number(trimmed);
  return Number.isFinite(value) ? value : undefined;
}

/** Digits alone, as a whole number that is exact; undefined for any other text. */
export function parseWholeNumber(text: string): number | undefined {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : undefined;
  return value !== undefined && Number.isSafeInteger(value) ? value : undefined;
}

/** A number with so many significant digits, for people. */
export function rounded(value: number, digits: number): number {
  return Number(value.toPrecision(digits));
}

/** A number with so many digits after the point, for people. */
export function roundedTo(value: number, decimals: number): number {
  return Number(value.toFixed(decimals));
}

/** Hexadecimal digits alone, without 0x; undefined for any other text. */
export function parseHexadecimal(text: string): number | undefined {
  return /^[\da-f]{1,12}$/i.test(text) ? Number.parseInt(text, 16) : undefined;
}

/** Where a text stands: the file, the line or row, the column. */
export interface NumberPlace {
  path: string;
  where: string;
  column: string;
}

/** A field of a table as a finite number. Throws `table-invalid` that names the file, the row, the column and the text. */
export function requireNumber(text: string, { path, where, column }: NumberPlace): number {
  const value = parseNumber(text);
  if (value !== undefined) return value;
  const comma = /^\s*[+-]?\d+,\d+\s*$/.test(text) ? ' with a decimal point' : '';
  throw new DeepYeastError(
    'table-invalid',
    `${path}, ${where}: found '${text.slice(0, 100)}' in column '${column}', expected a number${comma}; correct the row`,
  );
}

/** As requireNumber, where a field may be missing: undefined for an empty one. */
export function optionalNumber(text: string, place: NumberPlace): number | undefined {
  return text.trim() === '' ? undefined : requireNumber(text, place);
}
