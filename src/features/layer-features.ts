/** A layer's features of chosen cells as one table in memory. */
import { throwIfAborted } from '../abort';
import type { Dataset } from '../data/dataset';
import type { BatchOptions, Network } from '../network/network';
import { type RuleOptions, requireModelRule } from '../prediction/rule-match';
import { type FeatureOptions, type FeaturePlan, planFeatures, summariseActivations } from './extraction';
import type { NamedFeatureMatrix } from './matrix';

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
): Promise<NamedFeatureMatrix> {
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
