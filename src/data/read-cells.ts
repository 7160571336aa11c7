/** The images of a plan as crops of a dataset, in order, without holding more than a few at a time. */

import { resolve } from 'node:path';
import { throwIfAborted } from '../abort';
import { DeepYeastError } from '../errors';
import { inOrder } from '../in-order';
import { cropImage, type Fit, padImage, requireFit } from './crop';
import type { Cell } from './dataset';
import { DatasetPercentiles } from './dataset-percentiles';
import { fieldOf } from './identity';
import { type AcceptSize, type ChannelChoice, type RawImage, readImage } from './image-file';
import type { ImportPlan, PlannedCell } from './import-plan';
import { normalizeImage, percentileRange, pixelNoise, type Range, requireFinite } from './intensity';
import { defaultNormalization, type Normalization, type PercentileNormalization } from './normalization';

/** Images being read at once: enough to keep the disk and the decoders' threads busy. */
const concurrency = 8;

export interface ReadOptions {
  /** Width and height of the crops in pixels. */
  size: number;
  fit: Fit;
  /** Whether all images must be 8-bit (or none of them); left out: both are taken. */
  eightBit?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

/** A cell of the plan: its crop and the size of the image that it was cut from, or why there is none. */
export type ReadCell =
  | {
      planned: PlannedCell;
      image: Uint8Array;
      ranges: Range[] | undefined;
      imageSize: ImageSize;
      error?: undefined;
    }
  | { planned: PlannedCell; error: DeepYeastError };

/** In pixels, before anything is cut or padded. */
export interface ImageSize {
  width: number;
  height: number;
}

/** The raw channels of a planned cell, cut to size. Throws `image-invalid`. */
async function readRaw(
  plan: ImportPlan,
  planned: PlannedCell,
  options: ReadOptions,
): Promise<RawImage & { imageSize: ImageSize }> {
  const name = planned.cell.source;
  const invalid = (what: string) => new DeepYeastError('image-invalid', `${name}: ${what}`);
  if (planned.problem !== undefined) throw invalid(planned.problem);
  const accept = (width: number, height: number) => requireFit(width, height, options.size, options.fit, name);
  const image = plan.filePerChannel
    ? joinChannels(await readChannelFiles(plan, planned, accept), invalid)
    : await readImage(resolve(plan.source, planned.files[0] as string), plan.channels, accept);
  if (options.eightBit !== undefined && image.eightBit !== options.eightBit) {
    throw invalid(
      `has ${image.sampleType} samples, expected ${options.eightBit ? '8 bits' : 'more than 8 bits'} as in the first image: ` +
        'name the rule for all of them (--normalization)',
    );
  }
  const { width, height } = image;
  return { ...cropImage(image, options.size, options.fit, name), imageSize: { width, height } };
}

function readChannelFiles(plan: ImportPlan, planned: PlannedCell, accept: AcceptSize): Promise<RawImage[]> {
  const files = planned.files.map((file, index) => {
    const { name } = plan.channels[index] as ChannelChoice;
    return readImage(resolve(plan.source, file), [{ name }], accept);
  });
  return Promise.all(files);
}

/** Channels from files of their own, as one image. */
function joinChannels(images: readonly RawImage[], invalid: (what: string) => DeepYeastError): RawImage {
  const [first] = images as [RawImage];
  for (const image of images) {
    if (image.width !== first.width || image.height !== first.height)
      throw invalid('the channels have different sizes');
    if (image.sampleType !== first.sampleType) {
      throw invalid(`one channel has ${first.sampleType} samples, another ${image.sampleType}`);
    }
  }
  return { ...first, planes: images.flatMap((image) => image.planes) };
}

/** A result, or the `image-invalid` that belongs to one cell; any other failure ends everything. */
async function attempt<Result>(work: () => Promise<Result>): Promise<Result | DeepYeastError> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DeepYeastError && error.code === 'image-invalid') return error;
    throw error;
  }
}

export interface ResolvedNormalization {
  normalization: Normalization;
  /** For ReadOptions: `auto` decides for all images alike. */
  eightBit: boolean | undefined;
}

/**
 * The rule of an import and the numbers it needs before the first crop: `auto` looks at the first readable image (8 bits
 * as they are, everything else by the default rule); a rule per dataset without numbers reads all images for them.
 * Images that cannot be read are passed over here; readCells reports them.
 */
export async function resolveNormalization(
  plan: ImportPlan,
  requested: Normalization | 'auto',
  options: ReadOptions & { onProgress?: ((done: number, total: number) => void) | undefined },
): Promise<ResolvedNormalization> {
  if (requested !== 'auto') {
    if (requested.rule === 'percentile' && requested.per === 'field') requireFields(plan);
    return { normalization: await withDatasetRanges(plan, requested, options), eightBit: undefined };
  }
  for (const planned of plan.cells) {
    throwIfAborted(options.signal);
    const image = await attempt(() => readRaw(plan, planned, options));
    if (image instanceof DeepYeastError) continue;
    return { normalization: image.eightBit ? { rule: 'none' } : defaultNormalization, eightBit: image.eightBit };
  }
  return { normalization: { rule: 'none' }, eightBit: undefined };
}

async function withDatasetRanges(
  plan: ImportPlan,
  normalization: Normalization,
  options: Parameters<typeof resolveNormalization>[2],
): Promise<Normalization> {
  if (normalization.rule !== 'percentile' || normalization.per !== 'dataset' || normalization.ranges)
    return normalization;
  const percentiles = plan.channels.map(() => new DatasetPercentiles(normalization));
  for (let known = false; !known; ) {
    let done = 0;
    for await (const image of inOrder(
      plan.cells,
      concurrency,
      (planned) => attempt(() => readFinite(plan, planned, options)),
      options.signal,
    )) {
      done++;
      options.onProgress?.(done, plan.cells.length);
      if (image instanceof DeepYeastError) continue;
      for (const [channel, plane] of image.planes.entries()) percentiles[channel]?.add(plane, image.width);
    }
    // Of all channels, not only until the first that is not known.
    known = percentiles.map((channel) => channel.endPass()).every(Boolean);
  }
  return { ...normalization, ranges: percentiles.map((channel) => channel.range()) };
}

/** A rule per field is for images whose field is known. Throws `invalid-argument`. */
function requireFields(plan: ImportPlan): void {
  const without = plan.cells.filter(({ cell }) => cell.field === '');
  if (without.length === 0) return;
  throw new DeepYeastError(
    'invalid-argument',
    `the rule for intensities is per field, but ${without.length} of ${plan.cells.length} cells name no field, ` +
      `${without[0]?.cell.source} for one: name it in the pattern, as in --pattern '{well}_{field}_{cell}.tif'`,
  );
}

async function readFinite(plan: ImportPlan, planned: PlannedCell, options: ReadOptions): Promise<RawImage> {
  const image = await readRaw(plan, planned, options);
  for (const plane of image.planes) requireFinite(plane, planned.cell.source);
  return image;
}

/** The numbers of each field, read field by field. */
async function fieldRanges(
  plan: ImportPlan,
  rule: PercentileNormalization,
  options: ReadOptions,
): Promise<Map<string, Range[]>> {
  const fields = new Map<string, PlannedCell[]>();
  for (const planned of plan.cells) {
    const key = fieldOf(planned.cell);
    const members = fields.get(key);
    if (members) members.push(planned);
    else fields.set(key, [planned]);
  }
  const ranges = new Map<string, Range[]>();
  for (const [key, members] of fields) {
    const images: RawImage[] = [];
    for await (const image of inOrder(
      members,
      concurrency,
      (planned) => attempt(() => readFinite(plan, planned, options)),
      options.signal,
    )) {
      if (!(image instanceof DeepYeastError)) images.push(image);
    }
    if (images.length === 0) continue;
    const ofChannel = (channel: number) => {
      const planes = images.map((image) => image.planes[channel] as RawImage['planes'][number]);
      const noise = images.map((image, index) => pixelNoise(planes[index] as RawImage['planes'][number], image.width));
      return percentileRange(planes, noise, rule);
    };
    ranges.set(
      key,
      plan.channels.map((_, channel) => ofChannel(channel)),
    );
  }
  return ranges;
}

/**
 * Reads, cuts, normalizes and pads the cells of a plan, in its order. A cell that cannot be read comes with its error;
 * what fails beyond one image throws. The rule must be resolved (resolveNormalization).
 */
export async function* readCells(
  plan: ImportPlan,
  normalization: Normalization,
  options: ReadOptions,
): AsyncGenerator<ReadCell> {
  const perField = normalization.rule === 'percentile' && normalization.per === 'field';
  if (perField) requireFields(plan);
  const ofField = perField ? await fieldRanges(plan, normalization, options) : undefined;
  const read = async (planned: PlannedCell): Promise<ReadCell> => {
    const result = await attempt(async () => {
      const raw = await readRaw(plan, planned, options);
      const { pixels, ranges } = normalizeImage(
        raw,
        normalization,
        planned.cell.source,
        ofField?.get(fieldOf(planned.cell)),
      );
      const padded = padImage(pixels, raw.width, raw.height, options.size, plan.channels.length);
      return { image: padded, ranges, imageSize: raw.imageSize };
    });
    return result instanceof DeepYeastError ? { planned, error: result } : { planned, ...result };
  };
  yield* inOrder(plan.cells, concurrency, read, options.signal);
}

/** Columns of cells.csv with the numbers used, for rules whose numbers differ between cells. */
export function rangeColumns(plan: ImportPlan, normalization: Normalization): string[] {
  if (normalization.rule !== 'percentile' || normalization.per === 'dataset') return [];
  return plan.channels.flatMap(({ name }) => [`low_${name}`, `high_${name}`]);
}

/** The cell with those columns filled in. */
export function withRanges(cell: Cell, columns: readonly string[], ranges: readonly Range[] | undefined): Cell {
  const filled: Cell = { ...cell };
  const numbers = ranges?.flat() ?? [];
  for (const [index, name] of columns.entries()) filled[name] = String(numbers[index] ?? '');
  return filled;
}

/** Columns of cells.csv with the size of each image, where it may be another than the crop's. */
export const imageSizeColumns = ['image_width', 'image_height'] as const;

/** The cell with those columns filled in. */
export function withImageSize(cell: Cell, { width, height }: ImageSize): Cell {
  return { ...cell, image_width: String(width), image_height: String(height) };
}
