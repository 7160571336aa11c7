/** Fine-tuning: a trained network goes on with the cells of new classes, from its own weights and with a new last layer. */
import { throwIfAborted } from '../abort';
import type { Dataset } from '../data/dataset';
import { DeepYeastError } from '../errors';
import { type DeviceOptions, Network } from '../network/network';
import { tensorsOf } from '../network/tensors';
import { requireModelRule } from '../prediction/rule-match';
import { BatchStream } from '../training/batches';

export interface FineTuneOptions {
  /** `all` layers learn, or the `dense` ones only. Default all. */
  layers?: 'all' | 'dense';
  /** Default 0.005. */
  learningRate?: number;
  /** Mini-batches; default 200. */
  iterations?: number;
  /** Cells in a mini-batch, at most as many as there are; default 32. */
  batchSize?: number;
  /** Below so many cells a class the running statistics stay those of the source; default 100. */
  statisticsFrom?: number;
  seed?: number;
  device?: DeviceOptions;
  signal?: AbortSignal | undefined;
}

/** Mini-batches of one native call where nothing is put back between them. */
const stepsPerCall = 8;

/**
 * A copy of a network for other classes: the same weights, statistics and input transform, but the last layer, which is
 * drawn anew.
 */
export async function withNewHead(
  source: Network,
  classes: readonly string[],
  options: { seed?: number; device?: DeviceOptions } = {},
): Promise<Network> {
  const { imageSize, normalizationEpsilon, normalizationMomentum, dropout, blocks, dense, channels } = source.topology;
  const network = await Network.create({
    classes,
    size: imageSize,
    channels,
    blocks,
    dense,
    dropout,
    normalizationEpsilon,
    normalizationMomentum,
    seed: options.seed ?? 0,
    ...options.device,
  });
  try {
    const head = `${source.layerNames.at(-1)}.`;
    for (const { name } of tensorsOf(source.topology)) {
      if (!name.startsWith(head)) await network.native.setTensor(name, await source.native.tensor(name));
    }
    if (source.inputTransform) await network.setInputTransform(source.inputTransform);
    return network;
  } catch (error) {
    await network.close();
    throw error;
  }
}

/**
 * Fine-tunes a copy of `source` on some cells; the source stays as it is. With few cells a class the running statistics
 * of the source are kept: estimates from a handful of cells would be worse. Training itself normalizes by the
 * mini-batch, as ever.
 *
 * @param rows cells of the dataset; @param labels their classes, positions in `classes`
 * @returns the new network, to be closed by the caller
 * @throws invalid-argument, loss-diverged, rule-mismatch, model-mismatch, aborted
 */
export async function fineTune(
  source: Network,
  dataset: Dataset,
  rows: Uint32Array,
  labels: Int32Array,
  classes: readonly string[],
  options: FineTuneOptions = {},
): Promise<Network> {
  const { layers = 'all', learningRate = 0.005, iterations = 200, statisticsFrom = 100, seed = 0, signal } = options;
  requireModelRule(source, dataset);
  const batchSize = Math.min(options.batchSize ?? 32, rows.length);
  if (batchSize < 2 || labels.length !== rows.length) {
    throw new DeepYeastError(
      'invalid-argument',
      `found ${rows.length} cells and ${labels.length} labels, expected at least two cells and a label each`,
    );
  }
  const network = await withNewHead(source, classes, {
    seed,
    ...(options.device && { device: options.device }),
  });
  try {
    const counts = new Array<number>(classes.length).fill(0);
    for (const label of labels) counts[label] = (counts[label] ?? 0) + 1;
    const keepStatistics = Math.min(...counts.filter((count) => count > 0)) < statisticsFrom;
    const kept = new Map<string, Float32Array>();
    for (const { name, trainable } of network.native.tensors) {
      const frozen = layers === 'dense' && name.startsWith('conv');
      const statistic = !trainable && (keepStatistics || frozen);
      if ((trainable && frozen) || statistic) kept.set(name, await network.native.tensor(name));
    }
    const frozenWeights = [...kept].filter(([name]) => !name.includes('running_'));
    const stream = new BatchStream(seed, rows, labels, batchSize);
    const images = network.imageStore(dataset);
    // The native step updates every layer: frozen ones are put back after each mini-batch.
    const perCall = frozenWeights.length > 0 ? 1 : stepsPerCall;
    for (let iteration = 0; iteration < iterations; iteration += perCall) {
      throwIfAborted(signal);
      const count = Math.min(perCall, iterations - iteration);
      const { losses, completed } = await network.native.trainSteps({
        images,
        ...stream.take(iteration, count),
        batchSize,
        iteration,
        learningRates: new Float64Array(count).fill(learningRate),
        optimizer: { momentum: 0.9, weightDecay: 0.0005, caffeMomentum: true, augment: true },
      });
      const bad = losses.subarray(0, completed).find((loss) => !Number.isFinite(loss));
      if (bad !== undefined) {
        throw new DeepYeastError(
          'loss-diverged',
          `fine-tuning diverged at learning rate ${learningRate}: the loss is ${bad}; lower the learning rate`,
        );
      }
      for (const [name, values] of frozenWeights) await network.native.setTensor(name, values);
    }
    for (const [name, values] of kept) await network.native.setTensor(name, values);
    return network;
  } catch (error) {
    await network.close();
    throw error;
  }
}
