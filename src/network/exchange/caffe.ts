/**
 * Reads networks trained with Caffe: the layers from a .prototxt, their weights by layer name from a .caffemodel, the mean
 * image from a .binaryproto. Convolution kernels are [outputs, inputs, height, width], inner products take a map's values
 * in the order channel, height, width; BatchNorm holds mean and variance, both to be divided by its third blob, and Scale
 * gamma and beta.
 */

import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Message, Type } from 'protobufjs';
import { DeepYeastError, fileError } from '../../errors';
import { fileDigest } from '../../files/digest';
import { rounded } from '../../files/number';
import type { Checkpoint } from '../checkpoint';
import { caffeMessages } from './caffe-schema';
import { type ImportedLayer, type ImportOptions, importedModel } from './imported-network';

export interface CaffeImportOptions extends ImportOptions {
  /** The .prototxt with the layers: a training net (its TEST phase is taken) or a deploy net. */
  prototxt: string;
  /** The mean image as .binaryproto, or one number; default what the prototxt's mean_value says, else 0. */
  mean?: string | number;
  /** Multiplied after the mean is subtracted; default what the prototxt's transform_param says, else 1. */
  scale?: number;
}

interface Blob {
  shape?: { dim: number[] };
  data: number[];
  double_data: number[];
  num: number;
  channels: number;
  height: number;
  width: number;
}

type Parameters = Record<string, unknown>;

interface Layer {
  name: string;
  type: string;
  bottom: string[];
  top: string[];
  blobs: Blob[];
  include: { phase?: number }[];
  exclude: { phase?: number }[];
  [parameters: `${string}_param`]: Parameters | undefined;
}

interface Net {
  layer: Layer[];
  layers: unknown[];
  input_dim: number[];
  input_shape: { dim: number[] }[];
}

const testPhase = 1;

/**
 * Reads a Caffe network.
 *
 * @throws foreign-model-invalid, invalid-argument (classes or channels that do not fit), io-error
 */
export async function importCaffe(path: string, options: CaffeImportOptions): Promise<Checkpoint> {
  const { prototxt, mean, scale, ...rest } = options;
  const messages = await caffeMessages();
  const netType = messages.lookupType('caffe.NetParameter');
  const net = await readText<Net>(netType, prototxt);
  const weights = await readBinary<Net>(netType, path);
  for (const [name, { layer, layers }] of [[prototxt, net] as const, [path, weights] as const]) {
    if (layer.length > 0) continue;
    const old =
      layers.length > 0 ? ' It is of an old Caffe (layers): upgrade it with upgrade_net_proto_text or _binary.' : '';
    throw invalid(name, `has no layers; expected a Caffe network.${old}`);
  }
  const blobs = new Map(weights.layer.map((layer) => [layer.name, layer.blobs]));
  const layers = net.layer.filter(isTested);
  const transform = layers.map(({ transform_param: found }) => found).find((found) => found !== undefined);
  const chain = chainOf(layers, blobs, prototxt, path);
  const [, , height, width] = inputShape(net);
  if (height !== width) throw invalid(prototxt, `takes images of ${width} x ${height} pixels; expected square ones`);
  const about = {
    name: basename(path),
    source: { format: 'Caffe', file: basename(path), sha256: await fileDigest(path), note: basename(prototxt) },
  };
  return importedModel(
    path,
    chain,
    {
      ...rest,
      mean: typeof mean === 'string' ? await readMeanImage(mean) : (mean ?? meanValue(transform, prototxt)),
      scale: scale ?? (typeof transform?.scale === 'number' ? transform.scale : 1),
      ...(height !== undefined && { imageSize: height }),
      about,
    },
    false,
  );
}

function invalid(path: string, found: string, cause?: unknown): DeepYeastError {
  return new DeepYeastError('foreign-model-invalid', `${path} ${found}`, { cause });
}

/**
 * The mean image of a .binaryproto, [channels, height, width] there and [height, width, channels] here.
 *
 * @throws foreign-model-invalid, io-error
 */
export async function readMeanImage(path: string): Promise<Float32Array> {
  const type = (await caffeMessages()).lookupType('caffe.BlobProto');
  const { shape, values } = valuesOf(await readBinary<Blob>(type, path), path, 'its mean image');
  const [channels = 0, height = 0, width = 0] = shape.length === 4 ? shape.slice(1) : shape;
  if (shape.length < 3 || shape.length > 4 || (shape.length === 4 && shape[0] !== 1)) {
    throw invalid(path, `holds values of shape [${shape.join(', ')}]; expected [1, channels, height, width]`);
  }
  const result = new Float32Array(values.length);
  for (let channel = 0; channel < channels; channel++) {
    for (let pixel = 0; pixel < height * width; pixel++) {
      result[pixel * channels + channel] = values[channel * height * width + pixel] as number;
    }
  }
  return result;
}

async function read(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw fileError('read', path, error);
  }
}

async function readBinary<Content>(type: Type, path: string): Promise<Content> {
  const bytes = await read(path);
  let message: Message;
  try {
    message = type.decode(bytes);
  } catch (cause) {
    const expected = type.name === 'BlobProto' ? 'a .binaryproto' : 'a .caffemodel';
    throw invalid(path, `cannot be decoded (${(cause as Error).message}); expected ${expected}; copy it again`, cause);
  }
  return plain<Content>(type, message);
}

async function readText<Content>(type: Type, path: string): Promise<Content> {
  const { default: textFormat } = await import('protobufjs/ext/textformat.js');
  const source = (await read(path)).toString('utf8');
  try {
    return plain<Content>(type, textFormat.fromText(type, source));
  } catch (cause) {
    throw invalid(path, `is no Caffe prototxt: ${(cause as Error).message}`, cause);
  }
}

/** As a plain object: lists are there even where they are empty, numbers are numbers. */
function plain<Content>(type: Type, message: Message): Content {
  return type.toObject(message, { longs: Number, arrays: true }) as Content;
}

/** Whether a layer takes part in Caffe's TEST phase. */
function isTested({ include, exclude }: Layer): boolean {
  if (include.length > 0) return include.some(({ phase }) => phase === undefined || phase === testPhase);
  return !exclude.some(({ phase }) => phase === testPhase);
}

/** Layers without arithmetic. */
const passive = new Set(['Input', 'Data', 'ImageData', 'HDF5Data', 'MemoryData', 'DummyData', 'Flatten', 'Accuracy']);

/** The network's layers, each of which must take the output of the one before. */
function chainOf(
  layers: readonly Layer[],
  blobs: Map<string, Blob[]>,
  prototxt: string,
  path: string,
): ImportedLayer[] {
  const chain: ImportedLayer[] = [];
  let output: string | undefined;
  for (const [i, layer] of layers.entries()) {
    const { name, type, bottom, top } = layer;
    if (type === 'Accuracy') continue;
    if (output !== undefined && !passive.has(type) && bottom[0] !== output) {
      throw invalid(
        prototxt,
        `is no chain of layers: ${name} takes ${bottom.join(', ')}, the layer before gives ${output}`,
      );
    }
    if (top[0] !== undefined) output = top[0];
    if (passive.has(type)) continue;
    if (type === 'Scale' && layers[i - 1]?.type !== 'BatchNorm') {
      throw invalid(prototxt, `has the Scale ${name} that does not follow a BatchNorm`);
    }
    const following = layers[i + 1];
    const scale = following?.type === 'Scale' ? following : undefined;
    const step = stepOf(layer, scale, blobs, prototxt, path);
    if (step) chain.push(step);
  }
  return chain;
}

function stepOf(
  layer: Layer,
  scale: Layer | undefined,
  blobs: Map<string, Blob[]>,
  prototxt: string,
  path: string,
): ImportedLayer | undefined {
  const { name, type } = layer;
  switch (type) {
    case 'Convolution':
      return convolution(layer, weightsOf(layer, blobs, path), prototxt, path);
    case 'InnerProduct':
      return innerProduct(layer, weightsOf(layer, blobs, path), prototxt, path);
    case 'BatchNorm':
      return normalization(layer, scale, blobs, path);
    case 'Scale':
      // Taken together with the BatchNorm before it.
      return undefined;
    case 'ReLU':
      requireSetting(layer, 'relu', 'negative_slope', 0, prototxt);
      return { kind: 'relu', name };
    case 'Pooling':
      requireSetting(layer, 'pooling', 'pool', 0, prototxt);
      requireSquare(layer, 'pooling', 'kernel', 2, undefined, prototxt);
      requireSquare(layer, 'pooling', 'stride', 2, 1, prototxt);
      requireSquare(layer, 'pooling', 'pad', 0, 0, prototxt);
      requireSetting(layer, 'pooling', 'global_pooling', false, prototxt);
      return { kind: 'pool', name };
    case 'Dropout': {
      const ratio = layer.dropout_param?.dropout_ratio;
      return { kind: 'dropout', name, rate: typeof ratio === 'number' ? roundFloat(ratio) : 0.5 };
    }
    case 'Softmax':
    case 'SoftmaxWithLoss':
      return { kind: 'softmax', name };
    default:
      throw invalid(prototxt, `has the layer ${name} of the type ${type}, which the DeepYeast network does not have`);
  }
}

/** A float32 as people wrote it: 0.4 rather than 0.4000000059604645. */
function roundFloat(value: number): number {
  return rounded(value, 7);
}

function requireSetting(layer: Layer, kind: string, key: string, expected: unknown, prototxt: string): void {
  const found = layer[`${kind}_param`]?.[key];
  if (found === undefined || found === expected) return;
  throw invalid(prototxt, `has the layer ${layer.name} with ${key} ${String(found)}; expected ${String(expected)}`);
}

/** kernel_size 2, or kernel_h 2 and kernel_w 2; `usual` is Caffe's own default. */
function requireSquare(
  layer: Layer,
  kind: 'convolution' | 'pooling',
  key: 'kernel' | 'stride' | 'pad',
  expected: number,
  usual: number | undefined,
  prototxt: string,
): void {
  const parameters = layer[`${kind}_param`] ?? {};
  const whole = parameters[key === 'kernel' ? 'kernel_size' : key];
  const list = Array.isArray(whole) ? whole : whole === undefined ? [] : [whole];
  const sides = [parameters[`${key}_h`], parameters[`${key}_w`]].filter((side) => side !== undefined);
  const found = list.length > 0 ? list : sides.length > 0 ? sides : [usual];
  if (found.every((value) => value === expected)) return;
  throw invalid(prototxt, `has the layer ${layer.name} with ${key} ${found.join(' x ')}; expected ${expected}`);
}

function weightsOf({ name }: Layer, blobs: Map<string, Blob[]>, path: string): Blob[] {
  const found = blobs.get(name);
  if (found === undefined || found.length === 0) {
    throw invalid(path, `has no weights of the layer ${name}; expected the .caffemodel of this very prototxt`);
  }
  return found;
}

/** A blob's shape, of old files from its four sizes, and values. */
function valuesOf(blob: Blob | undefined, path: string, what: string): { shape: number[]; values: Float32Array } {
  if (blob === undefined) throw invalid(path, `does not hold ${what}`);
  const { num = 0, channels = 0, height = 0, width = 0 } = blob;
  const shape = blob.shape?.dim ?? [num, channels, height, width];
  const values = Float32Array.from(blob.data.length > 0 ? blob.data : blob.double_data);
  const count = shape.reduce((product, extent) => product * extent, 1);
  if (values.length !== count) {
    throw invalid(path, `holds ${values.length} values of ${what}; expected ${count} for [${shape.join(', ')}]`);
  }
  return { shape, values };
}

/** [outputs, inputs, 3, 3] to [outputs, 3, 3, inputs]. */
function convolution(layer: Layer, blobs: readonly Blob[], prototxt: string, path: string): ImportedLayer {
  const { name } = layer;
  requireSquare(layer, 'convolution', 'kernel', 3, undefined, prototxt);
  requireSquare(layer, 'convolution', 'stride', 1, 1, prototxt);
  requireSquare(layer, 'convolution', 'pad', 1, 0, prototxt);
  requireSetting(layer, 'convolution', 'group', 1, prototxt);
  const { shape, values } = valuesOf(blobs[0], path, `the kernel of ${name}`);
  const [outputs = 0, inputs = 0, height, width] = shape;
  if (shape.length !== 4 || height !== 3 || width !== 3) {
    throw invalid(path, `has a kernel [${shape.join(', ')}] in ${name}; expected [outputs, inputs, 3, 3]`);
  }
  const kernel = new Float32Array(values.length);
  for (let output = 0; output < outputs; output++) {
    for (let input = 0; input < inputs; input++) {
      for (let tap = 0; tap < 9; tap++) {
        kernel[(output * 9 + tap) * inputs + input] = values[(output * inputs + input) * 9 + tap] as number;
      }
    }
  }
  return { kind: 'convolution', name, inputs, outputs, kernel, ...biasOf(blobs, path, name) };
}

function innerProduct(layer: Layer, blobs: readonly Blob[], prototxt: string, path: string): ImportedLayer {
  const { name } = layer;
  requireSetting(layer, 'inner_product', 'transpose', false, prototxt);
  requireSetting(layer, 'inner_product', 'axis', 1, prototxt);
  const { shape, values } = valuesOf(blobs[0], path, `the weights of ${name}`);
  // Old files: [1, 1, outputs, inputs].
  const [outputs = 0, inputs = 0] = shape.slice(-2);
  return {
    kind: 'dense',
    name,
    inputs,
    outputs,
    weight: values,
    order: 'channel-height-width',
    ...biasOf(blobs, path, name),
  };
}

function biasOf(blobs: readonly Blob[], path: string, name: string): { bias?: Float32Array } {
  return blobs.length < 2 ? {} : { bias: valuesOf(blobs[1], path, `the bias of ${name}`).values };
}

function normalization(
  layer: Layer,
  scale: Layer | undefined,
  blobs: Map<string, Blob[]>,
  path: string,
): ImportedLayer {
  const { name } = layer;
  const [meanBlob, varianceBlob, factorBlob] = weightsOf(layer, blobs, path);
  const factor =
    factorBlob === undefined ? 1 : (valuesOf(factorBlob, path, `the factor of ${name}`).values[0] as number);
  // Caffe's rule: no batch has been counted yet.
  const divisor = factor === 0 ? 0 : 1 / factor;
  const scaled = (blob: Blob | undefined, what: string) =>
    valuesOf(blob, path, `the ${what} of ${name}`).values.map((value) => value * divisor);
  const epsilon = layer.batch_norm_param?.eps;
  const step: ImportedLayer = {
    kind: 'normalization',
    name,
    mean: scaled(meanBlob, 'mean'),
    variance: scaled(varianceBlob, 'variance'),
    epsilon: typeof epsilon === 'number' ? roundFloat(epsilon) : 1e-5,
  };
  if (scale === undefined) return step;
  const [gamma, beta] = weightsOf(scale, blobs, path);
  step.gamma = valuesOf(gamma, path, `the factors of ${scale.name}`).values;
  if (beta !== undefined) step.beta = valuesOf(beta, path, `the offsets of ${scale.name}`).values;
  return step;
}

/** [count, channels, height, width] of a deploy net; empty where the net reads a database. */
function inputShape(net: Net): number[] {
  const layer = net.layer.find(({ type }) => type === 'Input');
  const shapes = layer?.input_param?.shape as { dim: number[] }[] | undefined;
  return shapes?.[0]?.dim ?? net.input_shape[0]?.dim ?? net.input_dim;
}

function meanValue(transform: Parameters | undefined, prototxt: string): number {
  const values = (transform?.mean_value ?? []) as number[];
  if (transform?.mean_file !== undefined) {
    throw new DeepYeastError(
      'invalid-argument',
      `${prototxt} subtracts the mean image ${String(transform.mean_file)}; give it as .binaryproto (--mean)`,
    );
  }
  if (new Set(values).size > 1) {
    throw invalid(prototxt, `subtracts a mean of its own from each channel (${values.join(', ')}); give a mean image`);
  }
  return values[0] ?? 0;
}
