/**
 * Reads networks that Keras 2 saved as HDF5 (`save_weights`, or `save` and ModelCheckpoint, which put the weights below
 * /model_weights), those of tanelp/deepyeast above all: convolution kernels [height, width, inputs, outputs]; dense kernels
 * [inputs, outputs], inputs in the order height, width, channel; batch normalization gamma, beta, moving_mean,
 * moving_variance.
 */
import { basename } from 'node:path';
import { DeepYeastError } from '../../errors';
import { fileDigest } from '../../files/digest';
import { type Log, silent } from '../../log';
import type { Checkpoint } from '../checkpoint';
import { type ImportedLayer, type ImportOptions, importedModel } from './imported-network';
import { type ConfiguredLayer, readConfiguration } from './keras-configuration';
import { type KerasWeight, readKerasFile, type StoredLayer } from './keras-file';
import { namedKind } from './keras-names';

export interface KerasImportOptions extends ImportOptions {
  /** Subtracted from the pixels (0 to 255); default 127.5, with the scale the pixels from -1 to 1. */
  mean?: number;
  /** Multiplied after that; default 1 / 127.5. */
  scale?: number;
  /** Of the batch normalizations of weights alone; default Keras's own 1e-3. A whole model's configuration says its own. */
  epsilon?: number;
  /** Told what the file does not say and had to be assumed. */
  log?: Log;
}

const defaultEpsilon = 1e-3;
const defaultDropout = 0.5;

/**
 * Reads a Keras 2 file. A whole model's configuration is checked setting by setting; of a bare weights file the kinds of
 * layers follow from the names of their weights, and of those without weights from their own names. A name that says
 * nothing, or something else than the weights, is refused. ReLU is taken for granted where a layer may hold it.
 *
 * @throws foreign-model-invalid, invalid-argument (classes, channels or epsilon that do not fit), io-error
 */
export async function importKeras(path: string, options: KerasImportOptions = {}): Promise<Checkpoint> {
  const { layers, configuration } = await readKerasFile(path);
  const { mean = 127.5, scale = 1 / 127.5, epsilon, log = silent, ...rest } = options;
  const configured = configuration === undefined ? undefined : readConfiguration(configuration, layers, path);
  const chain = configured
    ? configuredChain(configured.layers, epsilon, path)
    : namedChain(layers, epsilon ?? defaultEpsilon, path);
  const about = {
    name: basename(path),
    source: {
      format: `Keras 2 HDF5 (${configured ? 'whole model' : 'weights'})`,
      file: basename(path),
      sha256: await fileDigest(path),
    },
  };
  let image: { size: number; channels?: number } | undefined =
    rest.imageSize === undefined ? undefined : { size: rest.imageSize };
  if (configured?.input) {
    const [height, width, channels] = configured.input;
    if (height !== width) throw invalid(path, `takes images of ${width} x ${height} pixels; expected square ones`);
    if (image && image.size !== height) {
      throw new DeepYeastError(
        'invalid-argument',
        `the image size is given as ${image.size}, but ${path} takes images of ${width} x ${height} pixels`,
      );
    }
    image = { size: height, channels };
  }
  const model = importedModel(path, chain, { ...rest, mean, scale, about, ...(image && { image }) }, !configured);
  if (image === undefined) {
    const { imageSize: size, blocks } = model.topology;
    log(
      'warn',
      `${path} does not say how large its images are: taken for ${size} x ${size} pixels, which its ${blocks.length} pools ` +
        'halve without a remainder; if it was trained on others, its posteriors are wrong here (--image-size checks it)',
    );
  }
  return model;
}

function invalid(path: string, found: string, cause?: unknown): DeepYeastError {
  return new DeepYeastError('foreign-model-invalid', `${path} ${found}`, { cause });
}

function configuredChain(
  layers: readonly ConfiguredLayer[],
  epsilon: number | undefined,
  path: string,
): ImportedLayer[] {
  const chain: ImportedLayer[] = [];
  for (const layer of layers) {
    // Keras applies a dense layer to each pixel of a map that was not flattened.
    const map = !chain.some(({ kind }) => kind === 'flatten');
    if (layer.kind === 'Dense' && map) throw invalid(path, `has no Flatten before the dense layer ${layer.name}`);
    chain.push(...configuredSteps(layer, map, epsilon, path));
  }
  return chain;
}

/** Steps of a layer of a whole model; settings that do not depend on the weights were checked before. */
function configuredSteps(
  layer: ConfiguredLayer,
  map: boolean,
  epsilon: number | undefined,
  path: string,
): ImportedLayer[] {
  const { name, kind, config, weights } = layer;
  const holds = (part: string, key: string) => {
    const said = config[key] ?? true;
    if (said !== true && said !== false)
      throw invalid(path, `has the layer ${name} with ${key} ${JSON.stringify(said)}`);
    if (said !== weights.has(part)) {
      throw invalid(path, `has the layer ${name} with ${key} ${said}, but ${said ? 'no' : 'a'} ${part} in its weights`);
    }
  };
  const outputs = (key: string, found: number) => {
    if (config[key] === found) return;
    throw invalid(path, `has the layer ${name} with ${key} ${JSON.stringify(config[key])}, but weights for ${found}`);
  };
  const activation = (): ImportedLayer[] => {
    const found = config.activation;
    if (found === undefined || found === null || found === 'linear') return [];
    if (found === 'relu' || found === 'softmax') return [{ kind: found, name }];
    throw invalid(path, `has the layer ${name} with the activation ${JSON.stringify(found)}; expected relu or softmax`);
  };
  switch (kind) {
    case 'Conv2D': {
      const step = convolution(layer, path);
      outputs('filters', step.outputs);
      holds('bias', 'use_bias');
      return [step, ...activation()];
    }
    case 'Dense': {
      const step = dense(layer, path);
      outputs('units', step.outputs);
      holds('bias', 'use_bias');
      return [step, ...activation()];
    }
    case 'BatchNormalization': {
      const axes = map ? [-1, 3] : [-1, 1];
      const axis = Array.isArray(config.axis) && config.axis.length === 1 ? config.axis[0] : (config.axis ?? -1);
      if (!axes.includes(axis as number)) {
        throw invalid(
          path,
          `has the layer ${name} with axis ${JSON.stringify(config.axis)}; expected -1, the channels`,
        );
      }
      holds('gamma', 'scale');
      holds('beta', 'center');
      const own = config.epsilon ?? defaultEpsilon;
      if (!(typeof own === 'number' && own > 0)) {
        throw invalid(path, `has the layer ${name} with epsilon ${JSON.stringify(own)}; expected a number above 0`);
      }
      if (epsilon !== undefined && epsilon !== own) {
        throw new DeepYeastError(
          'invalid-argument',
          `epsilon is given as ${epsilon}, but ${path} has ${own} in ${name}; leave it out: the file says it`,
        );
      }
      return [normalization(layer, own, path)];
    }
    case 'Dropout': {
      const { rate } = config;
      if (!(typeof rate === 'number' && rate >= 0 && rate < 1)) {
        throw invalid(path, `has the layer ${name} with rate ${JSON.stringify(rate)}; expected a number from 0 to 1`);
      }
      return [{ kind: 'dropout', name, rate }];
    }
    case 'MaxPooling2D':
      return [{ kind: 'pool', name }];
    case 'Flatten':
      return [{ kind: 'flatten', name }];
    case 'Activation':
      return activation();
    case 'ReLU':
      return [{ kind: 'relu', name }];
    case 'Softmax':
      return [{ kind: 'softmax', name }];
    default:
      return []; // InputLayer
  }
}

/** Steps of layers of which only names and weights are known. */
function namedChain(layers: readonly StoredLayer[], epsilon: number, path: string): ImportedLayer[] {
  const chain: ImportedLayer[] = [];
  for (const layer of layers) {
    const { name, weights } = layer;
    const kind = namedKind(name, [...weights.keys()], weights.get('kernel')?.shape.length);
    if (typeof kind === 'object') throw invalid(path, kind.problem);
    if (kind === 'convolution') chain.push(convolution(layer, path));
    else if (kind === 'dense') chain.push(dense(layer, path));
    else if (kind === 'normalization') chain.push(normalization(layer, epsilon, path));
    else if (kind === 'dropout') chain.push({ kind, name, rate: defaultDropout });
    else if (kind === 'activation') chain.push({ kind: 'relu', name });
    else if (kind !== 'input') chain.push({ kind, name });
  }
  // The last activation, if its name says no more than that, gives the posteriors.
  const last = chain.at(-1);
  if (last?.kind === 'relu' && namedKind(last.name, [], undefined) === 'activation') {
    chain[chain.length - 1] = { kind: 'softmax', name: last.name };
  }
  return chain;
}

type Step<Kind> = Extract<ImportedLayer, { kind: Kind }>;

function weight(layer: StoredLayer, part: string, path: string): KerasWeight {
  const found = layer.weights.get(part);
  if (!found) throw invalid(path, `has the layer ${layer.name} without its ${part}`);
  return found;
}

function onlyWeights({ name, weights }: StoredLayer, parts: readonly string[], path: string): void {
  const other = [...weights.keys()].find((part) => !parts.includes(part));
  if (other === undefined) return;
  throw invalid(path, `has the layer ${name} with the weight ${other}; expected ${parts.join(', ')} and no others`);
}

/** [height, width, inputs, outputs] to [outputs, height, width, inputs]. */
function convolution(layer: StoredLayer, path: string): Step<'convolution'> {
  onlyWeights(layer, ['kernel', 'bias'], path);
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

function dense(layer: StoredLayer, path: string): Step<'dense'> {
  onlyWeights(layer, ['kernel', 'bias'], path);
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

function biasOf(layer: StoredLayer): { bias?: Float32Array } {
  const bias = layer.weights.get('bias')?.values;
  return bias ? { bias } : {};
}

function normalization(layer: StoredLayer, epsilon: number, path: string): ImportedLayer {
  onlyWeights(layer, ['gamma', 'beta', 'moving_mean', 'moving_variance'], path);
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
