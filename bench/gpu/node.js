// Training and inference through the JavaScript API on one GPU, for bench/gpu/run.sh: prints a line of each, its name, a tab
// and its JSON.
//
//   node bench/gpu/node.js PRECISION TRAINING_BATCH ITERATIONS INFERENCE_BATCH
const { mkdtempSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { Dataset, Network, simulate, train, recipes } = require('../../dist/index.js');

const precision = process.argv[2];
const [trainingBatch, iterations, inferenceBatch] = process.argv.slice(3).map(Number);

async function main() {
  const folder = mkdtempSync(join(tmpdir(), 'deepyeast-gpu-bench-'));
  try {
    await simulate({ out: join(folder, 'cells'), cells: 2400, seed: 1 });
    const dataset = await Dataset.open(join(folder, 'cells', 'train'));
    const network = await Network.create({ classes: dataset.classes, device: 'cuda', precision, seed: 1 });
    try {
      print(`node-training-${precision}-${trainingBatch}`, await training(network, dataset, trainingBatch));
      print(`node-inference-${precision}-${inferenceBatch}`, await inference(network, inferenceBatch));
    } finally {
      await network.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function print(name, result) {
  console.log(`${name}\t${JSON.stringify(result)}`);
}

async function training(network, dataset, batch) {
  // The first interval makes plans and recordings; the others count.
  const times = [];
  const recipe = { ...recipes.paper, batchSize: batch, iterations: 6 * iterations };
  delete recipe.epochs;
  for await (const interval of train(network, { training: dataset, recipe, reportEvery: iterations })) {
    times.push(interval.imagesPerSecond);
  }
  const rates = times.slice(1).sort((a, b) => a - b);
  const imagesPerSecond = rates[Math.floor(rates.length / 2)];
  return { precision, batch, msPerIteration: (batch / imagesPerSecond) * 1e3, imagesPerSecond };
}

async function inference(network, batch) {
  const bytes = 64 * 64 * 2;
  const pixels = new Uint8Array(batch * bytes).map((_, i) => (i * 7919) % 251);
  await network.predict(pixels);
  await network.predict(pixels);
  const times = [];
  for (let i = 0; i < 20; i++) {
    const start = performance.now();
    await network.predict(pixels);
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  return { precision, batch, msPerCall: times[10], imagesPerSecond: (batch / times[10]) * 1e3 };
}

main().catch((error) => {
  console.log(JSON.stringify({ error: error.message, code: error.code }));
  process.exitCode = error.exitStatus ?? 1;
});
