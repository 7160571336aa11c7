import type { NativeTopology } from '../native/addon';

export interface TensorSpecification {
  name: string;
  shape: number[];
  /** False for running statistics. */
  trainable: boolean;
}

/**
 * The parameters and running statistics of a network, in its order: the names and shapes that
 * native/engine/topology.cc gives them. Known here too, so that a checkpoint is checked before a network is made of it.
 */
export function tensorsOf(topology: NativeTopology): TensorSpecification[] {
  const tensors: TensorSpecification[] = [];
  const normalized = (layer: string, outputs: number) => {
    tensors.push({ name: `${layer}.gamma`, shape: [outputs], trainable: true });
    tensors.push({ name: `${layer}.beta`, shape: [outputs], trainable: true });
    tensors.push({ name: `${layer}.running_mean`, shape: [outputs], trainable: false });
    tensors.push({ name: `${layer}.running_variance`, shape: [outputs], trainable: false });
  };
  let channels = topology.channels;
  topology.blocks.forEach((widths, block) => {
    widths.forEach((width, index) => {
      const layer = `conv${block + 1}_${index + 1}`;
      tensors.push({ name: `${layer}.weight`, shape: [width, 3, 3, channels], trainable: true });
      normalized(layer, width);
      channels = width;
    });
  });
  const side = topology.imageSize / 2 ** topology.blocks.length;
  let inputs = side * side * channels;
  topology.dense.forEach((units, index) => {
    const layer = `fc${index + 1}`;
    tensors.push({ name: `${layer}.weight`, shape: [units, inputs], trainable: true });
    normalized(layer, units);
    inputs = units;
  });
  const last = `fc${topology.dense.length + 1}`;
  tensors.push({ name: `${last}.weight`, shape: [topology.classes, inputs], trainable: true });
  tensors.push({ name: `${last}.bias`, shape: [topology.classes], trainable: true });
  return tensors;
}
