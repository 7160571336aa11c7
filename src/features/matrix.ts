/** Features of cells as one table in memory: what the analyses work on. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { throwIfAborted } from '../abort';
import type { Dataset } from '../data/dataset';
import { DeepYeastError, fileError } from '../errors';
import { type RuleOptions, requireModelRule } from '../evaluation/rule-match';
import { parseNpyHeader } from '../files/npy';
import type { BatchOptions, Network } from '../network/network';
import { type FeatureOptions, type FeaturePlan, planFeatures, summariseActivations } from './extraction';

export interface FeatureMatrix {
  /** Cells. */
  rows: number;
  /** Features. */
  columns: number;
  /** Of the features, [columns]. */
  names: readonly string[];
  /** [rows, columns] */
  values: Float32Array;
}

/** One feature of every cell. */
export function featureColumn({ rows, columns, values }: FeatureMatrix, column: number): Float64Array {
  return Float64Array.from({ length: rows }, (_, row) => values[row * columns + column] as number);
}

/** The chosen rows, in the given order. */
export function selectRows(matrix: FeatureMatrix, rows: ArrayLike<number>): FeatureMatrix {
  const { columns } = matrix;
  const values = new Float32Array(rows.length * columns);
  for (let i = 0; i < rows.length; i++) {
    const start = (rows[i] as number) * columns;
    values.set(matrix.values.subarray(start, start + columns), i * columns);
  }
  return { ...matrix, rows: rows.length, values };
}

/** Names of a layer's features: fc1_17; conv1_1_max_3 and conv1_1_mean_3 for a convolution's summaries. */
export function featureNames({ layer, summary, activation, shape }: FeaturePlan): string[] {
  const units = activation.at(-1) as number;
  const columns = shape.reduce((product, length) => product * length, 1);
  return Array.from({ length: columns }, (_, column) => {
    if (summary === null) return `${layer}_${column}`;
    if (summary === 'maps') return `${layer}_${Math.floor(column / units)}_${column % units}`;
    const kind = summary === 'mean' || column >= units ? 'mean' : 'max';
    return `${layer}_${kind}_${column % units}`;
  });
}

/** Images read at once. */
const chunk = 512;

/** Crops of chosen cells, some hundred at a time: uint8 [count, size, size, channels]. */
export async function* cropsOf(
  dataset: Dataset,
  cells: Uint32Array,
  signal?: AbortSignal,
): AsyncGenerator<{ start: number; count: number; pixels: Uint8Array }> {
  for (let start = 0; start < cells.length; start += chunk) {
    throwIfAborted(signal);
    const part = cells.subarray(start, start + chunk);
    yield { start, count: part.length, pixels: await dataset.readImages(part) };
  }
}

/**
 * A layer's features of chosen cells of a dataset.
 * @param cells positions in the dataset
 * @throws invalid-argument, rule-mismatch, model-mismatch, images-truncated, aborted, closed
 */
export async function featuresOfCells(
  network: Network,
  dataset: Dataset,
  cells: Uint32Array,
  options: FeatureOptions & RuleOptions & BatchOptions,
): Promise<FeatureMatrix> {
  requireModelRule(network, dataset, options);
  const plan = planFeatures(network, options);
  const columns = plan.shape.reduce((product, length) => product * length, 1);
  const values = new Float32Array(cells.length * columns);
  for await (const { start, pixels } of cropsOf(dataset, cells, options.signal)) {
    const batches = network.activations(pixels, plan.layer, { ...options, stage: plan.stage });
    for await (const batch of batches) {
      values.set(summariseActivations(batch.values, plan), (start + batch.start) * columns);
    }
  }
  return { rows: cells.length, columns, names: featureNames(plan), values };
}

/**
 * Reads a folder that `deepyeast features` wrote: features.npy (float32, [cells, features]) and the names in
 * features.json where it lists them.
 * @throws dataset-invalid, io-error
 */
export async function readFeatureMatrix(folder: string): Promise<FeatureMatrix> {
  const path = join(folder, 'features.npy');
  let bytes: Buffer;
  let description: { names?: unknown; layer?: unknown };
  try {
    bytes = await readFile(path);
    description = JSON.parse(await readFile(join(folder, 'features.json'), 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new DeepYeastError('dataset-invalid', `${folder}/features.json is not JSON: ${error.message}`);
    }
    throw fileError('read', folder, error);
  }
  const { dtype, shape, dataOffset, fortranOrder } = parseNpyHeader(bytes, path);
  const [rows = 0, columns = 0] = shape;
  if (dtype !== '<f4' || shape.length !== 2 || fortranOrder || bytes.length !== dataOffset + 4 * rows * columns) {
    throw new DeepYeastError(
      'dataset-invalid',
      `${path} is ${dtype} [${shape.join(', ')}] in ${bytes.length} bytes, expected <f4 [cells, features] as ` +
        '`deepyeast features` writes it (any summary but maps)',
    );
  }
  const values = new Float32Array(Uint8Array.from(bytes.subarray(dataOffset)).buffer);
  const { names, layer } = description;
  const listed = Array.isArray(names) && names.length === columns ? (names as string[]) : undefined;
  const fallback = () => Array.from({ length: columns }, (_, c) => `${typeof layer === 'string' ? layer : 'f'}_${c}`);
  return { rows, columns, names: listed ?? fallback(), values };
}
