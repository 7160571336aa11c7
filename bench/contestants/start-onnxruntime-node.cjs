// From the start of node to the first posterior, from an ONNX file.
const { InferenceSession, Tensor } = require('onnxruntime-node');

(async () => {
  const session = await InferenceSession.create(`${process.env.BENCH_MODEL}.onnx`, {
    executionProviders: ['cpu'],
    graphOptimizationLevel: 'all',
    intraOpNumThreads: Number(process.env.BENCH_THREADS),
    interOpNumThreads: 1,
  });
  const cells = new Tensor('uint8', new Uint8Array(64 * 64 * 2), [1, 64, 64, 2]);
  const { posteriors } = await session.run({ cells });
  console.log(posteriors.data[0]);
})();
