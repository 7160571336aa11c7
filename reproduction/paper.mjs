/**
 * The paper's chain on a simulated screen, from the crops to one report with a table "paper / here":
 *
 *   npm run paper -- [--out paper] [--cells 6000] [--proteins N] [--epochs 4] [--depth-epochs 1] [--seed 1] [--tiny]
 *
 * Simulates a screen and a transfer screen, trains the network of 11 layers, and for a shorter time those of 5, 9, 11 and
 * 13 layers to compare them on validation, grows the forest on classic features, and runs every analysis on both.
 * --tiny shows in a few minutes that the chain holds together; its numbers mean nothing.
 *
 * The folder gets report.html with its figures, paper.json and paper.md (the table), and what each command wrote.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { paperTable } from './paper-table.mjs';

const { values: flags } = parseArgs({
  options: {
    out: { type: 'string', default: 'paper' },
    cells: { type: 'string' },
    proteins: { type: 'string' },
    epochs: { type: 'string' },
    'depth-epochs': { type: 'string' },
    seed: { type: 'string', default: '1' },
    tiny: { type: 'boolean', default: false },
  },
});
const { tiny, seed } = flags;
const cells = Number(flags.cells ?? (tiny ? 420 : 6000));
const epochs = Number(flags.epochs ?? (tiny ? 0.3 : 4));
const depthEpochs = Number(flags['depth-epochs'] ?? (tiny ? 0.1 : 1));
const out = resolve(flags.out);
const program = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const depths = [5, 9, 11, 13];

const at = (...names) => join(out, ...names);
const seconds = {};

/** Runs a command of deepyeast. */
function deepyeast(...args) {
  console.log(`\n$ deepyeast ${args.map((text) => text.replace(`${out}/`, '')).join(' ')}`);
  execFileSync(process.execPath, [program, ...args], { stdio: 'inherit' });
}

/** Times a part of the chain. */
function part(name, work) {
  const start = Date.now();
  work();
  seconds[name] = Math.round((Date.now() - start) / 1000);
}

function writeRecipe(name, length) {
  const schedule = { kind: 'cosine', warmUpEpochs: Math.min(0.1, length / 4) };
  const recipe = { learningRate: 0.012, schedule, batchSize: 16, epochs: length, augmentation: 'flips-and-turns' };
  writeFileSync(at(name), JSON.stringify(recipe));
}

function train(recipe, depth, run) {
  deepyeast(
    ...['train', '--training', at('screen/train'), '--validation', at('screen/validation'), '--recipe', at(recipe)],
    ...['--depth', String(depth), '--seed', seed, '--out', at(run)],
  );
}

function main() {
  if (existsSync(out)) {
    console.error(`${out} exists: give another --out, or remove it`);
    process.exit(2);
  }
  mkdirSync(out, { recursive: true });
  const start = Date.now();
  const model = ['--model', at('run')];
  const parts = ['train', 'validation', 'test'];
  const strangers = tiny ? 240 : Math.round(cells / 5);

  part('simulation', () => {
    deepyeast(
      ...['simulate', '--out', at('screen'), '--cells', String(cells), '--seed', seed, '--mixtures', '0.15'],
      ...(flags.proteins === undefined ? [] : ['--proteins', flags.proteins]),
    );
    deepyeast('simulate', '--transfer', '--out', at('new'), '--cells', String(strangers), '--seed', seed);
  });
  part('training', () => {
    writeRecipe('recipe.json', epochs);
    train('recipe.json', 11, 'run');
  });
  part('depths', () => {
    writeRecipe('depth-recipe.json', depthEpochs);
    for (const depth of depths) train('depth-recipe.json', depth, `depth-${depth}`);
  });
  part('evaluation', () => {
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
  part('features', () => {
    for (const name of parts) {
      deepyeast('features', '--classic', '--data', at('screen', name), '--out', at('features/classic', name));
      const own = ['--data', at('screen', name), '--layer', 'fc1'];
      if (name !== 'train') deepyeast('features', ...model, ...own, '--out', at('features/fc1', name));
      const folder = at('features/new', name === 'train' ? 'training' : name);
      deepyeast('features', '--classic', '--data', at('new', name), '--out', folder);
    }
  });
  part('forest', () => {
    const [training, validation] = ['train', 'validation'].map((name) => at('features/classic', name));
    const grown = ['--features', training, '--validation', validation, '--seed', seed];
    deepyeast('forest', 'train', ...grown, '--trees', tiny ? '20' : '500', '--out', at('forest.safetensors'));
    deepyeast(
      ...['forest', 'search', ...grown, '--trees', tiny ? '5,20' : '50,100,250,500'],
      ...[
        '--features-per-split',
        tiny ? '10' : '30,100',
        '--leaf-size',
        tiny ? '1,10' : '1,10',
        '--out',
        at('grid.csv'),
      ],
    );
    for (const name of ['validation', 'test']) {
      deepyeast(
        ...['forest', 'predict', '--forest', at('forest.safetensors'), '--features', at('features/classic', name)],
        ...['--with', 'label,plate,well,field', '--out', at(`forest-${name}.csv`)],
      );
    }
  });
  // Trained on validation cells, scored on test cells: none of these has trained the detector or the models.
  part('cell quality', () => {
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
  part('comparison', () =>
    deepyeast(
      ...['compare', at('network/test/predictions.csv'), at('forest-test.csv'), '--names', 'network,forest'],
      ...['--quality', at('quality-classic.csv'), '--data', at('screen/test'), '--out', at('compared')],
    ),
  );
  part('units explained', () =>
    deepyeast(
      ...['explain', ...model, '--data', at('screen/test'), '--classic', at('features/classic/test')],
      ...['--out', at('explained'), '--seed', seed],
      ...(tiny ? ['--cells', '60', '--embedded', '60', '--gabor', '4', '--layers', 'conv1_1,fc1'] : ['--gabor', '40']),
    ),
  );
  part('transfer', () =>
    deepyeast(
      ...['transfer', ...model, '--training', at('new/train'), '--validation', at('new/validation')],
      ...['--test', at('new/test'), '--classic', at('features/new'), '--out', at('transferred'), '--seed', seed],
      ...['--fine-tune', 'all', '--fine-tune-draws', '1', '--fine-tune-iterations', tiny ? '2' : '60'],
      ...['--fine-tune-sizes', tiny ? '1' : '5,50'],
      ...(tiny ? ['--sizes', '1,5', '--draws', '2'] : ['--sizes', '1,3,5,10,25,50,100']),
    ),
  );

  const rows = paperTable(out, { depths, depthEpochs, epochs, trees: tiny ? 20 : 500 });
  writeFileSync(at('paper.json'), `${JSON.stringify(rows, null, 2)}\n`);
  part('report', () =>
    deepyeast(
      ...['report', at('run'), '--data', at('screen/test'), '--out', at('report.html')],
      ...['--title', `The paper's analyses on ${cells} simulated cells`],
      ...['--explained', at('explained'), '--calibrated', at('calibrated'), '--compared', at('compared')],
      ...['--transfer', at('transferred'), '--paper', at('paper.json')],
      ...['--quality', at('quality-classic'), at('quality-fc1')],
    ),
  );
  rmSync(at('features'), { recursive: true });
  const table = rows.map((row) => `| ${[row.quantity, row.paper, row.here, row.note ?? ''].join(' | ')} |`);
  const markdown = ['| quantity | the paper | here | |', '| --- | --- | --- | --- |', ...table].join('\n');
  const minutes = ((Date.now() - start) / 60000).toFixed(1);
  const spent = Object.entries(seconds).map(([name, value]) => `${name} ${value} s`);
  const made = `${minutes} minutes on ${cpus().length} cores (${cpus()[0]?.model.trim()}): ${spent.join(', ')}`;
  writeFileSync(at('paper.md'), `${markdown}\n\n${made}\n`);
  console.log(`\n${markdown}\n\n${made}\nthe report is ${at('report.html')}`);
}

main();
