import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { readNpyHeader, writeNpy } from '../../src/files/npy';
import { SafetensorsFile } from '../../src/files/safetensors';
import {
  type Addon,
  loadAddon,
  type NativeImageStore,
  type NativeNetwork,
  type NativeTopology,
} from '../../src/native';
import { RandomStream } from '../../src/random';

/** What test/fixtures/network/generate.py says of one tensor: every stride-th element is in the file. */
export interface TensorEntry {
  shape: number[];
  stride: number;
  /** max|r| and the Euclidean norm of the whole tensor in double precision. */
  max: number;
  norm: number;
  /** PyTorch float32's own error, max|y - r| / max|r| over the whole tensor. */
  float32Error: number;
}

interface TrainingEntry {
  losses: number[];
  correct: number[];
  /** Per step, how near the closest unit of the reference is to another ReLU or pooling choice. */
  nearestSwitch: number[];
  float32LossError: number;
}

export interface NetworkEntry {
  topology: NativeTopology;
  seed: number;
  batch: number;
  /** Images in all; the first `batch` serve gradients and inference. */
  images: number;
  mean: 'images' | number;
  scale: number;
  iteration: number;
  /** Whether gammas and betas are drawn rather than 1 and 0. */
  varied: boolean;
  margin: number;
  /** Every channel's beta where they are not varied. */
  beta: number;
  /** Training starts with the last hidden layer's gammas times this. */
  quiet: number;
  /** Per layer: the iteration number that each output channel's weights are drawn with. */
  redrawn: Record<string, number[]>;
  nearestSwitch: number;
  float32Switched: number;
  loss: number;
  float32LossError: number;
  correct: number;
  augmented?: { iteration: number; codes: number[]; loss: number };
  first: TrainingEntry;
  caffe: TrainingEntry;
  pytorch: TrainingEntry;
  tensors: Record<string, TensorEntry>;
}

export interface Manifest {
  steps: { learningRates: number[]; momentum: number; weightDecay: number };
  random: {
    knownAnswers: [counter: string, key: string, words: string][];
    values: {
      seed: number;
      purpose: 'weights' | 'dropout' | 'simulation';
      iteration: number;
      stream: number;
      elements: number[];
      words: number[];
      normals: number[];
    }[];
  };
  networks: Record<string, NetworkEntry>;
}

const folder = resolve(__dirname, '../fixtures/network');

export async function readManifest(): Promise<Manifest> {
  return JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as Manifest;
}

/** The sampled tensors of one network by name. */
export async function readTensors(name: string): Promise<Map<string, Float32Array>> {
  const file = await SafetensorsFile.open(join(folder, `${name}.safetensors`));
  const tensors = new Map<string, Float32Array>();
  for (const tensor of file.header.tensors.keys()) tensors.set(tensor, await file.values(tensor));
  await file.close();
  return tensors;
}

// Streams of purpose `simulation` that test/fixtures/network/reference.py draws the inputs from.
const streams = { coarse: 16, fine: 17, labels: 18, gamma: 100, beta: 200 };

/** uint8 [count, size, size, channels]: a ramp, blocks of 4x4 pixels and noise, about three deviations above zero. */
export function drawImages(seed: number, count: number, size: number, channels: number): Uint8Array {
  const coarse = new RandomStream(seed, 'simulation', 0, streams.coarse);
  const fine = new RandomStream(seed, 'simulation', 0, streams.fine);
  const blocks = Math.ceil(size / 4);
  const images = new Uint8Array(count * size * size * channels);
  let i = 0;
  for (let n = 0; n < count; n++)
    for (let y = 0; y < size; y++)
      for (let x = 0; x < size; x++)
        for (let c = 0; c < channels; c++, i++) {
          const block = ((n * blocks + (y >> 2)) * blocks + (x >> 2)) * channels + c;
          images[i] = 40 + (coarse.word(block) >>> 25) + (fine.word(i) >>> 27) + ((x + 2 * y) % 32);
        }
  return images;
}

export function drawLabels(seed: number, count: number, classes: number): Int32Array {
  const stream = new RandomStream(seed, 'simulation', 0, streams.labels);
  return Int32Array.from({ length: count }, (_, i) => stream.word(i) % classes);
}

/** What one network of the fixtures is given. */
export interface Inputs {
  images: Uint8Array;
  labels: Int32Array;
  mean: Float32Array;
  /** The first `batch` of them. */
  batchImages: Uint8Array;
  batchLabels: Int32Array;
}

export function drawInputs(entry: NetworkEntry): Inputs {
  const { imageSize, channels, classes } = entry.topology;
  const images = drawImages(entry.seed, entry.images, imageSize, channels);
  const labels = drawLabels(entry.seed, entry.images, classes);
  const pixels = imageSize * imageSize * channels;
  const mean = new Float32Array(pixels);
  for (let i = 0; i < pixels; i++) {
    let sum = 0;
    for (let n = 0; n < entry.images; n++) sum += images[n * pixels + i]!;
    mean[i] = entry.mean === 'images' ? sum / entry.images : entry.mean;
  }
  return {
    images,
    labels,
    mean,
    batchImages: images.subarray(0, entry.batch * pixels),
    batchLabels: labels.subarray(0, entry.batch),
  };
}

/** A network as its constructor makes it, with the input transform of the fixture. */
export async function createInitial(
  addon: Addon,
  entry: NetworkEntry,
  inputs: Inputs,
  threads: number,
): Promise<NativeNetwork> {
  const network = new addon.Network({ topology: entry.topology, seed: entry.seed, threads, device: 'cpu' });
  await network.setInputTransform(inputs.mean, entry.scale);
  return network;
}

/** The same with the weights, gammas and betas that the reference used. */
export async function createNetwork(
  addon: Addon,
  entry: NetworkEntry,
  inputs: Inputs,
  threads: number,
): Promise<NativeNetwork> {
  const network = await createInitial(addon, entry, inputs, threads);
  const layers = network.tensors.filter(({ name }) => name.endsWith('.weight'));
  for (const [index, { name, shape }] of layers.entries()) {
    const layer = name.slice(0, -'.weight'.length);
    const [outputs, ...rest] = shape as [number, ...number[]];
    const attempts = entry.redrawn[layer];
    if (attempts !== undefined) {
      const row = rest.reduce((product, extent) => product * extent, 1);
      const taps = rest.length === 3 ? 9 : 1;
      const deviation = Math.sqrt(2 / (taps * (rest.at(-1)! + outputs)));
      const weight = await network.tensor(name);
      for (const [output, attempt] of attempts.entries()) {
        if (attempt === 0) continue;
        const stream = new RandomStream(entry.seed, 'weights', attempt, index);
        for (let i = output * row; i < (output + 1) * row; i++) weight[i] = deviation * stream.normal(i);
      }
      await network.setTensor(name, weight);
    }
    if (index === layers.length - 1) break;
    const gamma = new RandomStream(entry.seed, 'simulation', 0, streams.gamma + index);
    const beta = new RandomStream(entry.seed, 'simulation', 0, streams.beta + index);
    const values = (of: (channel: number) => number) => Float32Array.from({ length: outputs }, (_, i) => of(i));
    if (entry.varied)
      await network.setTensor(
        `${layer}.gamma`,
        values((i) => gamma.normal(i)),
      );
    await network.setTensor(
      `${layer}.beta`,
      values((i) => (entry.varied ? 0.5 * beta.normal(i) : entry.beta)),
    );
  }
  return network;
}

/** An images.npy in a temporary folder and a native store on it. */
export interface TemporaryStore {
  store: NativeImageStore;
  path: string;
  remove(): Promise<void>;
}

export async function storeImages(images: Uint8Array, size: number, channels: number): Promise<TemporaryStore> {
  const temporary = await mkdtemp(join(tmpdir(), 'deepyeast-images-'));
  const path = join(temporary, 'images.npy');
  const count = images.length / (size * size * channels);
  await writeNpy(path, '|u1', [count, size, size, channels], images);
  const { dataOffset } = await readNpyHeader(path);
  const store = new (loadAddon().ImageStore)({ path, offset: dataOffset, count, size, channels });
  return {
    store,
    path,
    remove: async () => {
      store.close();
      await rm(temporary, { recursive: true });
    },
  };
}
