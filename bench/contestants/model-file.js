// The model that all contestants share: a .safetensors file written by deepyeast, read without deepyeast.
import { readFileSync } from 'node:fs';

/** @returns {{topology: object, scale: number, tensors: Map<string, {shape: number[], values: Float32Array}>}} */
export function readModel(path) {
  const file = readFileSync(path);
  const headerLength = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, 8 + headerLength).toString('utf8'));
  const tensors = new Map();
  for (const [name, { shape, data_offsets: offsets }] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const bytes = file.subarray(8 + headerLength + offsets[0], 8 + headerLength + offsets[1]);
    tensors.set(name, { shape, values: new Float32Array(new Uint8Array(bytes).buffer) });
  }
  const metadata = header.__metadata__;
  return { topology: JSON.parse(metadata.topology), scale: JSON.parse(metadata.input).scale, tensors };
}

/** Layers in order: { name, kind, weight, shape, pool, relu } with batch normalization folded into weight and bias. */
export function foldedLayers({ topology, tensors }) {
  const layers = [];
  const add = (name, kind, pool) => {
    const { shape, values } = tensors.get(`${name}.weight`);
    const outputs = shape[0];
    const perOutput = values.length / outputs;
    const weight = Float32Array.from(values);
    let bias = tensors.get(`${name}.bias`)?.values;
    const relu = bias === undefined;
    if (relu) {
      const [gamma, beta, mean, variance] = ['gamma', 'beta', 'running_mean', 'running_variance'].map(
        (part) => tensors.get(`${name}.${part}`).values,
      );
      bias = new Float32Array(outputs);
      for (let output = 0; output < outputs; output++) {
        const factor = gamma[output] / Math.sqrt(variance[output] + topology.normalizationEpsilon);
        bias[output] = beta[output] - mean[output] * factor;
        for (let i = 0; i < perOutput; i++) weight[output * perOutput + i] *= factor;
      }
    }
    layers.push({ name, kind, shape, weight, bias, pool, relu });
  };
  topology.blocks.forEach((widths, block) => {
    widths.forEach((_, i) => {
      add(`conv${block + 1}_${i + 1}`, 'convolution', i === widths.length - 1);
    });
  });
  for (let i = 1; i <= topology.dense.length + 1; i++) add(`fc${i}`, 'dense', false);
  return layers;
}

/** The same values with axes in another order, as NumPy's transpose. */
export function transposed(values, shape, order) {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, extent) => product * extent, 1));
  const target = order.map((axis) => shape[axis]);
  const result = new Float32Array(values.length);
  const index = target.map(() => 0);
  for (let i = 0; i < result.length; i++) {
    let source = 0;
    for (let axis = 0; axis < index.length; axis++) source += index[axis] * strides[order[axis]];
    result[i] = values[source];
    for (let axis = index.length - 1; axis >= 0 && ++index[axis] === target[axis]; axis--) index[axis] = 0;
  }
  return result;
}
