/**
 * Writes a model as ONNX: cells [n, size, size, channels] with raw pixels (0 to 255) in, posteriors [n, classes] out; the
 * input transform is part of the graph. Inside, maps are [n, channels, height, width], as ONNX has it.
 */

import { DeepYeastError } from '../../errors';
import { writeFileAtomically } from '../../files/atomic-file';
import { parseWholeNumber } from '../../files/number';
import type { Stage } from '../../native/addon';
import { type Checkpoint, readCheckpoint } from '../checkpoint';
import { layerNames } from '../topology';
import { type PlainLayer, plainLayers } from './folded-layers';
import { attributeTypes, elementTypes, onnxMessages } from './onnx-schema';

/** ONNX operator sets that can be asked for, each with the IR version that came with it. */
const irVersions: Readonly<Record<number, number>> = {
  9: 4,
  10: 5,
  11: 6,
  12: 7,
  13: 7,
  14: 7,
  15: 8,
  16: 8,
  17: 8,
  18: 8,
  19: 9,
  20: 9,
  21: 10,
};
export const opsets = Object.keys(irVersions).map((opset) => parseWholeNumber(opset) as number);
export const defaultOpset = 17;

/** A layer's output beside the posteriors, named LAYER, or LAYER_STAGE where the stage is not `activated`. */
export interface OnnxLayerOutput {
  layer: string;
  /** Default `activated`; of the last layer, which has no ReLU, every stage is its logits. */
  stage?: Stage;
}

export interface OnnxOptions {
  /** Keep batch normalizations as nodes of their own, or fold them into the weights; default kept. */
  batchNorm?: 'kept' | 'folded';
  /** Outputs beside the posteriors. Maps are [n, height, width, channels]. */
  outputs?: readonly OnnxLayerOutput[];
  /** ONNX operator set, 9 to 21; default 17. */
  opset?: number;
  /** Element type of the cells; default uint8. Either way pixels from 0 to 255. */
  input?: 'uint8' | 'float32';
}

export interface OnnxValue {
  name: string;
  /** Without the batch, which may have any size. */
  shape: number[];
  type: 'uint8' | 'float32';
}

export interface OnnxDescription {
  opset: number;
  batchNorm: 'kept' | 'folded';
  inputs: OnnxValue[];
  outputs: OnnxValue[];
}

/**
 * Writes a model file or a run's best model as an ONNX file.
 *
 * @throws model-invalid, invalid-argument, io-error, disk-full
 */
export async function exportOnnx(model: string, path: string, options: OnnxOptions = {}): Promise<OnnxDescription> {
  const { bytes, description } = await onnxModel(await readCheckpoint(model), options);
  await writeFileAtomically(path, bytes);
  return description;
}

/**
 * The bytes of an ONNX file.
 *
 * @throws invalid-argument for an unknown layer, a stage that folding leaves out, an operator set that is not written;
 *   model-invalid for a model that never saw a training set
 */
export async function onnxModel(
  model: Checkpoint,
  options: OnnxOptions = {},
): Promise<{ bytes: Uint8Array; description: OnnxDescription }> {
  const { batchNorm = 'kept', opset = defaultOpset, input = 'uint8' } = options;
  const irVersion = irVersions[opset];
  if (irVersion === undefined) {
    throw new DeepYeastError(
      'invalid-argument',
      `the operator set is ${opset}; expected ${opsets[0]} to ${opsets.at(-1)}`,
    );
  }
  const { inputTransform, topology, classes } = model;
  if (inputTransform === undefined) {
    throw new DeepYeastError('model-invalid', 'the model has no input transform; expected one that saw a training set');
  }
  const graph = new Graph(model, options.outputs ?? [], batchNorm === 'folded');
  const { imageSize, channels } = topology;
  const { mean, scale } = inputTransform;
  graph.add('Cast', [], { to: elementTypes.float32 });
  graph.add('Sub', [graph.constant('mean_image', [imageSize, imageSize, channels], mean)]);
  if (scale !== 1) graph.add('Mul', [graph.constant('scale', [], Float32Array.of(scale))]);
  graph.add('Transpose', [], { perm: [0, 3, 1, 2] });
  for (const layer of plainLayers(model, { fold: batchNorm === 'folded' })) graph.addLayer(layer);
  graph.add('Softmax', [], { axis: 1 }, 'posteriors');
  graph.output('posteriors', [classes.length]);

  const cells: OnnxValue = { name: 'cells', shape: [imageSize, imageSize, channels], type: input };
  const outputs = graph.outputs.reverse();
  const messages = await onnxMessages();
  const type = messages.lookupType('onnx.ModelProto');
  const message = type.fromObject({
    ir_version: irVersion,
    producer_name: 'deepyeast',
    doc_string: model.about?.description ?? '',
    opset_import: [{ domain: '', version: opset }],
    metadata_props: [
      { key: 'classes', value: JSON.stringify(classes) },
      { key: 'channels', value: JSON.stringify(inputTransform.channels) },
      { key: 'normalization', value: JSON.stringify(inputTransform.normalization) },
    ],
    graph: {
      name: 'deepyeast',
      node: graph.nodes,
      initializer: graph.initializers,
      input: [valueInfo(cells)],
      output: outputs.map(valueInfo),
    },
  });
  return { bytes: type.encode(message).finish(), description: { opset, batchNorm, inputs: [cells], outputs } };
}

function valueInfo({ name, shape, type }: OnnxValue): object {
  const dim = [{ dim_param: 'n' }, ...shape.map((dim_value) => ({ dim_value }))];
  return { name, type: { tensor_type: { elem_type: elementTypes[type], shape: { dim } } } };
}

type Attributes = Record<string, number | number[] | { float: number }>;

/** Nodes in a chain from `cells`, each taking the output of the one before it. */
class Graph {
  readonly nodes: object[] = [];
  readonly initializers: object[] = [];
  readonly outputs: OnnxValue[] = [];
  readonly #model: Checkpoint;
  readonly #folded: boolean;
  /** Names of the outputs by `layer stage`. */
  readonly #wanted = new Map<string, string>();
  #last = 'cells';
  /** Side of the maps; undefined behind the first dense layer. */
  #side: number | undefined;

  constructor(model: Checkpoint, wanted: readonly OnnxLayerOutput[], folded: boolean) {
    this.#model = model;
    this.#folded = folded;
    this.#side = model.topology.imageSize;
    const names = layerNames(model.topology);
    const pooled = new Set(model.topology.blocks.map((widths, block) => `conv${block + 1}_${widths.length}`));
    for (const { layer, stage = 'activated' } of wanted) {
      const invalid = (found: string) => new DeepYeastError('invalid-argument', `${layer} ${found}`);
      if (!names.includes(layer)) throw invalid(`is no layer of this model; expected ${names.join(', ')}`);
      const last = layer === names.at(-1);
      if (folded && stage === 'linear' && !last) {
        throw invalid('has no linear output once its batch normalization is folded; keep it, or ask for another stage');
      }
      if (stage === 'pooled' && !pooled.has(layer)) throw invalid('is not followed by a pool');
      this.#wanted.set(`${layer} ${last ? 'linear' : stage}`, stage === 'activated' ? layer : `${layer}_${stage}`);
    }
  }

  constant(name: string, dims: readonly number[], values: Float32Array | BigInt64Array): string {
    const data_type = values instanceof BigInt64Array ? elementTypes.int64 : elementTypes.float32;
    const raw_data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    this.initializers.push({ name, dims, data_type, raw_data });
    return name;
  }

  add(op: string, inputs: readonly string[], attributes: Attributes = {}, output?: string): void {
    const name = output ?? `${op}_${this.nodes.length}`;
    const attribute = Object.entries(attributes).map(([key, value]) => {
      if (Array.isArray(value)) return { name: key, ints: value, type: attributeTypes.ints };
      if (typeof value === 'object') return { name: key, f: value.float, type: attributeTypes.float };
      return { name: key, i: value, type: attributeTypes.int };
    });
    this.nodes.push({ name, op_type: op, input: [this.#last, ...inputs], output: [name], attribute });
    this.#last = name;
  }

  output(name: string, shape: number[]): void {
    this.outputs.push({ name, shape, type: 'float32' });
  }

  addLayer(layer: PlainLayer): void {
    const { name, kind, shape, weight, bias, normalization } = layer;
    const outputs = shape[0] as number;
    const constants = (parts: [string, Float32Array][]) =>
      parts.map(([part, values]) => this.constant(`${name}.${part}`, [outputs], values));
    if (kind === 'convolution') {
      const inputs = shape[3] as number;
      const kernel = this.constant(`${name}.weight`, [outputs, inputs, 3, 3], channelsFirst(weight, outputs, inputs));
      this.add('Conv', [kernel, ...constants(bias ? [['bias', bias]] : [])], {
        kernel_shape: [3, 3],
        pads: [1, 1, 1, 1],
      });
    } else {
      if (this.#side !== undefined) {
        this.add('Transpose', [], { perm: [0, 2, 3, 1] });
        this.add('Reshape', [this.constant('flat', [2], BigInt64Array.of(-1n, BigInt(shape[1] as number)))]);
        this.#side = undefined;
      }
      const matrix = this.constant(`${name}.weight`, shape, weight);
      // Gemm needs an addend before operator set 11.
      this.add('Gemm', [matrix, ...constants([['bias', bias ?? new Float32Array(outputs)]])], { transB: 1 });
    }
    if (!this.#folded || !layer.relu) this.#keep(layer, 'linear', outputs);
    if (normalization) {
      const { gamma, beta, mean, variance } = normalization;
      this.add(
        'BatchNormalization',
        constants([
          ['gamma', gamma],
          ['beta', beta],
          ['running_mean', mean],
          ['running_variance', variance],
        ]),
        { epsilon: { float: this.#model.topology.normalizationEpsilon } },
      );
    }
    if (!layer.relu) return;
    this.#keep(layer, 'normalized', outputs);
    this.add('Relu', []);
    this.#keep(layer, 'activated', outputs);
    if (!layer.pool) return;
    this.add('MaxPool', [], { kernel_shape: [2, 2], strides: [2, 2] });
    if (this.#side !== undefined) this.#side /= 2;
    this.#keep(layer, 'pooled', outputs);
  }

  /** Makes the value an output where it was asked for, with the channels last. */
  #keep({ name }: PlainLayer, stage: Stage, units: number): void {
    const wanted = this.#wanted.get(`${name} ${stage}`);
    if (wanted === undefined) return;
    const value = this.#last;
    if (this.#side === undefined) this.add('Identity', [], {}, wanted);
    else this.add('Transpose', [], { perm: [0, 2, 3, 1] }, wanted);
    this.output(wanted, this.#side === undefined ? [units] : [this.#side, this.#side, units]);
    this.#last = value;
  }
}

/** [outputs, 3, 3, inputs] to [outputs, inputs, 3, 3]. */
function channelsFirst(weight: Float32Array, outputs: number, inputs: number): Float32Array {
  const result = new Float32Array(weight.length);
  for (let output = 0; output < outputs; output++) {
    for (let tap = 0; tap < 9; tap++) {
      for (let input = 0; input < inputs; input++) {
        result[(output * inputs + input) * 9 + tap] = weight[(output * 9 + tap) * inputs + input] as number;
      }
    }
  }
  return result;
}
