// Makes the model that all contestants share: the paper's network, dropout off so that all compute the same training
// step, a few steps from its drawn weights so that the running statistics fit the images.
//
//   node prepare.js OUT.safetensors
import { randomFillSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const require = createRequire(import.meta.url);
const { loadAddon } = require('../../dist/native/index.js');
const { Network } = require('../../dist/network/index.js');

const [size, channels, batchSize, steps] = [64, 2, 32, 20];
const classes = Array.from({ length: 12 }, (_, i) => `class ${i}`);
const folder = await mkdtemp(join(tmpdir(), 'deepyeast-bench-'));
const network = await Network.create({ classes, dropout: 0, seed: 1 });
try {
  const mean = new Float32Array(size * size * channels).fill(127.5);
  const normalization = { rule: 'none' };
  await network.setInputTransform({ mean, scale: 1, channels: ['red', 'green'], normalization });
  const path = join(folder, 'cells');
  await writeFile(path, randomFillSync(new Uint8Array(batchSize * steps * mean.length)));
  const images = new (loadAddon().ImageStore)({ path, offset: 0, count: batchSize * steps, size, channels });
  const indices = Uint32Array.from({ length: batchSize * steps }, (_, i) => i);
  await network.native.trainSteps({
    images,
    indices,
    labels: Int32Array.from(indices, (i) => i % classes.length),
    batchSize,
    iteration: 0,
    learningRates: new Float64Array(steps).fill(0.01),
    optimizer: { momentum: 0.9, weightDecay: 0.0005, caffeMomentum: true, augment: false },
  });
  images.close();
  await network.save(process.argv[2]);
} finally {
  await network.close();
  await rm(folder, { recursive: true });
}
