// What could go wrong around a network's calls: closing, cancelling, wrong counts, several at once, and the end of a
// thread or of the process while native work is in flight.
import { spawnSync } from 'node:child_process';
import { readdirSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { readNpyHeader } from '../../src/files/npy';
import { loadAddon, type NativeNetwork, type NativeTopology, type NativeTrainingBatches } from '../../src/native';
import { drawImages, drawLabels, storeImages, type TemporaryStore } from '../network/fixture';
import { projectRoot } from '../shared-data';

const addon = loadAddon();
const topology: NativeTopology = {
  imageSize: 16,
  channels: 2,
  blocks: [[16], [24]],
  dense: [20],
  classes: 3,
  dropout: 0.5,
  normalizationEpsilon: 1e-5,
  normalizationMomentum: 0.1,
};
const count = 64;
const pixels = drawImages(1, count, 16, 2);
const labels = drawLabels(1, count, 3);
const imageBytes = pixels.length / count;
const optimizer = { momentum: 0.9, weightDecay: 0.0005, caffeMomentum: true, augment: false };

let stored: TemporaryStore;
beforeAll(async () => {
  stored = await storeImages(pixels, 16, 2);
});
afterAll(() => stored.remove());

const opened: NativeNetwork[] = [];
afterEach(async () => {
  for (const network of opened.splice(0)) await network.close();
});
function create(seed = 1): NativeNetwork {
  const network = new addon.Network({ topology, seed, threads: 2, device: 'cpu' });
  opened.push(network);
  return network;
}

function batches(iterations: number, learningRate = 0.01): NativeTrainingBatches {
  const rows = Array.from({ length: iterations * 8 }, (_, i) => i % count);
  return {
    images: stored.store,
    indices: Uint32Array.from(rows),
    labels: Int32Array.from(rows, (row) => labels[row]!),
    batchSize: 8,
    iteration: 0,
    learningRates: new Float64Array(iterations).fill(learningRate),
    optimizer,
  };
}
/** More than any test waits for. */
const endless = 100_000;

describe('closing', () => {
  test.runIf(process.platform === 'linux')(
    'ends the threads of the network, without waiting for a collection',
    async () => {
      const threads = () => readdirSync('/proc/self/task').length;
      await create().close();
      const before = threads();
      for (let i = 0; i < 50; i++) {
        const network = create(i);
        await network.forward({ pixels: pixels.subarray(0, imageBytes) });
        await network.close();
        await network.close();
      }
      const forest = () => new addon.Forest({ columns: 2, classes: 2 });
      for (let i = 0; i < 20; i++) await forest().close();
      // The pool that all networks share comes and goes with the first and the last of them.
      expect(threads()).toBeLessThan(before + 10);
      await expect(
        create()
          .close()
          .then(() => opened.at(-1)?.ready()),
      ).rejects.toMatchObject({ code: 'closed' });
    },
  );

  test('waits for predictions already asked for', async () => {
    const network = create();
    const expected = await network.forward({ pixels });
    const running = Array.from({ length: 20 }, () => network.forward({ pixels }));
    const closing = network.close();
    for (const { logits } of await Promise.all(running)) expect(logits).toEqual(expected.logits);
    await closing;
  });

  test('cancels training', async () => {
    const network = create();
    const training = network.trainSteps(batches(endless));
    await network.close();
    const { completed, losses } = await training;
    expect(completed).toBeLessThan(endless);
    expect(losses.length).toBe(completed);
  });

  test('may be asked for again', async () => {
    const network = create();
    await Promise.all([network.close(), network.close()]);
    await network.close();
    network.cancel();
  });

  test('makes every later call fail with `closed`', async () => {
    const network = create();
    const closing = network.close();
    const calls: (() => Promise<unknown>)[] = [
      () => network.ready(),
      () => network.tensor('fc1.weight'),
      () => network.setTensor('fc2.bias', new Float32Array(3)),
      () => network.setInputTransform(new Float32Array(imageBytes), 1),
      () => network.trainSteps(batches(1)),
      () => network.gradients(pixels, labels, 0, optimizer),
      () => network.forward({ pixels }),
      () => network.activations({ pixels }, 'fc1', 'activated'),
      () => network.writeTensors('/nowhere/model', new Uint8Array(8), ['fc1.weight']),
    ];
    for (const call of calls) await expect(call(), String(call)).rejects.toMatchObject({ code: 'closed' });
    await closing;
    for (const call of calls) await expect(call(), String(call)).rejects.toMatchObject({ code: 'closed' });
  });

  test('of an image store fails its later use only', async () => {
    const other = await storeImages(pixels, 16, 2);
    const network = create();
    const running = network.forward({ store: other.store, indices: Uint32Array.of(5, 3) });
    await other.remove(); // closes the store and deletes the file
    expect((await running).logits.length).toBe(6);
    const rows = { store: other.store, indices: Uint32Array.of(0) };
    await expect(network.forward(rows)).rejects.toMatchObject({ code: 'closed' });
    await expect(other.store.read(Uint32Array.of(0))).rejects.toMatchObject({ code: 'closed' });
    await expect(other.store.mean()).rejects.toMatchObject({ code: 'closed' });
  });
});

describe('cancelling', () => {
  test('ends training after the present mini-batch; training can go on', async () => {
    const network = create();
    const training = network.trainSteps(batches(endless));
    await new Promise((resolve) => setTimeout(resolve, 100));
    network.cancel();
    const { completed } = await training;
    expect(completed).toBeLessThan(endless);
    expect((await network.trainSteps(batches(3))).completed).toBe(3);
  });

  test('before the first mini-batch leaves the weights alone, and predictions in the queue run', async () => {
    const network = create();
    const before = await network.tensor('conv1_1.weight');
    const training = network.trainSteps(batches(endless));
    const prediction = network.forward({ pixels });
    network.cancel();
    const { completed } = await training;
    expect(completed).toBeLessThan(endless);
    expect((await prediction).logits.length).toBe(count * 3);
    if (completed === 0) expect(await network.tensor('conv1_1.weight')).toEqual(before);
  });
});

describe('wrong counts', () => {
  test.each<[string, (network: NativeNetwork) => Promise<unknown>, string]>([
    ['pixels of no whole image', (n) => n.forward({ pixels: pixels.subarray(1) }), 'invalid-argument'],
    [
      'pixels of no whole image for activations',
      (n) => n.activations({ pixels: pixels.subarray(1) }, 'fc1', 'linear'),
      'invalid-argument',
    ],
    ['fewer labels', (n) => n.gradients(pixels, labels.subarray(1), 0, optimizer), 'invalid-argument'],
    [
      'no image to learn from',
      (n) => n.gradients(new Uint8Array(), new Int32Array(), 0, optimizer),
      'invalid-argument',
    ],
    [
      'a label beyond the classes',
      (n) =>
        n.gradients(
          pixels,
          labels.map(() => 3),
          0,
          optimizer,
        ),
      'labels-invalid',
    ],
    [
      'a negative label',
      (n) =>
        n.gradients(
          pixels,
          labels.map(() => -1),
          0,
          optimizer,
        ),
      'labels-invalid',
    ],
    [
      'a batch of one under batch normalization',
      (n) => n.gradients(pixels.subarray(0, imageBytes), labels.subarray(0, 1), 0, optimizer),
      'invalid-argument',
    ],
    ['a mean of another size', (n) => n.setInputTransform(new Float32Array(imageBytes - 1), 1), 'invalid-argument'],
    ['values of another tensor', (n) => n.setTensor('fc1.weight', new Float32Array(3)), 'invalid-argument'],
    [
      'an unknown tensor to read',
      (n) => n.readTensors(0, 'file', ['fc9.weight'], Float64Array.of(0)),
      'invalid-argument',
    ],
    [
      'a tensor without a place',
      (n) => n.readTensors(0, 'file', ['fc1.weight'], new Float64Array()),
      'invalid-argument',
    ],
    [
      'a place before the file',
      (n) => n.readTensors(0, 'file', ['fc1.weight'], Float64Array.of(-1)),
      'invalid-argument',
    ],
    ['no file', (n) => n.readTensors(-1, 'file', [], new Float64Array()), 'invalid-argument'],
    ['a file that is not open', (n) => n.readTensors(1e6, 'file', ['fc1.weight'], Float64Array.of(0)), 'io-error'],
    ['an unknown tensor', (n) => n.tensor('fc9.weight'), 'invalid-argument'],
    ['an unknown layer', (n) => n.activations({ pixels }, 'conv9_9', 'linear'), 'invalid-argument'],
    [
      'a row beyond the store',
      (n) => n.forward({ store: stored.store, indices: Uint32Array.of(count) }),
      'invalid-argument',
    ],
    ['indices of no whole batch', (n) => n.trainSteps({ ...batches(2), batchSize: 7 }), 'invalid-argument'],
    [
      'fewer learning rates',
      (n) => n.trainSteps({ ...batches(2), learningRates: Float64Array.of(0.1) }),
      'invalid-argument',
    ],
    [
      'shares of an average beyond 1',
      (n) => n.trainSteps({ ...batches(2), averageShares: Float64Array.of(0, 2) }),
      'invalid-argument',
    ],
    [
      'fewer targets than images and classes',
      (n) => n.trainSteps({ ...batches(2), targets: new Float32Array(3) }),
      'invalid-argument',
    ],
    [
      'targets that are no shares',
      (n) => n.trainSteps({ ...batches(1), targets: new Float32Array(3 * batches(1).indices.length).fill(Number.NaN) }),
      'invalid-argument',
    ],
    [
      'perturbations without their ranges',
      (n) => n.trainSteps({ ...batches(1), optimizer: { ...optimizer, perturbations: {} as never } }),
      'invalid-argument',
    ],
  ])('%s', async (_, call, code) => {
    const network = create();
    const before = await network.tensor('conv1_1.weight');
    const expected = await network.forward({ pixels });
    await expect(call(network)).rejects.toMatchObject({ code, name: 'DeepYeastError' });
    // A refused call changes nothing and the next one works.
    expect(await network.tensor('conv1_1.weight')).toEqual(before);
    expect((await network.forward({ pixels })).logits).toEqual(expected.logits);
  });

  test('no image at all is predicted as nothing', async () => {
    const network = create();
    const { logits, posteriors } = await network.forward({ pixels: new Uint8Array() });
    expect([logits.length, posteriors.length]).toEqual([0, 0]);
    expect((await network.activations({ pixels: new Uint8Array() }, 'fc1', 'linear')).length).toBe(0);
  });

  test('a store of other images is refused', async () => {
    const other = await storeImages(drawImages(1, 2, 8, 2), 8, 2);
    const network = create();
    const rows = { store: other.store, indices: Uint32Array.of(0) };
    await expect(network.forward(rows)).rejects.toMatchObject({ code: 'model-mismatch' });
    await other.remove();
  });

  test('a file cut short while in use is `images-truncated`, and its first rows still serve', async () => {
    const other = await storeImages(pixels, 16, 2);
    const network = create();
    const { dataOffset } = await readNpyHeader(other.path);
    truncateSync(other.path, dataOffset + 2 * imageBytes + 1);
    const predict = (row: number) => network.forward({ store: other.store, indices: Uint32Array.of(row) });
    await expect(predict(2)).rejects.toMatchObject({ code: 'images-truncated' });
    expect((await predict(1)).logits.length).toBe(3);
    await other.remove();
  });
});

test('training stops at the first loss that is no number, which it returns', async () => {
  const network = create();
  const { completed, losses } = await network.trainSteps(batches(50, 1e30));
  expect(completed).toBeLessThan(50);
  expect(losses.length).toBe(completed);
  expect(losses.at(-1)).not.toSatisfy(Number.isFinite);
  expect([...losses.subarray(0, -1)].every(Number.isFinite)).toBe(true);
});

test('calls of two networks at once give what each gives alone', async () => {
  const alone = [];
  for (const seed of [1, 2]) {
    const network = create(seed);
    const { losses } = await network.trainSteps(batches(5));
    alone.push({ losses, ...(await network.forward({ pixels })) });
  }
  const together = await Promise.all(
    [1, 2].map(async (seed) => {
      const network = create(seed);
      const training = network.trainSteps(batches(5));
      const prediction = network.forward({ pixels });
      return { losses: (await training).losses, ...(await prediction) };
    }),
  );
  expect(together).toEqual(alone);
  expect(alone[0]!.losses).not.toEqual(alone[1]!.losses);
});

test('calls of one network run in the order in which they were made', async () => {
  const network = create();
  const order: number[] = [];
  const values = [1, 2, 3].map((value) => new Float32Array(3).fill(value));
  const read = values.map(async (value, i) => {
    const set = network.setTensor('fc2.bias', value);
    const bias = await network.tensor('fc2.bias');
    await set;
    order.push(i);
    return bias;
  });
  expect(await Promise.all(read)).toEqual(values);
  expect(order).toEqual([0, 1, 2]);
});

test('arguments are copied: changing them after the call changes nothing', async () => {
  const network = create();
  const expected = await network.forward({ pixels });
  const own = pixels.slice();
  const running = network.forward({ pixels: own });
  own.fill(0);
  expect((await running).logits).toEqual(expected.logits);
});

describe('work in flight at', () => {
  test.each([
    ['the end of the script', '192'],
    ['process.exit', ''],
    ['process.exit at once', ''],
    ['a dropped network', ''],
    ['a worker thread that ends', '192 0'],
    ['a worker thread that is terminated', '192'],
    ['two worker threads and the main thread', '192,192,192'],
  ])('%s leaves exit code 0', async (way, stdout) => {
    const { dataOffset } = await readNpyHeader(stored.path);
    const child = spawnSync(
      process.execPath,
      [
        '--expose-gc',
        // Node.js 20 itself aborts now and then when a worker thread ends while V8 optimizes code for it.
        '--no-concurrent-recompilation',
        join(__dirname, 'lifecycle-child.cjs'),
        way,
        join(projectRoot, 'dist/native/load.js'),
        stored.path,
        String(dataOffset),
      ],
      { encoding: 'utf8', timeout: 50_000 },
    );
    const { status, signal, stderr } = child;
    expect({ status, signal, stderr, stdout: child.stdout }).toEqual({ status: 0, signal: null, stderr: '', stdout });
  });
});
