import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Dataset } from '../../src/data/dataset';
import { readCsv } from '../../src/files/csv';
import { type FilterCell, filterReport, qualityTrainingCells, trainQuality } from '../../src/quality/quality';
import { evaluateFilter } from '../../src/quality/quality-files';
import { run } from '../cli/in-process';
import { matrixOf, normals } from '../features/fixture';
import { madeCells, smallNetwork, writeMadeDataset } from '../small-model';

/** Cells of which every sixth is none, which shows in two features. */
function planted(count: number, seed: number) {
  const noise = normals(count * 4, seed);
  const good = Array.from({ length: count }, (_, i) => (i % 6 === 0 ? 0 : 1));
  const rows = good.map((value, i) => [0, 1, 2, 3].map((f) => (noise[4 * i + f] as number) + (f < 2 ? 3 * value : 0)));
  return { good, features: matrixOf(rows) };
}

const rowsWith = (good: number[], wanted: number) =>
  Uint32Array.from([...good.keys()].filter((i) => good[i] === wanted));

describe('trainQuality', () => {
  test('a planted non-cell is rejected, out of fold', async () => {
    const { good, features } = planted(240, 3);
    const options = { folds: 5, trees: 30, seed: 1, threads: 1 };
    const detector = await trainQuality(features, rowsWith(good, 1), rowsWith(good, 0), options);
    try {
      expect(detector.scores.areaUnderRoc).toBeGreaterThan(0.95);
      expect(detector.scores.balancedAccuracy).toBeGreaterThan(0.85);
      expect(detector.scores.averagePrecision).toBeGreaterThan(0.85);
      expect(detector.search.length).toBe(2);
      expect(detector).toMatchObject({ good: 200, nonCells: 40 });
      const other = planted(120, 9);
      const posteriors = await detector.forest.predict(other.features);
      const rejected = [...other.good.keys()].filter(
        (i) => other.good[i] === 0 && (posteriors[2 * i + 1] as number) < 0.5,
      );
      expect(rejected.length).toBeGreaterThanOrEqual(16);
    } finally {
      await detector.forest.close();
    }
  });

  test('where nothing is planted nothing is found: the areas say so, the accuracy does not', async () => {
    const { good } = planted(180, 3);
    const noise = normals(180 * 3, 5);
    const features = matrixOf(good.map((_, i) => noise.slice(3 * i, 3 * i + 3)));
    const detector = await trainQuality(features, rowsWith(good, 1), rowsWith(good, 0), {
      folds: 5,
      trees: 20,
      threads: 1,
    });
    await detector.forest.close();
    // The larger of two settings' areas.
    expect(detector.scores.areaUnderRoc).toBeLessThan(0.68);
    expect(detector.search.some(({ accuracy }) => accuracy > 0.7)).toBe(true);
  });

  test('fewer marked cells than folds are refused', async () => {
    const { good, features } = planted(24, 3);
    await expect(trainQuality(features, rowsWith(good, 1), rowsWith(good, 0))).rejects.toThrow(
      /20 good cells and 4 non-cells/,
    );
  });
});

test('training cells: so many good ones a class, every non-cell', () => {
  const labels = Array.from({ length: 60 }, (_, i) => i % 3);
  const nonCell = labels.map((_, i) => i % 10 === 0);
  const candidates = labels.map((_, i) => i < 50);
  const { good, nonCells } = qualityTrainingCells(labels, candidates, nonCell, { perClass: 4, seed: 2 });
  expect(nonCells).toHaveLength(6);
  expect(good).toHaveLength(12);
  expect([...good].every((cell) => cell < 50 && !nonCell[cell])).toBe(true);
  expect([0, 1, 2].map((label) => [...good].filter((cell) => labels[cell] === label).length)).toEqual([4, 4, 4]);
});

test('what a filter does, by class and beside random removal', () => {
  const cells: FilterCell[] = Array.from({ length: 100 }, (_, i) => {
    const good = i % 4 !== 0;
    return { score: good ? 0.9 : 0.1, label: i % 2, good, right: [good] };
  });
  const report = filterReport(cells, ['a', 'b'], ['network'], 0.5);
  expect(report).toMatchObject({ cells: 100, removed: 25 });
  expect(report.classes[0]).toEqual({
    name: 'a',
    cells: 50,
    removed: 25,
    nonCells: 25,
    nonCellsFound: 25,
    goodCellsLost: 0,
  });
  expect(report.classes[1]).toEqual({
    name: 'b',
    cells: 50,
    removed: 0,
    nonCells: 0,
    nonCellsFound: 0,
    goodCellsLost: 0,
  });
  expect(report.models[0]).toMatchObject({ name: 'network', before: 0.75, after: 1 });
  expect(report.models[0]?.random).toBeCloseTo(0.75, 1);
});

describe('deepyeast quality', () => {
  const classes = ['nucleus', 'vacuole', 'er'];
  let folder: string;
  const at = (name: string) => join(folder, name);
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'quality-'));
    // Cells without a label have no bright quarter: here they stand for crops without a cell.
    const cells = madeCells(150, 3).map(({ label, ...cell }, i) =>
      i % 5 === 0 ? { ...cell, quality: 'empty' } : { ...cell, label: label as number, quality: 'cell' },
    );
    writeMadeDataset(at('data'), cells, classes);
    const network = await smallNetwork(classes);
    await network.save(at('model.safetensors'));
    await network.close();
    const features = ['features', '--model', at('model.safetensors'), '--data', at('data'), '--layer', 'fc1'];
    expect((await run(...features, '--out', at('features'))).status).toBe(0);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('trains, scores and filters', async () => {
    const small = ['--per-class', '25', '--folds', '3', '--trees', '30', '--threads', '1'];
    const trained = await run(
      ...['quality', 'train', '--data', at('data'), '--features', at('features'), '--out', at('detector'), ...small],
    );
    expect(trained.stderr).not.toContain('error [');
    expect(trained.stdout).toMatch(/75 good cells and 30 non-cells; out of fold/);
    expect(readdirSync(at('detector')).sort()).toEqual(['forest.safetensors', 'quality.json', 'scores.csv']);
    const file = JSON.parse(readFileSync(at('detector/quality.json'), 'utf8'));
    expect(file.trainingCells).toHaveLength(105);
    // Cells that trained it leave every score.
    expect(file.filter.cells).toBe(45);
    const scored = await run(
      'quality',
      'score',
      '--detector',
      at('detector'),
      '--features',
      at('features'),
      '--out',
      at('s.csv'),
    );
    expect(scored.status).toBe(0);
    expect(readFileSync(at('s.csv'), 'utf8')).toBe(readFileSync(at('detector/scores.csv'), 'utf8'));
    const filtered = await run(
      'quality',
      'filter',
      '--data',
      at('data'),
      '--scores',
      at('s.csv'),
      '--out',
      at('good'),
      '--json',
    );
    const { cells, removed } = JSON.parse(filtered.stdout);
    expect(cells + removed).toBe(150);
    const kept: string[] = [];
    for await (const { cell, quality } of readCsv(at('s.csv'))) if (Number(quality) >= 0.5) kept.push(cell as string);
    const good = await Dataset.open(at('good'));
    expect((await good.table()).map(({ cell }) => cell)).toEqual(kept);
    const before = await Dataset.open(at('data'));
    const index = Number((kept[7] as string).slice(4));
    expect(await good.readImages(Uint32Array.of(7))).toEqual(await before.readImages(Uint32Array.of(index)));
  });

  test('says what a filter does to cells and models, against what is planted', async () => {
    const dataset = await Dataset.open(at('data'));
    const cells = await dataset.table();
    // Every fifth cell is planted as none. The scores find all but one of them and lose one good cell.
    const missed = 'cell5';
    const lost = 'cell1';
    const rows = cells.map(({ cell, quality }) => {
      const good = cell === missed || (quality === 'cell' && cell !== lost);
      return [cell, good ? 0.75 : 0.25] as const;
    });
    writeFileSync(at('planted.csv'), ['cell,quality', ...rows.map((row) => row.join(',')), ''].join('\n'));
    // A model that is right about every good cell; the others have no label that it could be right about.
    const posteriors = cells.map(({ cell, label }) =>
      [cell, 'P', ...classes.map((_, c) => (c === Math.max(0, label) ? 1 : 0))].join(','),
    );
    writeFileSync(
      at('model.csv'),
      [`cell,protein,${classes.map((name) => `p_${name}`)}`, ...posteriors, ''].join('\n'),
    );
    const filtered = await run(
      ...['quality', 'filter', '--data', at('data'), '--scores', at('planted.csv'), '--predictions', at('model.csv')],
      ...['--out', at('kept'), '--report', at('filter.json')],
    );
    expect(filtered.stderr).not.toContain('error [');
    const report = JSON.parse(readFileSync(at('filter.json'), 'utf8'));
    expect(report).toMatchObject({ cells: 150, removed: 30, threshold: 0.5 });
    expect(
      report.classes.map(({ name, goodCellsLost }: { name: string; goodCellsLost: number }) => [name, goodCellsLost]),
    ).toEqual(classes.map((name, c) => [name, c === (cells[1]?.label as number) ? 1 : 0]));
    expect(report.models[0].before).toBeCloseTo(120 / 150, 12);
    expect(report.models[0].after).toBeCloseTo(119 / 120, 12);
    expect(report.models[0].random).toBeCloseTo(0.8, 1);
    // 29 of 30 non-cells and 119 of 120 good ones; a pair in order unless one of the two is on the wrong side.
    expect(report.scores.accuracy).toBeCloseTo(148 / 150, 12);
    expect(report.scores.balancedAccuracy).toBeCloseTo((29 / 30 + 119 / 120) / 2, 12);
    expect(report.scores.areaUnderRoc).toBeCloseTo((29 * 119 + (29 + 119) / 2) / 3600, 12);
    expect(filtered.stdout).toContain('80.0% right before, 99.2% after');
    // Cells that trained the detector leave every score.
    const names = new Map(rows);
    const trainingCells = cells.slice(0, 100).map(({ cell }) => cell);
    const rest = await evaluateFilter(dataset, names, { trainingCells });
    expect(rest).toMatchObject({ cells: 50, removed: 10, scores: { accuracy: 1, areaUnderRoc: 1 } });
  });

  test('a dataset without marks, and features of other cells, are said', async () => {
    writeFileSync(at('marks.csv'), 'cell,quality\n');
    const train = ['quality', 'train', '--data', at('data'), '--features', at('features'), '--out', at('none')];
    expect((await run(...train, '--marks', at('marks.csv'))).stderr).toContain('found no mark in');
    writeMadeDataset(at('other'), madeCells(5, 3), classes);
    const other = ['quality', 'train', '--data', at('other'), '--features', at('features'), '--out', at('none')];
    expect((await run(...other)).stderr).toContain('features of 150 cells, expected 5');
  });
});
