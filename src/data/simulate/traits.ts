/** What a protein, a plate and a field have of their own: every cell of theirs shares it. */
import type { Habits } from './compartments';
import { Draws } from './draws';

export const difficulties = ['easy', 'paper', 'hard'] as const;
export type Difficulty = (typeof difficulties)[number];

interface DifficultyNumbers {
  /** Factor on the shares of cells that look like another class. */
  readonly lookalikes: number;
  /** Share of cells whose label is simply wrong. */
  readonly wrongLabels: number;
  /** Share of crops that are no good cell, unless asked otherwise. */
  readonly nonCells: number;
  /** Share of cells far out of focus. */
  readonly outOfFocus: number;
  /** Factor on the photons of both channels. */
  readonly light: number;
}

export const difficultyNumbers: Record<Difficulty, DifficultyNumbers> = {
  easy: { lookalikes: 0.15, wrongLabels: 0, nonCells: 0, outOfFocus: 0.02, light: 2.5 },
  paper: { lookalikes: 0.72, wrongLabels: 0.005, nonCells: 0.12, outOfFocus: 0.03, light: 1 },
  hard: { lookalikes: 2.2, wrongLabels: 0.02, nonCells: 0.12, outOfFocus: 0.15, light: 0.45 },
};

export interface ProteinTraits {
  /** Green photons relative to the plate's exposure. */
  readonly expression: number;
  /** Cytosolic haze over the compartment's brightness. */
  readonly haze: number;
  /** Factor on how often its cells look like another class. */
  readonly ambiguity: number;
  readonly habits: Habits;
}

export function proteinTraits(seed: number, protein: number): ProteinTraits {
  const draws = new Draws(seed, 'protein', protein);
  const habit = () => draws.truncatedNormal(0, 1, -2.2, 2.2);
  const habits = { count: habit(), size: habit(), unevenness: habit(), haze: habit(), form: habit() };
  return {
    habits,
    expression: Math.max(0.3, draws.logNormal(0.9, 0.6)),
    haze: Math.min(0.75, draws.logNormal(0.2, 0.65)),
    ambiguity: Math.min(2.5, draws.logNormal(0.85, 0.55)),
  };
}

export interface PlateTraits {
  /** Photons of a bright cell in the red channel, of a bright compartment in the green one. */
  readonly redPhotons: number;
  readonly greenPhotons: number;
  /** Background over a bright object's light. */
  readonly redBackground: number;
  readonly greenBackground: number;
  /** Noise of an empty pixel over a bright object's light. */
  readonly redNoise: number;
  readonly greenNoise: number;
  /** Pixels over the population's: microscopes differ, and so do the crops that are made of their images. */
  readonly magnification: number;
  /** Sigma of the point-spread function in pixels. */
  readonly redBlur: number;
  readonly greenBlur: number;
  /** How far the red image is moved to lie on the green one, in pixels. */
  readonly shiftX: number;
  readonly shiftY: number;
  /** Green light that passes into the red channel. */
  readonly crosstalk: number;
}

/** Noise, blur and shift are those of real crops (bench/realism/measure.js); other screens' plates vary around them. */
export function plateTraits(seed: number, plate: number): PlateTraits {
  const draws = new Draws(seed, 'plate', plate);
  const magnification = draws.chance(0.55) ? draws.uniform(0.92, 1.12) : draws.uniform(1.12, 1.5);
  const blur = magnification * draws.uniform(1.15, 1.9);
  const clean = draws.chance(0.35) ? draws.logNormal(0.2, 0.5) : 1;
  const light = clean < 1 ? 4 : 1;
  const shift = () => draws.uniform(0.12, 0.34) * (draws.chance(0.5) ? 1 : -1);
  return {
    redPhotons: light * draws.logNormal(450, 0.4),
    greenPhotons: light * draws.logNormal(650, 0.45),
    redBackground: draws.uniform(0.04, 0.16),
    greenBackground: draws.uniform(0.03, 0.16),
    redNoise: clean * draws.logNormal(0.072, 0.25),
    greenNoise: clean * draws.logNormal(0.042, 0.45),
    magnification,
    redBlur: blur * draws.uniform(0.98, 1.12),
    // The green light's wavelength is the shorter one.
    greenBlur: 0.94 * blur,
    shiftX: shift(),
    shiftY: shift(),
    crosstalk: draws.chance(0.5) ? draws.uniform(0, 0.33) : 0.02,
  };
}

export interface FieldTraits {
  /** Extra blur of the whole field, in pixels. */
  readonly defocus: number;
  readonly redBrightness: number;
  readonly greenBrightness: number;
  /** Slope of the background across a crop, over a bright object's light. */
  readonly gradient: number;
}

export function fieldTraits(seed: number, field: number): FieldTraits {
  const draws = new Draws(seed, 'field', field);
  return {
    defocus: Math.abs(draws.normal(0, 0.4)),
    redBrightness: draws.logNormal(1, 0.25),
    greenBrightness: draws.logNormal(1, 0.25),
    gradient: Math.abs(draws.normal(0, 0.03)),
  };
}
