/** What a plate's cells are made with. */

import type { Normalization } from '../data/normalization';
import { DeepYeastError } from '../errors';
import type { Log } from '../log';
import type { Layout } from './layout';
import type { CellFlag } from './measure';
import type { PlaneChoice } from './read-field';

export interface PlateOptions {
  /** Folders of images, or single files. */
  sources: readonly string[];
  /** Role to channel, the marker first: `rfp` to `ch3`. The roles become the dataset's channels. */
  channels: ReadonlyMap<string, string>;
  /** See listFields. */
  layout?: Layout | 'auto' | undefined;
  pattern?: string | undefined;
  /** Time, where there are several. */
  t?: number | undefined;
  /** Which plane of a z-stack (`best`): see readField. */
  z?: PlaneChoice | undefined;
  /** What grows in which well: see readPlateMap. */
  plateMap?: string | undefined;
  /** A CSV `protein,class`, for maps that give proteins only. */
  classes?: string | undefined;
  /** Diameter of a typical cell in pixels (`auto`: measured on a few fields, once for all plates). */
  diameter?: number | 'auto' | undefined;
  /** Whether a bud is a cell of its own (`apart`) or part of its mother. */
  buds?: 'apart' | 'with-mother' | undefined;
  /** Folder of masks: nothing is segmented. See listMasks and readMask. */
  masksFrom?: string | undefined;
  /** How the names of those masks are made up; of an OME-Zarr plate the name of its labels. */
  masksPattern?: string | undefined;
  /** Width and height of the crops in pixels (64). */
  size?: number | undefined;
  /** Micrometres a pixel of the crops: fields are resampled to it. */
  pixelSize?: number | undefined;
  /** Micrometres a pixel of the fields, where their files do not say it or are wrong. */
  fieldPixelSize?: number | undefined;
  /** Pixels of a typical cell in the crops: fields are resampled so that theirs is as wide. Not with `pixelSize`. */
  cellDiameter?: number | undefined;
  /** The rule for intensities; `auto`: 8-bit images as they are, all else by percentiles of each cell. */
  normalization?: Normalization | 'auto' | undefined;
  /** Cells with one of these flags are left out. */
  drop?: readonly CellFlag[] | undefined;
}

export interface CellsOptions extends PlateOptions {
  /** Folder of the new dataset. */
  out: string;
  /** Folder that gets a label image a field. */
  masks?: string | undefined;
  /** Name of labels that are written into the fields' own OME-Zarr images; labels of the same name are replaced. */
  zarrLabels?: string | undefined;
  /** Folder that gets a picture a field with outlines and numbers. */
  overlays?: string | undefined;
  /** What to do with a field that cannot be used: `stop`, or `skip` it. */
  onError?: 'stop' | 'skip' | undefined;
  /** Fields in work at once (default: as many as the process may use). The result is the same for any number. */
  threads?: number | undefined;
  signal?: AbortSignal | undefined;
  log?: Log | undefined;
  /** Fields done of all fields; called with those of an earlier run at the start. */
  onProgress?: ((done: number, total: number) => void) | undefined;
}

/** @throws invalid-argument for options that contradict each other */
export function checkOptions(options: CellsOptions): void {
  const fail = (what: string) => new DeepYeastError('invalid-argument', what);
  if (options.sources.length === 0) throw fail('found no folder of images, expected at least one');
  if (options.channels.size < 1 || options.channels.size > 8) {
    throw fail(`found ${options.channels.size} channels, expected 1 to 8, the marker first, as in rfp=ch3,gfp=ch1`);
  }
  if (options.pixelSize !== undefined && options.cellDiameter !== undefined) {
    throw fail('found both a pixel size and a cell diameter for the crops, expected one: each gives their scale');
  }
  if (options.fieldPixelSize !== undefined && options.pixelSize === undefined) {
    throw fail('found the pixel size of the fields without that of the crops (--pixel-size)');
  }
  if (options.masksPattern !== undefined && options.masksFrom === undefined) {
    throw fail('found a pattern for the names of masks without their folder (--masks-from)');
  }
  if (options.masksFrom !== undefined && (options.buds !== undefined || typeof options.diameter === 'number')) {
    throw fail('found options of the segmentation beside masks of another program, expected one of them');
  }
  const { normalization } = options;
  if (
    typeof normalization === 'object' &&
    normalization.rule === 'percentile' &&
    normalization.per === 'dataset' &&
    !normalization.ranges
  ) {
    throw fail(
      'percentiles of the whole dataset are not known before its last field: take their numbers from a dataset or a ' +
        'model (--rule-from), or percentiles per cell or field',
    );
  }
}
