/** What decides how a crop is drawn. */
import type { Compartment } from '../compartments';
import type { MicroscopeTraits } from './microscope';
import type { Difficulty, FieldTraits, PlateTraits, ProteinTraits } from './traits';

/** What a crop shows: a good cell, or one of the kinds that a quality filter should find. */
export const qualities = ['cell', 'empty', 'debris', 'half', 'missegmented', 'artefact'] as const;
export type Quality = (typeof qualities)[number];

/**
 * `crop`: a screen's crops after the intensity rule. `figure`: those resampled, smoothed and stretched for print. `varied`:
 * every field as another microscope and another program would have made it (microscope.ts).
 */
export const appearances = ['crop', 'figure', 'varied'] as const;
export type Appearance = (typeof appearances)[number];

/** One crop to draw. */
export interface CellRequest {
  readonly seed: number;
  /** The crop's number in the screen: with the seed it fixes everything random about it. */
  readonly index: number;
  /** The protein's compartment, and its second one where it lives in two. */
  readonly compartment: Compartment;
  readonly second?: Compartment | undefined;
  readonly protein: ProteinTraits;
  readonly plate: PlateTraits;
  readonly field: FieldTraits;
  readonly difficulty: Difficulty;
  /** Share of crops that are no good cell. */
  readonly nonCells: number;
  /** The classes of the screen: a wrong label takes one of them. */
  readonly classes: readonly Compartment[];
  readonly appearance: Appearance;
  /** For `varied`. */
  readonly microscope?: MicroscopeTraits | undefined;
}
