/**
 * What the readers of other programs' files have in common: a network as a chain of layers, each as the other program
 * stores it, put into the form of ours. What ours cannot express is an error that names the layer.
 */

import { compartments } from '../../data/compartments';
import type { Normalization } from '../../data/normalization';
import { DeepYeastError } from '../../errors';
import type { Checkpoint, ModelAbout, Tensor } from '../checkpoint';
import { tensorsOf } from '../tensors';
import { layerNames, topologyOf } from '../topology';

/** One step of a chain. Names are those of the other program, for messages. */
export type ImportedLayer =
  /** 3x3, stride 1, padding 1; the kernel is [outputs, 3, 3, inputs], as ours. */
  | { kind: 'convolution'; name: string; outputs: number; inputs: number; kernel: Float32Array; bias?: Float32Array }
  /** y = weight x + bias, the weight [outputs, inputs]; `order` is the one in which it takes a map's values. */
  | {
      kind: 'dense';
      name: string;
      outputs: number;
      inputs: number;
      weight: Float32Array;
      bias?: Float32Array;
      order: 'height-width-channel' | 'channel-height-width';
    }
  | {
      kind: 'normalization';
      name: string;
      mean: Float32Array;
      variance: Float32Array;
      gamma?: Float32Array;
      beta?: Float32Array;
      epsilon: number;
    }
  /** A pool takes the largest of 2x2, stride 2. `flatten` may be left out where dense layers do it themselves. */
  | { kind: 'relu' | 'pool' | 'softmax' | 'flatten'; name: string }
  | { kind: 'dropout'; name: string; rate: number };

/** What the file of another program does not say of a model. */
export interface ImportOptions {
  /** Names of the classes in the order of the outputs; default: the twelve of DeepYeast where there are twelve outputs. */
  classes?: readonly string[];
  /** Names of the image channels in the order of the network's input; default rfp, gfp where there are two. */
  channels?: readonly string[];
  /** The intensity rule of the images it was trained on; default 8-bit pixels as they are. */
  normalization?: Normalization;
  /** Width and height of the images, where the file does not say them; a file that says others is refused. */
  imageSize?: number;
}

export interface ImportedInput extends Omit<ImportOptions, 'imageSize'> {
  /** Subtracted from the pixels: a number, or [size, size, channels]. */
  mean: number | Float32Array;
  scale: number;
  /** Width and height of the images; default: what the first dense layer's inputs leave. Channels, where they are said. */
  image?: { size: number; channels?: number };
  about: ModelAbout;
}

type Convolution = Extract<ImportedLayer, { kind: 'convolution' }>;
type Dense = Extract<ImportedLayer, { kind: 'dense' }>;
type Normalizing = Extract<ImportedLayer, { kind: 'normalization' }>;

/** A layer with weights and what follows it. */
interface Unit {
  layer: Convolution | Dense;
  normalization?: Normalizing;
  relu: boolean;
  pooled: boolean;
}

/**
 * The chain as a model of ours. A bias before a batch normalization goes into its running mean (mean - bias); a hidden
 * layer without one gets the normalization that adds its bias and changes nothing else.
 *
 * @param assumeRelu weights alone do not say what the activations are: take ReLU after every hidden layer for granted
 * @throws foreign-model-invalid naming the layer; invalid-argument where classes or channels do not fit
 */
export function importedModel(
  file: string,
  layers: readonly ImportedLayer[],
  input: ImportedInput,
  assumeRelu: boolean,
): Checkpoint {
  const fail = (found: string) => new DeepYeastError('foreign-model-invalid', `${file}: ${found}`);
  const { units, dropout } = unitsOf(layers, assumeRelu, fail);
  const convolutions = units.filter((unit) => unit.layer.kind === 'convolution');
  const dense = units.filter((unit) => unit.layer.kind === 'dense');
  const output = dense.at(-1);
  const first = units[0];
  if (first === undefined || output === undefined || units.slice(0, convolutions.length).some(isDense)) {
    throw fail('expected convolutions, then dense layers, the last of which gives the classes');
  }
  if (output.normalization || output.relu) {
    throw fail(`the last dense layer ${output.layer.name} is normalized or rectified; expected logits, or a softmax`);
  }

  const blocks = blocksOf(convolutions, fail);
  const channels =
    first.layer.kind === 'convolution' ? first.layer.inputs : (input.image?.channels ?? input.channels?.length ?? 2);
  const firstDense = dense[0] as Unit;
  const mapChannels = blocks.at(-1)?.at(-1) ?? channels;
  if (input.image) checkImage(input.image, first, blocks.length, fail);
  const side = Math.sqrt(firstDense.layer.inputs / mapChannels);
  const size = side * 2 ** blocks.length;
  if (!Number.isInteger(side) || (input.image !== undefined && input.image.size !== size)) {
    const images = input.image === undefined ? 'square images' : `images of ${input.image.size} pixels`;
    throw fail(
      `${firstDense.layer.name} has ${firstDense.layer.inputs} inputs, which ${images}, ${blocks.length} pools and ` +
        `${mapChannels} channels do not give`,
    );
  }
  let inputs = channels;
  for (const { layer, normalization } of units) {
    if (layer === firstDense.layer) inputs = layer.inputs;
    checkSizes(layer, normalization, inputs, fail);
    inputs = layer.outputs;
  }

  const classes = classesOf(file, output.layer.outputs, input.classes);
  const channelNames = channelsOf(file, channels, input.channels);
  const topology = topologyOf({
    classes: classes.length,
    channels,
    size,
    blocks,
    dense: dense.slice(0, -1).map(({ layer }) => layer.outputs),
    dropout,
    normalizationEpsilon: epsilonOf(units, fail),
  });
  const names = layerNames(topology);
  const values = new Map<string, Float32Array>();
  for (const [i, unit] of units.entries()) {
    const layer = names[i] as string;
    const weight = weightOf(unit.layer, unit === firstDense ? { side, channels: mapChannels } : undefined);
    values.set(`${layer}.weight`, weight);
    if (unit === output) values.set(`${layer}.bias`, unit.layer.bias ?? new Float32Array(unit.layer.outputs));
    else
      for (const [part, tensor] of normalizationOf(unit, topology.normalizationEpsilon)) {
        values.set(`${layer}.${part}`, tensor);
      }
  }
  const tensors = new Map<string, Tensor>();
  for (const { name, shape } of tensorsOf(topology)) {
    const tensor = values.get(name) as Float32Array;
    checkValues(name, tensor, fail);
    tensors.set(name, { shape, values: tensor });
  }
  return {
    classes,
    topology,
    seed: 0,
    inputTransform: {
      mean: meanOf(file, input.mean, size * size * channels),
      scale: input.scale,
      channels: channelNames,
      normalization: input.normalization ?? { rule: 'none' },
    },
    tensors,
    about: input.about,
  };
}

/** Each pool halves the maps: of an odd side, what becomes of the last row depends on the other program's rounding. */
function checkImage(
  { size, channels }: { size: number; channels?: number },
  { layer }: Unit,
  pools: number,
  fail: Fail,
): void {
  if (size % 2 ** pools !== 0) {
    throw fail(
      `takes images of ${size} x ${size} pixels, which its ${pools} pools do not halve without a remainder; ` +
        `expected a side that is divisible by ${2 ** pools}`,
    );
  }
  if (channels !== undefined && layer.kind === 'convolution' && layer.inputs !== channels) {
    throw fail(`takes images of ${channels} channels, but its first convolution ${layer.name} takes ${layer.inputs}`);
  }
}

const isDense = ({ layer }: Unit) => layer.kind === 'dense';

type Fail = (found: string) => DeepYeastError;

/** Gathers each layer with weights and what follows it, in the only order that ours has: normalization, ReLU, pool. */
function unitsOf(
  layers: readonly ImportedLayer[],
  assumeRelu: boolean,
  fail: Fail,
): { units: Unit[]; dropout: number } {
  const units: Unit[] = [];
  const rates = new Set<number>();
  let ended = false;
  let flattened = false;
  for (const layer of layers) {
    const unit = units.at(-1);
    if (ended) throw fail(`layer ${layer.name} follows the softmax; expected nothing after it`);
    if (layer.kind === 'convolution' || layer.kind === 'dense') {
      // An activation that is part of the layer itself, which weights alone do not show, comes before the normalization.
      if (unit && !unit.relu && (!assumeRelu || unit.normalization)) {
        throw fail(`no ReLU between ${(unit.normalization ?? unit.layer).name} and ${layer.name}`);
      }
      if (layer.kind === 'convolution' && flattened) throw fail(`the convolution ${layer.name} follows a flattening`);
      units.push({ layer, relu: false, pooled: false });
    } else if (layer.kind === 'flatten') {
      if (unit?.layer.kind === 'dense')
        throw fail(`the flattening ${layer.name} follows the dense layer ${unit.layer.name}`);
      flattened = true;
    } else if (unit === undefined) {
      throw fail(`begins with ${layer.name} (${layer.kind}); expected a convolution`);
    } else if (
      flattened &&
      unit.layer.kind === 'convolution' &&
      (layer.kind === 'normalization' || layer.kind === 'pool')
    ) {
      throw fail(`${layer.name} follows a flattening; expected it before`);
    } else if (layer.kind === 'normalization') {
      if (unit.normalization || unit.relu || unit.pooled) {
        throw fail(`the normalization ${layer.name} is not right behind ${unit.layer.name}, before its ReLU`);
      }
      unit.normalization = layer;
    } else if (layer.kind === 'relu') {
      if (unit.relu || unit.pooled) throw fail(`the ReLU ${layer.name} is not right behind ${unit.layer.name}`);
      unit.relu = true;
    } else if (layer.kind === 'pool') {
      if (unit.pooled || unit.layer.kind === 'dense' || !(unit.relu || assumeRelu)) {
        throw fail(`the pool ${layer.name} is not right behind the ReLU of a convolution`);
      }
      unit.pooled = true;
    } else if (layer.kind === 'dropout') {
      if (unit.layer.kind !== 'dense') throw fail(`the dropout ${layer.name} follows a convolution`);
      rates.add(layer.rate);
    } else {
      ended = true;
    }
  }
  if (rates.size > 1) throw fail(`has dropouts of different rates (${[...rates].join(', ')}); expected one`);
  return { units, dropout: [...rates][0] ?? 0 };
}

function blocksOf(convolutions: readonly Unit[], fail: Fail): number[][] {
  const blocks: number[][] = [];
  let widths: number[] = [];
  for (const { layer, pooled } of convolutions) {
    widths.push(layer.outputs);
    if (!pooled) continue;
    blocks.push(widths);
    widths = [];
  }
  if (widths.length > 0) {
    throw fail(`no pool after ${convolutions.at(-1)?.layer.name}; expected every block of convolutions to end in one`);
  }
  return blocks;
}

function checkSizes(
  layer: Convolution | Dense,
  normalization: Normalizing | undefined,
  inputs: number,
  fail: Fail,
): void {
  const { name, outputs } = layer;
  if (layer.inputs !== inputs) {
    throw fail(`${name} takes ${layer.inputs} inputs, but the layer before it gives ${inputs}`);
  }
  const weights = layer.kind === 'convolution' ? layer.kernel : layer.weight;
  const expected = outputs * inputs * (layer.kind === 'convolution' ? 9 : 1);
  if (weights.length !== expected) throw fail(`${name} has ${weights.length} weights; expected ${expected}`);
  if (layer.bias && layer.bias.length !== outputs) {
    throw fail(`${name} has ${layer.bias.length} biases; expected ${outputs}`);
  }
  if (!normalization) return;
  for (const part of ['mean', 'variance', 'gamma', 'beta'] as const) {
    const length = normalization[part]?.length ?? outputs;
    if (length !== outputs) throw fail(`${normalization.name} has ${length} values of ${part}; expected ${outputs}`);
  }
}

function epsilonOf(units: readonly Unit[], fail: Fail): number {
  const epsilons = [...new Set(units.flatMap(({ normalization }) => normalization?.epsilon ?? []))];
  if (epsilons.length > 1) {
    throw fail(`its batch normalizations have different epsilons (${epsilons.join(', ')}); expected one`);
  }
  return epsilons[0] ?? 1e-5;
}

/** Ours takes a map's values in the order height, width, channel. */
function weightOf(layer: Convolution | Dense, map: { side: number; channels: number } | undefined): Float32Array {
  if (layer.kind === 'convolution') return layer.kernel;
  if (layer.order === 'height-width-channel' || map === undefined) return layer.weight;
  const { inputs, outputs, weight } = layer;
  const positions = map.side ** 2;
  const result = new Float32Array(weight.length);
  for (let output = 0; output < outputs; output++) {
    const row = output * inputs;
    for (let position = 0; position < positions; position++) {
      for (let channel = 0; channel < map.channels; channel++) {
        result[row + position * map.channels + channel] = weight[row + channel * positions + position] as number;
      }
    }
  }
  return result;
}

function normalizationOf({ layer, normalization }: Unit, epsilon: number): [string, Float32Array][] {
  const { outputs, bias } = layer;
  const filled = (value: number) => new Float32Array(outputs).fill(value);
  const mean = Float32Array.from(normalization?.mean ?? filled(0));
  if (bias) for (let i = 0; i < outputs; i++) mean[i] = (mean[i] as number) - (bias[i] as number);
  return [
    ['gamma', normalization?.gamma ?? filled(1)],
    ['beta', normalization?.beta ?? filled(0)],
    ['running_mean', mean],
    ['running_variance', normalization?.variance ?? filled(1 - epsilon)],
  ];
}

function checkValues(name: string, values: Float32Array, fail: Fail): void {
  const least = name.endsWith('.running_variance') ? 0 : Number.NEGATIVE_INFINITY;
  const wrong = values.find((value) => !Number.isFinite(value) || value < least);
  if (wrong !== undefined) throw fail(`holds ${wrong} for ${name}; expected ${least === 0 ? 'variances' : 'numbers'}`);
}

function classesOf(file: string, outputs: number, names: readonly string[] | undefined): string[] {
  if (names === undefined && outputs === compartments.length) return [...compartments];
  if (names?.length === outputs) return [...names];
  const given = names === undefined ? 'none were given' : `${names.length} were given`;
  throw new DeepYeastError(
    'invalid-argument',
    `${file} has ${outputs} classes; expected their names in order (--classes), ${given}`,
  );
}

function channelsOf(file: string, channels: number, names: readonly string[] | undefined): string[] {
  if (names === undefined && channels === 2) return ['rfp', 'gfp'];
  if (names?.length === channels) return [...names];
  const given = names === undefined ? 'none were given' : `${names.length} were given`;
  throw new DeepYeastError(
    'invalid-argument',
    `${file} takes images of ${channels} channels; expected their names in order (--channels), ${given}`,
  );
}

function meanOf(file: string, mean: number | Float32Array, pixels: number): Float32Array {
  if (typeof mean === 'number') return new Float32Array(pixels).fill(mean);
  if (mean.length === pixels) return mean;
  throw new DeepYeastError(
    'foreign-model-invalid',
    `${file}: the mean image has ${mean.length} values; expected ${pixels}, one for each pixel and channel`,
  );
}
