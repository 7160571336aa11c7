// Prints, as JSON, how many bytes the resident size grew over each kind of work after a warm-up of the same work.
// leak.test.ts runs it with --expose-gc in a process of its own. Arguments: src/native/load as built, an images.npy of
// 64 images of 8x8x2 pixels, its data offset.
const [loaderPath, path, offset] = process.argv.slice(2);
const addon = require(loaderPath).loadAddon();

const topology = {
  imageSize: 8,
  channels: 2,
  blocks: [[16, 16], [32]],
  dense: [64],
  classes: 12,
  dropout: 0.5,
  normalizationEpsilon: 1e-5,
  normalizationMomentum: 0.1,
};
const count = 64;
const pixels = new Uint8Array(count * 8 * 8 * 2).map((_, i) => (i * 37) % 251);
const labels = new Int32Array(count).map((_, i) => i % topology.classes);
const indices = new Uint32Array(count).map((_, i) => count - 1 - i);
const optimizer = { momentum: 0.9, weightDecay: 0.0005, caffeMomentum: true, augment: true };
const create = (part) => new addon.Network({ topology: { ...topology, ...part }, seed: 1, threads: 2, device: 'cpu' });
const openStore = () => new addon.ImageStore({ path, offset: Number(offset), count, size: 8, channels: 2 });

async function residentSize() {
  // Array buffers are released by a task after the collection that found them dead.
  for (let i = 0; i < 4; i++) {
    global.gc();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return process.memoryUsage().rss;
}

async function growth(warmUp, rounds, work) {
  for (let i = 0; i < warmUp; i++) await work();
  const before = await residentSize();
  for (let i = 0; i < rounds; i++) await work();
  return (await residentSize()) - before;
}

async function main() {
  const result = {};
  const network = create();
  const store = openStore();
  result.predictPixels = await growth(2000, 10_000, () => network.forward({ pixels }));
  result.predictStore = await growth(500, 2000, () => network.forward({ store, indices }));
  result.activations = await growth(500, 2000, () => network.activations({ pixels }, 'conv1_2', 'pooled'));
  result.refused = await growth(500, 2000, () => network.forward({ pixels: pixels.subarray(1) }).catch(() => {}));
  await network.close();
  store.close();

  // Larger networks here: more than 1 MB of weights.
  const large = { dense: [512, 512] };
  result.createClose = await growth(20, 100, async () => {
    const other = create(large);
    await other.forward({ pixels });
    await other.close();
  });
  result.train = await growth(20, 100, async () => {
    const other = create(large);
    const images = openStore();
    await other.gradients(pixels, labels, 0, optimizer);
    const learningRates = new Float64Array(2).fill(0.01);
    const batches = { images, indices, labels, batchSize: count / 2, iteration: 0, learningRates, optimizer };
    await other.trainSteps(batches);
    await other.close();
    images.close();
  });
  // Never closed: the collector's finalizers release them.
  result.dropped = await growth(20, 100, async () => {
    await create(large).forward({ pixels });
    global.gc();
    await new Promise((resolve) => setImmediate(resolve));
  });
  process.stdout.write(JSON.stringify(result));
}

main();
