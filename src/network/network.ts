import { throwIfAborted } from '../abort';
import type { Dataset, DatasetImages } from '../data/dataset';
import { DeepYeastError } from '../errors';
import { type Log, silent } from '../log';
import {
  chooseDevice,
  type Device,
  loadAddon,
  type NativeImageStore,
  type NativeImages,
  type NativeNetwork,
  type NativeTopology,
  type Precision,
} from '../native';
import type { Stage } from '../native/addon';
import { threadsFromEnvironment } from '../native/threads';
import { openCheckpoint, writeCheckpoint } from './checkpoint';
import type { InputTransform } from './input-transform';
import { layerNames, type TopologyOptions, topologyOf } from './topology';

/**
 * Images per native call: large enough to keep every thread busy, small enough to be cancelled between two. A device that
 * takes many at once gets this many times as many as that, so that reading runs beside computing.
 */
const defaultBatchSize = 128;
const chunksPerCall = 16;

/** Where a network runs and how. */
export interface DeviceOptions {
  /** `auto` takes the fastest device there is and says which to `log`; default `auto`. */
  device?: Device;
  /** What CUDA multiplies in; default `tf32`. The CPU computes in float32. */
  precision?: Precision;
  /** At most this many threads; default DEEPYEAST_THREADS, else as many as the process may use. */
  threads?: number;
  log?: Log;
}

export interface NetworkOptions extends DeviceOptions, Omit<TopologyOptions, 'classes'> {
  /** Class names, in the order of the labels. */
  classes: readonly string[];
  /** Of the weights, dropout masks, shuffles and augmentations: an integer from 0 to 2^53 - 1; default 0. */
  seed?: number;
}

/** Images for a network: a dataset, or crops in memory, uint8 [n, size, size, channels] one after the other. */
export type ImageSource = Dataset | Uint8Array;

export interface BatchOptions {
  /** Images per batch; memory grows with it, results do not depend on it. */
  batchSize?: number;
  signal?: AbortSignal;
}

/** Posteriors of consecutive cells `start` to `start + count`. */
export interface PredictionBatch {
  start: number;
  count: number;
  /** [count, classes], before the softmax. */
  logits: Float32Array;
  /** [count, classes], rows sum to one. */
  posteriors: Float32Array;
}

export interface Predictions {
  classes: readonly string[];
  /** Number of cells. */
  count: number;
  logits: Float32Array;
  posteriors: Float32Array;
}

/** A layer's output for consecutive cells. */
export interface ActivationBatch {
  start: number;
  count: number;
  /** [count, height, width, channels], or [count, units] for a dense layer. */
  values: Float32Array;
}

/**
 * The convolutional network on its device. Calls run one after the other on a worker thread of the network; none blocks
 * the event loop. Release its memory with close() or `await using`.
 */
export class Network {
  readonly topology: NativeTopology;
  readonly classes: readonly string[];
  readonly seed: number;
  /** What it runs on, such as "cpu (avx512, 2 threads)". */
  readonly description: string;
  /** @internal */
  readonly native: NativeNetwork;
  readonly #log: Log;
  readonly #batchSize: number;
  #inputTransform: InputTransform | undefined;
  readonly #stores = new Map<Dataset, NativeImageStore>();
  #closed = false;

  private constructor(
    native: NativeNetwork,
    description: string,
    topology: NativeTopology,
    classes: readonly string[],
    seed: number,
    log: Log,
    batchSize: number,
  ) {
    this.#batchSize = batchSize;
    this.native = native;
    this.description = description;
    this.topology = topology;
    this.classes = classes;
    this.seed = seed;
    this.#log = log;
  }

  /**
   * Makes a network with Glorot-normal weights drawn from the seed.
   *
   * @throws invalid-argument, invalid-topology, device-unavailable, isa-unavailable, out-of-memory, addon-missing; with
   *   `device: 'cuda'` one of the codes cuda-..., cudnn-..., cublas-missing, nvrtc-missing, version-mismatch
   */
  static async create(options: NetworkOptions): Promise<Network> {
    const { classes, seed = 0, log = silent } = options;
    if (!Array.isArray(classes) || classes.length === 0) {
      throw new DeepYeastError('invalid-argument', 'classes is empty; expected the names of one class or more');
    }
    return Network.#make(topologyOf({ ...options, classes: classes.length }), classes, seed, options, log);
  }

  /**
   * Loads a model.
   *
   * @param path a .safetensors file, or a run folder, whose best model is taken
   * @throws model-invalid, io-error and what create throws
   */
  static async load(path: string, options: DeviceOptions = {}): Promise<Network> {
    const checkpoint = await openCheckpoint(path);
    let network: Network | undefined;
    try {
      const { topology, classes, seed, inputTransform } = checkpoint;
      network = await Network.#make(topology, classes, seed, options, options.log ?? silent, { drawWeights: false });
      await checkpoint.readInto(network.native);
      if (inputTransform) await network.setInputTransform(inputTransform);
      return network;
    } catch (error) {
      await network?.close();
      throw error;
    } finally {
      await checkpoint.close();
    }
  }

  static async #make(
    topology: NativeTopology,
    classes: readonly string[],
    seed: number,
    options: DeviceOptions,
    log: Log,
    { drawWeights = true } = {},
  ): Promise<Network> {
    const { device = 'auto', precision, threads = threadsFromEnvironment() } = options;
    const chosen = await chooseDevice(device, precision);
    const native = new (loadAddon().Network)({ topology, seed, threads, drawWeights, ...chosen.options });
    try {
      const { description, inferenceBatch } = await native.ready();
      log('info', `network on ${description}${chosen.reason ? `: ${chosen.reason}` : ''}`);
      if (device === 'auto' && chosen.options.device === 'cpu' && precision !== undefined && precision !== 'float32') {
        log('warn', `the CPU computes in float32, not in ${precision}`);
      }
      const batchSize = inferenceBatch > defaultBatchSize ? chunksPerCall * inferenceBatch : defaultBatchSize;
      return new Network(native, description, topology, [...classes], seed, log, batchSize);
    } catch (error) {
      await native.close();
      throw error;
    }
  }

  /** Names of the layers with weights: conv1_1 ... fc3. */
  get layerNames(): string[] {
    return layerNames(this.topology);
  }

  /** Undefined until a training set or a model has set it; images then go in as they are, 0 to 255. */
  get inputTransform(): InputTransform | undefined {
    return this.#inputTransform;
  }

  /** @throws invalid-argument where the mean is not [size, size, channels] */
  async setInputTransform(transform: InputTransform): Promise<void> {
    await this.native.setInputTransform(transform.mean, transform.scale);
    this.#inputTransform = transform;
  }

  /**
   * Class posteriors, in order, one batch after the other: for tables too large for memory.
   *
   * @throws model-mismatch, images-truncated, aborted, closed
   */
  async *predictBatches(source: ImageSource, options: BatchOptions = {}): AsyncGenerator<PredictionBatch> {
    for await (const { start, count, result } of this.#batches(source, options, (images) =>
      this.native.forward(images),
    )) {
      yield { start, count, ...result };
    }
  }

  /**
   * Class posteriors of all cells.
   *
   * @param options.onProgress called with the cells done and their total
   * @throws as predictBatches
   */
  async predict(
    source: ImageSource,
    options: BatchOptions & { onProgress?: (done: number, total: number) => void } = {},
  ): Promise<Predictions> {
    const total = this.#imageCount(source);
    const { batchSize = this.#batchSize, signal, onProgress } = options;
    // One cell after the other is a usual way to call this: what comes as one batch goes without the detours of many.
    if (source instanceof Uint8Array && total > 0 && total <= batchSize) {
      requireBatchSize(batchSize);
      throwIfAborted(signal);
      const { logits, posteriors } = await this.native.forward({ pixels: source });
      onProgress?.(total, total);
      throwIfAborted(signal);
      return { classes: this.classes, count: total, logits, posteriors };
    }
    const classes = this.classes.length;
    const logits = new Float32Array(total * classes);
    const posteriors = new Float32Array(total * classes);
    for await (const batch of this.predictBatches(source, options)) {
      logits.set(batch.logits, batch.start * classes);
      posteriors.set(batch.posteriors, batch.start * classes);
      onProgress?.(batch.start + batch.count, total);
    }
    return { classes: this.classes, count: total, logits, posteriors };
  }

  /**
   * A layer's outputs in inference mode, in order, one batch after the other.
   *
   * @param layer one of layerNames
   * @param options.stage which value; default `activated`: after normalization and ReLU, before the pool
   * @throws invalid-argument for an unknown layer, and as predictBatches
   */
  async *activations(
    source: ImageSource,
    layer: string,
    options: BatchOptions & { stage?: Stage } = {},
  ): AsyncGenerator<ActivationBatch> {
    const { stage = 'activated' } = options;
    for await (const { start, count, result } of this.#batches(source, options, (images) =>
      this.native.activations(images, layer, stage),
    )) {
      yield { start, count, values: result };
    }
  }

  /** Shape of one image's output of a layer: [height, width, channels] or [units]. */
  activationShape(layer: string, stage: Stage = 'activated'): number[] {
    return this.native.activationShape(layer, stage);
  }

  /**
   * The dataset's images as the native core reads them, kept open until close().
   *
   * @internal
   * @throws model-mismatch, images-truncated, io-error
   */
  imageStore(dataset: Dataset): NativeImageStore {
    if (this.#closed) throw new DeepYeastError('closed', 'this network was closed; create or load another');
    let store = this.#stores.get(dataset);
    if (store === undefined) {
      this.#requireFit(dataset.images, dataset.channels);
      store = new (loadAddon().ImageStore)(dataset.images);
      this.#stores.set(dataset, store);
    }
    return store;
  }

  /**
   * Writes the model (parameters, statistics, input transform, classes, topology) as safetensors.
   *
   * @throws disk-full, io-error, closed
   */
  async save(path: string): Promise<void> {
    await writeCheckpoint(path, this, { momentum: false });
  }

  /** Waits for the calls already made (training stops after its mini-batch) and releases all native memory. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.native.close();
    for (const store of this.#stores.values()) store.close();
    this.#stores.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #imageCount(source: ImageSource): number {
    if (!(source instanceof Uint8Array)) {
      if (isDataset(source)) return source.count;
      throw new DeepYeastError(
        'invalid-argument',
        `the images are ${describeValue(source)}; expected a Dataset or a Uint8Array of crops`,
      );
    }
    const { imageSize, channels } = this.topology;
    const bytes = imageSize * imageSize * channels;
    if (source.length % bytes !== 0) {
      throw new DeepYeastError(
        'invalid-argument',
        `the crops have ${source.length} bytes; expected a multiple of ${bytes}: uint8 [n, ${imageSize}, ${imageSize}, ${channels}]`,
      );
    }
    return source.length / bytes;
  }

  #requireFit(images: DatasetImages, channels: readonly string[]): void {
    const { imageSize } = this.topology;
    if (images.size !== imageSize || images.channels !== this.topology.channels) {
      throw new DeepYeastError(
        'model-mismatch',
        `${images.path} is [${images.count}, ${images.size}, ${images.size}, ${images.channels}]; the network expects ` +
          `images of ${imageSize}x${imageSize} pixels and ${this.topology.channels} channels`,
      );
    }
    // Other names are taken as they come: labs call their channels as they like. The same names in another order are a
    // mistake that would go unnoticed.
    const expected = this.#inputTransform?.channels;
    if (!expected || expected.every((name, i) => name === channels[i])) return;
    if ([...expected].sort().join('\n') === [...channels].sort().join('\n')) {
      throw new DeepYeastError(
        'model-mismatch',
        `${images.path} has the channels ${channels.join(', ')}; the model expects ${expected.join(', ')} in this order: ` +
          're-import the images with --channels in the order of the model',
      );
    }
    this.#log('warn', `the dataset's channels are ${channels.join(', ')}, the model's ${expected.join(', ')}`);
  }

  /** Runs `compute` over consecutive batches; the next one is under way while the consumer looks at this one. */
  async *#batches<Result>(
    source: ImageSource,
    { batchSize = this.#batchSize, signal }: BatchOptions,
    compute: (images: NativeImages) => Promise<Result>,
  ): AsyncGenerator<{ start: number; count: number; result: Result }> {
    requireBatchSize(batchSize);
    const total = this.#imageCount(source);
    const store = source instanceof Uint8Array ? undefined : this.imageStore(source);
    const bytes = source instanceof Uint8Array ? source.length / Math.max(total, 1) : 0;
    const begin = (start: number) => {
      const count = Math.min(batchSize, total - start);
      const result =
        source instanceof Uint8Array || store === undefined
          ? compute({ pixels: (source as Uint8Array).subarray(start * bytes, (start + count) * bytes) })
          : compute({ store, indices: Uint32Array.from({ length: count }, (_, i) => start + i) });
      // A consumer that stops early never waits for the batch under way: its failure is nobody's.
      result.catch(() => {});
      return { start, count, result };
    };
    throwIfAborted(signal);
    let next = total > 0 ? begin(0) : undefined;
    while (next) {
      const { start, count, result } = next;
      const end = start + count;
      next = end < total ? begin(end) : undefined;
      yield { start, count, result: await result };
      throwIfAborted(signal);
    }
  }
}

/** What is asked of it here; of another copy of the package it is no instance of this one's class. */
function isDataset(value: unknown): boolean {
  const { count, images, channels } = (value ?? {}) as Partial<Dataset>;
  return Number.isSafeInteger(count) && typeof images === 'object' && images !== null && Array.isArray(channels);
}

function describeValue(value: unknown): string {
  if (typeof value !== 'object' || value === null) return `${value === null ? 'null' : `of the type ${typeof value}`}`;
  return `an object of the class ${(Object.getPrototypeOf(value) as object | null)?.constructor?.name ?? 'Object'}`;
}

function requireBatchSize(batchSize: number): void {
  if (Number.isInteger(batchSize) && batchSize >= 1) return;
  throw new DeepYeastError('invalid-argument', `batchSize is ${batchSize}; expected an integer from 1`);
}
