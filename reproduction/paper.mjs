/**
 * The paper's chain on a simulated screen, from the crops to one report with a table "paper / here":
 *
 *   npm run paper -- [--out paper] [--cells 6000] [--proteins N] [--epochs 4] [--depth-epochs 1] [--seed 1]
 *   npm run paper -- --full [--lists FOLDER] [--out paper] [--epochs 10] [--depth-epochs 1] [--seed 1]
 *   npm run paper -- --tiny
 *   npm run paper -- --resume [--out paper]
 *
 * Simulates a screen and a transfer screen, trains the network of 11 layers, and for a shorter time those of 5, 9, 11 and
 * 13 layers to compare them on validation, grows the forest on classic features, and runs every analysis on both.
 * --full takes the paper's numbers of cells and its grid for the forest: 65,000 cells for training, 12,500 each for
 * validation and test. --lists names the folder of the real label lists (HOwt_train.txt and the others); then every well has
 * as many cells as on them. That takes most of a day on two cores; --resume goes on where it was stopped.
 * --tiny shows in a few minutes that the chain holds together; its numbers mean nothing.
 *
 * The folder gets report.html with its figures, paper.json and paper.md (the table), and what each command wrote.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { paperTable } from './paper-table.mjs';

const { values: given } = parseArgs({
  options: {
    out: { type: 'string', default: 'paper' },
    cells: { type: 'string' },
    proteins: { type: 'string' },
    epochs: { type: 'string' },
    'depth-epochs': { type: 'string' },
    seed: { type: 'string', default: '1' },
    lists: { type: 'string' },
    tiny: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
    resume: { type: 'boolean', default: false },
  },
});
const out = resolve(given.out);
const program = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const depths = [5, 9, 11, 13];

/** What was asked for and the seconds of every part that is done: what --resume goes on from. */
const stateFile = join(out, 'state.json');
const state = given.resume ? readState() : { flags: given, seconds: {} };
const { seconds } = state;
const { flags } = state;
const { tiny, full, seed } = flags;
/** Cells and proteins of the paper's three sets together. */
const paperCells = 90_000;
const paperProteins = 1783;
const cells = Number(flags.cells ?? (tiny ? 420 : full ? paperCells : 6000));
const proteins = flags.proteins ?? (full ? String(paperProteins) : undefined);
const epochs = Number(flags.epochs ?? (tiny ? 0.3 : full ? 10 : 4));
const depthEpochs = Number(flags['depth-epochs'] ?? (tiny ? 0.1 : 1));
/** Cells in a mini-batch, and the first learning rate that goes with it. */
const [batchSize, learningRate] = full ? [50, 0.03] : [16, 0.012];

function readState() {
  if (existsSync(stateFile)) return JSON.parse(readFileSync(stateFile, 'utf8'));
  console.error(`${stateFile} is missing: there is nothing to go on with in ${out}`);
  process.exit(2);
}

function writeState() {
  writeFileSync(`${stateFile}.part`, JSON.stringify(state));
  renameSync(`${stateFile}.part`, stateFile);
}

const at = (...names) => join(out, ...names);

/** Runs a command of deepyeast. */
function deepyeast(...args) {
  console.log(`\n$ deepyeast ${args.map((text) => text.replace(`${out}/`, '')).join(' ')}`);
  execFileSync(process.execPath, [program, ...args], { stdio: 'inherit' });
}

/** Does and times a part of the chain, once. `outputs` are what a part that was stopped may have left behind. */
function part(name, outputs, work) {
  if (name in seconds) return;
  for (const output of outputs) rmSync(at(output), { recursive: true, force: true });
  const start = Date.now();
  work();
  seconds[name] = Math.round((Date.now() - start) / 1000);
  writeState();
}

/** The label lists of a task as `simulate --like` takes them. */
function lists(task) {
  return ['train', 'val', 'test'].map((name) => resolve(flags.lists, `${task}_${name}.txt`)).join(',');
}

function writeRecipe(name, length) {
  const schedule = { kind: 'cosine', warmUpEpochs: Math.min(0.1, length / 4) };
  const recipe = { learningRate, schedule, batchSize, epochs: length, augmentation: 'flips-and-turns' };
  writeFileSync(at(name), JSON.stringify(recipe));
}

function train(recipe, depth, run) {
  deepyeast(
    ...['train', '--training', at('screen/train'), '--validation', at('screen/validation'), '--recipe', at(recipe)],
    // A run that was stopped goes on.
    ...['--depth', String(depth), '--seed', seed, '--out', at(run), '--resume'],
  );
}

/** Settings of the forest that are tried on validation cells; `full` is the paper's grid (its section "Random forest"). */
const grids = {
  tiny: { trees: '5,20', featuresPerSplit: '10', leafSize: '1,10' },
  part: { trees: '50,100,250,500', featuresPerSplit: '30,100', leafSize: '1,10' },
  full: {
    trees: '50,100,250,500,1000',
    featuresPerSplit: '10,25,50,75,100,125,150,175,200,250,300',
    leafSize: '1,2,5,10,50',
  },
};

function main() {
  if (existsSync(out) && !given.resume) {
    console.error(`${out} exists: give another --out, go on with it by --resume, or remove it`);
    process.exit(2);
  }
  mkdirSync(out, { recursive: true });
  writeState();
  const model = ['--model', at('run')];
  const parts = ['train', 'validation', 'test'];
  const strangers = tiny ? 240 : full ? 10_000 : Math.round(cells / 5);
  const amount = (task, count, of) =>
    flags.lists === undefined
      ? ['--cells', String(count), ...(of === undefined ? [] : ['--proteins', of])]
      : ['--like', lists(task)];

  part('simulation', ['screen', 'new'], () => {
    const screen = amount('HOwt', cells, proteins);
    deepyeast('simulate', '--out', at('screen'), ...screen, '--seed', seed, '--mixtures', '0.15');
    deepyeast('simulate', '--transfer', '--out', at('new'), ...amount('HOwt_transfer', strangers), '--seed', seed);
  });
  part('training', [], () => {
    writeRecipe('recipe.json', epochs);
    train('recipe.json', 11, 'run');
  });
  part('depths', [], () => {
    writeRecipe('depth-recipe.json', depthEpochs);
    for (const depth of depths) train('depth-recipe.json', depth, `depth-${depth}`);
  });
  part('evaluation', ['network', 'proteins.csv', 'calibrated'], () => {
    for (const name of ['validation', 'test']) {
      deepyeast('evaluate', ...model, '--data', at('screen', name), '--out', at('network', name));
    }
    deepyeast(
      ...['proteins', at('network/test/predictions.csv'), '--compartments', at('screen/test/cells.csv')],
      ...['--out', at('proteins.csv')],
    );
    deepyeast(
      ...['calibrate', ...model, '--validation', at('screen/validation'), '--test', at('screen/test')],
      ...['--unseen', at('new/test'), '--out', at('calibrated')],
    );
  });
  part('features', ['features'], () => {
    for (const name of parts) {
      deepyeast('features', '--classic', '--data', at('screen', name), '--out', at('features/classic', name));
      const own = ['--data', at('screen', name), '--layer', 'fc1'];
      if (name !== 'train') deepyeast('features', ...model, ...own, '--out', at('features/fc1', name));
      const folder = at('features/new', name === 'train' ? 'training' : name);
      deepyeast('features', '--classic', '--data', at('new', name), '--out', folder);
    }
  });
  part('forest', ['forest.safetensors', 'grid.csv', 'forest-validation.csv', 'forest-test.csv'], () => {
    const [training, validation] = ['train', 'validation'].map((name) => at('features/classic', name));
    const grown = ['--features', training, '--validation', validation, '--seed', seed];
    deepyeast('forest', 'train', ...grown, '--trees', tiny ? '20' : '500', '--out', at('forest.safetensors'));
    const grid = tiny ? grids.tiny : full ? grids.full : grids.part;
    deepyeast(
      ...['forest', 'search', ...grown, '--trees', grid.trees, '--features-per-split', grid.featuresPerSplit],
      ...['--leaf-size', grid.leafSize, '--out', at('grid.csv')],
    );
    for (const name of ['validation', 'test']) {
      deepyeast(
        ...['forest', 'predict', '--forest', at('forest.safetensors'), '--features', at('features/classic', name)],
        ...['--with', 'label,plate,well,field', '--out', at(`forest-${name}.csv`)],
      );
    }
  });
  const qualityOutputs = ['classic', 'fc1'].flatMap((kind) => [
    `quality-${kind}`,
    `quality-${kind}.csv`,
    `good-${kind}`,
  ]);
  // Trained on validation cells, scored on test cells: none of these has trained the detector or the models.
  part('cell quality', qualityOutputs, () => {
    const predictions = (name) => ['--predictions', at('network', name, 'predictions.csv'), at(`forest-${name}.csv`)];
    for (const kind of ['classic', 'fc1']) {
      const [marked, scored] = ['validation', 'test'].map((name) => ['--features', at('features', kind, name)]);
      deepyeast(
        ...['quality', 'train', '--data', at('screen/validation'), ...marked, '--out', at(`quality-${kind}`)],
        // A network that has seen a hundred cells is right about too few.
        ...(tiny ? ['--folds', '2', '--trees', '10', '--per-class', '3'] : predictions('validation')),
      );
      const scores = at(`quality-${kind}.csv`);
      deepyeast('quality', 'score', '--detector', at(`quality-${kind}`), ...scored, '--out', scores);
      deepyeast(
        ...['quality', 'filter', '--data', at('screen/test'), '--scores', scores, ...predictions('test')],
        ...['--out', at(`good-${kind}`), '--report', at(`quality-${kind}/filter.json`)],
      );
    }
  });
  part('comparison', ['compared'], () =>
    deepyeast(
      ...['compare', at('network/test/predictions.csv'), at('forest-test.csv'), '--names', 'network,forest'],
      ...['--quality', at('quality-classic.csv'), '--data', at('screen/test'), '--out', at('compared')],
    ),
  );
  part('units explained', ['explained'], () =>
    deepyeast(
      ...['explain', ...model, '--data', at('screen/test'), '--classic', at('features/classic/test')],
      ...['--out', at('explained'), '--seed', seed],
      ...(tiny ? ['--cells', '60', '--embedded', '60', '--gabor', '4', '--layers', 'conv1_1,fc1'] : ['--gabor', '40']),
    ),
  );
  part('transfer', ['transferred'], () =>
    deepyeast(
      ...['transfer', ...model, '--training', at('new/train'), '--validation', at('new/validation')],
      ...['--test', at('new/test'), '--classic', at('features/new'), '--out', at('transferred'), '--seed', seed],
      ...['--fine-tune', 'all', '--fine-tune-draws', '1', '--fine-tune-iterations', tiny ? '2' : '60'],
      ...['--fine-tune-sizes', tiny ? '1' : '5,50'],
      ...(tiny ? ['--sizes', '1,5', '--draws', '2'] : ['--sizes', `1,3,5,10,25,50,100${full ? ',250,500' : ''}`]),
    ),
  );

  const rows = paperTable(out, { depths, depthEpochs, epochs, trees: tiny ? 20 : 500 });
  writeFileSync(at('paper.json'), `${JSON.stringify(rows, null, 2)}\n`);
  part('report', ['report.html'], () =>
    deepyeast(
      ...['report', at('run'), '--data', at('screen/test'), '--out', at('report.html')],
      ...['--title', `The paper's analyses on ${cells} simulated cells`],
      ...['--explained', at('explained'), '--calibrated', at('calibrated'), '--compared', at('compared')],
      ...['--transfer', at('transferred'), '--paper', at('paper.json')],
      ...['--quality', at('quality-classic'), at('quality-fc1')],
    ),
  );
  rmSync(at('features'), { recursive: true, force: true });
  const table = rows.map((row) => `| ${[row.quantity, row.paper, row.here, row.note ?? ''].join(' | ')} |`);
  const markdown = ['| quantity | the paper | here | |', '| --- | --- | --- | --- |', ...table].join('\n');
  const minutes = (Object.values(seconds).reduce((sum, value) => sum + value, 0) / 60).toFixed(1);
  const spent = Object.entries(seconds).map(([name, value]) => `${name} ${value} s`);
  const made = `${minutes} minutes on ${cpus().length} cores (${cpus()[0]?.model.trim()}): ${spent.join(', ')}`;
  writeFileSync(at('paper.md'), `${markdown}\n\n${made}\n`);
  console.log(`\n${markdown}\n\n${made}\nthe report is ${at('report.html')}`);
}

main();
