/** The cells of a part as the report's page reads them. */

import type { FieldReport } from '../../fields/field-results';
import { rounded } from '../../files/number';
import type { ScreenPart } from '../results';

/** Probabilities are given in thousandths: what a page shows has no more digits. */
export function thousandths(share: number): number {
  return Math.round(1000 * share);
}

/** A field of a part; its cells are the next `kept` ones. */
export interface FieldData {
  field: string;
  protein: string;
  kept: number;
  /** Cells that were found, those without a crop as well. */
  cells: number | null;
  focus: number | null;
  background: number | null;
  covered: number | null;
  saturated: number | null;
  /** Why it could not be used; '' where it could. */
  problem: string;
}

/** Cells by column; a text that many share is given by its place in `texts`. */
export interface PartData {
  fields: FieldData[];
  cell: string[];
  x: number[];
  y: number[];
  /** [cells, classes] in thousandths. */
  posterior: number[];
  /** In thousandths; null where there was no detector of non-cells. */
  quality: number[] | null;
  flags: number[];
  excluded: number[];
  texts: string[];
}

export function describePart(part: ScreenPart, excluded: readonly string[], classes: number): PartData {
  const { cells, posteriors } = part;
  const texts = new Map<string, number>();
  const place = (text: string): number => {
    const known = texts.get(text);
    if (known !== undefined) return known;
    texts.set(text, texts.size);
    return texts.size - 1;
  };
  const count = cells.cell.length;
  return {
    fields: part.fields.map(describeField),
    cell: cells.cell,
    x: cells.x.map((value) => Math.round(value)),
    y: cells.y.map((value) => Math.round(value)),
    posterior: Array.from(posteriors.subarray(0, count * classes), thousandths),
    quality: cells.quality?.map(thousandths) ?? null,
    flags: cells.flags.map(place),
    excluded: cells.cell.map((_, i) => place(excluded[i] ?? '')),
    texts: [...texts.keys()],
  };
}

/** A number for people; null where there is none. */
export function shown(value: number | null | undefined): number | null {
  return value === null || value === undefined || !Number.isFinite(value) ? null : rounded(value, 4);
}

function describeField(field: FieldReport & { protein: string }): FieldData {
  return {
    field: field.field,
    protein: field.protein,
    kept: field.kept ?? 0,
    cells: field.cells ?? null,
    focus: shown(field.focus),
    background: shown(field.background),
    covered: shown(field.covered),
    saturated: shown(field.saturated),
    problem: field.problem ?? '',
  };
}
