// ONNX Runtime's own Node binding on the file that deepyeast exports (uint8 cells in, posteriors out, batch normalization
// folded): CPU provider, all graph optimizations, as many intra-op threads as everybody. BENCH_AVX2_ONLY: the folder of a
// copy that is restricted to AVX2 (avx2-only/), to be run instead.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { readModel } from './model-file.js';
import { cells, save, serve, timedEach } from './protocol.js';

const require = createRequire(import.meta.url);
const restricted = process.env.BENCH_AVX2_ONLY;
const requireRival = restricted ? createRequire(join(restricted, 'package.json')) : require;
// What answers must be there before ONNX Runtime, which may ask while it is loaded.
const restriction = restricted && requireRival('./answer-cpuid.node');
const { InferenceSession, Tensor } = requireRival('onnxruntime-node');
const { version } = requireRival('onnxruntime-node/package.json');
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
  {
    name: restriction ? 'onnxruntime-node-avx2' : 'onnxruntime-node',
    version,
    device: `cpu, ${threads} threads${restriction ? `, restricted to AVX2 in ${restriction.answers()} answers` : ''}`,
  },
  {
    async inference({ batch, repeats, images, result }) {
      if (restriction?.answers() === 0)
        throw new Error('it is not restricted to AVX2: it got no answer about features');
      const input = new Tensor('uint8', cells(images).subarray(0, batch * imageSize * imageSize * channels), [
        batch,
        imageSize,
        imageSize,
        channels,
      ]);
      let posteriors;
      const seconds = await timedEach(repeats, async () => {
        posteriors = (await session.run({ cells: input }))[output].data;
      });
      save(result, posteriors);
      return { seconds };
    },
  },
);
