import { throwIfAborted } from '../abort';
import type { Dataset } from '../data/dataset';
import { DeepYeastError } from '../errors';
import type { Network } from '../network/network';
import { argmax } from '../prediction/call';
import { type RuleOptions, requireModelRule } from '../prediction/rule-match';
import { BatchStream } from './batches';

/** Which convolutions, from the first on, take statistics of the new cells, and how far. */
export const adaptationDefaults = { layers: 1, share: 0.5 } as const;

export interface AdaptOptions extends RuleOptions {
  /** How many convolutions, from the first on, take statistics of the new cells; default 1. */
  layers?: number;
  /** How far their statistics move to those of the new cells: above 0, at most 1; default 0.5. */
  share?: number;
  signal?: AbortSignal;
}

export interface Adaptation {
  cells: number;
  layers: string[];
  share: number;
  /** Cells by the class that the network called them before, in the order of its classes. */
  calls: number[];
  /** Cells that are called otherwise than before. */
  changed: number;
}

/** Fewer cells say little of a microscope. */
const fewest = 100;
/** Cells in a mini-batch, and how often each is taken. */
const batchSize = 64;
const turns = 2;

/**
 * Fits a network to the cells of another microscope, without their labels: the running statistics of the first convolutions
 * move to those of the new cells. First layers see brightness, blur and noise; what later layers see depends on which
 * compartments there are, so they keep the statistics of the training set. Cells are taken so that each class that the
 * network calls counts alike, so that the mixture of compartments weighs little. Weights stay as they are.
 *
 * @param network gets the new statistics
 * @throws invalid-argument, dataset-invalid for too few cells, rule-mismatch, model-mismatch, images-truncated, aborted
 */
export async function adapt(network: Network, data: Dataset, options: AdaptOptions = {}): Promise<Adaptation> {
  const { layers: count = adaptationDefaults.layers, share = adaptationDefaults.share, signal } = options;
  const convolutions = network.layerNames.filter((name) => name.startsWith('conv'));
  if (!(Number.isSafeInteger(count) && count >= 1 && count <= convolutions.length)) {
    throw new DeepYeastError(
      'invalid-argument',
      `layers is ${count}; expected a whole number from 1 to ${convolutions.length}, the network's convolutions`,
    );
  }
  if (!(share > 0 && share <= 1)) {
    throw new DeepYeastError('invalid-argument', `share is ${share}; expected a number above 0, at most 1`);
  }
  if (data.count < fewest) {
    throw new DeepYeastError(
      'dataset-invalid',
      `${data.path} has ${data.count} cells; expected ${fewest} or more, from which to tell what a microscope changes`,
    );
  }
  requireModelRule(network, data, options);
  const layers = convolutions.slice(0, count);
  const calls = await callsOf(network, data, signal);
  await moveStatistics(network, data, calls, layers, share, signal);
  const after = await callsOf(network, data, signal);
  const byClass = new Array<number>(network.classes.length).fill(0);
  for (const call of calls) byClass[call] = (byClass[call] as number) + 1;
  return {
    cells: data.count,
    layers,
    share,
    calls: byClass,
    changed: calls.reduce((sum, call, cell) => sum + (call === after[cell] ? 0 : 1), 0),
  };
}

async function callsOf(network: Network, data: Dataset, signal: AbortSignal | undefined): Promise<Int32Array> {
  const { posteriors, count } = await network.predict(data, signal ? { signal } : {});
  const classes = network.classes.length;
  return Int32Array.from({ length: count }, (_, cell) => argmax(posteriors, cell * classes, classes));
}

async function moveStatistics(
  network: Network,
  data: Dataset,
  calls: Int32Array,
  layers: readonly string[],
  share: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { native } = network;
  const names = native.tensors.filter(({ trainable }) => !trainable).map(({ name }) => name);
  const before = new Map<string, Float32Array>();
  for (const name of names) before.set(name, await native.tensor(name));
  const rows = Uint32Array.from({ length: data.count }, (_, row) => row);
  const stream = new BatchStream(network.seed, rows, calls, batchSize, 'even');
  const count = Math.ceil((turns * data.count) / batchSize);
  const cancel = () => native.cancel();
  signal?.addEventListener('abort', cancel);
  try {
    await native.recomputeStatistics({
      images: network.imageStore(data),
      ...stream.take(0, count),
      batchSize,
      iteration: 0,
      learningRates: new Float64Array(count),
      optimizer: { momentum: 0, weightDecay: 0, caffeMomentum: true, augment: true },
    });
    throwIfAborted(signal);
    for (const [name, old] of before) {
      if (!layers.some((layer) => name.startsWith(`${layer}.`))) continue;
      const found = await native.tensor(name);
      before.set(
        name,
        old.map((value, i) => (1 - share) * value + share * (found[i] as number)),
      );
    }
  } finally {
    signal?.removeEventListener('abort', cancel);
    for (const [name, values] of before) await native.setTensor(name, values);
  }
}
