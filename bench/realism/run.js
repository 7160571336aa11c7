// How real the simulated cells are: trains on them alone, picks the model by simulated validation loss alone, then tries
// it on real cells.
//
//   npm run realism -- [--cells 45000] [--iterations 3750] [--seeds 1,2,3] [--appearance varied] [--threads 2]
//                      [--out FOLDER]
//   npm run realism -- --models FILE,FILE      # tries models that were trained before, on simulated cells, instead
//
// Reports the twelve cells of a figure (their 8 bits as they are, and by the training set's intensity rule) and the three
// strains of a screen: the share called mitochondrion (AAC1), cytoplasm or nucleus (AAH1, AAP1), each with Wilson's 95%
// interval and the commonest calls. The twelve are too few for a rate: read their calls.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Network, simulate } from '../../dist/index.mjs';
import { importFigure, importScreen } from './real-crops.js';
import { percent, wilson } from './statistics.js';
import { recipeOf, trainOn } from './training.js';

const { values: options } = parseArgs({
  options: {
    cells: { type: 'string', default: '45000' },
    iterations: { type: 'string', default: '3750' },
    seeds: { type: 'string', default: '1,2,3' },
    appearance: { type: 'string', default: 'crop' },
    threads: { type: 'string', default: '2' },
    models: { type: 'string' },
    out: { type: 'string', default: 'realism' },
  },
});

/** The demonstration's, by default longer. */
const recipe = recipeOf(Number(options.iterations));

/** What each strain of the screen may be called. */
const expected = { AAC1: ['mitochondrion'], AAH1: ['cytoplasm', 'nucleus'], AAP1: ['cytoplasm', 'nucleus'] };

/** Trains on a screen of this seed; the model of the lowest simulated validation loss, and how it was made. */
async function trainOne(folder, seed) {
  const started = performance.now();
  const threads = Number(options.threads);
  const simulated = await simulate({
    out: join(folder, `screen-${seed}`),
    cells: Number(options.cells),
    appearance: options.appearance,
    seed,
  });
  const path = join(options.out, `run-${seed}`);
  const { cells, proteins } = await trainOn(simulated, { recipe, seed, threads, run: path });
  return {
    path,
    trainingCells: simulated.train.count,
    iterations: recipe.iterations,
    batchSize: recipe.batchSize,
    simulatedCells: cells.accuracy,
    simulatedProteins: proteins.accuracy,
    minutes: (performance.now() - started) / 60000,
  };
}

function describe({ trainingCells, iterations, batchSize, minutes, simulatedCells, simulatedProteins }) {
  const held = `${percent(simulatedCells)} of the simulated held-out cells and ${percent(simulatedProteins)} of the proteins`;
  return `${trainingCells} cells, ${iterations} iterations of ${batchSize}, ${minutes.toFixed(1)} min; ${held} right`;
}

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
  const models = options.models?.split(',') ?? options.seeds.split(',').map(Number);
  for (const model of models) {
    const trained = options.models ? { path: model } : await trainOne(folder, model);
    const best = await Network.load(trained.path, { threads: Number(options.threads) });
    const { path: _, ...result } = { model, ...trained };
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
    results.push(result);
    await best.close();
    console.log(options.models ? model : `seed ${model}: ${describe(trained)}`);
    for (const name of Object.keys(figures))
      console.log(`  ${name}: ${result[name].correct} of 12; ${result[name].wrong.join(', ')}`);
    for (const name of [...Object.keys(expected), 'screen']) show(name, result[name]);
  }
  await mkdir(options.out, { recursive: true });
  await writeFile(join(options.out, 'realism.json'), `${JSON.stringify(results, null, 1)}\n`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
