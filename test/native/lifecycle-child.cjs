// Leaves native work in flight in one of several ways; lifecycle.test.ts expects exit code 0 from each. Arguments: the
// way, src/native/load as built, an images.npy of 64 images of 16x16x2 pixels, its data offset.
const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads');

const [way, loaderPath, path, offset] = isMainThread ? process.argv.slice(2) : workerData;
const addon = require(loaderPath).loadAddon();

const count = 64;
const pixels = new Uint8Array(count * 16 * 16 * 2).map((_, i) => (i * 37) % 251);
function create() {
  const topology = {
    imageSize: 16,
    channels: 2,
    blocks: [[32, 32], [64]],
    dense: [64],
    classes: 3,
    dropout: 0.5,
    normalizationEpsilon: 1e-5,
    normalizationMomentum: 0.1,
  };
  return new addon.Network({ topology, seed: 1, threads: 2, device: 'cpu' });
}
/** Minutes of training: nobody may wait for its end. */
function trainLong(network) {
  const iterations = 100_000;
  const images = new addon.ImageStore({ path, offset: Number(offset), count, size: 16, channels: 2 });
  return network.trainSteps({
    images,
    indices: new Uint32Array(iterations * count).map((_, i) => i % count),
    labels: new Int32Array(iterations * count).map((_, i) => i % 3),
    batchSize: count,
    iteration: 0,
    learningRates: new Float64Array(iterations).fill(0.01),
    optimizer: { momentum: 0.9, weightDecay: 0.0005, caffeMomentum: true, augment: false },
  });
}
const soon = (milliseconds = 200) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const startWorker = () => {
  const worker = new Worker(__filename, { workerData: [way, loaderPath, path, offset] });
  const first = new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  return { worker, first, ended: new Promise((resolve) => worker.once('exit', resolve)) };
};

const ways = {
  // The event loop stays alive for a call and not for an idle network.
  async 'the end of the script'() {
    create()
      .forward({ pixels })
      .then(({ logits }) => process.stdout.write(`${logits.length}`));
  },
  async 'process.exit'() {
    const network = create();
    trainLong(network);
    for (let i = 0; i < 100; i++) network.forward({ pixels });
    await soon();
    process.exit(0);
  },
  async 'process.exit at once'() {
    trainLong(create());
    process.exit(0);
  },
  async 'a dropped network'() {
    create().forward({ pixels });
    for (let i = 0; i < 20; i++) {
      global.gc();
      await soon(5);
    }
  },
  async 'a worker thread that ends'() {
    const { first, ended } = startWorker();
    process.stdout.write(`${await first} ${await ended}`);
  },
  async 'a worker thread that is terminated'() {
    const { worker, first } = startWorker();
    await first;
    await worker.terminate();
    // The main thread's copy of the addon still works.
    const { logits } = await create().forward({ pixels });
    process.stdout.write(`${logits.length}`);
  },
  async 'two worker threads and the main thread'() {
    const workers = [startWorker(), startWorker()];
    const own = create().forward({ pixels });
    const lengths = [...(await Promise.all(workers.map(({ first }) => first))), (await own).logits.length];
    process.stdout.write(lengths.join());
  },
};

const inWorker = {
  async 'a worker thread that ends'() {
    parentPort.postMessage((await create().forward({ pixels })).logits.length);
  },
  async 'a worker thread that is terminated'() {
    const network = create();
    trainLong(network);
    network.forward({ pixels });
    await soon();
    parentPort.postMessage('working');
  },
  async 'two worker threads and the main thread'() {
    parentPort.postMessage((await create().forward({ pixels })).logits.length);
  },
};

(isMainThread ? ways : inWorker)[way]();
