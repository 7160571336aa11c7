// The same seed gives the same bits for any number of threads, and a cell's posterior hardly depends on its batch.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadAddon, type NativeNetwork, type NativeTopology } from '../../src/native';
import { drawImages, drawLabels, storeImages, type TemporaryStore } from './fixture';

const addon = loadAddon();
const iterations = 4;

interface Case {
  name: string;
  topology: Partial<NativeTopology>;
  batch: number;
  caffeMomentum: boolean;
}

const cases: Case[] = [
  {
    name: "the paper's layers, smaller",
    topology: {
      imageSize: 16,
      blocks: [
        [64, 64],
        [128, 128],
        [256, 256, 256, 256],
      ],
      dense: [128, 128],
    },
    batch: 20,
    caffeMomentum: true,
  },
  {
    name: 'whole images',
    topology: { imageSize: 64, blocks: [[16, 16], [24]], dense: [40] },
    batch: 11,
    caffeMomentum: true,
  },
  {
    name: 'nothing a multiple of anything',
    topology: { imageSize: 20, channels: 3, blocks: [[5, 7], [33]], dense: [13, 17], classes: 5, dropout: 0.3 },
    batch: 13,
    caffeMomentum: false,
  },
  {
    name: 'one channel, two cells',
    topology: { imageSize: 12, channels: 1, blocks: [[3]], dense: [], classes: 2 },
    batch: 2,
    caffeMomentum: true,
  },
];

function complete(topology: Partial<NativeTopology>): NativeTopology {
  return {
    imageSize: 64,
    channels: 2,
    blocks: [[8]],
    dense: [8],
    classes: 12,
    dropout: 0.5,
    normalizationEpsilon: 1e-5,
    normalizationMomentum: 0.1,
    ...topology,
  };
}

describe.each(cases)('$name', ({ topology: part, batch, caffeMomentum }) => {
  const topology = complete(part);
  const { imageSize, channels, classes } = topology;
  const images = drawImages(11, batch * 2 + 1, imageSize, channels);
  const labels = drawLabels(11, batch * 2 + 1, classes);
  let stored: TemporaryStore;
  beforeAll(async () => {
    stored = await storeImages(images, imageSize, channels);
  });
  afterAll(() => stored.remove());

  async function train(network: NativeNetwork, first: number, count: number): Promise<Float64Array> {
    const rows = Array.from({ length: count * batch }, (_, i) => (first * batch + i) % labels.length);
    const { losses } = await network.trainSteps({
      images: stored.store,
      indices: Uint32Array.from(rows),
      labels: Int32Array.from(rows, (row) => labels[row]!),
      batchSize: batch,
      iteration: first,
      learningRates: new Float64Array(count).fill(0.05),
      optimizer: { momentum: 0.9, weightDecay: 0.0005, caffeMomentum, augment: true },
    });
    expect(losses.length).toBe(count);
    return losses;
  }

  /** Losses, every tensor with its momentum, and logits after training; `calls`: iterations per trainSteps. */
  async function run(threads: number, seed: number, calls: number[]): Promise<Map<string, Uint8Array>> {
    const network = new addon.Network({ topology, seed, threads, device: 'cpu' });
    try {
      expect((await network.ready()).threads).toBe(threads);
      await network.setInputTransform(new Float32Array(imageSize * imageSize * channels).fill(100), 1 / 64);
      const result = new Map<string, Uint8Array>();
      const losses: number[] = [];
      for (const count of calls) losses.push(...(await train(network, losses.length, count)));
      result.set('losses', new Uint8Array(Float64Array.from(losses).buffer));
      for (const { name, trainable } of network.tensors) {
        for (const tensor of trainable ? [name, `velocity/${name}`] : [name]) {
          result.set(tensor, bytesOf(await network.tensor(tensor)));
        }
      }
      result.set('logits', bytesOf((await network.forward({ pixels: images })).logits));
      return result;
    } finally {
      await network.close();
    }
  }

  function bytesOf(values: Float32Array): Uint8Array {
    return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  }

  /** Names of what differs. */
  function differing(a: Map<string, Uint8Array>, b: Map<string, Uint8Array>): string[] {
    expect([...a.keys()]).toEqual([...b.keys()]);
    return [...a.keys()].filter((name) => Buffer.compare(a.get(name)!, b.get(name)!) !== 0);
  }

  test('training and inference give the same bits with 1, 2 and 5 threads', async () => {
    const one = await run(1, 7, [iterations]);
    expect(differing(await run(2, 7, [iterations]), one)).toEqual([]);
    expect(differing(await run(5, 7, [iterations]), one)).toEqual([]);
    expect(differing(await run(5, 7, [iterations]), one)).toEqual([]);
    expect(differing(await run(2, 7, [1, iterations - 1]), one)).toEqual([]);
    const other = differing(await run(2, 8, [iterations]), one);
    expect(other).toContain('losses');
    expect(other).toContain('conv1_1.weight');
  });

  test('predicting between training steps changes nothing', async () => {
    const network = new addon.Network({ topology, seed: 7, threads: 2, device: 'cpu' });
    const alone = new addon.Network({ topology, seed: 7, threads: 2, device: 'cpu' });
    for (let iteration = 0; iteration < 2; iteration++) {
      await train(network, iteration, 1);
      await network.forward({ pixels: images });
      await network.activations({ pixels: images }, 'conv1_1', 'normalized');
      await train(alone, iteration, 1);
    }
    for (const { name } of network.tensors) {
      const [value, expected] = [await network.tensor(name), await alone.tensor(name)].map(bytesOf);
      expect(Buffer.compare(value!, expected!), name).toBe(0);
    }
    await network.close();
    await alone.close();
  });
});

test("a cell's posterior is the same at batch 1, inside batch 100 and from a store", async () => {
  const topology = complete({
    blocks: [
      [64, 64],
      [128, 128],
      [256, 256, 256, 256],
    ],
    dense: [512, 512],
  });
  const count = 100;
  const images = drawImages(3, count, 64, 2);
  const pixels = 64 * 64 * 2;
  const { classes } = topology;
  const stored = await storeImages(images, 64, 2);
  const network = new addon.Network({ topology, seed: 5, threads: 2, device: 'cpu' });
  await network.setInputTransform(new Float32Array(pixels).fill(134), 1);
  // Running statistics of a training pass, so that posteriors are neither uniform nor certain.
  for (let iteration = 0; iteration < 3; iteration++) {
    const batch = images.subarray(0, 8 * pixels);
    const optimizer = { momentum: 0.9, weightDecay: 0, caffeMomentum: true, augment: false };
    await network.gradients(batch, drawLabels(3, 8, classes), iteration, optimizer);
  }
  const { posteriors } = await network.forward({ pixels: images });
  expect(posteriors.length).toBe(count * classes);
  let spread = 0;
  for (const cell of [0, 1, 31, 32, 63, 64, 98, 99]) {
    const inside = posteriors.subarray(cell * classes, (cell + 1) * classes);
    const alone = await network.forward({ pixels: images.subarray(cell * pixels, (cell + 1) * pixels) });
    const read = await network.forward({ store: stored.store, indices: Uint32Array.of(cell) });
    for (let k = 0; k < classes; k++) {
      expect(Math.abs(alone.posteriors[k]! - inside[k]!)).toBeLessThanOrEqual(1e-5);
      expect(Math.abs(read.posteriors[k]! - inside[k]!)).toBeLessThanOrEqual(1e-5);
      spread = Math.max(spread, Math.abs(inside[k]! - posteriors[k]!));
    }
    expect(inside.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 5);
  }
  expect(spread).toBeGreaterThan(1e-3); // cells do differ
  await network.close();
  await stored.remove();
});
