/** The settings of Caffe's layers: which of them the DeepYeast network has, and which change nothing. */
import { DeepYeastError } from '../../errors';
import type { Layer } from './caffe-layer';

function invalid(file: string, found: string): DeepYeastError {
  return new DeepYeastError('foreign-model-invalid', `${file} ${found}`);
}

/** The name of a kind's settings: convolution_param. */
export const parameterOf: Readonly<Record<string, string>> = {
  Convolution: 'convolution',
  InnerProduct: 'inner_product',
  BatchNorm: 'batch_norm',
  Scale: 'scale',
  ReLU: 'relu',
  Pooling: 'pooling',
  Dropout: 'dropout',
  Softmax: 'softmax',
  SoftmaxWithLoss: 'softmax',
  Flatten: 'flatten',
};

/** Settings that are numbers of the network's own, or that change nothing of what a trained network computes. */
const free: Readonly<Record<string, readonly string[]>> = {
  convolution: ['num_output', 'bias_term', 'weight_filler', 'bias_filler', 'engine', 'force_nd_im2col'],
  inner_product: ['num_output', 'bias_term', 'weight_filler', 'bias_filler'],
  batch_norm: ['moving_average_fraction', 'eps'],
  scale: ['filler', 'bias_term', 'bias_filler'],
  relu: ['engine'],
  pooling: ['engine', 'round_mode'],
  dropout: ['dropout_ratio'],
  softmax: ['engine'],
  flatten: [],
};

/** The only value that the others may have. */
const fixed: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  convolution: { group: 1, axis: 1 },
  inner_product: { axis: 1, transpose: false },
  batch_norm: { use_global_stats: true },
  scale: { axis: 1, num_axes: 1 },
  relu: { negative_slope: 0 },
  pooling: { pool: 0, global_pooling: false },
  softmax: { axis: 1 },
  flatten: { axis: 1, end_axis: -1 },
};

/** Sides of the sliding windows: what they must be, and Caffe's own default. */
const windows: Readonly<Record<string, Readonly<Record<WindowSetting, readonly [number, number | undefined]>>>> = {
  convolution: { kernel: [3, undefined], stride: [1, 1], pad: [1, 0], dilation: [1, 1] },
  pooling: { kernel: [2, undefined], stride: [2, 1], pad: [0, 0], dilation: [1, 1] },
};

type WindowSetting = 'kernel' | 'stride' | 'pad' | 'dilation';

/** Each setting of a layer is one that the DeepYeast network has, or a reason to refuse it. */
export function checkSettings(layer: Layer, file: string): void {
  const kind = parameterOf[layer.type];
  if (kind === undefined) return; // refused by stepOf
  const parameters = layer[`${kind}_param`] ?? {};
  const window = windows[kind];
  for (const [key, found] of Object.entries(parameters)) {
    if (Array.isArray(found) && found.length === 0) continue;
    if (free[kind]?.includes(key) || (window && windowOf(key) !== undefined)) continue;
    const expected = fixed[kind]?.[key];
    if (expected === undefined || found !== expected) {
      throw invalid(
        file,
        `has the layer ${layer.name} with ${key} ${String(found)}; expected ${String(expected ?? 'none')}`,
      );
    }
  }
  if (!window) return;
  for (const [key, [expected, usual]] of Object.entries(window)) {
    const said = Object.entries(parameters)
      .filter(([name]) => windowOf(name) === key)
      .flatMap(([, value]) => value as number | number[]);
    const found = said.length > 0 ? said : [usual];
    if (found.some((value) => value !== expected)) {
      throw invalid(file, `has the layer ${layer.name} with ${key} ${found.join(' x ')}; expected ${expected}`);
    }
  }
}

/** kernel of kernel_size, kernel_h and kernel_w. */
function windowOf(name: string): string | undefined {
  return /^(kernel|stride|pad|dilation)(?:_size|_h|_w)?$/.exec(name)?.[1];
}
