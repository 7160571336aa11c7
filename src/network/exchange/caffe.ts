/**
 * Reads networks trained with Caffe: the layers from a .prototxt, their weights by layer name from a .caffemodel, the mean
 * image from a .binaryproto. Convolution kernels are [outputs, inputs, height, width], inner products take a map's values
 * in the order channel, height, width; BatchNorm holds mean and variance, both to be divided by its third blob, and Scale
 * gamma and beta.
 */

import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Message, Type } from 'protobufjs';
import { DeepYeastError, fileError, readerReason } from '../../errors';
import { fileDigest } from '../../files/digest';
import { rounded } from '../../files/number';
import { type Log, silent } from '../../log';
import type { Checkpoint } from '../checkpoint';
import type { Blob, Layer, Parameters } from './caffe-layer';
import { caffeMessages } from './caffe-schema';
import { checkSettings, parameterOf } from './caffe-settings';
import { type ImportedLayer, type ImportOptions, importedModel } from './imported-network';

export interface CaffeImportOptions extends ImportOptions {
  /** The .prototxt with the layers: a training net (its TEST phase is taken) or a deploy net. */
  prototxt: string;
  /** The mean image as .binaryproto, or one number; default what the prototxt's mean_value says, else 0. */
  mean?: string | number;
  /** Multiplied after the mean is subtracted; default what the prototxt's transform_param says, else 1. */
  scale?: number;
  /** Told what the files do not say and had to be assumed. */
  log?: Log;
}

interface Net {
  layer: Layer[];
  layers: unknown[];
  input: string[];
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
  const { prototxt, mean, scale, imageSize, log = silent, ...rest } = options;
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
  const stored = new Map(weights.layer.map((layer) => [layer.name, layer]));
  const layers = net.layer.filter((layer) => isTested(layer, prototxt));
  const chain = chainOf(layers, stored, prototxt, path);
  const input = inputOf(net, layers, prototxt);
  const about = {
    name: basename(path),
    source: { format: 'Caffe', file: basename(path), sha256: await fileDigest(path), note: basename(prototxt) },
  };
  const meanImage = typeof mean === 'string' ? await readMeanImage(mean) : undefined;
  const size = imageSize ?? input.size ?? meanImage?.size;
  for (const [found, where] of [[input.size, prototxt] as const, [meanImage?.size, String(mean)] as const]) {
    if (found !== undefined && found !== size) {
      throw invalid(where, `is for images of ${found} x ${found} pixels; expected ${size} x ${size}`);
    }
  }
  const { channels = meanImage?.channels } = input;
  const model = importedModel(
    path,
    chain,
    {
      ...rest,
      mean: meanImage?.values ?? (typeof mean === 'number' ? mean : meanValue(input.transform, prototxt)),
      scale: scale ?? (typeof input.transform?.scale === 'number' ? input.transform.scale : 1),
      ...(size !== undefined && { image: { size, ...(channels !== undefined && { channels }) } }),
      about,
    },
    false,
  );
  if (size === undefined) {
    const { imageSize: assumed, blocks } = model.topology;
    log(
      'warn',
      `${prototxt} does not say how large its images are: taken for ${assumed} x ${assumed} pixels, which its ` +
        `${blocks.length} pools halve without a remainder; if it was trained on others, its posteriors are wrong here ` +
        '(--image-size checks it)',
    );
  }
  return model;
}

function invalid(path: string, found: string, cause?: unknown): DeepYeastError {
  return new DeepYeastError('foreign-model-invalid', `${path} ${found}`, { cause });
}

/** [size, size, channels] */
export interface MeanImage {
  size: number;
  channels: number;
  values: Float32Array;
}

/**
 * The mean image of a .binaryproto, [channels, height, width] there and [height, width, channels] here.
 *
 * @throws foreign-model-invalid, io-error
 */
export async function readMeanImage(path: string): Promise<MeanImage> {
  const type = (await caffeMessages()).lookupType('caffe.BlobProto');
  const { shape, values } = valuesOf(await readBinary<Blob>(type, path), path, 'its mean image');
  const [channels = 0, height = 0, width = 0] = shape.length === 4 ? shape.slice(1) : shape;
  if (shape.length < 3 || shape.length > 4 || (shape.length === 4 && shape[0] !== 1)) {
    throw invalid(path, `holds values of shape [${shape.join(', ')}]; expected [1, channels, height, width]`);
  }
  if (height !== width) throw invalid(path, `is an image of ${width} x ${height} pixels; expected a square one`);
  const result = new Float32Array(values.length);
  for (let channel = 0; channel < channels; channel++) {
    for (let pixel = 0; pixel < height * width; pixel++) {
      result[pixel * channels + channel] = values[channel * height * width + pixel] as number;
    }
  }
  return { size: height, channels, values: result };
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
    throw invalid(path, `cannot be decoded (${readerReason(cause)}); expected ${expected}; copy it again`, cause);
  }
  return plain<Content>(type, message);
}

async function readText<Content>(type: Type, path: string): Promise<Content> {
  const { default: textFormat } = await import('protobufjs/ext/textformat.js');
  const source = (await read(path)).toString('utf8');
  try {
    return plain<Content>(type, textFormat.fromText(type, source));
  } catch (cause) {
    throw invalid(path, `is no Caffe prototxt: ${readerReason(cause)}`, cause);
  }
}

/** As a plain object: lists are there even where they are empty, numbers are numbers. */
function plain<Content>(type: Type, message: Message): Content {
  return type.toObject(message, { longs: Number, arrays: true }) as Content;
}

/** Whether a layer takes part in Caffe's TEST phase. */
function isTested({ name, include, exclude }: Layer, prototxt: string): boolean {
  for (const { stage, not_stage, min_level, max_level } of [...include, ...exclude]) {
    if (stage.length + not_stage.length > 0 || min_level !== undefined || max_level !== undefined) {
      throw invalid(prototxt, `has the layer ${name} for some stages or levels only; expected rules by phase alone`);
    }
  }
  if (include.length > 0) return include.some(({ phase }) => phase === undefined || phase === testPhase);
  return !exclude.some(({ phase }) => phase === testPhase);
}

/** Layers that give the cells, and what only judges the outputs. */
const sources = new Set(['Input', 'Data', 'ImageData', 'HDF5Data', 'MemoryData', 'DummyData']);

/** The network's layers, each of which must take the output of the one before. */
function chainOf(
  layers: readonly Layer[],
  stored: ReadonlyMap<string, Layer>,
  prototxt: string,
  path: string,
): ImportedLayer[] {
  const chain: ImportedLayer[] = [];
  let output: string | undefined;
  for (const [i, layer] of layers.entries()) {
    const { name, type, bottom, top } = layer;
    if (type === 'Accuracy') continue;
    if (sources.has(type)) {
      if (chain.length > 0 || bottom.length > 0) throw invalid(prototxt, `has the input ${name} behind other layers`);
      if (output !== undefined && output !== top[0]) throw invalid(prototxt, `has two inputs, ${output} and ${top[0]}`);
      output = top[0];
      continue;
    }
    const labels = type === 'SoftmaxWithLoss' ? 1 : 0;
    if ((output !== undefined && bottom[0] !== output) || bottom.length !== 1 + labels || top.length !== 1) {
      throw invalid(
        prototxt,
        `is no chain of layers: ${name} takes ${bottom.join(', ')}, the layer before gives ${output}`,
      );
    }
    output = top[0];
    if (type === 'Scale' && layers[i - 1]?.type !== 'BatchNorm') {
      throw invalid(prototxt, `has the Scale ${name} that does not follow a BatchNorm`);
    }
    checkStored(layer, stored.get(name), prototxt, path);
    const following = layers[i + 1];
    const scale = following?.type === 'Scale' ? following : undefined;
    const step = stepOf(layer, scale, stored, prototxt, path);
    if (step) chain.push(step);
  }
  return chain;
}

/** What a layer must be where the two files speak of it: the weights may come from another network of the same names. */
function checkStored(layer: Layer, stored: Layer | undefined, prototxt: string, path: string): void {
  checkSettings(layer, prototxt);
  if (stored === undefined || stored.type === '' || stored.type === undefined) return;
  if (stored.type !== layer.type) {
    throw invalid(path, `has the layer ${layer.name} of the type ${stored.type}; ${prototxt} has ${layer.type}`);
  }
  const kind = parameterOf[layer.type];
  if (kind !== undefined && stored[`${kind}_param`] !== undefined) checkSettings(stored, path);
}

function stepOf(
  layer: Layer,
  scale: Layer | undefined,
  blobs: ReadonlyMap<string, Layer>,
  prototxt: string,
  path: string,
): ImportedLayer | undefined {
  const { name, type } = layer;
  switch (type) {
    case 'Convolution':
      return convolution(layer, weightsOf(layer, blobs, path), path);
    case 'InnerProduct':
      return innerProduct(layer, weightsOf(layer, blobs, path), path);
    case 'BatchNorm':
      return normalization(layer, scale, blobs, path);
    case 'Scale':
      // Taken together with the BatchNorm before it.
      return undefined;
    case 'Flatten':
      return { kind: 'flatten', name };
    case 'ReLU':
      return { kind: 'relu', name };
    case 'Pooling':
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

function weightsOf({ name }: Layer, stored: ReadonlyMap<string, Layer>, path: string): Blob[] {
  const found = stored.get(name)?.blobs;
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
function convolution(layer: Layer, blobs: readonly Blob[], path: string): ImportedLayer {
  const { name } = layer;
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
  return { kind: 'convolution', name, inputs, outputs, kernel, ...biasOf(layer, 'convolution', outputs, blobs, path) };
}

function innerProduct(layer: Layer, blobs: readonly Blob[], path: string): ImportedLayer {
  const { name } = layer;
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
    ...biasOf(layer, 'inner_product', outputs, blobs, path),
  };
}

/** The bias, which is there where the layer says so (unless it says otherwise); and the outputs that it says. */
function biasOf(
  layer: Layer,
  kind: 'convolution' | 'inner_product',
  outputs: number,
  blobs: readonly Blob[],
  path: string,
): { bias?: Float32Array } {
  const { name, [`${kind}_param` as const]: parameters = {} } = layer;
  const { num_output: said = outputs, bias_term: biased = true } = parameters;
  if (said !== outputs) throw invalid(path, `has ${outputs} outputs in ${name}; the prototxt says ${String(said)}`);
  checkBlobs(layer, blobs, biased === true ? 2 : 1, path);
  return biased === true ? { bias: valuesOf(blobs[1], path, `the bias of ${name}`).values } : {};
}

function checkBlobs({ name }: Layer, blobs: readonly Blob[], expected: number, path: string): void {
  if (blobs.length === expected) return;
  throw invalid(path, `holds ${blobs.length} arrays of the layer ${name}; its settings ask for ${expected}`);
}

function normalization(
  layer: Layer,
  scale: Layer | undefined,
  stored: ReadonlyMap<string, Layer>,
  path: string,
): ImportedLayer {
  const { name } = layer;
  const [meanBlob, varianceBlob, factorBlob] = weightsOf(layer, stored, path);
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
  const blobs = weightsOf(scale, stored, path);
  checkBlobs(scale, blobs, scale.scale_param?.bias_term === true ? 2 : 1, path);
  const [gamma, beta] = blobs;
  step.gamma = valuesOf(gamma, path, `the factors of ${scale.name}`).values;
  if (beta !== undefined) step.beta = valuesOf(beta, path, `the offsets of ${scale.name}`).values;
  return step;
}

interface NetInput {
  /** Width and height, where the net says them. */
  size?: number;
  channels?: number;
  transform?: Parameters;
}

/** What the net says of its images: [count, channels, height, width] of a deploy net, the crop of one with data. */
function inputOf(net: Net, layers: readonly Layer[], prototxt: string): NetInput {
  if (net.input.length > 1) throw invalid(prototxt, `has ${net.input.length} inputs; expected one, the cells`);
  const shapes = [
    ...layers.flatMap(({ input_param }) => (input_param?.shape ?? []) as { dim: number[] }[]).map(({ dim }) => dim),
    ...net.input_shape.map(({ dim }) => dim),
    ...(net.input_dim.length > 0 ? [net.input_dim] : []),
  ];
  if (shapes.length > 1) throw invalid(prototxt, `says the shape of ${shapes.length} inputs; expected one, the cells`);
  const transforms = layers.map((layer) => layer.transform_param).filter((transform) => transform !== undefined);
  if (transforms.length > 1) throw invalid(prototxt, 'has two data layers in its TEST phase; expected one');
  const [transform] = transforms;
  for (const key of ['force_gray', 'force_color']) {
    if (transform?.[key] === true) throw invalid(prototxt, `has a data layer with ${key} true; expected none`);
  }
  // Fields of an older Caffe, in place of transform_param.
  for (const { name, data_param: data = {} } of layers) {
    const old = ['scale', 'mean_file', 'crop_size', 'mirror'].find((key) => data[key] !== undefined);
    if (old !== undefined)
      throw invalid(prototxt, `has ${old} in data_param of ${name}; expected it in transform_param`);
  }
  const input: NetInput = { ...(transform && { transform }) };
  const crop = transform?.crop_size;
  if (typeof crop === 'number' && crop > 0) input.size = crop;
  const [shape] = shapes;
  if (shape === undefined) return input;
  const [, channels, height, width] = shape;
  if (shape.length !== 4) {
    throw invalid(prototxt, `takes an input of [${shape.join(', ')}]; expected [count, channels, height, width]`);
  }
  if (height !== width) throw invalid(prototxt, `takes images of ${width} x ${height} pixels; expected square ones`);
  return { ...input, size: height as number, channels: channels as number };
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
