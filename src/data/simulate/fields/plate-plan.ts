/** The plan of a plate of fields: which protein grows in which well, and where in the well each field lies. */
import { DeepYeastError } from '../../../errors';
import type { Compartment } from '../../compartments';
import { Draws } from '../draws';
import { type PlantedFault, plantedFaults } from './request';

export interface PlannedWell {
  /** Position of its plate in the plan. */
  readonly plate: number;
  /** From 1. */
  readonly row: number;
  readonly column: number;
  /** A01. */
  readonly name: string;
  /** Number of its protein. */
  readonly protein: number;
  readonly proteinName: string;
  readonly compartment: Compartment;
  /** Of a protein that lives in two compartments. */
  readonly second: Compartment | undefined;
  /** What is wrong with the whole well, else ''. */
  readonly fault: PlantedFault | '';
}

export interface PlannedField {
  /** Position of its well in the plan. */
  readonly well: number;
  /** From 1 in every well. */
  readonly field: number;
  /** Middle of the field from the middle of the well, in fields: x to the right, y upwards as microscopes count. */
  readonly x: number;
  readonly y: number;
}

export interface PlatePlan {
  readonly classes: readonly Compartment[];
  /** Names of the plates, and how many rows and columns of wells they have. */
  readonly plates: readonly string[];
  readonly rows: number;
  readonly columns: number;
  /** Plate by plate, row by row. */
  readonly wells: readonly PlannedWell[];
  /** Well by well. */
  readonly fields: readonly PlannedField[];
}

export interface PlateSize {
  readonly plates: number;
  /** On each plate. */
  readonly wells: number;
  readonly fieldsPerWell: number;
  readonly proteins: number;
  readonly mixtures: number;
  /** Wells of each kind over all plates. */
  readonly faults: Readonly<Partial<Record<PlantedFault, number>>>;
}

/** The usual plates, by their rows and columns. */
const formats = [
  [8, 12],
  [16, 24],
  [32, 48],
] as const;
export const mostWells = 32 * 48;

/** Plans the plates: classes are spread evenly over the proteins, the proteins at random over the wells. */
export function planPlates(classes: readonly Compartment[], size: PlateSize, seed: number): PlatePlan {
  const { plates, wells, fieldsPerWell, proteins, mixtures } = size;
  const draws = new Draws(seed, 'wells', 0);
  const [rows, columns] = formats.find(([high, wide]) => high * wide >= wells) ?? formats[2];
  const all = plates * wells;
  const faults = plantedFaults.flatMap((kind) => new Array<PlantedFault>(size.faults[kind] ?? 0).fill(kind));
  if (faults.length > all)
    throw new DeepYeastError(
      'invalid-argument',
      `found ${faults.length} bad wells, expected at most ${all}, all wells`,
    );
  const seconds = Array.from({ length: proteins }, (_, protein) => {
    if (!draws.chance(mixtures) || classes.length < 2) return undefined;
    return classes[(protein + draws.integer(1, classes.length - 1)) % classes.length];
  });
  const order = shuffled(all, draws);
  const bad = shuffled(all, draws);
  const digits = Math.max(3, String(proteins).length);
  return {
    classes,
    plates: Array.from({ length: plates }, (_, plate) => `plate${String(plate + 1).padStart(2, '0')}`),
    rows,
    columns,
    wells: Array.from({ length: all }, (_, index) => {
      const place = index % wells;
      const row = Math.floor(place / columns) + 1;
      const column = (place % columns) + 1;
      const protein = (order[index] as number) % proteins;
      return {
        plate: Math.floor(index / wells),
        row,
        column,
        name: wellName(row, column),
        protein,
        proteinName: `protein${String(protein + 1).padStart(digits, '0')}`,
        compartment: classes[protein % classes.length] as Compartment,
        second: seconds[protein],
        fault: faults[bad[index] as number] ?? '',
      };
    }),
    fields: Array.from({ length: all * fieldsPerWell }, (_, index) => ({
      well: Math.floor(index / fieldsPerWell),
      field: (index % fieldsPerWell) + 1,
      ...gridPlace(index % fieldsPerWell, fieldsPerWell),
    })),
  };
}

/** Rows after Z are AA, AB, ... */
function wellName(row: number, column: number): string {
  const letters = row <= 26 ? String.fromCharCode(64 + row) : `A${String.fromCharCode(64 + row - 26)}`;
  return `${letters}${String(column).padStart(2, '0')}`;
}

/** The fields of a well lie side by side in a square, as far as they fill it, row by row from the top. */
function gridPlace(index: number, count: number): { x: number; y: number } {
  const wide = Math.ceil(Math.sqrt(count));
  const high = Math.ceil(count / wide);
  return { x: (index % wide) - (wide - 1) / 2, y: (high - 1) / 2 - Math.floor(index / wide) };
}

function shuffled(length: number, draws: Draws): number[] {
  const order = Array.from({ length }, (_, i) => i);
  for (let last = length - 1; last > 0; last--) {
    const pick = draws.integer(0, last);
    [order[last], order[pick]] = [order[pick] as number, order[last] as number];
  }
  return order;
}
