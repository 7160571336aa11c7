// deepyeast itself, from the built package (dist/).
import { createRequire } from 'node:module';
import { cells, save, serve, timed } from './protocol.js';

const require = createRequire(import.meta.url);
const { loadAddon } = require('../../dist/native/index.js');
const { Network, readCheckpoint } = require('../../dist/network/index.js');
const { version } = require('../../package.json');

const path = process.env.BENCH_MODEL;
const network = await Network.load(path, { threads: Number(process.env.BENCH_THREADS) });
const initial = (await readCheckpoint(path)).tensors;
const trainable = network.native.tensors.filter((tensor) => tensor.trainable).map(({ name }) => name);

/** Back to the shared model, at rest. */
async function restore() {
  for (const [name, { values }] of initial) await network.native.setTensor(name, values);
  for (const name of trainable) {
    await network.native.setTensor(`velocity/${name}`, new Float32Array(initial.get(name).values.length));
  }
}

await serve(
  { name: 'deepyeast', version, device: network.description },
  {
    async inference({ batch, repeats, images, result }) {
      const pixels = cells(images);
      if (pixels.length % batch !== 0) throw new Error('the cells are no whole batch');
      let posteriors;
      const seconds = await timed(async () => {
        for (let i = 0; i < repeats; i++) posteriors = (await network.predict(pixels, { batchSize: 256 })).posteriors;
      });
      save(result, posteriors);
      return { seconds };
    },
    async training({ batch, repeats, images, labels, rate, result }) {
      await restore();
      const { imageSize: size, channels } = network.topology;
      const store = new (loadAddon().ImageStore)({ path: images, offset: 0, count: batch * repeats, size, channels });
      const indices = Uint32Array.from({ length: batch * repeats }, (_, i) => i);
      let steps;
      const seconds = await timed(async () => {
        steps = await network.native.trainSteps({
          images: store,
          indices,
          labels: Int32Array.from(labels),
          batchSize: batch,
          iteration: 0,
          learningRates: new Float64Array(repeats).fill(rate),
          optimizer: { momentum: 0.9, weightDecay: 0.0005, caffeMomentum: true, augment: false },
        });
      });
      store.close();
      const weights = [];
      for (const name of trainable) weights.push(Buffer.from((await network.native.tensor(name)).buffer));
      save(result, Buffer.concat(weights));
      await restore(); // the next inference is with the shared weights again
      return { seconds, losses: [...steps.losses] };
    },
  },
);
await network.close();
