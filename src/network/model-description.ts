import { stat } from 'node:fs/promises';
import { describeNormalization } from '../data/normalization';
import { fileError } from '../errors';
import { fileDigest } from '../files/digest';
import { rounded } from '../files/number';
import { type ModelAbout, modelPath, readCheckpoint } from './checkpoint';
import { layerNames, parameterCount } from './topology';

export interface LayerDescription {
  name: string;
  kind: 'convolution' | 'dense';
  /** Of one image, before the pool: [height, width, channels] or [units]. */
  output: number[];
  /** Shape of its weights. */
  weights: number[];
  /** Trainable parameters, those of its normalization among them. */
  parameters: number;
}

/** What `deepyeast model show` tells. */
export interface ModelDescription {
  path: string;
  bytes: number;
  sha256: string;
  about?: ModelAbout;
  classes: string[];
  imageSize: number;
  channels: number;
  /** Absent for a network that never saw a training set. */
  input?: {
    channels: readonly string[];
    scale: number;
    mean: string;
    intensities: string;
    /** Pixels of a typical cell in the images it was trained on, where it is known. */
    cellDiameter?: number;
  };
  layers: LayerDescription[];
  parameters: number;
  dropout: number;
  normalizationEpsilon: number;
  seed: number;
  iteration?: number;
  recipe?: unknown;
  metrics?: unknown;
}

/**
 * Reads all of a model and says what it is.
 *
 * @param model a model file or a run folder, whose best model is taken
 * @throws model-invalid, io-error
 */
export async function describeModel(model: string): Promise<ModelDescription> {
  const path = await modelPath(model);
  const checkpoint = await readCheckpoint(path);
  const { topology, classes, tensors, inputTransform, about, seed, iteration, recipe, metrics } = checkpoint;
  let bytes: number;
  try {
    bytes = (await stat(path)).size;
  } catch (error) {
    throw fileError('read', path, error);
  }
  let block = 0;
  let left = topology.blocks[0]?.length ?? 0;
  const layers = layerNames(topology).map((name): LayerDescription => {
    const { shape } = tensors.get(`${name}.weight`) as { shape: number[] };
    const parameters = ['weight', 'bias', 'gamma', 'beta'].reduce(
      (sum, part) => sum + (tensors.get(`${name}.${part}`)?.values.length ?? 0),
      0,
    );
    const units = shape[0] as number;
    if (shape.length === 2) return { name, kind: 'dense', output: [units], weights: shape, parameters };
    const side = topology.imageSize / 2 ** block;
    left--;
    if (left === 0) {
      block++;
      left = topology.blocks[block]?.length ?? 0;
    }
    return { name, kind: 'convolution', output: [side, side, units], weights: shape, parameters };
  });
  const description: ModelDescription = {
    path,
    bytes,
    sha256: await fileDigest(path),
    classes,
    imageSize: topology.imageSize,
    channels: topology.channels,
    layers,
    parameters: parameterCount(topology),
    dropout: topology.dropout,
    normalizationEpsilon: topology.normalizationEpsilon,
    seed,
  };
  if (inputTransform) {
    const { channels, scale, mean, normalization, cellDiameter } = inputTransform;
    description.input = {
      channels,
      scale,
      mean: describeMean(mean),
      intensities: describeNormalization(normalization),
      ...(cellDiameter !== undefined && { cellDiameter }),
    };
  }
  if (about) description.about = about;
  if (iteration !== undefined) description.iteration = iteration;
  if (recipe !== undefined) description.recipe = recipe;
  if (metrics !== undefined) description.metrics = metrics;
  return description;
}

function describeMean(mean: Float32Array): string {
  let [least, most, sum] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (const value of mean) {
    least = Math.min(least, value);
    most = Math.max(most, value);
    sum += value;
  }
  const short = (value: number) => String(rounded(value, 4));
  return least === most
    ? short(least)
    : `of every pixel, ${short(least)} to ${short(most)}, on average ${short(sum / mean.length)}`;
}
