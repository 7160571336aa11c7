/** A stretch of a screen's crops: the unit of work of a process. */

import type { Compartment } from '../compartments';
import { type Appearance, type DrawnCell, drawCell } from './cell';
import { type MicroscopeTraits, microscopeTraits } from './microscope';
import {
  type Difficulty,
  type FieldTraits,
  fieldTraits,
  type PlateTraits,
  type ProteinTraits,
  plateTraits,
  proteinTraits,
} from './traits';

/** All that drawing needs of a screen: plain data that can be sent to a process. */
export interface ScreenData {
  readonly seed: number;
  readonly difficulty: Difficulty;
  readonly nonCells: number;
  readonly appearance: Appearance;
  readonly classes: readonly Compartment[];
  readonly proteins: readonly { readonly compartment: Compartment; readonly second?: Compartment | undefined }[];
  /** Protein, plate and field of every crop. */
  readonly protein: Uint32Array;
  readonly plate: Uint32Array;
  readonly field: Uint32Array;
}

/** Draws the crops of a screen, each from its position alone. */
export class ScreenPainter {
  readonly #screen: ScreenData;
  readonly #proteins = new Map<number, ProteinTraits>();
  readonly #plates = new Map<number, PlateTraits>();
  readonly #fields = new Map<number, FieldTraits>();
  readonly #microscopes = new Map<number, MicroscopeTraits>();

  constructor(screen: ScreenData) {
    this.#screen = screen;
  }

  draw(index: number): DrawnCell {
    const { seed, proteins, classes, difficulty, nonCells, appearance } = this.#screen;
    const protein = this.#screen.protein[index] as number;
    const plate = this.#screen.plate[index] as number;
    const field = this.#screen.field[index] as number;
    const planned = proteins[protein] as ScreenData['proteins'][number];
    return drawCell({
      seed,
      index,
      compartment: planned.compartment,
      second: planned.second,
      protein: remember(this.#proteins, protein, () => proteinTraits(seed, protein)),
      plate: remember(this.#plates, plate, () => plateTraits(seed, plate)),
      field: remember(this.#fields, field, () => fieldTraits(seed, field)),
      classes,
      difficulty,
      nonCells,
      appearance,
      ...(appearance === 'varied' && {
        microscope: remember(this.#microscopes, field, () => microscopeTraits(seed, field)),
      }),
    });
  }
}

function remember<Value>(known: Map<number, Value>, key: number, make: () => Value): Value {
  let value = known.get(key);
  if (value === undefined) {
    value = make();
    known.set(key, value);
  }
  return value;
}
