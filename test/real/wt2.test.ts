import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readCsv } from '../../src/files/csv';
import { Dataset } from '../../src/index';
import { RandomStream } from '../../src/random';
import { readFloatTiff, writeFloatTiff } from './float-tiff';
import { crops, deepyeast, importCrops } from './wt2-screen';

// The walk-through of the README on the 877 real crops of the WT2 screen: import, split by field, train, evaluate. The
// strains of the test set are those of the training set, so this shows that everything works together, not that the
// network generalises to other proteins.

interface Tally {
  cells: number;
  correct: number;
}

/** Right calls by strain and field, from the predictions that evaluate writes. */
async function tallyByField(report: string): Promise<Map<string, Tally>> {
  const tallies = new Map<string, Tally>();
  for await (const { protein, field, label, predicted } of readCsv(join(report, 'predictions.csv'))) {
    const key = `${protein} field ${field}`;
    const tally = tallies.get(key) ?? { cells: 0, correct: 0 };
    tally.cells++;
    if (predicted === label) tally.correct++;
    tallies.set(key, tally);
  }
  return tallies;
}

describe.skipIf(!crops)('the 877 crops of the WT2 screen', () => {
  let folder: string;
  const path = (...parts: string[]) => join(folder, ...parts);

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'deepyeast-wt2-'));
    writeFileSync(
      path('recipe.json'),
      JSON.stringify({
        learningRate: 0.02,
        schedule: { kind: 'cosine', warmUpEpochs: 0.5 },
        batchSize: 32,
        epochs: 4,
        momentum: 0.9,
        momentumForm: 'caffe',
        weightDecay: 0.0005,
        augmentation: 'flips-and-turns',
      }),
    );
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('are imported and split by field', async () => {
    importCrops(crops!, folder, path('wt2'));
    const all = await Dataset.open(path('wt2'));
    expect({ count: all.count, size: all.size, channels: all.channels }).toEqual({
      count: 877,
      size: 64,
      channels: ['rfp', 'gfp'],
    });
    const strains: Record<string, number> = {};
    for (const { protein } of await all.table()) strains[protein] = (strains[protein] ?? 0) + 1;
    expect(strains).toEqual({ AAC1: 366, AAH1: 203, AAP1: 308 });
    deepyeast(
      ...['split', path('wt2'), '--by', 'field', '--into', 'train=0.5,validation=0.2,test=0.3'],
      ...['--seed', '1', '--out', path('parts')],
    );
    const seen = new Set<string>();
    let cells = 0;
    for (const part of ['train', 'validation', 'test']) {
      const dataset = await Dataset.open(path('parts', part));
      const fields = new Set((await dataset.table()).map(({ protein, field }) => `${protein} ${field}`));
      for (const field of fields) expect(seen).not.toContain(field);
      for (const field of fields) seen.add(field);
      expect(new Set(dataset.labels)).toEqual(new Set([0, 1]));
      cells += dataset.count;
    }
    expect({ cells, fields: seen.size }).toEqual({ cells: 877, fields: 12 });
  });

  test('train the network, which then calls at least 97% of the cells of held-out fields right', async () => {
    const [train, validation, held] = ['train', 'validation', 'test'].map((part) => path('parts', part));
    deepyeast(
      ...['train', '--training', train!, '--validation', validation!, '--recipe', path('recipe.json')],
      ...['--seed', '1', '--out', path('run')],
    );
    deepyeast('evaluate', '--model', path('run'), '--data', held!, '--out', path('report'));
    const { cells } = JSON.parse(readFileSync(path('report', 'metrics.json'), 'utf8'));
    expect(cells.count).toBe((await Dataset.open(held!)).count);
    const tallies = await tallyByField(path('report'));
    printTable('held-out fields', tallies);
    // Every strain has a field that was held out.
    expect(new Set([...tallies.keys()].map((key) => key.split(' ')[0]))).toEqual(new Set(['AAC1', 'AAH1', 'AAP1']));
    expect(cells.accuracy).toBeGreaterThanOrEqual(0.97);
  });

  test('lose at most one point when every held-out channel is multiplied by 0.3 to 3', async () => {
    // Each channel of each crop by a factor of its own, evenly drawn on a logarithmic scale.
    const factors = new RandomStream(11, 'simulation', 0, 0);
    let drawn = 0;
    const held = await Dataset.open(path('parts', 'test'));
    for (const { cell, protein } of await held.table()) {
      mkdirSync(path('scaled', protein), { recursive: true });
      for (const channel of ['rfp', 'gfp']) {
        const file = `${cell}_${channel}.tif`;
        const image = await readFloatTiff(join(crops!, file));
        const factor = 0.3 * 10 ** factors.uniform(drawn++);
        await writeFloatTiff(path('scaled', file), { ...image, values: image.values.map((value) => value * factor) });
      }
    }
    importCrops(path('scaled'), folder, path('scaled-data'));
    deepyeast('evaluate', '--model', path('run'), '--data', path('scaled-data'), '--out', path('scaled-report'));
    const [plain, scaled] = ['report', 'scaled-report'].map(
      (report) => JSON.parse(readFileSync(path(report, 'metrics.json'), 'utf8')).cells,
    );
    printTable('the same, channels scaled', await tallyByField(path('scaled-report')));
    expect(scaled.count).toBe(plain.count);
    expect(scaled.accuracy).toBeGreaterThanOrEqual(plain.accuracy - 0.01);
  });
});

function printTable(title: string, tallies: Map<string, Tally>): void {
  const lines = [...tallies].sort().map(([name, { cells, correct }]) => `  ${name}: ${correct} of ${cells} right`);
  process.stdout.write(`${title}\n${lines.join('\n')}\n`);
}

if (!crops) {
  test('the crops of the WT2 screen', (context) => {
    context.skip('real data absent: ../shared/data/wt2-cells (set DEEPYEAST_DATA to the folder of the data)');
  });
}
