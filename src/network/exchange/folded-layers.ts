/** A model's layers one by one, with batch normalization as it is or folded into weights and biases. */
import type { Checkpoint } from '../checkpoint';
import { layerNames } from '../topology';

export interface NormalizationTensors {
  gamma: Float32Array;
  beta: Float32Array;
  mean: Float32Array;
  variance: Float32Array;
}

export interface PlainLayer {
  name: string;
  kind: 'convolution' | 'dense';
  /** [outputs, 3, 3, inputs] or [outputs, inputs]. */
  shape: readonly number[];
  weight: Float32Array;
  /** Absent before a normalization that is kept. */
  bias?: Float32Array;
  normalization?: NormalizationTensors;
  /** All but the last layer are rectified. */
  relu: boolean;
  /** Whether a 2x2 max pool follows: the last convolution of a block. */
  pool: boolean;
}

/**
 * The layers in order. Folding multiplies each output's weights by gamma / sqrt(variance + epsilon) and adds
 * beta - mean gamma / sqrt(variance + epsilon), computed in double precision.
 */
export function plainLayers(model: Checkpoint, options: { fold: boolean }): PlainLayer[] {
  const { topology, tensors } = model;
  const values = (name: string) => {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw new Error(`the model has no tensor ${name}`);
    return tensor;
  };
  const lastOfBlocks = new Set(topology.blocks.map((widths, block) => `conv${block + 1}_${widths.length}`));
  const names = layerNames(topology);
  return names.map((name): PlainLayer => {
    const { shape, values: weight } = values(`${name}.weight`);
    const layer: PlainLayer = {
      name,
      kind: shape.length === 4 ? 'convolution' : 'dense',
      shape,
      weight,
      relu: name !== names.at(-1),
      pool: lastOfBlocks.has(name),
    };
    if (!layer.relu) return { ...layer, bias: values(`${name}.bias`).values };
    const normalization = {
      gamma: values(`${name}.gamma`).values,
      beta: values(`${name}.beta`).values,
      mean: values(`${name}.running_mean`).values,
      variance: values(`${name}.running_variance`).values,
    };
    if (!options.fold) return { ...layer, normalization };
    return { ...layer, ...folded(weight, normalization, topology.normalizationEpsilon) };
  });
}

function folded(
  weight: Float32Array,
  { gamma, beta, mean, variance }: NormalizationTensors,
  epsilon: number,
): { weight: Float32Array; bias: Float32Array } {
  const outputs = gamma.length;
  const row = weight.length / outputs;
  const scaled = new Float32Array(weight.length);
  const bias = new Float32Array(outputs);
  for (let output = 0; output < outputs; output++) {
    const factor = (gamma[output] as number) / Math.sqrt((variance[output] as number) + epsilon);
    bias[output] = (beta[output] as number) - (mean[output] as number) * factor;
    for (let i = output * row; i < (output + 1) * row; i++) scaled[i] = (weight[i] as number) * factor;
  }
  return { weight: scaled, bias };
}
