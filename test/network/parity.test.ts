// The whole network against PyTorch in double precision (test/fixtures/network/generate.py), by the definitions' error
// max|y - r| / max|r|. Allowed: the larger of 1e-4 and twice PyTorch float32's own error, the largest of its tensors of
// the comparison; both are printed. The
// fixtures' weights keep every unit of the first training step off a ReLU or pooling switch, so gradients are compared
// with the reference's choices; the number of units that switched nevertheless is counted and printed.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadAddon, type NativeNetwork, type Stage } from '../../src/native';
import {
  createInitial,
  createNetwork,
  drawInputs,
  type Inputs,
  type NetworkEntry,
  readManifest,
  readTensors,
  storeImages,
  type TemporaryStore,
} from './fixture';

const tolerance = 1e-4;
const threads = 2;
const addon = loadAddon();
const manifest = await readManifest();
const { momentum, weightDecay, learningRates } = manifest.steps;

/** The paper's network on the widest instruction set, the small ones on each. */
const cases = Object.keys(manifest.networks).flatMap((name) =>
  (name === 'paper' ? [undefined] : addon.machine().instructionSets).map((instructionSet) => ({
    name,
    instructionSet,
  })),
);

/** Errors of many tensors: the worst is printed. */
class Comparison {
  readonly #entry: NetworkEntry;
  readonly #reference: Map<string, Float32Array>;
  readonly #rows: { tensor: string; error: number }[] = [];
  #own = 0;

  constructor(entry: NetworkEntry, reference: Map<string, Float32Array>) {
    this.#entry = entry;
    this.#reference = reference;
  }

  /** `values`: the whole tensor. */
  add(tensor: string, values: Float32Array): void {
    const { shape, stride, max, norm, float32Error } = this.#entry.tensors[tensor]!;
    const samples = this.#reference.get(tensor)!;
    const count = shape.reduce((product, extent) => product * extent, 1);
    expect(values.length, tensor).toBe(count);
    let difference = 0;
    for (const [i, r] of samples.entries()) difference = Math.max(difference, distance(values[i * stride]!, r));
    let largest = 0;
    let squares = 0;
    for (const y of values) {
      largest = Math.max(largest, Math.abs(y));
      squares += y * y;
    }
    this.#row(tensor, max > 0 ? difference / max : difference, float32Error);
    // What lies between the samples shows in the largest magnitude and in the norm.
    this.#row(`max of ${tensor}`, relative(largest, max), float32Error);
    this.#row(`norm of ${tensor}`, relative(Math.sqrt(squares), norm), float32Error);
  }

  addLoss(what: string, loss: number, reference: number, own: number): void {
    this.#row(what, relative(loss, reference), own);
  }

  #row(tensor: string, error: number, own: number): void {
    this.#rows.push({ tensor, error });
    this.#own = Math.max(this.#own, own);
  }

  /** Prints the worst and fails with everything that is beyond the bound. */
  finish(title: string): void {
    const worst = this.#rows.reduce((a, b) => (b.error > a.error ? b : a));
    const allowed = Math.max(tolerance, 2 * this.#own);
    process.stdout.write(
      `${title}: error ${worst.error.toExponential(1)} (${worst.tensor}), PyTorch float32 ${this.#own.toExponential(1)}, ` +
        `allowed ${allowed.toExponential(1)}\n`,
    );
    expect(this.#rows.filter(({ error }) => !(error <= allowed))).toEqual([]);
  }
}

function distance(y: number, r: number): number {
  return Number.isNaN(y) ? Number.POSITIVE_INFINITY : Math.abs(y - r);
}

function relative(y: number, r: number): number {
  return distance(y, r) / (r === 0 ? 1 : Math.abs(r));
}

describe.each(cases)('$name, $instructionSet', ({ name, instructionSet }) => {
  const entry = manifest.networks[name]!;
  const { imageSize, channels, classes, blocks } = entry.topology;
  const title = (what: string) => `${name}${instructionSet ? ` (${instructionSet})` : ''}, ${what}`;
  const optimizer = { momentum, weightDecay, caffeMomentum: true, augment: false };
  const before = process.env.DEEPYEAST_ISA;
  let inputs: Inputs;
  let reference: Map<string, Float32Array>;
  let images: TemporaryStore;
  const opened: NativeNetwork[] = [];
  // images.npy holds the images in another order, so that gathering by index is put to the test.
  const rowOf = (image: number) => (5 * (image % entry.images) + 3) % entry.images;

  beforeAll(async () => {
    if (instructionSet !== undefined) process.env.DEEPYEAST_ISA = instructionSet;
    inputs = drawInputs(entry);
    reference = await readTensors(name);
    const pixels = imageSize * imageSize * channels;
    const shuffled = new Uint8Array(inputs.images.length);
    for (let i = 0; i < entry.images; i++) {
      shuffled.set(inputs.images.subarray(i * pixels, (i + 1) * pixels), rowOf(i) * pixels);
    }
    images = await storeImages(shuffled, imageSize, channels);
  });
  afterAll(async () => {
    if (before === undefined) delete process.env.DEEPYEAST_ISA;
    else process.env.DEEPYEAST_ISA = before;
    for (const network of opened) await network.close();
    await images.remove();
  });

  async function open(create = createNetwork): Promise<NativeNetwork> {
    const network = await create(addon, entry, inputs, threads);
    opened.push(network);
    if (instructionSet !== undefined) expect((await network.ready()).description).toContain(instructionSet);
    return network;
  }

  test('weights are drawn as in Python', async () => {
    const network = await open(createInitial);
    for (const { name: tensor } of network.tensors.filter(({ name }) => name.endsWith('.weight'))) {
      const weight = await network.tensor(tensor);
      const { shape, stride, max } = entry.tensors[`initial/${tensor}`]!;
      expect(network.tensors.find((item) => item.name === tensor)!.shape).toEqual(shape);
      for (const [i, r] of reference.get(`initial/${tensor}`)!.entries()) {
        // The last digit may differ: sine, cosine and logarithm come from another library.
        expect(distance(weight[i * stride]!, r)).toBeLessThanOrEqual(max * 2 ** -23);
      }
    }
  });

  test('loss, logits in training mode, gradients and running statistics', async () => {
    const network = await open();
    const result = await network.gradients(inputs.batchImages, inputs.batchLabels, entry.iteration, optimizer);
    const comparison = new Comparison(entry, reference);
    comparison.addLoss('loss', result.loss, entry.loss, entry.float32LossError);
    comparison.add('train/logits', result.logits);
    const trainable = network.tensors.filter((tensor) => tensor.trainable).map((tensor) => tensor.name);
    expect(Object.keys(result.gradients).sort()).toEqual([...trainable].sort());
    for (const tensor of trainable) comparison.add(`gradient/${tensor}`, result.gradients[tensor]!);
    for (const tensor of network.tensors.filter((item) => !item.trainable)) {
      comparison.add(`running/${tensor.name}`, await network.tensor(tensor.name));
    }
    comparison.finish(title('gradients'));
    expect(result.correct).toBe(entry.correct);
  });

  test('logits and every stage of every layer in inference mode; units that switched', async () => {
    const network = await open();
    for (const { name: tensor } of network.tensors.filter((item) => !item.trainable)) {
      const [layer, statistic] = tensor.split('.running_') as [string, string];
      await network.setTensor(tensor, reference.get(`batch/${layer}.${statistic}`)!);
    }
    const comparison = new Comparison(entry, reference);
    const { logits, posteriors } = await network.forward({ pixels: inputs.batchImages });
    comparison.add('inference/logits', logits);
    for (let cell = 0; cell < entry.batch; cell++) {
      const row = logits.subarray(cell * classes, (cell + 1) * classes);
      const weights = Array.from(row, (logit) => Math.exp(logit - Math.max(...row)));
      const sum = weights.reduce((a, b) => a + b);
      for (const [k, weight] of weights.entries()) {
        expect(Math.abs(posteriors[cell * classes + k]! - weight / sum)).toBeLessThan(1e-6);
      }
    }

    // Running statistics are those of the training pass here, so up to the first dropout the signs and pooling choices
    // are too.
    let switched = 0;
    let units = 0;
    for (const tensor of Object.keys(entry.tensors).filter((item) => item.startsWith('activation/'))) {
      const [, layer, stage] = tensor.split('/') as [string, string, Stage];
      const values = await network.activations({ pixels: inputs.batchImages }, layer, stage);
      const shape = network.activationShape(layer, stage);
      expect(shape.reduce((product, extent) => product * extent, entry.batch)).toBe(values.length);
      comparison.add(tensor, values);
      if (stage === 'normalized' && (layer.startsWith('conv') || layer === 'fc1')) {
        units += values.length;
        switched += countSwitched(layer, values, shape);
      }
    }
    comparison.finish(
      title(`inference (${switched} of ${units} units switched, PyTorch float32 ${entry.float32Switched})`),
    );
    expect(switched).toBe(0);
  });

  /** Compares counts per channel of units above zero and of the pool's choices with the reference's. */
  function countSwitched(layer: string, values: Float32Array, shape: number[]): number {
    const width = shape.at(-1)!;
    const positive = new Float32Array(width);
    for (const [i, value] of values.entries()) if (value > 0) positive[i % width]!++;
    let switched = differences(positive, reference.get(`switch/${layer}.positive`)!);
    const choices = reference.get(`switch/${layer}.choice`);
    if (choices === undefined) return switched;
    const [height] = shape as [number];
    const chosen = new Float32Array(width * 4);
    const at = (n: number, y: number, x: number, c: number) => values[((n * height + y) * height + x) * width + c]!;
    for (let n = 0; n < entry.batch; n++)
      for (let y = 0; y < height; y += 2)
        for (let x = 0; x < height; x += 2)
          for (let c = 0; c < width; c++) {
            const window = [at(n, y, x, c), at(n, y, x + 1, c), at(n, y + 1, x, c), at(n, y + 1, x + 1, c)];
            const largest = Math.max(...window);
            if (largest > 0) chosen[c * 4 + window.indexOf(largest)]!++;
          }
    switched += differences(chosen, choices);
    return switched;
  }

  test('one step of stochastic gradient descent', () => train('first', [1], 'one step'));
  test('five steps, Caffe form', () => train('caffe', [5], "five steps, Caffe's form"));
  test('five steps, PyTorch form, in two calls', () => train('pytorch', [2, 3], "five steps, PyTorch's form"));

  async function train(form: 'first' | 'caffe' | 'pytorch', calls: number[], what: string): Promise<void> {
    const network = await open();
    const expected = entry[form];
    const hidden = network.tensors.filter((tensor) => tensor.name.endsWith('.gamma')).at(-1)!.name;
    await network.setTensor(
      hidden,
      (await network.tensor(hidden)).map((gamma) => gamma * entry.quiet),
    );
    const losses = new Comparison(entry, reference);
    let done = 0;
    for (const steps of calls) {
      const chosen = Array.from({ length: steps * entry.batch }, (_, i) => (done * entry.batch + i) % entry.images);
      const result = await network.trainSteps({
        images: images.store,
        indices: Uint32Array.from(chosen, rowOf),
        labels: Int32Array.from(chosen, (image) => inputs.labels[image]!),
        batchSize: entry.batch,
        iteration: entry.iteration + done,
        learningRates: Float64Array.from(learningRates.slice(done, done + steps)),
        optimizer: { ...optimizer, caffeMomentum: form !== 'pytorch' },
      });
      expect(result.completed).toBe(steps);
      for (const [i, loss] of result.losses.entries()) {
        const step = done + i;
        losses.addLoss(`step ${step + 1}`, loss, expected.losses[step]!, expected.float32LossError);
        expect(result.correct[i]).toBe(expected.correct[step]);
      }
      done += steps;
    }
    losses.finish(title(`${what}, losses`));
    // Parameters, running statistics and, where the fixture holds it, momentum.
    const state = new Comparison(entry, reference);
    for (const tensor of Object.keys(entry.tensors).filter((item) => item.startsWith(`${form}/`))) {
      state.add(tensor, await network.tensor(tensor.slice(form.length + 1)));
    }
    state.finish(title(`${what}, state`));
  }

  test.runIf(entry.augmented !== undefined)('the eight flips and quarter turns', async () => {
    const { iteration, codes, loss } = entry.augmented!;
    expect(new Set(codes).size).toBe(8);
    const network = await open();
    const result = await network.gradients(inputs.batchImages, inputs.batchLabels, iteration, {
      ...optimizer,
      augment: true,
    });
    const comparison = new Comparison(entry, reference);
    comparison.addLoss('loss', result.loss, loss, 0);
    comparison.add('augmented/logits', result.logits);
    comparison.finish(title('augmented'));
  });

  test('a store counts, reads and averages its images', async () => {
    expect(images.store.count).toBe(entry.images);
    const pixels = imageSize * imageSize * channels;
    const rows = [entry.images - 1, 0, 1, 1];
    const read = await images.store.read(Uint32Array.from(rows, rowOf));
    for (const [i, image] of rows.entries()) {
      expect(read.subarray(i * pixels, (i + 1) * pixels)).toEqual(
        inputs.images.subarray(image * pixels, (image + 1) * pixels),
      );
    }
    const mean = await images.store.mean();
    for (let i = 0; i < pixels; i++) {
      let sum = 0;
      for (let n = 0; n < entry.images; n++) sum += inputs.images[n * pixels + i]!;
      expect(mean[i]).toBeCloseTo(sum / entry.images, 10);
    }
  });

  test('layers know their shapes', async () => {
    const network = await open(createInitial);
    for (const [block, widths] of blocks.entries()) {
      const size = imageSize / 2 ** block;
      const layer = `conv${block + 1}_${widths.length}`;
      expect(network.activationShape(layer, 'activated')).toEqual([size, size, widths.at(-1)]);
      expect(network.activationShape(layer, 'pooled')).toEqual([size / 2, size / 2, widths.at(-1)]);
    }
    expect(network.activationShape('fc1', 'linear')).toEqual([entry.topology.dense[0] ?? classes]);
  });
});

function differences(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  let sum = 0;
  for (const [i, value] of a.entries()) sum += Math.abs(value - b[i]!);
  return sum;
}
