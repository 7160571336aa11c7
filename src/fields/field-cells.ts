/** The cells of one field of view: pixels in; label image, measurements and crops out. */

import type { Range } from '../data/intensity';
import { defaultNormalization, type Normalization } from '../data/normalization';
import { DeepYeastError } from '../errors';
import { loadAddon } from '../native';
import { cutCrops } from './crops';
import type { Mask } from './label-image';
import {
  type CellFlag,
  type CellMeasurements,
  type ChannelIntensity,
  type FieldMeasurements,
  measureCells,
} from './measure';
import type { Plane } from './plane';
import { type Bud, type Segmentation, type SegmentationOptions, segmentField } from './segmentation';

export interface FieldCellsOptions extends Omit<SegmentationOptions, 'others'> {
  /** A mask of another program: nothing is segmented. */
  mask?: Mask;
  /** Width and height of the crops in pixels (64). */
  size?: number;
  /** Crop pixels a field pixel (1: crops are cut without resampling). */
  scale?: number;
  /** The rule for intensities; left out: percentiles of each cell and channel. */
  normalization?: Normalization;
  /** Cells with one of these flags get no crop. */
  drop?: readonly CellFlag[];
  /** Of the field, for messages. */
  name?: string;
}

/** A cell of a field. */
export interface FoundCell extends Omit<CellMeasurements, 'intensity'> {
  /** By the roles of the channels. */
  intensity: Record<string, ChannelIntensity>;
  /** Its number in the mask of another program; the label where the field was segmented. */
  number: number;
}

export interface FieldCells {
  width: number;
  height: number;
  /** 0 for background, 1 to n, row by row. */
  labels: Uint32Array;
  /** In the order of the labels. */
  cells: FoundCell[];
  /** Which of the cells have a crop: positions in `cells`. */
  kept: number[];
  /** [kept, size, size, channels] */
  crops: Uint8Array;
  /** Samples that became 0 and 255, [kept][channels]; undefined where 8-bit samples were taken as they are. */
  ranges: Range[][] | undefined;
  field: FieldMeasurements;
  /** Of a typical cell in pixels, as the segmentation used it; undefined with a mask of another program. */
  diameter: number | undefined;
  /** Buds that the segmentation found, those in their mothers' labels among them. */
  buds: Bud[];
  /** For people. */
  warnings: string[];
}

/**
 * Finds the cells of a field (or takes those of a mask), measures them and cuts a crop around each. The result depends on
 * the pixels and the options alone, for any number of threads.
 *
 * @param planes one a channel, by role; the first is the marker
 * @throws image-invalid where the rule does not fit the samples; invalid-argument; aborted
 */
export async function cellsOfField(
  planes: { readonly [role: string]: Plane },
  options: FieldCellsOptions = {},
): Promise<FieldCells> {
  const { mask, size = 64, scale = 1, normalization = defaultNormalization, drop = [], name = 'the field' } = options;
  const [[role, marker] = [], ...rest] = Object.entries(planes);
  if (role === undefined || marker === undefined)
    throw new DeepYeastError('invalid-argument', `${name} has no channels, expected the marker`);
  const { width, height } = marker;
  const { threads, signal, diameter, buds } = options;
  const others = Object.fromEntries(rest);
  const found: Partial<Segmentation> & { labels: Uint32Array; cells: CellMeasurements[]; field: FieldMeasurements } =
    mask
      ? { labels: mask.labels, ...(await measureCells(mask.labels, { marker, ...others }, { threads, signal })) }
      : await segmentField(marker, { diameter, buds, others, threads, signal });
  const { labels, cells, field } = found;
  const kept = [...cells.keys()].filter((index) => !cells[index]?.flags.some((flag) => drop.includes(flag)));
  const backgrounds = await Promise.all(
    Object.values(planes).map((plane) => loadAddon().backgroundLevel(plane.data, labels)),
  );
  const centres = kept.map((index) => cells[index] as CellMeasurements);
  const { pixels, ranges } = await cutCrops(
    Object.values(planes),
    centres,
    { size, scale, backgrounds, normalization },
    name,
  );
  return {
    width,
    height,
    labels,
    cells: cells.map((cell) => {
      const { marker: ofMarker, ...ofOthers } = cell.intensity;
      const intensity = { [role]: ofMarker, ...ofOthers };
      return { ...cell, intensity, number: mask?.values[cell.label - 1] ?? cell.label };
    }),
    kept,
    crops: pixels,
    ranges,
    field,
    diameter: found.diameter,
    buds: found.buds ?? [],
    warnings: mask?.warnings ?? [],
  };
}

/** Flags of cells that say nothing of how wide a good cell is. */
const oddFlags: readonly CellFlag[] = ['border', 'dead', 'merged', 'overlapped', 'out-of-focus'];

/** Diameters of circles as large as the cells, in pixels; buds and flagged cells are left out. */
export function cellDiameters(cells: readonly Pick<CellMeasurements, 'area' | 'budOf' | 'flags'>[]): number[] {
  return cells
    .filter(({ budOf, flags }) => budOf === 0 && !flags.some((flag) => oddFlags.includes(flag)))
    .map(({ area }) => 2 * Math.sqrt(area / Math.PI));
}
