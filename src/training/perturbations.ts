import type { NativePerturbations } from '../native/addon';
import { fieldsOf, numberField, rangeField } from './recipe-fields';

/** The least and the greatest of what is drawn. */
export type PerturbationRange = readonly [least: number, most: number];

/**
 * How cells are shown in training otherwise than they are, beside flips and turns. What a range is given for is drawn for
 * each cell of a mini-batch anew, and for each channel on its own; zoom, shift and the length of noise for both channels
 * alike. Zoom, gain and gamma are drawn evenly on a logarithmic scale. What is left out does not change. Applied in the
 * order of native/engine/backend.h (GatherArguments); random numbers from Philox by seed, iteration and place in the
 * mini-batch.
 */
export interface Perturbations {
  /** Above 1 cells are shown larger. By cubic interpolation. */
  zoom?: PerturbationRange;
  /** Pixels to either side, in x and in y, whole or not. */
  shift?: number;
  /** Grey level v becomes offset + gain x 255 x (v / 255)^gamma, in grey levels of 0 to 255, and is cut to these. */
  gain?: PerturbationRange;
  offset?: PerturbationRange;
  gamma?: PerturbationRange;
  /** Standard deviation of a Gaussian, in pixels. */
  blur?: PerturbationRange;
  /** A gradient of the light in any direction: its relative change from the middle to the edge. */
  lightGradient?: PerturbationRange;
  /** Standard deviation of noise that is independent from pixel to pixel, in grey levels. */
  whiteNoise?: PerturbationRange;
  /** Standard deviation of noise that went through a Gaussian, as that of resampled images has. */
  correlatedNoise?: PerturbationRange;
  /** Standard deviation of that Gaussian, in pixels. */
  noiseLength?: PerturbationRange;
  /**
   * Mixup (Zhang and others 2018): two cells of a mini-batch, and what is to be learnt of them, become weighted means of
   * each other; the weight is drawn from Beta(mixup, mixup).
   */
  mixup?: number;
}

interface Limits {
  least: number;
  most: number;
  unit: string;
  neutral: number;
}

const ranges = {
  zoom: { least: 0.1, most: 10, unit: '', neutral: 1 },
  gain: { least: 0.01, most: 100, unit: '', neutral: 1 },
  offset: { least: -255, most: 255, unit: ' grey levels', neutral: 0 },
  gamma: { least: 0.1, most: 10, unit: '', neutral: 1 },
  blur: { least: 0, most: 8, unit: ' pixels', neutral: 0 },
  lightGradient: { least: 0, most: 1, unit: '', neutral: 0 },
  whiteNoise: { least: 0, most: 255, unit: ' grey levels', neutral: 0 },
  correlatedNoise: { least: 0, most: 255, unit: ' grey levels', neutral: 0 },
  noiseLength: { least: 0, most: 8, unit: ' pixels', neutral: 0 },
} as const satisfies Record<string, Limits>;

const largest = { shift: 1024, mixup: 100 } as const;

const rangeNames = Object.keys(ranges) as (keyof typeof ranges)[];

/** Names of all perturbations, in the order in which they are stored. */
export const perturbationNames = [
  'zoom',
  'shift',
  ...rangeNames.filter((name) => name !== 'zoom'),
  'mixup',
] as readonly (keyof Perturbations)[];

const isRange = (name: keyof Perturbations): name is keyof typeof ranges => Object.hasOwn(ranges, name);

/** Checked, and with its fields in one order. Throws recipe-invalid. */
export function parsePerturbations(value: unknown, source: string): Perturbations {
  const fields = fieldsOf(value, source, perturbationNames);
  const parsed: Record<string, PerturbationRange | number> = {};
  for (const name of perturbationNames) {
    if (fields[name] === undefined) continue;
    if (isRange(name)) {
      const { least, most } = ranges[name];
      const within = (end: number) => end >= least && end <= most;
      parsed[name] = rangeField(
        fields,
        name,
        source,
        within,
        `numbers from ${least} to ${most}, the smaller one first`,
      );
    } else {
      const within = (number: number) => number >= 0 && number <= largest[name];
      parsed[name] = numberField(fields, name, source, within, `a number from 0 to ${largest[name]}`);
    }
  }
  return parsed;
}

/** What they are, in words; empty where nothing is changed. */
export function describePerturbations(perturbations: Perturbations): string {
  const words: Record<keyof Perturbations, string> = {
    zoom: 'zoom',
    shift: 'shift',
    gain: 'gain',
    offset: 'offset',
    gamma: 'gamma',
    blur: 'blur',
    lightGradient: 'light gradient',
    whiteNoise: 'white noise',
    correlatedNoise: 'correlated noise',
    noiseLength: 'its length',
    mixup: 'mixup',
  };
  const parts = perturbationNames.flatMap((name) => {
    const value = perturbations[name];
    if (value === undefined) return [];
    if (isRange(name)) {
      const [least, most] = value as PerturbationRange;
      return least === ranges[name].neutral && most === least
        ? []
        : [`${words[name]} ${least} to ${most}${ranges[name].unit}`];
    }
    if (value === 0) return [];
    return [name === 'shift' ? `shift up to ${value} pixels` : `mixup Beta(${value}, ${value})`];
  });
  return parts.join(', ');
}

/** As the native core takes them. */
export function nativePerturbations(perturbations: Perturbations): NativePerturbations {
  const range = (name: keyof typeof ranges) => {
    const { neutral } = ranges[name];
    return Float64Array.from(perturbations[name] ?? [neutral, neutral]);
  };
  return {
    zoom: range('zoom'),
    shift: perturbations.shift ?? 0,
    gain: range('gain'),
    offset: range('offset'),
    gamma: range('gamma'),
    blur: range('blur'),
    lightGradient: range('lightGradient'),
    whiteNoise: range('whiteNoise'),
    correlatedNoise: range('correlatedNoise'),
    noiseLength: range('noiseLength'),
    mixup: perturbations.mixup ?? 0,
  };
}
