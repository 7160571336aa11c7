/** Measurements of the cells of any label image, and of its field. docs/segmentation.md has the formulas. */
import { DeepYeastError } from '../errors';
import { loadAddon } from '../native';
import { threadsFromEnvironment } from '../native/threads';
import { cancellable, requirePlane } from './native-call';
import type { Plane } from './plane';

/** What may be wrong with a cell, in the order of the addon's bits: native/segmentation/measure.h. */
export const cellFlags = ['border', 'dead', 'out-of-focus', 'saturated', 'merged', 'overlapped'] as const;

/**
 * - `border`: the cell touches the border of the field.
 * - `dead`: its level is above 1.8 times or below a quarter of the field's median level, or its texture is above 0.5
 *   (bright spots in a dim body): dead cells and their ghosts.
 * - `out-of-focus`: its sharpness is below 0.6 of the field's focus.
 * - `saturated`: more than 1% of its pixels have the camera's highest grey level, in any channel.
 * - `merged`: its area is above 2.5 times the field's median, or its solidity below 0.9.
 * - `overlapped`: more than 40% of its outline lies on other cells.
 */
export type CellFlag = (typeof cellFlags)[number];

export interface ChannelIntensity {
  /** Mean grey value of the cell's pixels. */
  mean: number;
  /** Sum of the grey values above the background. */
  integrated: number;
  /** Mean of the background under the cell's pixels. */
  background: number;
}

export interface CellMeasurements {
  label: number;
  /** Centre (mean of the pixels' positions); the middle of the first pixel is 0, 0. */
  x: number;
  y: number;
  /** Pixels. */
  area: number;
  /** Full axes in pixels of the ellipse with the same second moments. */
  majorAxis: number;
  minorAxis: number;
  /** Share of its convex hull's pixels that are the cell's. */
  solidity: number;
  /** Median of the smoothed marker above the background. */
  level: number;
  /** Mean gradient of the marker along the free outline, in levels of the cell per diameter of a typical cell. */
  sharpness: number;
  /** Standard deviation of the smoothed marker in the cell / its mean above the background. */
  texture: number;
  /** Share of the outline that lies on other cells. */
  contact: number;
  /** Whether it touches the border of the field. */
  border: boolean;
  /** The mother's label where this is a bud; else 0. */
  budOf: number;
  /** By the names of the planes that were given: `marker`, and the other channels. */
  intensity: { marker: ChannelIntensity } & Record<string, ChannelIntensity>;
  flags: CellFlag[];
}

export interface FieldMeasurements {
  /** Median of the cells' sharpness; 0 without cells. */
  focus: number;
  /** Median of the marker's background. */
  background: number;
  /** Number of cells. */
  cells: number;
  /** Share of the field's area that the cells cover. */
  covered: number;
  /** Share of the marker's pixels at the camera's highest grey level. */
  saturated: number;
}

export interface MeasureOptions {
  /** Diameter of a typical cell in pixels; default: of the circle with the labels' median area. */
  diameter?: number | undefined;
  /** Default DEEPYEAST_THREADS, else as many as the process may use. */
  threads?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** Columns of the addon's rows before those of the channels. */
const fixedColumns = 12;

/**
 * Measures every label of a label image: also of masks that others made. Labels may be any numbers up to 2^24; rows are
 * in their order.
 *
 * @param labels row by row, 0 background
 * @param planes the marker, and any other channels of the same size by their names
 * @throws invalid-argument where sizes differ or an option is impossible; aborted
 */
export async function measureCells(
  labels: Uint32Array,
  planes: { readonly marker: Plane; readonly [name: string]: Plane | undefined },
  options: MeasureOptions = {},
): Promise<{ cells: CellMeasurements[]; field: FieldMeasurements }> {
  const { diameter = 0, threads = threadsFromEnvironment(), signal } = options;
  const { marker, ...others } = planes;
  const named: [string, Plane][] = [['marker', marker]];
  for (const [name, plane] of Object.entries(others)) if (plane) named.push([name, plane]);
  const { width, height } = marker;
  for (const [name, plane] of named) {
    requirePlane(plane, name);
    if (plane.width === width && plane.height === height) continue;
    throw new DeepYeastError(
      'invalid-argument',
      `${name} is ${plane.width} x ${plane.height} pixels; expected ${width} x ${height} like the marker`,
    );
  }
  const measured = await cancellable(signal, () =>
    loadAddon().measureCells(
      labels,
      named.map(([, plane]) => plane.data),
      { width, height, diameter, threads },
    ),
  );
  const { rows, columns } = measured;
  const cells: CellMeasurements[] = [];
  for (let row = 0; row * columns < rows.length; row++) {
    const value = (column: number) => rows[row * columns + column] as number;
    const area = value(2);
    if (area === 0) continue; // no pixel has this label
    const bits = value(11);
    const flags = cellFlags.filter((_, bit) => (bits >> bit) & 1);
    const intensity: Record<string, ChannelIntensity> = {};
    for (const [channel, [name]] of named.entries()) {
      const first = fixedColumns + 3 * channel;
      intensity[name] = { mean: value(first), integrated: value(first + 1), background: value(first + 2) };
    }
    cells.push({
      label: row + 1,
      x: value(0),
      y: value(1),
      area,
      majorAxis: value(3),
      minorAxis: value(4),
      solidity: value(5),
      level: value(6),
      sharpness: value(7),
      texture: value(8),
      contact: value(9),
      border: flags.includes('border'),
      budOf: value(10),
      intensity: intensity as CellMeasurements['intensity'],
      flags,
    });
  }
  const { focus, background, covered, saturated } = measured;
  return { cells, field: { focus, background, cells: cells.length, covered, saturated } };
}
