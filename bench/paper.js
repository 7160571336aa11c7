/**
 * The paper's chain on a simulated screen, from the crops to one report with a table "paper / here":
 *
 *   npm run paper -- [--out paper] [--cells 6000] [--epochs 8] [--seed 1] [--tiny]
 *
 * Simulates a screen and a transfer screen, trains the networks of 5, 9, 11 and 13 layers by one recipe, and runs every
 * analysis on the 11-layer one. --tiny shows in a few minutes that the chain holds together; its numbers mean nothing.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Dataset, Forest, readFeatureMatrix } from '../dist/index.js';

const { values: flags } = parseArgs({
  options: {
    out: { type: 'string', default: 'paper' },
    cells: { type: 'string' },
    epochs: { type: 'string' },
    seed: { type: 'string', default: '1' },
    tiny: { type: 'boolean', default: false },
  },
});
const { tiny, seed } = flags;
const cells = Number(flags.cells ?? (tiny ? 420 : 6000));
const epochs = Number(flags.epochs ?? (tiny ? 0.4 : 8));
const out = resolve(flags.out);
const program = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));

const at = (...names) => join(out, ...names);
const seconds = {};

/** Runs a command of deepyeast. */
function deepyeast(...args) {
  console.log(`\n$ deepyeast ${args.map((text) => text.replace(`${out}/`, '')).join(' ')}`);
  execFileSync(process.execPath, [program, ...args], { stdio: 'inherit' });
}

/** Times a part of the chain. */
async function part(name, work) {
  const start = Date.now();
  const result = await work();
  seconds[name] = (Date.now() - start) / 1000;
  return result;
}

const json = (...names) => JSON.parse(readFileSync(at(...names), 'utf8'));
const percent = (value) => (value === null || value === undefined ? '-' : `${(100 * value).toFixed(1)}%`);
const hasClassic = () =>
  execFileSync(process.execPath, [program, 'features', '--help'], { encoding: 'utf8' }).includes('--classic');

const validationAccuracy = (run) => {
  const lines = readFileSync(join(run, 'log.jsonl'), 'utf8').trim().split('\n').map(JSON.parse);
  return lines.filter((line) => line.best).at(-1)?.validation_accuracy ?? null;
};

/** Trains a forest on features of the training cells and writes its predictions of the other parts as tables. */
async function forestPredictions(kind) {
  const training = await Dataset.open(at('screen/train'));
  const learned = await readFeatureMatrix(at(`features/${kind}/train`));
  const forest = await Forest.train(learned, training.labels, training.classes, {
    trees: tiny ? 20 : 500,
    seed: Number(seed),
  });
  const k = training.classes.length;
  try {
    for (const name of ['validation', 'test']) {
      const dataset = await Dataset.open(at('screen', name));
      const posteriors = await forest.predict(await readFeatureMatrix(at('features', kind, name)));
      const lines = [['cell', 'protein', 'label', 'plate', 'well', 'field', ...training.classes.map((c) => `p_${c}`)]];
      let row = 0;
      for await (const cell of dataset.cells()) {
        const own = Array.from(posteriors.subarray(row * k, (row + 1) * k), (p) => p.toFixed(6));
        lines.push([cell.cell, cell.protein, dataset.classes[cell.label], cell.plate, cell.well, cell.field, ...own]);
        row++;
      }
      writeFileSync(at(`forest-${name}.csv`), `${lines.map((line) => line.join(',')).join('\n')}\n`);
    }
  } finally {
    await forest.close();
  }
}

async function main() {
  if (existsSync(out)) {
    console.error(`${out} exists: give another --out, or remove it`);
    process.exit(2);
  }
  mkdirSync(out, { recursive: true });
  const start = Date.now();
  const recipe = {
    learningRate: 0.02,
    schedule: { kind: 'cosine', warmUpEpochs: Math.min(0.5, epochs / 4) },
    batchSize: 50,
    epochs,
    augmentation: 'flips-and-turns',
  };
  writeFileSync(at('recipe.json'), JSON.stringify(recipe));
  await part('simulation', () => {
    deepyeast('simulate', '--out', at('screen'), '--cells', String(cells), '--seed', seed, '--mixtures', '0.1');
    const strangers = String(Math.max(240, Math.round(cells / 3)));
    deepyeast('simulate', '--transfer', '--out', at('new'), '--cells', strangers, '--seed', seed);
  });
  const depths = [11, 5, 9, 13];
  for (const depth of depths) {
    await part(`training, ${depth} layers`, () =>
      deepyeast(
        ...['train', '--training', at('screen/train'), '--validation', at('screen/validation')],
        ...['--recipe', at('recipe.json'), '--depth', String(depth), '--seed', seed, '--out', at(`run-${depth}`)],
      ),
    );
  }
  const model = ['--model', at('run-11')];
  await part('evaluation', () => {
    deepyeast('evaluate', ...model, '--data', at('screen/test'), '--out', at('evaluated'));
    deepyeast(
      ...['proteins', at('evaluated/predictions.csv'), '--compartments', at('screen/test/cells.csv')],
      ...['--out', at('proteins.csv')],
    );
    deepyeast(
      ...['calibrate', ...model, '--validation', at('screen/validation'), '--test', at('screen/test')],
      ...['--unseen', at('new/test'), '--out', at('calibrated')],
    );
  });

  const classic = hasClassic();
  const kind = classic ? 'classic' : 'fc1';
  await part('features', () => {
    for (const name of ['train', 'validation', 'test']) {
      const data = ['--data', at('screen', name)];
      deepyeast('features', ...model, ...data, '--layer', 'fc1', '--out', at('features/fc1', name));
      if (classic) deepyeast('features', '--classic', ...data, '--out', at('features/classic', name));
    }
    if (!classic) return;
    for (const [name, folder] of [
      ['train', 'training'],
      ['validation', 'validation'],
      ['test', 'test'],
    ]) {
      deepyeast('features', '--classic', '--data', at('new', name), '--out', at('new-features', folder));
    }
  });
  await part('forest', () => forestPredictions(kind));

  const kinds = classic ? ['fc1', 'classic'] : ['fc1'];
  // Trained on validation cells: none of the test cells that are scored has trained it.
  await part('cell quality', () => {
    deepyeast('evaluate', ...model, '--data', at('screen/validation'), '--out', at('evaluated-validation'));
    for (const features of kinds) {
      deepyeast(
        ...[
          'quality',
          'train',
          '--data',
          at('screen/validation'),
          '--features',
          at('features', features, 'validation'),
        ],
        ...['--out', at(`quality-${features}`)],
        // A network that has seen a hundred cells is right about too few.
        ...(tiny
          ? ['--folds', '2', '--trees', '10', '--per-class', '3']
          : ['--predictions', at('evaluated-validation/predictions.csv'), at('forest-validation.csv')]),
      );
      deepyeast(
        ...[
          'quality',
          'score',
          '--detector',
          at(`quality-${features}`),
          '--features',
          at('features', features, 'test'),
        ],
        ...['--out', at(`quality-${features}.csv`)],
      );
    }
  });
  await part('comparison', () =>
    deepyeast(
      ...['compare', at('evaluated/predictions.csv'), at('forest-test.csv'), '--names', `network,forest on ${kind}`],
      ...['--quality', at(`quality-${kind}.csv`), '--data', at('screen/test'), '--out', at('compared')],
    ),
  );
  await part('units explained', () =>
    deepyeast(
      ...['explain', ...model, '--data', at('screen/test'), '--out', at('explained'), '--seed', seed],
      ...(classic ? ['--classic', at('features/classic/test')] : []),
      ...(tiny ? ['--cells', '60', '--embedded', '60', '--gabor', '4', '--layers', 'conv1_1,fc1'] : ['--gabor', '40']),
    ),
  );
  await part('transfer', () =>
    deepyeast(
      ...['transfer', ...model, '--training', at('new/train'), '--validation', at('new/validation')],
      ...['--test', at('new/test'), '--out', at('transferred'), '--seed', seed],
      ...(classic ? ['--classic', at('new-features')] : []),
      ...['--fine-tune', 'all', '--fine-tune-draws', '1', '--fine-tune-iterations', tiny ? '2' : '60'],
      ...['--fine-tune-sizes', tiny ? '1' : '5,50'],
      ...(tiny ? ['--sizes', '1,5', '--draws', '2'] : ['--sizes', '1,3,5,10,25,50']),
    ),
  );

  const rows = paperTable(depths, kind, kinds);
  writeFileSync(at('paper.json'), `${JSON.stringify(rows, null, 2)}\n`);
  await part('report', () =>
    deepyeast(
      ...['report', at('run-11'), '--data', at('screen/test'), '--out', at('report.html')],
      ...['--title', `The paper's analyses on ${cells} simulated cells`],
      ...['--explained', at('explained'), '--calibrated', at('calibrated'), '--compared', at('compared')],
      ...['--quality', at(`quality-${kind}`), '--transfer', at('transferred'), '--paper', at('paper.json')],
    ),
  );
  rmSync(at('features'), { recursive: true });
  console.log('\nquantity | paper | here');
  for (const { quantity, paper, here } of rows) console.log(`${quantity} | ${paper} | ${here}`);
  console.log(`\nseconds: ${JSON.stringify(seconds)}`);
  console.log(`${((Date.now() - start) / 60000).toFixed(1)} minutes; the report is ${at('report.html')}`);
}

/** Numbers of the paper that its abstract and text give beside those of this run; '-' where it gives a figure only. */
function paperTable(depths, kind, kinds) {
  const metrics = json('evaluated/metrics.json');
  const compared = json('compared/comparison.json');
  const explained = json('explained/explain.json');
  const calibrated = json('calibrated/calibration.json');
  const transferred = json('transferred/transfer.json');
  const [network, forest] = compared.models;
  const rows = [];
  const row = (quantity, paper, here) => rows.push({ quantity, paper, here });
  row('cells (training, validation, test)', '65,000, 12,500, 12,500', partSizes());
  row('cells right, network', '91%', percent(metrics.cells.accuracy));
  row('proteins right, network', '99%', percent(metrics.proteins.accuracy));
  row('proteins of at least ten cells right', '-', percent(metrics.proteinsWithMinimumCells.accuracy));
  row('median recall, network', '-', percent(network.medianRecall));
  row('median precision, network', '-', percent(network.medianPrecision));
  row(`cells right, forest on ${kind}`, '-', percent(forest.accuracy));
  row(`median recall, forest on ${kind}`, '-', percent(forest.medianRecall));
  row('forest: trees, features a split, leaf', '500, 100, 1', tiny ? '20, 100, 1' : '500, 100, 1');
  for (const depth of [...depths].sort((a, b) => a - b)) {
    const best = depth === 11 ? 'best of the four' : '-';
    row(`validation cells right, ${depth} layers`, best, percent(validationAccuracy(at(`run-${depth}`))));
  }
  const two = twoCompartments();
  row(
    'two compartments: both the most probable two or three',
    '21 of 24',
    `${two.amongTwo} and ${two.amongThree} of ${two.count}`,
  );
  for (const features of kinds) {
    const { scores, filter, good, nonCells } = json(`quality-${features}/quality.json`);
    row(`cell quality on ${features}: marked good, non-cells`, '1,200, 118', `${good}, ${nonCells}`);
    row(
      `cell quality on ${features}: accuracy, area under ROC`,
      '-',
      `${percent(scores.accuracy)}, ${scores.areaUnderRoc.toFixed(3)}`,
    );
    const [model] = filter.models;
    row(
      `cells right after the filter on ${features}`,
      '-',
      `${percent(model?.before)} before, ${percent(model?.after)} after`,
    );
  }
  const bits = (value) => (value === null ? '-' : value.toFixed(2));
  for (const layer of explained.layers) {
    row(
      `information of ${layer.layer}: median, most (bits)`,
      '-',
      `${bits(layer.medianInformation)}, ${bits(layer.maximumInformation)}`,
    );
  }
  for (const point of transferred.curve.filter(
    ({ selection, classifier }) => selection === 'validation' || classifier === 'fine-tuning',
  )) {
    row(`transfer, ${point.size} cells a class, ${point.classifier} on ${point.features}`, '-', percent(point.mean));
  }
  row(
    'calibration error, at the fitted temperature',
    '-',
    `${percent(calibrated.test.before.expectedCalibrationError)}, ${percent(calibrated.test.after.expectedCalibrationError)}`,
  );
  row('unseen compartments: area under ROC of rejection', '-', calibrated.unseen.areaUnderRoc.toFixed(3));
  return rows;
}

/** Cells of the three parts. */
function partSizes() {
  const lines = (part) =>
    readFileSync(at('screen', part, 'cells.csv'), 'utf8')
      .trim()
      .split('\n').length - 1;
  return `${['train', 'validation', 'test'].map(lines).join(', ')}, simulated`;
}

function twoCompartments() {
  const text = execFileSync(
    process.execPath,
    [program, 'proteins', at('evaluated/predictions.csv'), '--compartments', at('screen/test/cells.csv'), '--json'],
    { encoding: 'utf8', maxBuffer: 1 << 28 },
  );
  return JSON.parse(text).twoCompartments;
}

main().catch((error) => {
  console.error(error.stack ?? error);
  process.exit(1);
});
