/**
 * Trains the networks that come along, from nothing but simulated cells of many microscopes:
 *
 *   node reproduction/starter.mjs [--out starter] [--cells 60000] [--epochs 20] [--seed 1] [--no-teacher]
 *   node reproduction/starter.mjs --tiny
 *
 * The large network has the paper's 11 layers; the small one half their width and learns from the large one's answers
 * (--no-teacher: from the labels alone). Both are trained by the recipe `robust` without dropout. The same command again goes
 * on where it was stopped, to the same bytes; what is done is not done again. A day or so on two cores; --tiny shows in
 * minutes that the chain holds together.
 *
 * The folder gets starter.safetensors (the small network, weights in float16), large.safetensors, the runs with their logs,
 * and starter.json: sizes, hashes, and scores on held-out proteins and on a screen of one microscope (appearance plain).
 */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Dataset, describeModel, evaluate, Network, recipes } from '../dist/index.mjs';

const { values: flags } = parseArgs({
  allowNegative: true,
  options: {
    out: { type: 'string', default: 'starter' },
    cells: { type: 'string' },
    epochs: { type: 'string' },
    seed: { type: 'string', default: '1' },
    teacher: { type: 'boolean', default: true },
    tiny: { type: 'boolean', default: false },
  },
});
const out = resolve(flags.out);
const cells = flags.cells ?? (flags.tiny ? '600' : '60000');
const epochs = Number(flags.epochs ?? (flags.tiny ? 1 : 20));
const program = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const at = (...names) => join(out, ...names);

function deepyeast(...args) {
  console.log(`\n$ deepyeast ${args.map((text) => text.replace(`${out}/`, '')).join(' ')}`);
  execFileSync(process.execPath, [program, ...args], { stdio: 'inherit' });
}

/** Does a part once; what a part that was stopped has left of `folder` goes first. */
function once(name, folder, work) {
  const mark = at(`${name}.done`);
  if (existsSync(mark)) return;
  if (folder) rmSync(folder, { recursive: true, force: true });
  work();
  writeFileSync(mark, '');
}

mkdirSync(out, { recursive: true });
/** A folder belongs to one set of numbers. */
const settings = JSON.stringify({ cells, epochs, seed: flags.seed, teacher: flags.teacher });
const settingsFile = at('settings.json');
if (existsSync(settingsFile) && readFileSync(settingsFile, 'utf8') !== settings) {
  console.error(`${out} was begun with ${readFileSync(settingsFile, 'utf8')}; expected the same, or another --out`);
  process.exit(2);
}
writeFileSync(settingsFile, settings);

const screens = { varied: cells, plain: String(Math.max(600, Math.round(Number(cells) / 10))) };
const [varied, plain] = Object.keys(screens).map((appearance, i) => {
  const folder = at(appearance);
  const look = appearance === 'varied' ? ['--appearance', 'varied'] : [];
  const seed = String(Number(flags.seed) + 100 * i);
  once(appearance, folder, () => {
    deepyeast('simulate', '--out', folder, '--cells', screens[appearance], '--seed', seed, ...look);
  });
  return folder;
});

const recipe = { ...recipes.robust, epochs, ...(flags.tiny && { batchSize: 16, schedule: { kind: 'constant' } }) };
writeFileSync(at('recipe.json'), JSON.stringify(recipe, null, 2));
const widths = { large: 1, small: 0.5 };
for (const [name, width] of Object.entries(widths)) {
  const narrowed = (counts) => counts.map((count) => count * width);
  const blocks = [
    [64, 64],
    [128, 128],
    [256, 256, 256, 256],
  ].map(narrowed);
  const topology = at(`${name}.topology.json`);
  writeFileSync(topology, JSON.stringify({ blocks, dense: narrowed([512, 512]), dropout: 0 }));
  const data = ['--training', join(varied, 'train'), '--validation', join(varied, 'validation')];
  const teacher = name === 'small' && flags.teacher ? ['--teacher', at('large')] : [];
  const training = ['--recipe', at('recipe.json'), '--topology', topology, '--seed', flags.seed, ...teacher];
  once(name, undefined, () => deepyeast('train', ...data, ...training, '--out', at(name), '--resume'));
}

const files = { large: at('large.safetensors'), small: at('starter.safetensors') };
const table = {};
for (const [name, file] of Object.entries(files)) {
  deepyeast('model', 'export', at(name), '--out', file, '--weights', name === 'small' ? 'float16' : 'float32');
  const network = await Network.load(file);
  const { sha256, bytes, parameters } = await describeModel(file);
  const scores = {};
  for (const folder of [varied, plain]) {
    const test = await Dataset.open(join(folder, 'test'));
    const start = performance.now();
    const predictions = await network.predict(test);
    const cellsASecond = Math.round((1000 * test.count) / (performance.now() - start));
    const report = await evaluate(predictions, test);
    scores[folder === varied ? 'varied' : 'plain'] = {
      cells: report.cells.accuracy,
      proteins: report.proteins.accuracy,
      cellsASecond,
    };
  }
  await network.close();
  table[name] = { sha256, bytes, parameters, scores };
}
const summary = { ...JSON.parse(settings), recipe, models: table };
writeFileSync(at('starter.json'), `${JSON.stringify(summary, null, 2)}\n`);
console.log(JSON.stringify(table, null, 2));
