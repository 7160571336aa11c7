// ONNX Runtime's own Node binding on the file that deepyeast exports: CPU provider, all graph optimizations, as many intra-op threads as everybody.
import { createRequire } from 'node:module';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { readModel } from './model-file.js';
import { cells, save, serve, timed } from './protocol.js';

const require = createRequire(import.meta.url);
const { version } = require('onnxruntime-node/package.json');
const { onnxModel } = require('../../dist/network/exchange/onnx.js');
const { readCheckpoint } = require('../../dist/network/checkpoint.js');
const threads = Number(process.env.BENCH_THREADS);
const model = readModel(process.env.BENCH_MODEL);
const { imageSize, channels } = model.topology;
const { bytes } = await onnxModel(await readCheckpoint(process.env.BENCH_MODEL), { batchNorm: 'folded' });
const session = await InferenceSession.create(bytes, {
  executionProviders: ['cpu'],
  graphOptimizationLevel: 'all',
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
});
const output = 'posteriors';

await serve(
  { name: 'onnxruntime-node', version, device: `cpu, ${threads} threads` },
  {
    async inference({ batch, repeats, images, result }) {
      const input = new Tensor('uint8', cells(images), [batch, imageSize, imageSize, channels]);
      let posteriors;
      const seconds = await timed(async () => {
        for (let i = 0; i < repeats; i++) posteriors = (await session.run({ cells: input }))[output].data;
      });
      save(result, posteriors);
      return { seconds };
    },
  },
);
