/** What is to be drawn in one field of view: plain data that can be sent to a process. */
import type { ContentRequest } from '../cell-content';
import { medianDiameter } from '../geometry';
import type { FieldTraits, PlateTraits } from '../traits';

/** What may be wrong with a well as a whole. */
export const plantedFaults = ['empty', 'out-of-focus', 'saturated', 'dead', 'sparse'] as const;
export type PlantedFault = (typeof plantedFaults)[number];

export interface FieldRequest extends ContentRequest {
  readonly seed: number;
  /** The field's number on its plates: with the seed it fixes everything random about it. */
  readonly field: number;
  readonly width: number;
  readonly height: number;
  readonly plate: PlateTraits;
  readonly traits: FieldTraits;
  /** Mothers and single cells with their centre in the field, about. */
  readonly cells: number;
  /** No cell's diameter is larger, in pixels. */
  readonly largestDiameter: number;
  /** Factor on the noise: half of it is four times the light. */
  readonly noise: number;
  /** Share of the cells that lie in clumps; the others lie alone. */
  readonly clumped: number;
  /** Share of the cells that have a bud; undefined: the population's. */
  readonly budded: number | undefined;
  readonly dead: number;
  /** Cells above or below the focal plane, and lumps of debris, for every cell of the field. */
  readonly otherPlane: number;
  readonly debris: number;
  /** Share of the field's area where the focus is lost. */
  readonly outOfFocus: number;
  /** Share of the light that is missing at the corner furthest from the brightest place. */
  readonly vignetting: number;
  readonly fault: PlantedFault | '';
}

/** Median diameter of a field's cells in pixels. */
export function usualDiameter(request: FieldRequest): number {
  return medianDiameter * request.plate.magnification;
}

/** The plate's optics at another magnification: the blur grows with the cells. */
export function magnified(plate: PlateTraits, magnification: number): PlateTraits {
  const factor = magnification / plate.magnification;
  return { ...plate, magnification, redBlur: factor * plate.redBlur, greenBlur: factor * plate.greenBlur };
}
