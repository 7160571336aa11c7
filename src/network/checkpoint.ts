/**
 * Checkpoints: safetensors files that hold a network's parameters and running statistics, its mean image, and as
 * metadata everything else that a model is: classes, topology, input transform, seed, recipe, iteration, metrics. The
 * momentum (velocity/NAME) and averaged weights (average/NAME) are there in checkpoints from which training goes on. Nothing in a checkpoint depends on time
 * or place, so that equal states make equal bytes.
 */
import { stat as statCallback } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Normalization, parseNormalization } from '../data/normalization';
import { DeepYeastError, fileError } from '../errors';
import { toFloat16 } from '../files/float16';
import { parseJson } from '../files/parse-json';
import { SafetensorsFile, safetensorsHeader, writeSafetensors } from '../files/safetensors';
import type { NativeNetwork, NativeTopology } from '../native/addon';
import type { InputTransform } from './input-transform';
import { tensorsOf } from './tensors';

// Not node:fs/promises, as in files/safetensors.ts.
const stat = promisify(statCallback);

/** Raised when a change makes older readers misread the file. */
const formatVersion = '1';
const meanImage = 'mean_image';
const velocity = (name: string) => `velocity/${name}`;
const average = (name: string) => `average/${name}`;

/** Names of the two models in a run folder. */
export const bestModelFile = 'best.safetensors';
export const lastModelFile = 'last.safetensors';

/** What people should know of a model: where it comes from, under which terms, what to cite. All of it is free text. */
export interface ModelAbout {
  name?: string;
  description?: string;
  authors?: string[];
  /** SPDX identifier, such as MIT. */
  licence?: string;
  citations?: { text: string; doi?: string; url?: string }[];
  /** The file of another program that the model was made from. */
  source?: { format: string; file: string; sha256: string; note?: string };
}

/** What a checkpoint says beside its tensors. */
export interface CheckpointDescription {
  classes: string[];
  topology: NativeTopology;
  seed: number;
  /** All of the input transform but the mean image; absent for a network that never saw a training set. */
  input?: { scale: number; channels: string[]; normalization: Normalization; cellDiameter?: number };
  /** What it was trained by, as recipe.json says it: shown and compared, never followed, so that nothing checks it here. */
  recipe?: unknown;
  /** Mini-batches that went into it. */
  iteration?: number;
  /** Losses and accuracies when it was written. */
  metrics?: unknown;
  /** The trainer's own state, in checkpoints from which it goes on. */
  training?: unknown;
  /** How the device carried out its operations, in the same; absent where it had no choice, as the CPU. */
  plans?: string;
  about?: ModelAbout;
}

export interface Tensor {
  shape: number[];
  values: Float32Array;
}

export interface Checkpoint extends Omit<CheckpointDescription, 'input'> {
  inputTransform?: InputTransform;
  /** By name: parameters and running statistics, and velocity/NAME and average/NAME where asked for. The mean image is not among them. */
  tensors: Map<string, Tensor>;
}

/** The model file that a path means: itself, or a run folder's best model. */
export async function modelPath(path: string): Promise<string> {
  try {
    if (!(await stat(path)).isDirectory()) return path;
  } catch (error) {
    throw fileError('read the model', path, error);
  }
  const best = join(path, bestModelFile);
  try {
    await stat(best);
  } catch (cause) {
    throw new DeepYeastError(
      'model-invalid',
      `${path} holds no ${bestModelFile}; expected a model file or the folder of a run that has reported at least once; ` +
        `for the latest state of a run name its ${lastModelFile}`,
      { cause },
    );
  }
  return best;
}

/** A checkpoint whose tensors are still to be read. */
export interface OpenCheckpoint extends Omit<Checkpoint, 'tensors'> {
  /** Their shapes, by name. */
  shapes: Map<string, number[]>;
  /** Reads all of them into a network of this topology, checked as they are read. */
  readInto(network: NativeNetwork): Promise<void>;
  /** One of them, checked. */
  read(name: string): Promise<Float32Array>;
  close(): Promise<void>;
}

/**
 * Reads a checkpoint and checks all of it: sizes and offsets, that the tensors are those of its topology, that every
 * number is finite.
 *
 * @param path a model file or a run folder, whose best model is taken
 * @param options.momentum also read velocity/NAME of every trainable tensor, an error where they are missing, and
 *   average/NAME of every tensor where the file has averages
 * @throws model-invalid, io-error
 */
export async function readCheckpoint(path: string, options: { momentum?: boolean } = {}): Promise<Checkpoint> {
  const { shapes, read, readInto: _, close, ...checkpoint } = await openCheckpoint(path, options);
  try {
    const tensors = new Map<string, Tensor>();
    for (const [name, shape] of shapes) tensors.set(name, { shape, values: await read(name) });
    return { ...checkpoint, tensors };
  } finally {
    await close();
  }
}

/** As readCheckpoint, all but the tensors' values. */
export async function openCheckpoint(path: string, options: { momentum?: boolean } = {}): Promise<OpenCheckpoint> {
  const file = await SafetensorsFile.open(await modelPath(path));
  try {
    const { input, ...description } = describe(file);
    const { topology } = description;
    const expected = tensorsOf(topology);
    const shapes = new Map<string, number[]>();
    for (const { name, shape } of expected) shapes.set(name, shape);
    if (options.momentum) {
      for (const { name, shape, trainable } of expected) if (trainable) shapes.set(velocity(name), shape);
      if (expected.some(({ name }) => file.header.tensors.has(average(name)))) {
        for (const { name, shape } of expected) shapes.set(average(name), shape);
      }
    }
    for (const [name, shape] of shapes) requireShape(file, name, shape);
    const meanShape = [topology.imageSize, topology.imageSize, topology.channels];
    if (input) requireShape(file, meanImage, meanShape);
    const known = new Set([meanImage, ...expected.flatMap(({ name }) => [name, velocity(name), average(name)])]);
    for (const name of file.header.tensors.keys()) {
      if (!known.has(name)) {
        throw invalid(file.path, `has a tensor ${JSON.stringify(name.slice(0, 80))}, which its topology does not have`);
      }
    }
    const checkpoint: OpenCheckpoint = {
      ...description,
      shapes,
      async readInto(network) {
        const names = expected.map(({ name }) => name);
        // The native core reads float32 only.
        if (names.some((name) => file.has(name, 'F16'))) {
          for (const name of names) await network.setTensor(name, await readValues(file, name));
          return;
        }
        const positions = Float64Array.from(names, (name) => file.positionOf(name));
        await network.readTensors(file.descriptor, file.path, names, positions);
      },
      read: (name) => readValues(file, name),
      close: () => file.close(),
    };
    if (input) {
      checkpoint.inputTransform = { mean: await readValues(file, meanImage), ...input };
    }
    return checkpoint;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** As readCheckpoint, without the tensors: what a model is, from its header alone. */
export async function readCheckpointDescription(path: string): Promise<CheckpointDescription> {
  const file = await SafetensorsFile.open(await modelPath(path));
  try {
    return describe(file);
  } finally {
    await file.close();
  }
}

function requireShape(file: SafetensorsFile, name: string, shape: number[]): void {
  const entry = file.header.tensors.get(name);
  if (entry === undefined) {
    throw invalid(file.path, `has no tensor ${name}, which its topology needs (shape [${shape.join(', ')}])`);
  }
  if (entry.shape.length !== shape.length || entry.shape.some((extent, i) => extent !== shape[i])) {
    throw invalid(
      file.path,
      `has tensor ${name} of shape [${entry.shape.join(', ')}]; expected [${shape.join(', ')}] for its topology`,
    );
  }
}

async function readValues(file: SafetensorsFile, name: string): Promise<Float32Array> {
  const values = await file.values(name);
  const nonNegative = name.endsWith('.running_variance');
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (!Number.isFinite(value)) throw invalid(file.path, `has ${value} in tensor ${name}; expected finite numbers`);
    if (nonNegative && value < 0) throw invalid(file.path, `has ${value} in tensor ${name}; expected variances`);
  }
  return values;
}

function invalid(path: string, found: string): DeepYeastError {
  return new DeepYeastError('model-invalid', `${path} ${found}; use another checkpoint`);
}

function describe(file: SafetensorsFile): CheckpointDescription {
  const { metadata } = file.header;
  if (metadata.get('format') !== 'deepyeast') {
    throw invalid(file.path, 'is a safetensors file of something else; expected a deepyeast model (metadata format)');
  }
  if (metadata.get('version') !== formatVersion) {
    throw invalid(
      file.path,
      `has format version ${metadata.get('version')}; this deepyeast reads version ${formatVersion}`,
    );
  }
  const parsed = (key: string): unknown => {
    const text = metadata.get(key);
    if (text === undefined) return undefined;
    return parseJson(text, `${file.path}: metadata ${key}`, 'model-invalid');
  };
  const topology = parsed('topology');
  if (!isTopology(topology)) throw invalid(file.path, 'has no valid topology in its metadata');
  const classes = parsed('classes');
  if (!isNames(classes) || classes.length !== topology.classes) {
    throw invalid(file.path, `has a class list that does not name the ${topology.classes} classes of its topology`);
  }
  const seed = parsed('seed');
  if (!isCount(seed)) throw invalid(file.path, 'has no valid seed in its metadata');
  const description: CheckpointDescription = { classes, topology, seed };
  const input = parsed('input');
  if (input !== undefined) {
    if (!isInput(input) || input.channels.length !== topology.channels) {
      throw invalid(file.path, 'has an invalid input transform in its metadata');
    }
    description.input = { ...input, normalization: normalizationOf(input.normalization, topology.channels, file.path) };
  }
  const iteration = parsed('iteration');
  if (iteration !== undefined) {
    if (!isCount(iteration)) throw invalid(file.path, 'has an invalid iteration in its metadata');
    description.iteration = iteration;
  }
  const recipe = parsed('recipe');
  // Shown and compared, never followed: a resumed run takes the recipe of its recipe.json, which is validated.
  if (recipe !== undefined) description.recipe = recipe;
  for (const key of ['metrics', 'training'] as const) {
    const value = parsed(key);
    if (value !== undefined) description[key] = value;
  }
  const plans = parsed('plans');
  if (typeof plans === 'string') description.plans = plans;
  const about = parsed('about');
  if (about !== undefined) {
    if (!isAbout(about)) throw invalid(file.path, 'has an invalid description (about) in its metadata');
    description.about = about;
  }
  return description;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isWidth(value: unknown): value is number {
  return isCount(value) && value >= 1 && value <= 1 << 20;
}

function isNames(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((name) => typeof name === 'string' && name !== '');
}

/** Checks types and what sizes of tensors need; the native core judges whether such a network can be made. */
function isTopology(value: unknown): value is NativeTopology {
  if (typeof value !== 'object' || value === null) return false;
  const { imageSize, channels, blocks, dense, classes, dropout, normalizationEpsilon, normalizationMomentum } =
    value as Record<keyof NativeTopology, unknown>;
  return (
    [imageSize, channels, classes].every(isWidth) &&
    Array.isArray(blocks) &&
    blocks.length <= 16 &&
    blocks.every((block) => Array.isArray(block) && block.length >= 1 && block.length <= 256 && block.every(isWidth)) &&
    (imageSize as number) % 2 ** blocks.length === 0 &&
    Array.isArray(dense) &&
    dense.length <= 256 &&
    dense.every(isWidth) &&
    [dropout, normalizationEpsilon, normalizationMomentum].every(Number.isFinite)
  );
}

function isInput(value: unknown): value is NonNullable<CheckpointDescription['input']> {
  if (typeof value !== 'object' || value === null) return false;
  const { scale, channels, normalization, cellDiameter } = value as Record<string, unknown>;
  return (
    Number.isFinite(scale) &&
    scale !== 0 &&
    isNames(channels) &&
    typeof normalization === 'object' &&
    normalization !== null &&
    (cellDiameter === undefined || (typeof cellDiameter === 'number' && cellDiameter > 0))
  );
}

function isAbout(value: unknown): value is ModelAbout {
  const isTexts = (item: unknown, optional: string[], needed: string[] = []) =>
    typeof item === 'object' &&
    item !== null &&
    needed.every((key) => typeof (item as Record<string, unknown>)[key] === 'string') &&
    optional.every((key) => ['string', 'undefined'].includes(typeof (item as Record<string, unknown>)[key]));
  if (!isTexts(value, ['name', 'description', 'licence'])) return false;
  const { authors = [], citations = [], source } = value as Record<string, unknown>;
  return (
    Array.isArray(authors) &&
    authors.every((author) => typeof author === 'string') &&
    Array.isArray(citations) &&
    citations.every((citation) => isTexts(citation, ['doi', 'url'], ['text'])) &&
    (source === undefined || isTexts(source, ['note'], ['format', 'file', 'sha256']))
  );
}

function normalizationOf(value: unknown, channels: number, path: string): Normalization {
  try {
    return parseNormalization(value, channels, path);
  } catch (cause) {
    throw new DeepYeastError('model-invalid', (cause as Error).message, { cause });
  }
}

/** The fields in one order, so that equal topologies make equal bytes. */
function topologyJson(topology: NativeTopology): string {
  const { imageSize, channels, blocks, dense, classes, dropout, normalizationEpsilon, normalizationMomentum } =
    topology;
  return JSON.stringify({
    imageSize,
    channels,
    blocks,
    dense,
    classes,
    dropout,
    normalizationEpsilon,
    normalizationMomentum,
  });
}

type ExtraDescription = Pick<CheckpointDescription, 'recipe' | 'iteration' | 'metrics' | 'training' | 'about'>;

/** All that a file says beside its tensors; what does not depend on the tensors goes in one order, for equal bytes. */
function metadataOf(
  classes: readonly string[],
  topology: NativeTopology,
  seed: number,
  inputTransform: InputTransform | undefined,
  extra: ExtraDescription,
): Map<string, string> {
  const metadata = new Map([
    ['format', 'deepyeast'],
    ['version', formatVersion],
    ['classes', JSON.stringify(classes)],
    ['topology', topologyJson(topology)],
    ['seed', JSON.stringify(seed)],
  ]);
  if (inputTransform) {
    const { scale, channels, normalization, cellDiameter } = inputTransform;
    metadata.set('input', JSON.stringify({ scale, channels, normalization, cellDiameter }));
  }
  for (const key of ['recipe', 'iteration', 'metrics', 'training', 'about'] as const) {
    if (extra[key] !== undefined) metadata.set(key, JSON.stringify(extra[key]));
  }
  return metadata;
}

/** What a checkpoint takes from a network. */
export interface StoredNetwork {
  readonly classes: readonly string[];
  readonly topology: NativeTopology;
  readonly seed: number;
  readonly inputTransform: InputTransform | undefined;
  readonly native: NativeNetwork;
}

/**
 * Writes a network's checkpoint atomically: under a temporary name, flushed, renamed. The values go from the native
 * core to the disk, never through JavaScript.
 *
 * @param extra.momentum also writes the momentum, for going on with training
 * @param extra.average also writes the averages, for the same
 * @throws disk-full (an older file at `path` is as it was), io-error, closed
 */
export async function writeCheckpoint(
  path: string,
  network: StoredNetwork,
  extra: ExtraDescription & { momentum: boolean; average?: boolean },
): Promise<void> {
  const { topology, inputTransform } = network;
  const metadata = metadataOf(network.classes, topology, network.seed, inputTransform, extra);
  const plans = extra.momentum ? await network.native.plans() : '';
  if (plans !== '') metadata.set('plans', JSON.stringify(plans));
  const parameters = network.native.tensors;
  const tensors: { name: string; shape: readonly number[] }[] = [...parameters];
  if (inputTransform) {
    tensors.push({ name: meanImage, shape: [topology.imageSize, topology.imageSize, topology.channels] });
  }
  if (extra.momentum) {
    for (const { name, shape, trainable } of parameters) if (trainable) tensors.push({ name: velocity(name), shape });
  }
  if (extra.average) for (const { name, shape } of parameters) tensors.push({ name: average(name), shape });
  const header = safetensorsHeader(metadata, tensors);
  await network.native.writeTensors(
    path,
    header,
    tensors.map(({ name }) => name),
  );
}

/** Types that weights may be stored in. */
export const weightTypes = ['float32', 'float16'] as const;
export type WeightType = (typeof weightTypes)[number];

/** Half precision suits weights, not statistics, which may be large: what it cannot hold stays float32. */
function stored(name: string, values: Float32Array, type: WeightType) {
  if (type === 'float16' && name.endsWith('.weight') && values.every((value) => Math.abs(value) < 65_504)) {
    return { dtype: 'F16', values: toFloat16(values) };
  }
  return { dtype: 'F32', values };
}

/**
 * Writes a model that is in memory, an imported one for example, as readCheckpoint reads it: atomically, without the
 * native core and without momentum.
 *
 * @param options.weights the type in which the weights of convolutions and dense layers are stored; default float32
 * @throws disk-full, io-error
 */
export async function writeModel(
  path: string,
  model: Checkpoint,
  options: { weights?: WeightType } = {},
): Promise<void> {
  const { topology, classes, seed, inputTransform, tensors } = model;
  const entries = tensorsOf(topology).map(({ name, shape }) => {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw new Error(`the model has no tensor ${name}`);
    return { name, shape, ...stored(name, tensor.values, options.weights ?? 'float32') };
  });
  if (inputTransform) {
    const { imageSize, channels } = topology;
    entries.push({
      name: meanImage,
      shape: [imageSize, imageSize, channels],
      dtype: 'F32',
      values: inputTransform.mean,
    });
  }
  await writeSafetensors(path, metadataOf(classes, topology, seed, inputTransform, model), entries);
}
