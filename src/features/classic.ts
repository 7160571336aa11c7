/**
 * Classic features: what is measured of a cell without a network, in the families that the paper's 435 CellProfiler
 * features come from. native/features computes them; docs/classic-features.md defines them.
 */
import { throwIfAborted } from '../abort';
import type { Dataset } from '../data/dataset';
import { DeepYeastError } from '../errors';
import { loadAddon } from '../native';
import { threadsFromEnvironment } from '../native/threads';
import type { FeatureBatch } from './extraction';
import { writeFeatureFolder } from './feature-folder';
import type { NamedFeatureMatrix } from './matrix';

export interface ClassicFeature {
  /** As CellProfiler names it where the definition is the same: `AreaShape_Solidity`. */
  name: string;
  /** Such as `Texture`. */
  family: string;
}

/** The features in the order of the columns. The flag `Mask_IsWholeCrop` is the first. */
export function classicFeatureNames(): ClassicFeature[] {
  return loadAddon().classicFeatureNames();
}

export interface ClassicOptions {
  /** Name of the channel that shows the whole cell; default the first of the two. */
  marker?: string | undefined;
  /** Cells computed at once; default 256. */
  batchSize?: number | undefined;
  /** Default DEEPYEAST_THREADS, else as many as the process may use. */
  threads?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** Crops whose marker is the second channel, turned round in place. */
function swapChannels(pixels: Uint8Array): void {
  for (let i = 0; i < pixels.length; i += 2) {
    const first = pixels[i] as number;
    pixels[i] = pixels[i + 1] as number;
    pixels[i + 1] = first;
  }
}

/** Whether the marker is the second channel. */
function markerIsSecond(dataset: Dataset, marker: string | undefined): boolean {
  const { channels, size } = dataset;
  if (channels.length !== 2) {
    throw new DeepYeastError(
      'invalid-argument',
      `${dataset.path} has the channels ${channels.join(', ')}; classic features need two: the cell's marker and the protein`,
    );
  }
  if (size < 16 || size > 256) {
    throw new DeepYeastError(
      'invalid-argument',
      `${dataset.path} has crops of ${size} pixels; classic features are defined for 16 to 256`,
    );
  }
  const index = marker === undefined ? 0 : channels.indexOf(marker);
  if (index < 0) {
    throw new DeepYeastError(
      'invalid-argument',
      `${dataset.path} has no channel '${marker}'; expected one of ${channels.join(', ')}`,
    );
  }
  return index === 1;
}

/**
 * Classic features of the chosen cells (default: all), in order.
 * @param options.cells positions in the dataset
 * @throws invalid-argument, images-truncated, aborted
 */
export async function* classicFeatures(
  dataset: Dataset,
  options: ClassicOptions & { cells?: Uint32Array } = {},
): AsyncGenerator<FeatureBatch> {
  const { batchSize = 256, threads = threadsFromEnvironment(), signal } = options;
  const swap = markerIsSecond(dataset, options.marker);
  const cells = options.cells ?? Uint32Array.from({ length: dataset.count }, (_, i) => i);
  const addon = loadAddon();
  const read = async (start: number) => {
    const pixels = await dataset.readImages(cells.subarray(start, start + batchSize));
    if (swap) swapChannels(pixels);
    return pixels;
  };
  // The next crops are read while the present ones are measured.
  let next = cells.length > 0 ? read(0) : undefined;
  for (let start = 0; start < cells.length; start += batchSize) {
    throwIfAborted(signal);
    const pixels = (await next) as Uint8Array;
    const end = Math.min(cells.length, start + batchSize);
    const values = addon.classicFeatures(pixels, dataset.size, threads);
    next = end < cells.length ? read(end) : undefined;
    next?.catch(() => {}); // it is awaited in the next turn, if there is one
    yield { start, count: end - start, values: await values };
  }
}

/** As classicFeatures, in one table. */
export async function classicFeatureMatrix(
  dataset: Dataset,
  options: ClassicOptions & { cells?: Uint32Array } = {},
): Promise<NamedFeatureMatrix> {
  const names = classicFeatureNames().map(({ name }) => name);
  const rows = options.cells?.length ?? dataset.count;
  const values = new Float32Array(rows * names.length);
  for await (const batch of classicFeatures(dataset, options)) values.set(batch.values, batch.start * names.length);
  return { rows, columns: names.length, names, values };
}

/** features.json of classic features. */
export interface ClassicDescription {
  features: 'classic';
  /** Channel that the mask came from. */
  marker: string;
  /** Number of features in each family. */
  families: Record<string, number>;
  /** Cells without an object in the middle: their mask is the whole crop. */
  wholeCrops: number;
  /** [cells, features] */
  shape: number[];
  /** Class names behind the labels of cells.csv. */
  classes: string[];
  names: string[];
}

/** The number of features in each family. */
export function familyCounts(features: readonly ClassicFeature[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { family } of features) counts[family] = (counts[family] ?? 0) + 1;
  return counts;
}

/**
 * Writes features.npy (float32 [cells, features]), cells.csv (the dataset's own, unchanged) and features.json into a
 * folder, each whole or not at all.
 * @param options.record what features.json says before the rest
 * @throws disk-full, io-error and what classicFeatures throws
 */
export async function writeClassicFeatures(
  dataset: Dataset,
  out: string,
  options: ClassicOptions & {
    record?: Readonly<Record<string, unknown>>;
    onProgress?: (done: number, total: number) => void;
  } = {},
): Promise<ClassicDescription> {
  const { record = {}, onProgress } = options;
  const features = classicFeatureNames();
  const names = features.map(({ name }) => name);
  const flag = names.indexOf('Mask_IsWholeCrop');
  let wholeCrops = 0;
  markerIsSecond(dataset, options.marker);
  async function* counted() {
    for await (const batch of classicFeatures(dataset, options)) {
      for (let row = 0; row < batch.count; row++) wholeCrops += batch.values[row * names.length + flag] as number;
      yield batch;
      onProgress?.(batch.start + batch.count, dataset.count);
    }
  }
  return writeFeatureFolder(out, dataset, names, counted(), () => ({
    ...record,
    features: 'classic' as const,
    marker: options.marker ?? (dataset.channels[0] as string),
    families: familyCounts(features),
    wholeCrops,
  }));
}
