/** Finding the cells of a field of view: docs/segmentation.md says how. */
import { DeepYeastError } from '../errors';
import { loadAddon } from '../native';
import { threadsFromEnvironment } from '../native/threads';
import { type CellMeasurements, type FieldMeasurements, measureCells } from './measure';
import { cancellable, requirePlane } from './native-call';
import type { Plane } from './plane';

export interface SegmentationOptions {
  /**
   * Diameter of a typical cell in pixels (of the circle with its area); default `auto`: measured from the image. All
   * lengths of the method are shares of it.
   */
  diameter?: number | 'auto' | undefined;
  /**
   * Whether a bud that is a body of its own has a label of its own (default) or its mother's. Which bud belongs to which
   * mother is recorded either way.
   */
  buds?: 'apart' | 'with-mother' | undefined;
  /** Other channels of the field, by name: the cells are measured in them as well. */
  others?: { readonly [name: string]: Plane } | undefined;
  /** Default DEEPYEAST_THREADS, else as many as the process may use. The result is the same for any number. */
  threads?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** A bud that was found. */
export interface Bud {
  /** Its label; 0 where its pixels have its mother's label. */
  label: number;
  /** Its mother's label. */
  budOf: number;
  /** Centre in pixels: columns and rows from the first pixel's middle. */
  x: number;
  y: number;
  /** Pixels. */
  area: number;
}

export interface Segmentation {
  /** Pixels. */
  width: number;
  height: number;
  /**
   * Row by row: 0 background, 1 to `count` the cells, in the order of their first pixels. The pixels of a label are joined
   * by their sides.
   */
  labels: Uint32Array;
  count: number;
  /** Diameter of a typical cell that was used, in pixels; 0 where none was given and the image shows no cells. */
  diameter: number;
  /** One a label, in their order; `intensity` has `marker` and the other channels. */
  cells: CellMeasurements[];
  field: FieldMeasurements;
  buds: Bud[];
}

/**
 * Finds the cells in an image of a cytosolic marker: native C++, no training, deterministic. Brightness and background
 * may be anything: all thresholds are shares of a cell's own level or multiples of the noise. Values that are not finite
 * count as background.
 *
 * @throws invalid-argument for an impossible plane or option; aborted
 */
export async function segmentField(marker: Plane, options: SegmentationOptions = {}): Promise<Segmentation> {
  const { diameter = 'auto', buds = 'apart', others = {}, threads = threadsFromEnvironment(), signal } = options;
  requirePlane(marker, 'the marker');
  if (diameter !== 'auto' && !(Number.isFinite(diameter) && diameter >= 2)) {
    throw new DeepYeastError('invalid-argument', `diameter is ${diameter}; expected pixels from 2, or 'auto'`);
  }
  if (buds !== 'apart' && buds !== 'with-mother') {
    throw new DeepYeastError('invalid-argument', `buds is ${buds}; expected 'apart' or 'with-mother'`);
  }
  const { width, height } = marker;
  const found = await cancellable(signal, () =>
    loadAddon().segmentField(marker.data, {
      width,
      height,
      diameter: diameter === 'auto' ? 0 : diameter,
      budsApart: buds === 'apart',
      threads,
    }),
  );
  const { labels } = found;
  const measured = await measureCells(labels, { marker, ...others }, { diameter: found.diameter, threads, signal });
  // The segmentation knows which body is a bud; a mother with her buds in one label is nobody's.
  const mothers = new Map(found.buds.map(({ label, budOf }) => [label, budOf]));
  const cells = measured.cells.map((cell) => ({ ...cell, budOf: mothers.get(cell.label) ?? 0 }));
  return {
    width,
    height,
    labels,
    count: found.count,
    diameter: found.diameter,
    cells,
    field: measured.field,
    buds: found.buds,
  };
}
