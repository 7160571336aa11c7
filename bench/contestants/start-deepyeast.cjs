// From the start of node to the first posterior: the package as a program would load it.
const { Network } = require('../../dist/index.js');

(async () => {
  const network = await Network.load(process.env.BENCH_MODEL, { threads: Number(process.env.BENCH_THREADS) });
  const { imageSize, channels } = network.topology;
  const { posteriors } = await network.predict(new Uint8Array(imageSize * imageSize * channels));
  console.log(posteriors[0]);
  await network.close();
})();
