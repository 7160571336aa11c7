/** What is decided once for a whole plate, from a few of its fields, before the first cell is cut. */

import { throwIfAborted } from '../abort';
import { defaultNormalization, type Normalization } from '../data/normalization';
import { DeepYeastError } from '../errors';
import { median } from '../ratios';
import { cellDiameters, cellsOfField, type FieldCellsOptions } from './field-cells';
import type { FieldImages } from './layout';
import type { Plane } from './plane';

/** Fields that are looked at, evenly spread over the plate. */
const surveyedFields = 5;

export interface Survey {
  /** Of every field, in pixels. */
  width: number;
  height: number;
  normalization: Normalization;
  /** Of a typical cell in pixels, for the segmentation of every field; undefined where masks are given. */
  diameter: number | undefined;
  /** Median diameter of the circles as large as the surveyed cells, in pixels; undefined where no cell was found. */
  medianDiameter: number | undefined;
}

export interface SurveyOptions {
  /** Pixels of every field; left out: the size of most of the surveyed ones. */
  imageSize?: { width: number; height: number } | undefined;
  normalization: Normalization | 'auto';
  /** Left out: only what needs no segmentation is decided, and `diameter` is as given. */
  cells: FieldCellsOptions;
  /** Whether cells have to be found, for their diameter. */
  measured: boolean;
  read(field: FieldImages): Promise<{ [role: string]: Plane }>;
  /** Whether a field that cannot be read ends the survey, instead of being passed over. */
  stopOnError: boolean;
  /** The mask of a field, where there are masks. */
  mask?: (field: FieldImages, size: { width: number; height: number }) => Promise<FieldCellsOptions['mask']>;
  signal?: AbortSignal | undefined;
}

/**
 * Surveys a plate. Fields that cannot be read are passed over or end it, as asked for; where none of the few can be read,
 * the next readable one decides.
 *
 * @throws image-invalid for a field that cannot be read, or where none can
 */
export async function surveyPlate(fields: readonly FieldImages[], options: SurveyOptions): Promise<Survey> {
  const chosen = spread(fields.length, surveyedFields).map((index) => fields[index] as FieldImages);
  let failure: unknown;
  const attempt = async <Result>(work: () => Promise<Result>): Promise<Result | undefined> => {
    throwIfAborted(options.signal);
    try {
      return await work();
    } catch (error) {
      if (options.stopOnError || !(error instanceof DeepYeastError) || error.code !== 'image-invalid') throw error;
      failure ??= error;
      return undefined;
    }
  };
  const sizes: { width: number; height: number; eightBit: boolean }[] = [];
  const look = (field: FieldImages) =>
    attempt(async () => {
      const planes = await options.read(field);
      const all = Object.values(planes);
      const { width, height } = all[0] as Plane;
      sizes.push({ width, height, eightBit: all.every(({ data }) => data instanceof Uint8Array) });
    });
  for (const field of chosen) await look(field);
  for (const field of fields) {
    if (sizes.length > 0) break;
    if (!chosen.includes(field)) await look(field);
  }
  if (sizes.length === 0) throw failure;
  const { width, height } = options.imageSize ?? mostCommon(sizes);
  const eightBit = sizes.every((size) => size.eightBit);
  const normalization: Normalization =
    options.normalization !== 'auto' ? options.normalization : eightBit ? { rule: 'none' } : defaultNormalization;

  const given = options.cells.diameter;
  const survey: Survey = {
    width,
    height,
    normalization,
    diameter: typeof given === 'number' ? given : undefined,
    medianDiameter: undefined,
  };
  if (!options.measured) return survey;
  const used: number[] = [];
  const all: number[] = [];
  for (const field of chosen) {
    await attempt(async () => {
      const planes = await options.read(field);
      const marker = Object.values(planes)[0] as Plane;
      if (marker.width !== width || marker.height !== height) return;
      const mask = await options.mask?.(field, { width, height });
      if (options.mask && !mask) return;
      // No crops: the flags drop nothing here, so that every good cell counts.
      const found = await cellsOfField(planes, {
        ...options.cells,
        ...(mask && { mask }),
        normalization: { rule: 'range', ranges: Object.keys(planes).map((): [number, number] => [0, 1]) },
        size: 1,
        scale: 1,
        drop: [],
      });
      const diameters = cellDiameters(found.cells);
      all.push(...diameters);
      if (found.diameter !== undefined && found.diameter > 0 && diameters.length > 0) used.push(found.diameter);
    });
  }
  return {
    ...survey,
    diameter: options.mask ? undefined : (survey.diameter ?? median(used).value ?? undefined),
    medianDiameter: median(all).value ?? undefined,
  };
}

/** `count` positions of `total`, evenly spread: the middles of as many equal parts. */
export function spread(total: number, count: number): number[] {
  if (total <= count) return Array.from({ length: total }, (_, index) => index);
  return Array.from({ length: count }, (_, part) => Math.floor(((part + 0.5) * total) / count));
}

/** Of equally common ones the first. */
function mostCommon(sizes: readonly { width: number; height: number }[]): { width: number; height: number } {
  const counts = sizes.map(
    ({ width, height }) => sizes.filter((size) => size.width === width && size.height === height).length,
  );
  return sizes[counts.indexOf(Math.max(...counts))] as { width: number; height: number };
}
