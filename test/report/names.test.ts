/** Names of classes, models and layers are people's: whatever JavaScript, Vega or SVG may mean by them. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, expect, test } from 'vitest';
import { drawFigure } from '../../src/report/figure';
import {
  classFigure,
  comparisonFigure,
  confusionFigure,
  embeddingFigure,
  informationFigure,
  learningCurveFigure,
  reliabilityFigure,
  volcanoFigure,
} from '../../src/report/figures';
import { run } from '../cli/in-process';
import { madeCells, smallNetwork, writeMadeDataset } from '../small-model';

const ofObject = Object.getOwnPropertyNames(Object.prototype);
const difficult = [
  'a.b',
  'a[0]',
  'say "x"',
  "it's",
  'back\\slash',
  'x,y',
  '=1+1',
  'esc\u001b[31m',
  '\ud800',
  '<b>',
  '10',
  ' ',
];
const names = [...ofObject, ...difficult];

const folder = mkdtempSync(join(tmpdir(), 'names-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const bins = [{ low: 0, high: 1, cells: 3, confidence: 0.5, accuracy: 0.4 }];
const figures = {
  confusion: confusionFigure({
    confusion: {
      classes: names,
      counts: names.map(() => names.map(() => 1)),
      rates: names.map(() => names.map(() => 1 / names.length)),
    },
  } as never),
  classes: classFigure({
    classes: names.map((name) => ({
      name,
      recall: 0.5,
      precision: 0.5,
      recallInterval: [0, 1],
      precisionInterval: null,
      support: 3,
    })),
  } as never),
  reliability: reliabilityFigure(Object.fromEntries(names.map((name) => [name, { bins } as never]))),
  information: informationFigure(names.map((layer, i) => ({ layer, information: i, permuted: 0 }))),
  embedding: embeddingFigure(
    'constructor',
    names.map((name, i) => ({ class: name, tsne_x: i, tsne_y: i, umap_x: i, umap_y: i })),
    names,
  ),
  learning: learningCurveFigure(
    names.map((method, i) => ({ method, selection: method, size: i + 1, mean: 0.5, low: 0, high: 1 })),
  ),
  volcano: volcanoFigure(
    names.map((protein, i) => ({ protein, change: i, p: 0.01, moved: true, changedClass: protein })),
  ),
  comparison: comparisonFigure(
    ['constructor', '__proto__'].map((name) => ({
      name,
      classes: names.map((of) => ({ name: of, recall: 1, precision: 0 })),
    })),
  ),
};

test.each(Object.entries(figures))('the figure %s draws any name, as it is', async (name, figure) => {
  const { svg } = await drawFigure(figure);
  // The volcano names twelve proteins at most, and draws each where it is.
  for (const text of name === 'volcano' ? [] : ['constructor', '__proto__', 'hasOwnProperty']) {
    expect(svg).toContain(`>${text}<`);
  }
  expect(svg).not.toContain('\u2060');
  const { width } = await sharp(Buffer.from(svg.replaceAll('currentColor', '#000'))).metadata();
  expect(width).toBeGreaterThan(100);
});

test('a run whose classes are named so gets its report and every table', async () => {
  const classes = ['constructor', '__proto__', 'toString', 'a.b["x"]'];
  const at = (name: string) => join(folder, name);
  writeMadeDataset(at('data'), madeCells(40, classes.length), classes);
  const network = await smallNetwork(classes);
  await network.save(at('model.safetensors'));
  await network.close();
  const succeed = async (...argv: string[]) => expect(await run(...argv)).toMatchObject({ status: 0 });
  const model = ['--model', at('model.safetensors'), '--data', at('data')];
  await succeed('calibrate', '--model', at('model.safetensors'), '--validation', at('data'), '--out', at('calibrated'));
  await succeed('evaluate', ...model, '--bootstrap', '10', '--out', at('evaluated'));
  const tables = [at('evaluated/predictions.csv'), at('evaluated/predictions.csv')];
  await succeed('compare', ...tables, '--names', 'constructor,toString', '--data', at('data'), '--out', at('compared'));
  await succeed('proteins', at('evaluated/predictions.csv'), '--out', at('proteins.csv'));
  await succeed(
    'split',
    at('data'),
    '--into',
    '__proto__=0.5,constructor=0.5',
    '--by',
    'cell',
    '--allow-missing',
    '--out',
    at('parts'),
  );
  await succeed(
    ...['report', at('model.safetensors'), '--data', at('data'), '--bootstrap', '10', '--calibrated', at('calibrated')],
    ...['--compared', at('compared'), '--out', at('report.html')],
  );
  const page = readFileSync(at('report.html'), 'utf8');
  for (const name of ['constructor', '__proto__', 'toString', 'a.b[&quot;x&quot;]'])
    expect(page).toContain(`>${name}<`);
  const { confusion } = JSON.parse(readFileSync(at('report-files/metrics.json'), 'utf8'));
  expect(confusion.classes).toEqual(classes);
}, 120_000);
