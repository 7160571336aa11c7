/** A layer's outputs for every cell of a dataset: the features that the analyses work on. */
import { type Cell, columnOf, Dataset } from '../data/dataset';
import { DeepYeastError } from '../errors';
import { formatCsvRow } from '../files/csv';
import { npyHeader } from '../files/npy';
import type { Stage } from '../native/addon';
import type { ActivationBatch, BatchOptions, Network } from '../network/network';
import {
  type CellSource,
  describeSource,
  type ImageBatch,
  type ImageCells,
  openImages,
  pipelined,
} from '../prediction/cell-source';
import { type RuleOptions, requireModelRule } from '../prediction/rule-match';
import { copyCells, writeFeatureFiles, writeValues } from './feature-folder';

export type { Stage };

/**
 * What is kept of a convolution's maps, which have a value at every position: each unit's maximum, its mean, both
 * (all maxima, then all means), or the maps themselves. Dense layers have no positions, and nothing is summarised.
 */
export const summaries = ['maximum', 'mean', 'both', 'maps'] as const;
export type Summary = (typeof summaries)[number];

export const stages = ['linear', 'normalized', 'activated', 'pooled'] as const satisfies readonly Stage[];

export interface FeatureOptions extends BatchOptions, RuleOptions {
  /** One of network.layerNames. */
  layer: string;
  /** Which value of the layer. Default `activated`: after normalization and ReLU, before pooling and dropout. */
  stage?: Stage;
  /** For convolutions. Default `maximum`. */
  summary?: Summary;
}

/** Features of consecutive cells. */
export interface FeatureBatch {
  start: number;
  count: number;
  /** [count, ...shape] of featureShape. */
  values: Float32Array;
}

/** features.json: what features.npy holds and what made it. */
export interface FeatureDescription {
  layer: string;
  stage: Stage;
  /** Null for a dense layer. */
  summary: Summary | null;
  /** Of features.npy; cells first. */
  shape: number[];
  /** Class names behind the labels of cells.csv. */
  classes: string[];
}

function requireKnown<Name extends string>(what: string, value: string, names: readonly Name[]): Name {
  const known = names.find((name) => name === value);
  if (known === undefined) {
    throw new DeepYeastError('invalid-argument', `found the ${what} '${value}', expected one of ${names.join(', ')}`);
  }
  return known;
}

/** Options filled in, and the shapes that follow from them. */
export interface FeaturePlan {
  layer: string;
  stage: Stage;
  summary: Summary | null;
  /** Of the layer's output for one cell: [height, width, units], or [units] for a dense layer. */
  activation: number[];
  /** Of the features of one cell. */
  shape: number[];
}

/** Settles a layer, stage and summary; throws invalid-argument as featureShape. */
export function planFeatures(network: Network, options: FeatureOptions): FeaturePlan {
  const layer = requireKnown('layer', options.layer, network.layerNames);
  const stage = requireKnown('stage', options.stage ?? 'activated', stages);
  const summary = requireKnown('summary', options.summary ?? 'maximum', summaries);
  const activation = network.activationShape(layer, stage);
  const units = activation.at(-1) as number;
  if (activation.length === 1) return { layer, stage, summary: null, activation, shape: [units] };
  const shape = summary === 'maps' ? activation : [summary === 'both' ? 2 * units : units];
  return { layer, stage, summary, activation, shape };
}

/**
 * Shape of one cell's features: [units], or [height, width, units] for whole maps.
 * @throws invalid-argument for an unknown layer, stage or summary, or a stage that the layer does not have
 */
export function featureShape(network: Network, options: FeatureOptions): number[] {
  return planFeatures(network, options).shape;
}

/** Maxima or means over positions of maps [count, positions, units], written from `first` on into rows of `columns`. */
function summarise(
  maps: Float32Array,
  positions: number,
  units: number,
  kind: 'maximum' | 'mean',
  rows: Float32Array,
  columns: number,
  first: number,
): void {
  const count = maps.length / (positions * units);
  const sums = new Float64Array(units);
  for (let cell = 0; cell < count; cell++) {
    sums.fill(kind === 'mean' ? 0 : Number.NEGATIVE_INFINITY);
    for (let position = 0; position < positions; position++) {
      const start = (cell * positions + position) * units;
      for (let unit = 0; unit < units; unit++) {
        const value = maps[start + unit] as number;
        const before = sums[unit] as number;
        sums[unit] = kind === 'mean' ? before + value : Math.max(before, value);
      }
    }
    for (let unit = 0; unit < units; unit++) {
      const value = sums[unit] as number;
      rows[cell * columns + first + unit] = kind === 'mean' ? value / positions : value;
    }
  }
}

/** Features [count, ...shape] from a layer's outputs [count, ...activation]. */
export function summariseActivations(values: Float32Array, { summary, activation, shape }: FeaturePlan): Float32Array {
  if (summary === null || summary === 'maps') return values;
  const units = activation.at(-1) as number;
  const positions = activation.slice(0, -1).reduce((product, length) => product * length, 1);
  const columns = shape[0] as number;
  const rows = new Float32Array((values.length / (positions * units)) * columns);
  if (summary !== 'mean') summarise(values, positions, units, 'maximum', rows, columns, 0);
  if (summary !== 'maximum') summarise(values, positions, units, 'mean', rows, columns, columns - units);
  return rows;
}

/**
 * A layer's outputs for the cells of a dataset, or of images, in order and in inference mode. Memory does not grow with
 * the number of cells of a dataset.
 * @throws invalid-argument, rule-mismatch, model-mismatch, images-truncated, image-invalid, aborted, closed
 */
export async function* features(
  network: Network,
  source: CellSource,
  options: FeatureOptions,
): AsyncGenerator<FeatureBatch> {
  if (source instanceof Dataset) {
    yield* datasetFeatures(network, source, options, planFeatures(network, options));
  } else {
    for await (const { values, cells, start } of imageFeatures(
      network,
      source,
      options,
      planFeatures(network, options),
    )) {
      yield { start, count: cells.length, values };
    }
  }
}

async function* datasetFeatures(
  network: Network,
  dataset: Dataset,
  options: FeatureOptions,
  chosen: FeaturePlan,
): AsyncGenerator<FeatureBatch> {
  requireModelRule(network, dataset, options);
  const { layer, stage } = chosen;
  for await (const { start, count, values } of network.activations(dataset, layer, { ...options, stage })) {
    yield { start, count, values: summariseActivations(values, chosen) };
  }
}

/** With the rows of cells.csv and its columns. */
async function* imageFeatures(
  network: Network,
  images: ImageCells,
  options: FeatureOptions,
  chosen: FeaturePlan,
): AsyncGenerator<{ start: number; cells: Cell[]; columns: string[]; values: Float32Array }> {
  const { columns, batches } = await openImages(network, images, options);
  let start = 0;
  const compute = async ({ cells, pixels }: ImageBatch) => {
    const { layer, stage } = chosen;
    const batches = network.activations(pixels, layer, { ...options, stage, batchSize: cells.length });
    const { value } = await batches.next();
    return { cells, values: summariseActivations((value as ActivationBatch).values, chosen) };
  };
  for await (const { cells, values } of pipelined(batches(), compute)) {
    yield { start, cells, columns, values };
    start += cells.length;
  }
}

export interface WriteFeaturesOptions extends FeatureOptions {
  /** What features.json says of the model and the data, before the rest. */
  record?: Readonly<Record<string, unknown>>;
  onProgress?: (done: number, total: number) => void;
}

/**
 * Writes features.npy (float32 [cells, units], or [cells, height, width, units] for whole maps), cells.csv (a dataset's
 * own, unchanged) and features.json into a folder, together or not at all.
 * @throws disk-full, io-error and what features throws
 */
export async function writeFeatures(
  network: Network,
  source: CellSource,
  out: string,
  options: WriteFeaturesOptions,
): Promise<FeatureDescription> {
  const { record = {}, onProgress } = options;
  const chosen = planFeatures(network, options);
  const { count: total, classes } = describeSource(source);
  let description: FeatureDescription | undefined;
  await writeFeatureFiles(out, async ({ array, cells }) => {
    // Rewritten at the end, when it is known how many images could be read; the digits' room is there from the start.
    const headerBytes = npyHeader('<f4', [total, ...chosen.shape]).length;
    await array.write(npyHeader('<f4', [total, ...chosen.shape]));
    let count = 0;
    const append = async (values: Float32Array, cellsRead: number) => {
      await writeValues(array, values);
      count += cellsRead;
      onProgress?.(count, total);
    };
    if (source instanceof Dataset) {
      for await (const batch of datasetFeatures(network, source, options, chosen)) {
        await append(batch.values, batch.count);
      }
      await copyCells(source, cells);
    } else {
      for await (const batch of imageFeatures(network, source, options, chosen)) {
        if (count === 0) await cells.write(formatCsvRow(batch.columns));
        await cells.write(batch.cells.map((cell) => formatCell(cell, batch.columns)).join(''));
        await append(batch.values, batch.cells.length);
      }
    }
    const shape = [count, ...chosen.shape];
    if (count !== total) await array.overwrite(npyHeader('<f4', shape, headerBytes), 0);
    const { layer, stage, summary } = chosen;
    description = { layer, stage, summary, shape, classes: [...classes] };
    return { ...record, ...description };
  });
  return description as FeatureDescription;
}

/** A row of cells.csv: an unlabelled cell's label is empty. */
function formatCell(cell: Cell, columns: readonly string[]): string {
  return formatCsvRow(columns.map((name) => (name === 'label' && cell.label < 0 ? '' : columnOf(cell, name))));
}
