/**
 * How raw pixels became the bytes of a dataset. The rule is part of a dataset (dataset.json) and of a model, which
 * gives sensible answers only for images made by the same one.
 */

import { isDeepStrictEqual } from 'node:util';
import { DeepYeastError } from '../errors';

/** Over which pixels of a channel the percentiles are taken. */
export type NormalizationScope = 'cell' | 'field' | 'dataset';

/** 8-bit pixels as they are. */
export interface NoNormalization {
  rule: 'none';
}

/** low-th to high-th percentile of each channel to 0..255, clipped. */
export interface PercentileNormalization {
  rule: 'percentile';
  per: NormalizationScope;
  /** Percentiles, 0 to 100. */
  low: number;
  high: number;
  /** The range is at least this many standard deviations of the pixel noise (src/data/intensity.ts), so that noise alone is not stretched. */
  noiseFloor: number;
  /** The range is at least this, in units of the raw image. */
  floor: number;
  /** Per dataset only: the numbers, one pair a channel. */
  ranges?: [low: number, high: number][];
}

/** Fixed numbers to 0..255, clipped, one pair a channel. */
export interface RangeNormalization {
  rule: 'range';
  ranges: [low: number, high: number][];
}

/** 0 to 2^bits - 1 to 0..255; a larger pixel is an error, never clipped. */
export interface BitDepthNormalization {
  rule: 'bit-depth';
  bits: number;
}

export type Normalization = NoNormalization | PercentileNormalization | RangeNormalization | BitDepthNormalization;

/** What import does to anything but 8-bit images unless told otherwise. */
export const defaultNormalization: PercentileNormalization = {
  rule: 'percentile',
  per: 'cell',
  low: 1,
  high: 99.9,
  noiseFloor: 15,
  floor: 0,
};

/** Whether images made by `a` can be given to a model trained on images made by `b`: every number counts. */
export function sameNormalization(a: Normalization, b: Normalization): boolean {
  return isDeepStrictEqual(a, b);
}

/** In words, for messages: `percentile 1 to 99.9 per cell, ...`. */
export function describeNormalization(normalization: Normalization): string {
  const ranges = (pairs: readonly (readonly [number, number])[]) =>
    pairs.map(([low, high]) => `${low}..${high}`).join(', ');
  switch (normalization.rule) {
    case 'none':
      return 'none (8-bit pixels as they are)';
    case 'percentile': {
      const { per, low, high, noiseFloor, floor } = normalization;
      const numbers = normalization.ranges ? `: ${ranges(normalization.ranges)}` : '';
      const unit = floor > 0 ? ` or ${floor}` : '';
      return `percentiles ${low} to ${high} per ${per}${numbers}, range at least ${noiseFloor} x noise${unit}`;
    }
    case 'range':
      return `range ${ranges(normalization.ranges)}`;
    case 'bit-depth':
      return `bit depth ${normalization.bits}`;
  }
}

/** Checks the JSON of a dataset or a model; `name` is for messages. Nothing at all means `none`. Throws `dataset-invalid`. */
export function parseNormalization(value: unknown, channels: number, name: string): Normalization {
  if (value === undefined || value === null) return { rule: 'none' };
  const fail = (what: string) =>
    new DeepYeastError(
      'dataset-invalid',
      `${name}: normalization ${what}, found ${JSON.stringify(value)?.slice(0, 200)}`,
    );
  if (typeof value !== 'object') throw fail('must be an object');
  const fields = value as Record<string, unknown>;
  const number = (key: string, low: number, high: number): number => {
    const found = fields[key];
    if (typeof found !== 'number' || !(found >= low && found <= high)) {
      throw fail(`needs "${key}" from ${low} to ${high}`);
    }
    return found;
  };
  const ranges = (): [number, number][] => {
    const found = fields.ranges;
    const valid =
      Array.isArray(found) &&
      found.length === channels &&
      found.every(
        (pair) => Array.isArray(pair) && pair.length === 2 && pair.every(Number.isFinite) && pair[0] < pair[1],
      );
    if (!valid) throw fail(`needs "ranges" with ${channels} pairs [low, high]`);
    return (found as [number, number][]).map(([low, high]) => [low, high]);
  };
  switch (fields.rule) {
    case 'none':
      return { rule: 'none' };
    case 'percentile': {
      const per = fields.per;
      if (per !== 'cell' && per !== 'field' && per !== 'dataset') throw fail('needs "per": cell, field or dataset');
      const low = number('low', 0, 100);
      const high = number('high', low, 100);
      const noiseFloor = number('noiseFloor', 0, Number.MAX_VALUE);
      const floor = number('floor', 0, Number.MAX_VALUE);
      return {
        rule: 'percentile',
        per,
        low,
        high,
        noiseFloor,
        floor,
        ...(per === 'dataset' ? { ranges: ranges() } : {}),
      };
    }
    case 'range':
      return { rule: 'range', ranges: ranges() };
    case 'bit-depth':
      return { rule: 'bit-depth', bits: number('bits', 1, 32) };
    default:
      throw fail('needs "rule": none, percentile, range or bit-depth');
  }
}
