/**
 * model_config of a whole Keras model, taken at its word: each setting of each layer is one that the DeepYeast network has,
 * one that does not change what a trained network computes, or the reason to refuse the file. Settings that are absent
 * have Keras's own default.
 */
import { DeepYeastError } from '../../errors';
import { parseJson } from '../../files/parse-json';
import type { StoredLayer } from './keras-file';

export interface ConfiguredLayer extends StoredLayer {
  kind: string;
  config: Record<string, unknown>;
}

export interface KerasConfiguration {
  layers: ConfiguredLayer[];
  /** Height, width and channels of the input; undefined where the configuration leaves them open. */
  input?: [number, number, number];
}

type Settings = Record<string, unknown>;

/** Settings that say how weights are made and trained, not what they compute. */
const training = new Set(
  ['kernel', 'bias', 'beta', 'gamma', 'moving_mean', 'moving_variance', 'activity']
    .flatMap((part) => ['initializer', 'regularizer', 'constraint'].map((what) => `${part}_${what}`))
    .concat('name', 'trainable', 'momentum', 'renorm_clipping', 'renorm_momentum', 'seed', 'noise_shape', 'fused')
    .concat('synchronized', 'optional', 'implementation', 'input_dtype', 'virtual_batch_size'),
);

/** Of each kind of layer: what its settings may be, the first value standing for the expected one in messages. */
interface Rule {
  /** What Keras takes where the setting is absent. */
  absent?: unknown;
  /** Empty: any value; it is read elsewhere. */
  expected: readonly unknown[];
}

const anything: Rule = { expected: [] };
const is = (absent: unknown, ...expected: unknown[]): Rule => ({ absent, expected });
const channelsLast = is('channels_last', 'channels_last', null);
const input: Readonly<Record<string, Rule>> = { batch_input_shape: anything, batch_shape: anything };
const rules: Readonly<Record<string, Readonly<Record<string, Rule>>>> = {
  InputLayer: { ...input, sparse: is(false, false), ragged: is(false, false) },
  Conv2D: {
    ...input,
    filters: anything,
    kernel_size: is(undefined, [3, 3]),
    strides: is([1, 1], [1, 1]),
    padding: is('valid', 'same'),
    data_format: channelsLast,
    dilation_rate: is([1, 1], [1, 1]),
    groups: is(1, 1),
    activation: anything,
    use_bias: anything,
  },
  Dense: { ...input, units: anything, activation: anything, use_bias: anything },
  BatchNormalization: {
    ...input,
    axis: anything,
    epsilon: anything,
    center: anything,
    scale: anything,
    renorm: is(false, false),
  },
  // Of even sides, which are checked where the layers are put together, `same` takes what `valid` takes.
  MaxPooling2D: {
    ...input,
    pool_size: is([2, 2], [2, 2]),
    strides: is(null, [2, 2], null),
    padding: is('valid', 'valid', 'same'),
    data_format: channelsLast,
  },
  Flatten: { ...input, data_format: channelsLast },
  Activation: { ...input, activation: anything },
  ReLU: { ...input, max_value: is(null, null), negative_slope: is(0, 0, null), threshold: is(0, 0, null) },
  Softmax: { ...input, axis: is(-1, -1, 1, [-1], [1]) },
  Dropout: { ...input, rate: anything },
};

/**
 * The layers in the order of the configuration, which must be a chain: Sequential, or a functional model whose layers each
 * take the one before them. Settings are checked here but for those that depend on the weights.
 *
 * @throws foreign-model-invalid
 */
export function readConfiguration(text: string, stored: readonly StoredLayer[], path: string): KerasConfiguration {
  const fail = (found: string) => new DeepYeastError('foreign-model-invalid', `${path} ${found}`);
  const root = record(parseJson(text, `${path}: its model_config`, 'foreign-model-invalid'));
  const model = String(root.class_name);
  if (!['Sequential', 'Functional', 'Model'].includes(model)) {
    throw fail(`holds a model of the class ${model}; expected Sequential or Functional`);
  }
  const config = record(root.config);
  const entries = Array.isArray(root.config) ? root.config : config.layers;
  if (!Array.isArray(entries)) throw fail('has a model_config without layers');
  const byName = new Map(stored.map((layer) => [layer.name, layer]));
  const layers: ConfiguredLayer[] = [];
  for (const entry of entries) {
    const { class_name: kind, config: own, name: ownName, inbound_nodes: nodes } = record(entry);
    const settings = record(own);
    const name = String(ownName ?? settings.name);
    if (layers.some((layer) => layer.name === name)) throw fail(`has two layers named ${name}`);
    if (model !== 'Sequential') checkChain(name, nodes, layers.at(-1)?.name, fail);
    checkSettings(name, String(kind), settings, fail);
    layers.push({ name, kind: String(kind), config: settings, weights: byName.get(name)?.weights ?? new Map() });
  }
  for (const { name, weights } of stored) {
    if (weights.size > 0 && !layers.some((layer) => layer.name === name)) {
      throw fail(`holds weights of the layer ${name}, which its model_config does not have`);
    }
  }
  if (model !== 'Sequential') checkEnds(config, layers, fail);
  const shape = inputShape(layers, config, fail);
  return { layers, ...(shape && { input: shape }) };
}

type Fail = (found: string) => DeepYeastError;

export function record(value: unknown): Settings {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Settings) : {};
}

function checkSettings(name: string, kind: string, settings: Settings, fail: Fail): void {
  const known = Object.hasOwn(rules, kind) ? rules[kind] : undefined;
  if (known === undefined)
    throw fail(`has the layer ${name} of the kind ${kind}, which the DeepYeast network does not have`);
  for (const key of Object.keys(settings)) {
    if (key === 'dtype') checkType(name, settings.dtype, fail);
    else if (settings[key] !== null && !training.has(key) && !Object.hasOwn(known, key)) {
      throw fail(`has the layer ${name} (${kind}) with the setting ${key}, which is not known here`);
    }
  }
  for (const [key, { absent, expected }] of Object.entries(known)) {
    if (expected.length === 0) continue;
    const found = settings[key] === undefined ? absent : settings[key];
    if (!expected.some((value) => same(value, found))) {
      throw fail(`has the layer ${name} with ${key} ${JSON.stringify(found)}; expected ${JSON.stringify(expected[0])}`);
    }
  }
}

/** Both sides of a pair may stand as one number. */
function same(expected: unknown, found: unknown): boolean {
  const whole = Array.isArray(expected) && typeof found === 'number' ? expected.map(() => found) : found;
  return JSON.stringify(expected) === JSON.stringify(whole);
}

/** A name, or a policy of that name in newer files. */
function checkType(name: string, type: unknown, fail: Fail): void {
  const found = typeof type === 'object' && type !== null ? record(record(type).config).name : type;
  if (found === 'float32' || found === null || found === undefined) return;
  throw fail(`has the layer ${name} with dtype ${JSON.stringify(found)}; expected "float32"`);
}

/** A layer is used once, and takes what the one before it gives: inbound_nodes of Keras 2 and of Keras 3. */
function checkChain(name: string, nodes: unknown, before: string | undefined, fail: Fail): void {
  const unclear = () => fail(`has inbound_nodes of ${name} that are not understood`);
  if (!Array.isArray(nodes)) throw unclear();
  if (before === undefined && nodes.length === 0) return;
  if (nodes.length !== 1) throw fail(`is no chain of layers: ${name} is used ${nodes.length} times after ${before}`);
  const [node] = nodes as unknown[];
  const sources = Array.isArray(node) ? node.map(sourceOf) : tensorsOf(record(node)).map(sourceOf);
  const names = sources.map((source) => source?.name);
  if (sources.length !== 1 || names[0] !== before) {
    throw fail(`is no chain of layers: ${name} takes ${names.join(', ')} after ${before}`);
  }
  const [source] = sources;
  if (source?.node !== 0 || source.output !== 0)
    throw fail(`is no chain of layers: ${name} takes another use of ${before}`);
  const call = Array.isArray(node) ? source.call : record(record(node).kwargs);
  for (const [key, value] of Object.entries(call)) {
    const plain = value === null || value === undefined || (key === 'training' && value === false);
    if (!plain) throw fail(`calls the layer ${name} with ${key} ${JSON.stringify(value)}; expected no such argument`);
  }
}

interface Source {
  name: string;
  node: unknown;
  output: unknown;
  call: Settings;
}

/** ["conv1", 0, 0, {}], or of Keras 3 {"class_name": "__keras_tensor__", "config": {"keras_history": ["conv1", 0, 0]}}. */
function sourceOf(value: unknown): Source | undefined {
  const list = Array.isArray(value) ? value : record(record(value).config).keras_history;
  if (!Array.isArray(list) || typeof list[0] !== 'string') return undefined;
  return { name: list[0], node: list[1], output: list[2], call: record(list[3]) };
}

function tensorsOf({ args }: Settings): unknown[] {
  return Array.isArray(args) ? args : [];
}

/** The model takes its first layer's input and gives its last layer's output. */
function checkEnds(config: Settings, layers: readonly ConfiguredLayer[], fail: Fail): void {
  const ends = { input_layers: layers[0]?.name, output_layers: layers.at(-1)?.name };
  for (const [key, expected] of Object.entries(ends)) {
    if (config[key] === undefined) continue;
    // One layer, or a list of layers.
    const list = Array.isArray(config[key]) ? (config[key] as unknown[]) : [];
    const sources = (typeof list[0] === 'string' ? [list] : list).map(sourceOf);
    if (sources.length !== 1 || sources[0]?.name !== expected) {
      throw fail(`has the ${key} ${sources.map((source) => source?.name).join(', ')}; expected ${expected} alone`);
    }
  }
}

/** [batch, height, width, channels], said in up to three places, which must agree. */
function inputShape(
  layers: readonly ConfiguredLayer[],
  config: Settings,
  fail: Fail,
): [number, number, number] | undefined {
  let found: unknown[] | undefined;
  const said: [string, unknown][] = layers.flatMap(({ name, config: own }): [string, unknown][] => [
    [name, own.batch_input_shape],
    [name, own.batch_shape],
  ]);
  for (const [name, shape] of [...said, ['the model', config.build_input_shape] as const]) {
    if (shape === undefined || shape === null) continue;
    if (!Array.isArray(shape) || shape.length !== 4) {
      throw fail(`has ${name} for an input of ${JSON.stringify(shape)}; expected [batch, height, width, channels]`);
    }
    found ??= shape.slice(1);
    if (!same(found, shape.slice(1))) {
      throw fail(`says two input shapes: [${found.join(', ')}] and, of ${name}, [${shape.slice(1).join(', ')}]`);
    }
  }
  if (found === undefined || found.some((extent) => extent === null)) return undefined;
  if (!found.every((extent) => Number.isSafeInteger(extent) && (extent as number) > 0)) {
    throw fail(`takes an input of [${found.join(', ')}]; expected height, width and channels`);
  }
  return found as [number, number, number];
}
