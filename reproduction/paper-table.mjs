// The table "paper / here" of paper.mjs, from the files that its commands wrote.
//
// Numbers of the paper are from its text, from its label lists, and for the forest's recalls from the authors' report of it
// (their "classification_report_RF": 75.4% of validation and 75.0% of test cells).

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const figureOnly = 'the paper draws it and gives no number';
const beyond = 'beyond the paper';

/** Recall of the authors' forest on their test cells. */
const forestRecall = {
  'cell periphery': 0.738,
  cytoplasm: 0.846,
  endosome: 0.473,
  er: 0.749,
  golgi: 0.762,
  mitochondrion: 0.778,
  'nuclear periphery': 0.828,
  nucleolus: 0.844,
  nucleus: 0.833,
  peroxisome: 0.372,
  'spindle pole': 0.562,
  vacuole: 0.6,
};

/** Recall of the paper's network where its text names it: right, of how many test cells. */
const networkRecall = {
  endosome: [447, 689],
  golgi: [324, 382],
  nucleus: [1386, 1627],
  peroxisome: [131, 164],
  'spindle pole': [595, 781],
};
/** Accuracy of the paper's models before and after its quality filter, which took 1,440 of 12,500 test cells. */
const filteredInThePaper = { network: '87%, 91%', forest: '75%, 79%' };

const percent = (value) => (value === null || value === undefined ? 'none' : `${(100 * value).toFixed(1)}%`);
const bits = (value) => (value === null ? 'none' : value.toFixed(2));

/**
 * Rows of quantity, paper ('-': it gives none; the note says why), here and note.
 * @param out the folder of paper.mjs
 */
export function paperTable(out, { depths, depthEpochs, epochs, trees }) {
  const json = (...names) => JSON.parse(readFileSync(join(out, ...names), 'utf8'));
  const rows = [];
  const row = (quantity, paper, here, note = paper === '-' ? figureOnly : '') =>
    rows.push({ quantity, paper, here, note });

  const explained = json('explained/explain.json');
  const metrics = json('network/test/metrics.json');
  const compared = json('compared/comparison.json');
  const [network, forest] = compared.models;
  const tables = ['train', 'validation', 'test'].map((name) => screenPart(join(out, 'screen', name, 'cells.csv')));
  row(
    'cells in training, validation, test',
    '65,000, 12,500, 12,500',
    tables.map(({ cells }) => cells).join(', '),
    'simulated',
  );
  row(
    'proteins in training, validation, test',
    '1,224, 277, 282',
    tables.map(({ proteins }) => proteins).join(', '),
    'counted in the label lists',
  );
  row(
    'micrographs',
    '7,132',
    String(tables.reduce((sum, { fields }) => sum + fields, 0)),
    'the label lists name 6,754',
  );
  row('features of a cell without a network', '435', String(explained.classic.units), '`features --classic`');
  row(
    'cells right, network',
    '87%',
    percent(metrics.cells.accuracy),
    `here ${epochs} epochs of simulated cells, there 200 of 300 of real ones; 10,839 of 12,500 in the paper`,
  );
  row(
    'proteins right, network',
    '99%',
    percent(metrics.proteins.accuracy),
    `${metrics.proteins.correct} of ${metrics.proteins.count} here, 279 of 282 in the paper`,
  );
  const large = metrics.proteinsWithMinimumCells;
  row(
    'proteins of at least ten cells right, network',
    '100%',
    percent(large.accuracy),
    `${large.correct} of ${large.count} here, 222 of 222 in the paper`,
  );
  row(
    'median recall and precision over classes, network',
    '-',
    `${percent(network.medianRecall)}, ${percent(network.medianPrecision)}`,
  );
  row(
    'cells right, forest on classic features',
    '75%',
    percent(forest.accuracy),
    `${trees} trees, 100 features a split, leaves of 1, as the paper picked`,
  );
  row('validation cells right, forest', '75.4%', percent(accuracyOf(join(out, 'forest-validation.csv'))));
  row('proteins right, forest', '95%', percent(forest.proteins.accuracy), '269 of 282 in the paper');
  row(
    'median recall and precision over classes, forest',
    '76%, 71%',
    `${percent(forest.medianRecall)}, ${percent(forest.medianPrecision)}`,
  );
  for (const { name, recall } of network.classes) {
    const [right, of] = networkRecall[name] ?? [];
    const paper = right === undefined ? '-' : percent(right / of);
    row(`recall of ${name}, network`, paper, percent(recall), right === undefined ? figureOnly : `${right} of ${of}`);
  }
  for (const { name, recall } of forest.classes) {
    const own = network.classes.find((other) => other.name === name);
    row(
      `recall of ${name}, forest`,
      percent(forestRecall[name]),
      percent(recall),
      `network here ${percent(own.recall)}`,
    );
  }
  const grid = readRows(join(out, 'grid.csv'));
  const best = grid.reduce((first, other) => (Number(other.accuracy) > Number(first.accuracy) ? other : first));
  row(
    'best of the grid: trees, features a split, leaf',
    '500, 100, 1',
    [best.trees, best.featuresPerSplit, best.leafSize].join(', '),
    `${percent(Number(best.accuracy))} of validation cells; a part of the grid here`,
  );
  for (const depth of depths) {
    const chosen = depth === 11 ? 'the best' : 'worse';
    const note = `after ${depthEpochs} of the network's ${epochs} epochs, which favours the shallow ones; the paper says which was best and gives no accuracies`;
    row(
      `validation cells right, ${depth} layers`,
      chosen,
      percent(validationAccuracy(join(out, `depth-${depth}`))),
      note,
    );
  }
  const full = validationAccuracy(join(out, 'run'));
  row('validation cells right, 11 layers, the network used', '-', percent(full), `${epochs} epochs`);
  const { agreement, cells } = compared;
  row(
    'cells right in both, network alone, forest alone, none',
    '-',
    [agreement.bothRight, agreement.onlyFirstRight, agreement.onlySecondRight, agreement.bothWrong]
      .map((n) => percent(n / cells))
      .join(', '),
  );
  const causes = Object.entries(compared.causes).map(([cause, count]) => `${cause} ${count}`);
  row("causes of the network's mistakes", 'three kinds, by eye', causes.join(', '), plantedNote(compared.planted));
  row(
    'suspect proteins, to be annotated again',
    '-',
    String(compared.suspects.length),
    'the paper lists mistakes in its supplement and judges them by eye',
  );

  const two = twoCompartments(out);
  row(
    'two compartments, both the most probable two',
    '21 of 24',
    `${two.amongTwo} of ${two.count}`,
    'planted mixtures here, nucleus and cytoplasm in the paper',
  );
  row(
    'two compartments, both among the most probable three',
    '24 of 24',
    `${two.amongThree} of ${two.count}`,
    'the same',
  );

  for (const kind of ['classic', 'fc1']) {
    const { scores, good, nonCells } = json(`quality-${kind}/quality.json`);
    const filter = json(`quality-${kind}/filter.json`);
    row(`cell quality on ${kind}: good cells, non-cells`, '1,200, 118', `${good}, ${nonCells}`);
    const text = ({ accuracy, balancedAccuracy, areaUnderRoc }) =>
      `${percent(accuracy)}, ${percent(balancedAccuracy)}, ${areaUnderRoc.toFixed(3)}`;
    const paper = kind === 'classic' ? '96.7%' : '-';
    const accuracyOnly = kind === 'classic' ? 'the paper gives the accuracy' : beyond;
    row(`cell quality on ${kind}, out of fold: accuracy, balanced, area under ROC`, paper, text(scores), accuracyOnly);
    if (filter.scores)
      row(
        `cell quality on ${kind}, test cells: the same`,
        '-',
        text(filter.scores),
        'planted non-cells; not possible on real ones',
      );
    for (const [m, name] of ['network', 'forest'].entries()) {
      const { before, after, random } = filter.models[m];
      row(
        `cells right before and after the filter on ${kind}, ${name}`,
        kind === 'classic' ? filteredInThePaper[name] : '-',
        `${percent(before)}, ${percent(after)}`,
        `${percent(random)} after removing as many at random`,
      );
    }
  }

  for (const { layer, medianInformation, maximumInformation, medianPermuted } of [
    ...explained.layers,
    explained.classic,
  ]) {
    const name = layer === 'classic' ? 'a classic feature' : `a unit of ${layer}`;
    row(
      `bits about the class in ${name}: median, most`,
      '-',
      `${bits(medianInformation)}, ${bits(maximumInformation)}`,
      `Figure 3d; permuted labels ${bits(medianPermuted)}`,
    );
  }
  for (const { layer, medianClassicCorrelation, medianGaborCorrelation } of explained.layers) {
    const gabor = medianGaborCorrelation === null ? 'no map' : bits(medianGaborCorrelation);
    row(
      `strongest correlation with a classic feature, a Gabor filter: median of ${layer}`,
      '-',
      `${bits(medianClassicCorrelation)}, ${gabor}`,
      'Supplementary Figure 4',
    );
  }
  for (const { layer, purity } of explained.layers) {
    row(
      `ten nearest of the same class, ${layer}: features, t-SNE`,
      '-',
      `${percent(purity?.features)}, ${percent(purity?.tsne)}`,
      'Figure 3b is a picture',
    );
  }

  const { curve, cells: transferCells } = json('transferred/transfer.json');
  row(
    'transfer: cells a class in training, validation, test',
    '1,000, 500, 1,000',
    ['training', 'validation', 'test'].map((name) => Math.round(transferCells[name] / 4)).join(', '),
    'four classes',
  );
  for (const { size, classifier, features, mean, deviation, selection } of curve) {
    if (selection !== 'validation' && classifier !== 'fine-tuning') continue;
    const spread = deviation === null ? '' : ` ± ${(100 * deviation).toFixed(1)}`;
    row(
      `transfer, ${size} cells a class: ${classifier} on ${features}`,
      '-',
      `${percent(mean)}${spread}`,
      classifier === 'fine-tuning' ? beyond : 'Figure 4c is a picture',
    );
  }
  const { test, unseen } = json('calibrated/calibration.json');
  row(
    'calibration error before and after temperature scaling',
    '-',
    `${percent(test.before.expectedCalibrationError)}, ${percent(test.after.expectedCalibrationError)}`,
    beyond,
  );
  row('area under ROC of rejecting unseen compartments', '-', unseen.areaUnderRoc.toFixed(3), beyond);
  return rows;

  function validationAccuracy(run) {
    const lines = readFileSync(join(run, 'log.jsonl'), 'utf8').trim().split('\n').map(JSON.parse);
    return lines.filter((line) => line.best).at(-1)?.validation_accuracy ?? null;
  }
}

/** Rows of a table whose fields hold no commas. */
function readRows(path) {
  const [header, ...lines] = readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(','));
  return lines.map((fields) => Object.fromEntries(header.map((name, i) => [name, fields[i]])));
}

function screenPart(path) {
  const cells = readRows(path);
  const fields = new Set(cells.map(({ protein, field }) => `${protein} ${field}`)).size;
  return { cells: cells.length, proteins: new Set(cells.map(({ protein }) => protein)).size, fields };
}

function accuracyOf(path) {
  const labelled = readRows(path).filter(({ label }) => label !== '');
  return labelled.filter(({ label, predicted }) => label === predicted).length / labelled.length;
}

function twoCompartments(out) {
  const table = join(out, 'network/test/predictions.csv');
  const text = execFileSync(
    process.execPath,
    [program, 'proteins', table, '--compartments', join(out, 'screen/test/cells.csv'), '--json'],
    { encoding: 'utf8', maxBuffer: 1 << 28 },
  );
  return JSON.parse(text).twoCompartments;
}

function plantedNote(planted) {
  const rows = Object.entries(planted);
  const right = rows.reduce((sum, [cause, answers]) => sum + answers[cause], 0);
  const all = rows.reduce((sum, [, answers]) => sum + Object.values(answers).reduce((a, b) => a + b, 0), 0);
  return `the rules name the planted cause of ${right} of ${all}`;
}
