// deepyeast itself, from the built package (dist/): answers one request a line with one result a line.

import { randomFillSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serve } from './protocol.js';

const require = createRequire(import.meta.url);
const { loadAddon } = require('../../dist/native/index.js');
const { Network } = require('../../dist/network/index.js');
const { version } = require('../../package.json');

const size = 64;
const channels = 2;
const classes = Array.from({ length: 12 }, (_, i) => `class ${i}`);
const imageBytes = size * size * channels;

/** Fresh random cells in a file, as training reads them. */
async function withStore(count, body) {
  const folder = await mkdtemp(join(tmpdir(), 'deepyeast-bench-'));
  try {
    const path = join(folder, 'images');
    await writeFile(path, randomFillSync(new Uint8Array(count * imageBytes)));
    return await body(new (loadAddon().ImageStore)({ path, offset: 0, count, size, channels }));
  } finally {
    await rm(folder, { recursive: true });
  }
}

export async function main() {
  const network = await Network.create({ classes, seed: 1, threads: Number(process.env.DEEPYEAST_THREADS ?? 2) });
  let iteration = 0;
  await serve(
    { name: 'deepyeast', version, device: network.description },
    {
      async inference({ batch, repeats }) {
        const pixels = randomFillSync(new Uint8Array(batch * imageBytes));
        const start = process.hrtime.bigint();
        for (let i = 0; i < repeats; i++) await network.native.forward({ pixels });
        return Number(process.hrtime.bigint() - start) / 1e9;
      },
      async training({ batch, repeats }) {
        return withStore(batch * repeats, async (images) => {
          const indices = Uint32Array.from({ length: batch * repeats }, (_, i) => i);
          const labels = Int32Array.from(indices, (i) => i % classes.length);
          const optimizer = { momentum: 0.9, weightDecay: 0.0005, caffeMomentum: true, augment: false };
          const learningRates = new Float64Array(repeats).fill(0.01);
          const start = process.hrtime.bigint();
          await network.native.trainSteps({
            images,
            indices,
            labels,
            batchSize: batch,
            iteration,
            learningRates,
            optimizer,
          });
          iteration += repeats;
          return Number(process.hrtime.bigint() - start) / 1e9;
        });
      },
    },
  );
  await network.close();
}

await main();
