// deepyeast itself, from the built package (dist/). BENCH_NAME: what to call it, for other instruction sets and threads.
import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cells, save, serve, timed, timedEach } from './protocol.js';

const require = createRequire(import.meta.url);
const { loadAddon } = require('../../dist/native/index.js');
const { Network, readCheckpoint } = require('../../dist/network/index.js');
const { version } = require('../../package.json');

const path = process.env.BENCH_MODEL;
const network = await Network.load(path, { threads: Number(process.env.BENCH_THREADS) });
const { imageSize: size, channels } = network.topology;
const trainable = network.native.tensors.filter((tensor) => tensor.trainable).map(({ name }) => name);

/** Back to the shared model, at rest. */
async function restore() {
  for (const [name, { values }] of (await readCheckpoint(path)).tensors) await network.native.setTensor(name, values);
  for (const name of trainable) {
    const { length } = await network.native.tensor(name);
    await network.native.setTensor(`velocity/${name}`, new Float32Array(length));
  }
}

function open(file) {
  const count = statSync(file).size / (size * size * channels);
  return new (loadAddon().ImageStore)({ path: file, offset: 0, count, size, channels });
}

await serve(
  { name: process.env.BENCH_NAME ?? 'deepyeast', version, device: network.description },
  {
    async inference({ batch, repeats, images, result, fromFile }) {
      let posteriors;
      let run;
      if (fromFile) {
        const store = open(images); // the way that datasets are read: only a part is in memory at a time
        const indices = Uint32Array.from({ length: batch }, (_, i) => i % store.count);
        run = async () => (await network.native.forward({ store, indices })).posteriors;
      } else {
        const pixels = cells(images).subarray(0, batch * size * size * channels);
        run = async () => (await network.predict(pixels)).posteriors;
      }
      const seconds = await timedEach(repeats, async () => {
        posteriors = await run();
      });
      save(result, posteriors);
      return { seconds };
    },
    async training({ batch, repeats, images, labels, rate, result, fresh }) {
      if (!fresh) await restore();
      const store = open(images);
      let steps;
      const seconds = await timed(async () => {
        steps = await network.native.trainSteps({
          images: store,
          indices: Uint32Array.from({ length: batch * repeats }, (_, i) => i),
          labels: Int32Array.from(labels),
          batchSize: batch,
          iteration: 0,
          learningRates: new Float64Array(repeats).fill(rate),
          optimizer: { momentum: 0.9, weightDecay: 0.0005, caffeMomentum: true, augment: false },
        });
      });
      store.close();
      if (fresh) return { seconds: [seconds / repeats], losses: [...steps.losses] };
      const weights = [];
      for (const name of trainable) weights.push(Buffer.from((await network.native.tensor(name)).buffer));
      save(result, Buffer.concat(weights));
      await restore(); // the next inference is with the shared weights again
      return { seconds: [seconds / repeats], losses: [...steps.losses] };
    },
  },
);
await network.close();
