import type { Layer } from '../canvas';
import type { Draws } from '../draws';
import type { CellShape } from '../geometry';

/** What a protein does in every one of its cells: standard normal deviates that shift the quantities of its drawing. */
export interface Habits {
  /** More or fewer objects. */
  readonly count: number;
  /** Larger or smaller ones. */
  readonly size: number;
  /** How unequal their brightness is. */
  readonly unevenness: number;
  /** Cytosolic haze beside the compartment. */
  readonly haze: number;
  /** A compartment's own choice, such as a vacuole's lumen or membrane. */
  readonly form: number;
}

/** One cell while its protein is being drawn. */
export interface Sketch {
  /** The green channel that the compartment is added to. */
  readonly layer: Layer;
  readonly cell: CellShape;
  /** Where this cell's cytosol is, 0 to 1 (vacuoles darker), for proteins that follow it. */
  readonly cytosol: Layer;
  readonly habits: Habits;
  readonly draws: Draws;
  /** Pixels over the population's: sizes that do not follow the cell's grow with it. */
  readonly magnification: number;
  /** Extra blur of a cell out of the focal plane, in pixels. */
  readonly defocus: number;
}

/** Adds one compartment to the green channel, before the optics; its brightest parts are about 1. */
export type DrawCompartment = (sketch: Sketch) => void;

/** A width in the focal plane, in pixels of the population, as it is seen: magnified, and widened by defocus. */
export function widen(sketch: Sketch, sigma: number): number {
  return Math.hypot(sigma * sketch.magnification, sketch.defocus);
}

/** A number of objects around `median`, shifted by the protein's habit, within bounds. */
export function drawCount(sketch: Sketch, median: number, low: number, high: number): number {
  const shifted = median * Math.exp(0.2 * sketch.habits.count + sketch.draws.normal(0, 0.25));
  return Math.max(low, Math.min(high, Math.round(shifted)));
}
