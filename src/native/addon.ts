/**
 * The typed surface of the native addon, as native/addon/ exports it. Everything that computes returns a promise and
 * runs on the network's own worker thread, in the order of the calls; every error is an Error with a `code` of
 * src/errors.ts.
 */

import type { ErrorCode } from '../errors';

export type Stage = 'linear' | 'normalized' | 'activated' | 'pooled';

/** The general network of the design; see native/engine/topology.h. */
export interface NativeTopology {
  imageSize: number;
  channels: number;
  blocks: number[][];
  dense: number[];
  classes: number;
  dropout: number;
  normalizationEpsilon: number;
  normalizationMomentum: number;
}

export type NativeDeviceOptions =
  | { device: 'cpu' }
  | {
      device: 'cuda';
      /** Absolute path of libdeepyeast_cuda.so. */
      cudaLibrary: string;
      /** Which of the devices. */
      cudaDevice: number;
      precision: 'float32' | 'tf32' | 'bfloat16';
      /** For the choices of cuDNN's engines; empty: they are not kept. */
      cacheFolder: string;
    };

export type NativeNetworkOptions = NativeDeviceOptions & {
  topology: NativeTopology;
  /** Any integer from 0 to 2^53 - 1. */
  seed: number;
  /** 0: as many as the process may use. */
  threads: number;
  /** False: all parameters are 0, for a network whose tensors are set next. Default true: Glorot-normal. */
  drawWeights?: boolean;
};

/** What stands between a machine and CUDA: native/cuda/client/loader.h. */
export interface NativeCudaReport {
  library: string;
  loaded: boolean;
  /** Searched for the dependencies. */
  folders: string[];
  dependencies: { name: string; path: string | null }[];
  /** 13000 is CUDA 13.0, 92400 cuDNN 9.24.0, 130101 cuBLASLt 13.1.1; 0: none. */
  versions: { driver: number; runtime: number; cudnn: number; cublas: number };
  devices: {
    name: string;
    major: number;
    minor: number;
    memory: number;
    freeMemory: number;
    supported: boolean;
  }[];
  /** Empty: a network can be made. */
  problems: { code: ErrorCode; message: string }[];
}

export interface NativeTensorInformation {
  name: string;
  shape: number[];
  /** False for running statistics. */
  trainable: boolean;
}

/** The least and the greatest of what is drawn: native/engine/perturbation.h. */
export type NativeRange = Float64Array;

export interface NativePerturbations {
  zoom: NativeRange;
  shift: number;
  gain: NativeRange;
  offset: NativeRange;
  gamma: NativeRange;
  blur: NativeRange;
  lightGradient: NativeRange;
  whiteNoise: NativeRange;
  correlatedNoise: NativeRange;
  noiseLength: NativeRange;
  mixup: number;
}

export interface NativeOptimizer {
  momentum: number;
  weightDecay: number;
  caffeMomentum: boolean;
  augment: boolean;
  perturbations?: NativePerturbations;
}

/** Mini-batches for NativeNetwork.trainSteps: `iterations` batches of `batchSize`, one after the other. */
export interface NativeTrainingBatches {
  images: NativeImageStore;
  /** Rows of the store, [iterations * batchSize]. */
  indices: Uint32Array;
  /** Class of each of them, same length. */
  labels: Int32Array;
  batchSize: number;
  /** The first one's iteration number: it selects the dropout masks and augmentations. */
  iteration: number;
  /** One a mini-batch. */
  learningRates: Float64Array;
  optimizer: NativeOptimizer;
  /** One a mini-batch: how far the averages of the weights move towards them after it; 0: they stay. */
  averageShares?: Float64Array;
  /** Shares of the classes, [iterations * batchSize, classes], instead of the labels in the loss. */
  targets?: Float32Array;
}

export interface NativeTrainingResult {
  /** Mini-batches done: fewer than asked after cancel(), or when a loss was not finite (it is the last one). */
  completed: number;
  losses: Float64Array;
  correct: Int32Array;
}

/** Where images come from: rows of a store, or crops in memory [n, size, size, channels]. */
export type NativeImages = { store: NativeImageStore; indices: Uint32Array } | { pixels: Uint8Array };

export interface NativeNetwork {
  /** Parameters and running statistics, in the order of the network. */
  readonly tensors: readonly NativeTensorInformation[];
  /**
   * Waits until the weights are drawn; rejects with what went wrong. `description`: "cpu (avx512, 2 threads)".
   * `inferenceBatch`: images that the device takes at once.
   */
  ready(): Promise<{ description: string; threads: number; inferenceBatch: number }>;
  /**
   * A copy. `mean_image` is the input transform's; `velocity/NAME` is the momentum buffer of a trainable tensor,
   * `average/NAME` the average of a tensor (of running statistics: what belongs to the averages).
   */
  tensor(name: string): Promise<Float32Array>;
  /** All values of a tensor. */
  setTensor(name: string, values: Float32Array): Promise<void>;
  /**
   * Parameters and running statistics from an open file, each from its position in bytes on; `path` is for messages. A
   * number that is not finite or a negative variance is the error model-invalid; some tensors may be set by then.
   */
  readTensors(file: number, path: string, names: readonly string[], positions: Float64Array): Promise<void>;
  setInputTransform(mean: Float32Array, scale: number): Promise<void>;
  trainSteps(batches: NativeTrainingBatches): Promise<NativeTrainingResult>;
  /** Running statistics become the mean of those of the mini-batches; nothing else changes. Stopped by cancel(). */
  recomputeStatistics(batches: NativeTrainingBatches): Promise<void>;
  /** Exchanges parameters and running statistics with their averages, `average/NAME`. */
  swapAverage(): Promise<void>;
  gradients(
    pixels: Uint8Array,
    labels: Int32Array,
    iteration: number,
    optimizer: NativeOptimizer,
  ): Promise<{ loss: number; correct: number; logits: Float32Array; gradients: Record<string, Float32Array> }>;
  /** Inference mode; [n, classes] each. */
  forward(images: NativeImages): Promise<{ logits: Float32Array; posteriors: Float32Array }>;
  activations(images: NativeImages, layer: string, stage: Stage): Promise<Float32Array>;
  activationShape(layer: string, stage: Stage): number[];
  /**
   * Writes `header`, then the named tensors' float32 values one after the other, to a temporary file beside `path`,
   * flushes it and renames it: on failure `path` is as it was and the temporary file is gone.
   */
  writeTensors(path: string, header: Uint8Array, names: string[]): Promise<void>;
  /** How the device carries out its operations, for a checkpoint; empty where it has no choice. */
  plans(): Promise<string>;
  /** Takes those choices for what runs from now on; resolves to a sentence where they are another device's, else "". */
  usePlans(plans: string): Promise<string>;
  /** What has gone other than planned on the device, in sentences on lines of their own; "" where nothing has. */
  notes(): Promise<string>;
  /** Stops a running trainSteps after the present mini-batch. */
  cancel(): void;
  /** Waits for the calls already made to end (training is cancelled), then releases all memory. Later calls fail with `closed`. */
  close(): Promise<void>;
}

/** All trees of a forest, one after the other: native/forest/forest.h, ForestArrays. */
export interface NativeForestArrays {
  /** [trees + 1] nodes before each tree. */
  treeBegins: Int32Array;
  /** [nodes] -1 for a leaf. */
  features: Int32Array;
  /** [nodes] rows with value <= threshold go left. */
  thresholds: Float32Array;
  /** [nodes] the left child's number within the tree, the right one follows it; a leaf's row of `leaves`. */
  left: Int32Array;
  /** [rows, classes] class probabilities. */
  leaves: Float32Array;
}

/** A random forest; its calls run one after the other on its own worker thread. `threads` 0: as many as there are. */
export interface NativeForest {
  beginTraining(options: {
    /** [rows, columns], finite. */
    values: Float32Array;
    labels: Int32Array;
    featuresPerSplit: number;
    leafSize: number;
    /** [classes], 1e-6 to 1e6. */
    classWeights: Float64Array;
    downSample: boolean;
    seed: number;
    threads: number;
  }): Promise<void>;
  /** Grows so many trees more; resolves to the number there are. After cancel() the call's trees are dropped. */
  grow(trees: number, threads: number): Promise<number>;
  /** Trees grown since beginTraining, those of a running grow() among them. */
  readonly grown: number;
  /** Null where every row is in every bootstrap sample. Between beginTraining and endTraining only. */
  outOfBagError(threads: number): Promise<number | null>;
  /** Releases the training set. */
  endTraining(): Promise<void>;
  /** [rows, classes] sums of the class probabilities of trees [first, last). */
  probabilitySums(values: Float32Array, first: number, last: number, threads: number): Promise<Float64Array>;
  impurityImportance(): Promise<Float64Array>;
  /** Resolves early, with what there is, after cancel(). */
  permutationImportance(
    values: Float32Array,
    labels: Int32Array,
    seed: number,
    repeats: number,
    threads: number,
  ): Promise<{ accuracy: number /** [repeats, columns] */; decreases: Float64Array }>;
  arrays(): Promise<NativeForestArrays>;
  /** Takes stored trees; `importance` [columns] is the impurity importance. Rejects with `model-invalid`. */
  restore(arrays: NativeForestArrays, importance: Float64Array): Promise<void>;
  /** Stops a running grow() or permutationImportance(). */
  cancel(): void;
  /** Waits for the calls already made to end (what can be cancelled is), then releases all memory. */
  close(): Promise<void>;
}

/** Images of one .npy file, read by position; never mapped. */
export interface NativeImageStore {
  readonly count: number;
  /** Images one after the other, [n, size, size, channels]. A short read is `images-truncated`. */
  read(indices: Uint32Array): Promise<Uint8Array>;
  /** The per-pixel mean over all images (or those of `indices`), in double: [size, size, channels]. */
  mean(indices?: Uint32Array): Promise<Float64Array>;
  close(): void;
}

/** An exclusive advisory lock of the operating system on a file (created if missing); gone with the process. */
export interface NativeFileLock {
  release(): void;
}

export interface NativeCropOptions {
  /** One a channel, 1 to 8, of width x height samples each. */
  planes: NativePixels[];
  width: number;
  height: number;
  /** [cells, 2]: x and y in pixels of the field. */
  centres: Float64Array;
  /** Width and height of the crops. */
  size: number;
  /** Crop pixels a field pixel, 1/16 to 16; 1: nothing is resampled. */
  scale: number;
  /** [channels]: what lies outside the field. */
  backgrounds: Float64Array;
}

/** How samples become bytes: src/data/normalization.ts. */
export type NativeCropRule =
  | { kind: 'stored' }
  /** [channels, 2] */
  | { kind: 'ranges'; ranges: Float64Array }
  | { kind: 'percentiles'; low: number; high: number; noiseFloor: number; floor: number };

export interface NativeCrops {
  /** [cells, size, size, channels] */
  pixels: Uint8Array;
  /** [cells, channels, 2]: the samples that became 0 and 255. */
  ranges: Float64Array;
}

/** Grey values, row by row. */
export type NativePixels = Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array | Float32Array;

export interface NativeCancellable<Result> {
  result: Promise<Result>;
  /** The promise rejects with `aborted` soon afterwards, unless it is settled already. */
  cancel(): void;
}

export interface NativeSegmentation {
  /** [height, width]; 0 background, 1 to count. */
  labels: Uint32Array;
  count: number;
  diameter: number;
  /** `label` 0: the bud's pixels have its mother's label. */
  buds: { label: number; budOf: number; x: number; y: number; area: number }[];
}

export interface NativeMeasurements {
  /**
   * [labels, columns], one row for each label from 1 to the greatest: x, y, area, major axis, minor axis, solidity,
   * level, sharpness, texture, contact, label of the mother, flags (bits: border, dead, out of focus, saturated, merged,
   * overlapped); then for each image mean, integrated, background.
   */
  rows: Float64Array;
  columns: number;
  focus: number;
  background: number;
  covered: number;
  saturated: number;
}

export interface Addon {
  readonly version: string;
  Network: new (options: NativeNetworkOptions) => NativeNetwork;
  /** At most 65,536 columns and 1,024 classes. */
  Forest: new (options: {
    columns: number;
    classes: number;
  }) => NativeForest;
  ImageStore: new (options: {
    path: string;
    /** Bytes before the first image. */
    offset: number;
    count: number;
    size: number;
    channels: number;
  }) => NativeImageStore;
  /**
   * Classic features of crops [n, size, size, 2] (channel 0 the marker), [n, columns]; runs on a thread of libuv's and
   * the pool. `threads` 0: as many as there are.
   */
  classicFeatures(pixels: Uint8Array, size: number, threads: number): Promise<Float32Array>;
  /** In the order of the columns. */
  classicFeatureNames(): { name: string; family: string }[];
  /** Crops around cells of a field, cut and brought to bytes on a thread of libuv's: native/fields/crops.h. */
  cutCrops(options: NativeCropOptions & { rule: NativeCropRule }): Promise<NativeCrops>;
  /** The same before any rule: [cells, channels, size, size]. */
  cutCrops(options: NativeCropOptions): Promise<{ samples: Float32Array }>;
  /** Median of the samples of label 0, the least sample where there are none: native/fields/background_level.h. */
  backgroundLevel(plane: NativePixels, labels: Uint32Array): Promise<number>;
  /**
   * Labels of the cells in an image of the cytosol marker (docs/segmentation.md); runs on a thread of libuv's and the
   * pool. `diameter` 0: measured from the image; `threads` 0: as many as there are.
   */
  segmentField(
    marker: NativePixels,
    options: { width: number; height: number; diameter: number; budsApart: boolean; threads: number },
  ): NativeCancellable<NativeSegmentation>;
  /** Measures the cells of a label image in images of the same size, the marker first. `diameter` 0: the labels' median. */
  measureCells(
    labels: Uint32Array,
    planes: readonly NativePixels[],
    options: { width: number; height: number; diameter: number; threads: number },
  ): NativeCancellable<NativeMeasurements>;
  /** Errors are made by `new errorClass(code, message)`; once, by the loader. */
  setErrorClass(errorClass: new (code: ErrorCode, message: string) => Error): void;
  /** Null when another process (or this one) holds it. */
  lockFile(path: string): NativeFileLock | null;
  /** Four words of Philox 4x32-10 for tests against published vectors. */
  philox(counter: Uint32Array, key: Uint32Array): Uint32Array;
  /** Loads the CUDA library and what it needs, as far as that goes, and reports. */
  inspectCuda(library: string, freeMemory: boolean): Promise<NativeCudaReport>;
  /** Instruction sets that this machine can run, widest first, and the threads the process may use. */
  machine(): { instructionSets: string[]; threads: number };
}
