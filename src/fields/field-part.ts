/** From one field's images to its part of a dataset: rows, crops and what is told of the field. */

import { throwIfAborted } from '../abort';
import type { Normalization } from '../data/normalization';
import { DeepYeastError } from '../errors';
import { formatRows, type RowOptions } from './cell-rows';
import { cellsOfField, type FieldCells } from './field-cells';
import type { Mask } from './label-image';
import type { FieldImages } from './layout';
import type { Limiter } from './limiter';
import { readMask } from './masks';
import type { Plane } from './plane';
import type { PlateField } from './plate';
import type { CellsOptions } from './plate-options';
import { readField } from './read-field';
import type { Survey } from './survey';

/** Everything that one field needs beside its own images; the same for all fields of a plate. */
export interface FieldTask {
  options: CellsOptions;
  survey: Survey;
  rows: RowOptions;
  /** Threads that one field may use. */
  threads: number;
  /** Fields whose cells are found at once: each takes some 60 MB meanwhile. */
  computing: Limiter;
}

/** A field's part of a dataset. */
export interface FieldPart {
  result: FieldCells;
  marker: Plane;
  /** Lines of cells.csv, one a cell that has a crop. */
  rows: string[];
  /** Crop pixels a field pixel. */
  scale: number;
}

/**
 * Makes one field's part of a dataset: reads its images, finds its cells (or reads its mask), measures and cuts them. The
 * part depends on the images and the task alone, not on other fields or on threads.
 *
 * @throws image-invalid where the images cannot be used; io-error, aborted
 */
export async function makeFieldPart(field: PlateField, task: FieldTask): Promise<FieldPart> {
  const { options, survey } = task;
  const { width, height, normalization } = survey;
  const planes = await readField(field.images, {
    size: { width, height },
    ...(options.z !== undefined && { z: options.z }),
  });
  throwIfAborted(options.signal);
  const [marker] = Object.values(planes) as [Plane];
  requireEightBit(planes, normalization, options, field);
  const scale = scaleOf(field.images, options, survey);
  const mask = await maskOf(field, options, { width, height });
  const result = await task.computing.run(() =>
    cellsOfField(planes, {
      ...(mask && { mask }),
      diameter: survey.diameter,
      buds: options.buds,
      size: options.size ?? 64,
      scale,
      normalization,
      drop: options.drop ?? [],
      threads: task.threads,
      signal: options.signal,
      name: field.source,
    }),
  );
  return { result, marker, rows: formatRows(result, { ...field, field: field.images }, task.rows), scale };
}

/** The mask of another program that belongs to a field; undefined where there is none. Throws as readMask. */
export function maskOf(
  { mask }: PlateField,
  { masksPattern, t, z }: CellsOptions,
  size: { width: number; height: number },
): Promise<Mask> | undefined {
  if (mask === undefined) return undefined;
  return readMask(mask, size, { name: masksPattern, t, z: typeof z === 'number' ? z : undefined });
}

/** `auto` decides for all fields alike: bytes taken as they are and bytes stretched do not go together. */
function requireEightBit(
  planes: { [role: string]: Plane },
  normalization: Normalization,
  options: CellsOptions,
  field: PlateField,
): void {
  const automatic = options.normalization === undefined || options.normalization === 'auto';
  const eightBit = Object.values(planes).every(({ data }) => data instanceof Uint8Array);
  if (!automatic || normalization.rule === 'none' || !eightBit) return;
  throw new DeepYeastError(
    'image-invalid',
    `${field.source}: has 8-bit samples, expected more as in other fields: name the rule for all of them (--normalization)`,
  );
}

/** Crop pixels a field pixel. */
function scaleOf(images: FieldImages, options: CellsOptions, survey: Survey): number {
  const { pixelSize, cellDiameter, diameter } = options;
  if (pixelSize !== undefined) {
    const own = options.fieldPixelSize ?? images.pixelSize;
    if (own === undefined) {
      throw new DeepYeastError(
        'invalid-argument',
        `the files of ${images.key} do not say how large a pixel is: give it with --field-pixel-size`,
      );
    }
    return own / pixelSize;
  }
  if (cellDiameter === undefined) return 1;
  const typical = typeof diameter === 'number' ? diameter : survey.medianDiameter;
  if (typical === undefined) {
    throw new DeepYeastError(
      'invalid-argument',
      'found no cell in the surveyed fields, by which the scale of the crops would be known: give --diameter',
    );
  }
  return cellDiameter / typical;
}
