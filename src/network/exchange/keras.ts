/**
 * Reads networks that Keras 2 saved as HDF5 (`save_weights`, or `save` and ModelCheckpoint, which put the weights below
 * /model_weights), those of tanelp/deepyeast above all: attributes `layer_names` and `weight_names`, in pieces
 * layer_names0, layer_names1 ... where they are long; convolution kernels [height, width, inputs, outputs]; dense kernels
 * [inputs, outputs], inputs in the order height, width, channel; batch normalization gamma, beta, moving_mean,
 * moving_variance.
 */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { AttributeValue, Dataset, File, Group } from 'jsfive';
import { DeepYeastError, fileError } from '../../errors';
import { fileDigest } from '../../files/digest';
import type { Checkpoint } from '../checkpoint';
import { type ImportedLayer, type ImportOptions, importedModel } from './imported-network';

export interface KerasImportOptions extends ImportOptions {
  /** Subtracted from the pixels (0 to 255); default 127.5, with the scale the pixels from -1 to 1. */
  mean?: number;
  /** Multiplied after that; default 1 / 127.5. */
  scale?: number;
  /** Of the batch normalizations; default what a whole model's configuration says, else Keras's own 1e-3. */
  epsilon?: number;
}

/** A layer of the file with its weights by their last name: kernel, bias, gamma ... */
interface KerasLayer {
  name: string;
  weights: Map<string, { shape: number[]; values: Float32Array }>;
  /** From the configuration of a whole model. */
  kind?: string;
  config?: Record<string, unknown>;
}

/** Attributes hold at most 64 KiB, so Keras writes long lists in pieces. More pieces than this are a broken file. */
const mostPieces = 10_000;
const defaultEpsilon = 1e-3;
const defaultDropout = 0.5;

/**
 * Reads a Keras 2 file. A whole model's configuration is checked layer by layer; of a bare weights file the kinds of
 * layers follow from the names of their weights, pools and dropouts from the names of the layers, and ReLU is taken for
 * granted.
 *
 * @throws foreign-model-invalid, invalid-argument (classes or channels that do not fit), io-error
 */
export async function importKeras(path: string, options: KerasImportOptions = {}): Promise<Checkpoint> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw fileError('read', path, error);
  }
  const { File: Hdf5File } = await import('jsfive');
  let layers: KerasLayer[];
  let configured: boolean;
  try {
    const file = new Hdf5File(
      bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer,
      path,
    );
    ({ layers, configured } = quietly(() => readLayers(file, path, bytes.length)));
  } catch (error) {
    if (error instanceof DeepYeastError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw invalid(path, `is no HDF5 file that can be read (${reason}); copy it again`, error);
  }
  const epsilon = options.epsilon ?? defaultEpsilon;
  const chain = layers.flatMap((layer) =>
    configured ? configuredSteps(layer, options.epsilon, path) : namedSteps(layer, epsilon, path),
  );
  const about = {
    name: basename(path),
    source: {
      format: `Keras 2 HDF5 (${configured ? 'whole model' : 'weights'})`,
      file: basename(path),
      sha256: await fileDigest(path),
    },
  };
  const { mean = 127.5, scale = 1 / 127.5, ...rest } = options;
  return importedModel(path, chain, { ...rest, mean, scale, about }, !configured);
}

function invalid(path: string, found: string, cause?: unknown): DeepYeastError {
  return new DeepYeastError('foreign-model-invalid', `${path} ${found}`, { cause });
}

/** jsfive writes to the console about attributes that it does not know. */
function quietly<Result>(work: () => Result): Result {
  const { warn } = console;
  console.warn = () => {};
  try {
    return work();
  } finally {
    console.warn = warn;
  }
}

function readLayers(file: File, path: string, fileSize: number): { layers: KerasLayer[]; configured: boolean } {
  const whole = file.keys.includes('model_weights');
  const root = whole ? (file.get('model_weights') as Group) : file;
  const names = textList(root.attrs, 'layer_names');
  if (names === undefined) {
    const newer = file.keys.some((key) => ['layers', '_layer_checkpoint_dependencies', 'vars'].includes(key));
    const hint = newer ? ' It looks like a file of Keras 3: save it with Keras 2, or export it to ONNX.' : '';
    throw invalid(path, `has no layer_names; expected weights as Keras 2 saves them.${hint}`);
  }
  const backend = text(root.attrs.backend) ?? text(file.attrs.backend);
  if (backend !== undefined && backend !== 'tensorflow') {
    throw invalid(
      path,
      `was saved with the backend ${backend}, whose kernels are laid out otherwise; expected tensorflow`,
    );
  }
  const layers = names.map((name) => readLayer(root, name, path, fileSize));
  const configuration = whole ? text(file.attrs.model_config) : undefined;
  if (configuration === undefined) return { layers, configured: false };
  return { layers: configuredLayers(configuration, layers, path), configured: true };
}

function readLayer(root: Group, name: string, path: string, fileSize: number): KerasLayer {
  if (!root.keys.includes(name)) throw invalid(path, `lists the layer ${name} but does not hold it; copy it again`);
  const group = root.get(name) as Group;
  const weights: KerasLayer['weights'] = new Map();
  for (const weight of textList(group.attrs, 'weight_names') ?? []) {
    const dataset = group.get(weight) as Dataset | null;
    if (!dataset || !Array.isArray(dataset.shape)) throw invalid(path, `lists ${weight} but does not hold it`);
    const count = dataset.shape.reduce((product, extent) => product * extent, 1);
    // A broken size must not take all memory: weights do not compress to less than a byte each.
    if (!(count <= fileSize))
      throw invalid(path, `says that ${weight} is [${dataset.shape.join(', ')}], more than it holds`);
    const values = Float32Array.from(dataset.value);
    if (values.length !== count) {
      throw invalid(
        path,
        `holds ${values.length} values of ${weight}; expected ${count} for [${dataset.shape.join(', ')}]`,
      );
    }
    const part = (weight.split('/').at(-1) as string).replace(/:\d+$/, '');
    weights.set(part, { shape: [...dataset.shape], values });
  }
  return { name, weights };
}

/** A list of texts that is one attribute, or NAME0, NAME1 ... */
function textList(attributes: Record<string, AttributeValue>, name: string): string[] | undefined {
  // Texts of one length for all, the shorter ones filled up with zeros.
  const unpadded = (value: string | number) => String(value).replace(/\0+$/, '');
  const list = (value: AttributeValue) => (Array.isArray(value) ? value : value == null ? [] : [value]).map(unpadded);
  if (attributes[name] !== undefined) return list(attributes[name]);
  if (attributes[`${name}0`] === undefined) return undefined;
  const all: string[] = [];
  for (let i = 0; i < mostPieces && attributes[`${name}${i}`] !== undefined; i++) {
    all.push(...list(attributes[`${name}${i}`]));
  }
  return all;
}

function text(value: AttributeValue): string | undefined {
  const single = Array.isArray(value) && value.length === 1 ? value[0] : value;
  return typeof single === 'string' ? single : undefined;
}

/** The layers in the order of the configuration, which must be a chain: Sequential, or Model with one input a layer. */
function configuredLayers(configuration: string, stored: readonly KerasLayer[], path: string): KerasLayer[] {
  let root: unknown;
  try {
    root = JSON.parse(configuration);
  } catch (cause) {
    throw invalid(path, 'has a model_config that is not JSON', cause);
  }
  const { class_name: model, config } = record(root);
  const entries = Array.isArray(config) ? config : record(config).layers;
  if (!Array.isArray(entries)) throw invalid(path, 'has a model_config without layers');
  const byName = new Map(stored.map((layer) => [layer.name, layer]));
  let before: string | undefined;
  return entries.map((entry): KerasLayer => {
    const { class_name: kind, config: settings, name: ownName, inbound_nodes: nodes } = record(entry);
    const name = String(ownName ?? record(settings).name);
    if (model !== 'Sequential' && Array.isArray(nodes)) {
      const inputs = nodes.flat(2).filter((item) => typeof item === 'string');
      if (nodes.length > 1 || inputs.length > 1 || (inputs.length === 1 && inputs[0] !== before)) {
        throw invalid(path, `is no chain of layers: ${name} takes ${inputs.join(', ')} after ${before}`);
      }
    }
    before = name;
    const weights = byName.get(name)?.weights ?? new Map();
    return { name, weights, kind: String(kind), config: record(settings) };
  });
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** Steps of a layer of a whole model, whose settings are checked: padding, strides, order of the axes, activation. */
function configuredSteps(layer: KerasLayer, epsilon: number | undefined, path: string): ImportedLayer[] {
  const { name, kind, config = {} } = layer;
  const setting = (key: string, ...expected: unknown[]) => {
    const found = config[key];
    if (found === undefined || found === null) return;
    if (!expected.some((value) => JSON.stringify(value) === JSON.stringify(found))) {
      throw invalid(
        path,
        `has the layer ${name} with ${key} ${JSON.stringify(found)}; expected ${JSON.stringify(expected[0])}`,
      );
    }
  };
  const activation = (): ImportedLayer[] => {
    const found = config.activation;
    if (found === undefined || found === null || found === 'linear') return [];
    if (found === 'relu' || found === 'softmax') return [{ kind: found, name }];
    throw invalid(path, `has the layer ${name} with the activation ${JSON.stringify(found)}; expected relu or softmax`);
  };
  switch (kind) {
    case 'InputLayer':
    case 'Flatten':
      setting('data_format', 'channels_last');
      return [];
    case 'Conv2D':
      setting('padding', 'same');
      setting('strides', [1, 1]);
      setting('dilation_rate', [1, 1]);
      setting('groups', 1);
      setting('data_format', 'channels_last');
      return [convolution(layer, path), ...activation()];
    case 'Dense':
      return [dense(layer, path), ...activation()];
    case 'BatchNormalization': {
      setting('axis', -1, 3, 1, [3], [1]);
      const own = typeof config.epsilon === 'number' ? config.epsilon : defaultEpsilon;
      return [normalization(layer, epsilon ?? own, path)];
    }
    case 'MaxPooling2D':
      setting('pool_size', [2, 2]);
      setting('strides', [2, 2]);
      setting('data_format', 'channels_last');
      return [{ kind: 'pool', name }];
    case 'Activation':
      return activation();
    case 'ReLU':
      setting('max_value', null);
      setting('negative_slope', 0);
      setting('threshold', 0);
      return [{ kind: 'relu', name }];
    case 'Softmax':
      return [{ kind: 'softmax', name }];
    case 'Dropout':
      return [{ kind: 'dropout', name, rate: typeof config.rate === 'number' ? config.rate : defaultDropout }];
    default:
      throw invalid(path, `has the layer ${name} of the kind ${kind}, which the DeepYeast network does not have`);
  }
}

/** Steps of a layer of which only names are known. */
function namedSteps(layer: KerasLayer, epsilon: number, path: string): ImportedLayer[] {
  const { name, weights } = layer;
  if (weights.size === 0) {
    if (/average|avg|global/i.test(name)) {
      throw invalid(path, `has the layer ${name}, which the DeepYeast network does not have`);
    }
    if (/pool/i.test(name)) return [{ kind: 'pool', name }];
    if (/dropout/i.test(name)) return [{ kind: 'dropout', name, rate: defaultDropout }];
    return [];
  }
  if (weights.has('moving_mean')) return [normalization(layer, epsilon, path)];
  const kernel = weights.get('kernel');
  if (kernel?.shape.length === 4) return [convolution(layer, path)];
  if (kernel?.shape.length === 2) return [dense(layer, path)];
  throw invalid(
    path,
    `has the layer ${name} with the weights ${[...weights.keys()].join(', ')}; expected a convolution or dense layer ` +
      '(kernel, bias) or a batch normalization (gamma, beta, moving_mean, moving_variance)',
  );
}

function weight(layer: KerasLayer, part: string, path: string): { shape: number[]; values: Float32Array } {
  const found = layer.weights.get(part);
  if (!found) throw invalid(path, `has the layer ${layer.name} without its ${part}`);
  return found;
}

/** [height, width, inputs, outputs] to [outputs, height, width, inputs]. */
function convolution(layer: KerasLayer, path: string): ImportedLayer {
  const { shape, values } = weight(layer, 'kernel', path);
  const [height, width, inputs = 0, outputs = 0] = shape;
  if (shape.length !== 4 || height !== 3 || width !== 3) {
    throw invalid(path, `has a kernel [${shape.join(', ')}] in ${layer.name}; expected [3, 3, inputs, outputs]`);
  }
  return {
    kind: 'convolution',
    name: layer.name,
    inputs,
    outputs,
    kernel: transposed(values, 9 * inputs, outputs),
    ...biasOf(layer),
  };
}

function dense(layer: KerasLayer, path: string): ImportedLayer {
  const { shape, values } = weight(layer, 'kernel', path);
  const [inputs = 0, outputs = 0] = shape;
  if (shape.length !== 2) {
    throw invalid(path, `has a kernel [${shape.join(', ')}] in ${layer.name}; expected [inputs, outputs]`);
  }
  return {
    kind: 'dense',
    name: layer.name,
    inputs,
    outputs,
    weight: transposed(values, inputs, outputs),
    order: 'height-width-channel',
    ...biasOf(layer),
  };
}

function biasOf(layer: KerasLayer): { bias?: Float32Array } {
  const bias = layer.weights.get('bias')?.values;
  return bias ? { bias } : {};
}

function normalization(layer: KerasLayer, epsilon: number, path: string): ImportedLayer {
  const [gamma, beta] = ['gamma', 'beta'].map((part) => layer.weights.get(part)?.values);
  return {
    kind: 'normalization',
    name: layer.name,
    mean: weight(layer, 'moving_mean', path).values,
    variance: weight(layer, 'moving_variance', path).values,
    epsilon,
    ...(gamma && { gamma }),
    ...(beta && { beta }),
  };
}

/** [rows, columns] to [columns, rows]. */
function transposed(values: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++)
      result[column * rows + row] = values[row * columns + column] as number;
  }
  return result;
}
