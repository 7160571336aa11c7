// How real the simulated cells are: trains on them alone, picks the model by simulated validation loss alone, then tries
// it on real cells.
//
//   npm run realism -- [--cells 20000] [--iterations 1500] [--seeds 1,2,3] [--threads 2] [--out FOLDER]
//
// Reports the twelve cells of a figure (their 8 bits as they are, and by the training set's intensity rule) and the three
// strains of a screen: the share called mitochondrion (AAC1), cytoplasm or nucleus (AAH1, AAP1), each with Wilson's 95%
// interval and the commonest calls. The twelve are too few for a rate: read their calls.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Network, simulate, train } from '../../dist/index.mjs';
import { importFigure, importScreen } from './real-crops.js';
import { wilson } from './statistics.js';

const { values: options } = parseArgs({
  options: {
    cells: { type: 'string', default: '20000' },
    iterations: { type: 'string', default: '1500' },
    seeds: { type: 'string', default: '1,2,3' },
    threads: { type: 'string', default: '2' },
    out: { type: 'string', default: 'realism' },
  },
});

const recipe = (iterations) => ({
  schedule: { kind: 'cosine', warmUpEpochs: 0.25 },
  learningRate: 0.05,
  batchSize: 100,
  iterations,
  momentum: 0.9,
  momentumForm: 'caffe',
  weightDecay: 0.0005,
  augmentation: 'flips-and-turns',
});

/** What each strain of the screen may be called. */
const expected = { AAC1: ['mitochondrion'], AAH1: ['cytoplasm', 'nucleus'], AAP1: ['cytoplasm', 'nucleus'] };

const percent = (share) => `${(100 * share).toFixed(1)}%`;

/** Called class names of a dataset's cells. */
async function callsOf(network, dataset) {
  const { posteriors } = await network.predict(dataset);
  const width = network.classes.length;
  return Array.from({ length: dataset.count }, (_, cell) => {
    const row = posteriors.subarray(cell * width, (cell + 1) * width);
    return network.classes[row.indexOf(Math.max(...row))];
  });
}

function score(calls, isRight) {
  const correct = calls.filter(isRight).length;
  const counts = {};
  for (const call of calls) counts[call] = (counts[call] ?? 0) + 1;
  const commonest = Object.entries(counts).sort((a, b) => b[1] - a[1]);
  return {
    cells: calls.length,
    correct,
    interval: wilson(correct, calls.length),
    calls: Object.fromEntries(commonest),
  };
}

function show(name, { cells, correct, interval, calls }) {
  const [low, high] = interval.map(percent);
  const commonest = Object.entries(calls)
    .slice(0, 5)
    .map(([call, count]) => `${call} ${count}`);
  console.log(
    `  ${name}: ${correct} of ${cells}, ${percent(correct / cells)} [${low}, ${high}]; called ${commonest.join(', ')}`,
  );
}

const folder = await mkdtemp(join(tmpdir(), 'deepyeast-realism-'));
const results = [];
try {
  const screen = await importScreen(folder);
  const strains = (await screen.table()).map(({ protein }) => protein);
  const figures = { figure: await importFigure(folder, false), figureAsTheyAre: await importFigure(folder, true) };
  for (const seed of options.seeds.split(',').map(Number)) {
    const started = performance.now();
    const out = join(folder, `screen-${seed}`);
    const simulated = await simulate({ out, cells: Number(options.cells), seed });
    const network = await Network.create({ classes: simulated.train.classes, seed, threads: Number(options.threads) });
    const run = join(options.out, `run-${seed}`);
    for await (const interval of train(network, {
      training: simulated.train,
      validation: simulated.validation,
      recipe: recipe(Number(options.iterations)),
      run,
    })) {
      const { iteration, loss, validation } = interval;
      console.error(
        `seed ${seed}: iteration ${iteration}, loss ${loss.toFixed(3)}, validation ${validation?.loss.toFixed(3)}`,
      );
    }
    await network.close();
    const best = await Network.load(run, { threads: Number(options.threads) });
    const held = await callsOf(best, simulated.test);
    const truth = Array.from(simulated.test.labels, (label) => simulated.test.classes[label]);
    const result = {
      seed,
      trainingCells: simulated.train.count,
      iterations: Number(options.iterations),
      simulatedTest: held.filter((call, i) => call === truth[i]).length / held.length,
    };
    for (const [name, dataset] of Object.entries(figures)) {
      const calls = await callsOf(best, dataset);
      const names = Array.from(dataset.labels, (label) => dataset.classes[label]);
      const wrong = names.flatMap((label, i) => (calls[i] === label ? [] : [`${label} called ${calls[i]}`]));
      result[name] = { cells: 12, correct: 12 - wrong.length, wrong };
    }
    const calls = await callsOf(best, screen);
    for (const [strain, names] of Object.entries(expected)) {
      const own = calls.filter((_, i) => strains[i] === strain);
      result[strain] = score(own, (call) => names.includes(call));
    }
    result.screen = score(calls, (call, i) => expected[strains[i]].includes(call));
    result.minutes = (performance.now() - started) / 60000;
    results.push(result);
    await best.close();
    console.log(
      `seed ${seed}: ${result.trainingCells} cells, ${result.iterations} iterations, ${result.minutes.toFixed(1)} min`,
    );
    console.log(`  simulated held-out cells: ${percent(result.simulatedTest)}`);
    for (const name of Object.keys(figures))
      console.log(`  ${name}: ${result[name].correct} of 12; ${result[name].wrong.join(', ')}`);
    for (const name of [...Object.keys(expected), 'screen']) show(name, result[name]);
  }
  await mkdir(options.out, { recursive: true });
  await writeFile(join(options.out, 'realism.json'), `${JSON.stringify(results, null, 1)}\n`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
