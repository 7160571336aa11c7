import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Dataset } from '../../src/data/dataset';
import { type EvaluateModelOptions, evaluate, evaluateModel } from '../../src/evaluation';
import { openTable } from '../../src/files/table-reader';
import type { Network } from '../../src/network';
import { argmax } from '../../src/prediction/call';
import { proteins } from '../../src/proteins';
import { type MadeCell, madeCells, smallNetwork, writeMadeDataset } from '../small-model';

const classes = ['nucleus', 'vacuole', 'er'];
let network: Network;
let folder: string;
beforeAll(async () => {
  network = await smallNetwork(classes);
});
afterAll(() => network.close());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'evaluate-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function made(cells: readonly MadeCell[], names: readonly string[] = classes, options = {}): Promise<Dataset> {
  const path = join(folder, `data${readdirSync(folder).length}`);
  writeMadeDataset(path, cells, names, options);
  return Dataset.open(path);
}

const quick = { replicates: 20 };

describe('evaluate', () => {
  test('counts what the network’s posteriors say, by hand', async () => {
    const cells = madeCells(200, 3);
    const dataset = await made(cells);
    const predictions = await network.predict(dataset);
    const report = await evaluate(predictions, dataset, quick);
    const counts = classes.map(() => classes.map(() => 0));
    cells.forEach(({ label }, i) => {
      const row = counts[label as number] as number[];
      const called = argmax(predictions.posteriors, 3 * i, 3);
      row[called] = (row[called] as number) + 1;
    });
    expect(report.confusion.counts).toEqual(counts);
    expect(report.cells).toMatchObject({ count: 200, unlabelled: 0 });
    // Not all in one column, or the test would say little.
    expect(new Set(Array.from({ length: 200 }, (_, i) => argmax(predictions.posteriors, 3 * i, 3))).size).toBe(3);
  });

  test('a dataset with its classes in another order, or some of them, scores the same', async () => {
    const cells = madeCells(90, 3).filter(({ label }) => label !== 2);
    const report = await evaluate(await network.predict(await made(cells)), await made(cells), quick);
    const turned = ['er', 'vacuole', 'nucleus'];
    const moved = cells.map((cell) => ({ ...cell, label: turned.indexOf(classes[cell.label as number] as string) }));
    const dataset = await Dataset.open(await relabelled(cells, moved, turned));
    expect(await evaluate(await network.predict(dataset), dataset, quick)).toEqual(report);
    const two = await Dataset.open(await relabelled(cells, cells, ['nucleus', 'vacuole']));
    expect(await evaluate(await network.predict(two), two, quick)).toEqual(report);
    expect(report.classes[2]).toMatchObject({ name: 'er', recall: null, support: 0 });
  });

  /** The images of one set of cells with the labels of another. */
  async function relabelled(images: readonly MadeCell[], cells: readonly MadeCell[], names: string[]): Promise<string> {
    const path = join(folder, `relabelled${readdirSync(folder).length}`);
    writeMadeDataset(path, images, names.length < 3 ? classes : names);
    const table = readFileSync(join(path, 'cells.csv'), 'utf8').split('\n');
    cells.forEach(({ label }, i) => {
      table[i + 1] = (table[i + 1] as string).replace(/^(cell\d+),\d*/, `$1,${label}`);
    });
    writeFileSync(join(path, 'cells.csv'), table.join('\n'));
    writeFileSync(join(path, 'dataset.json'), JSON.stringify({ classes: names, channels: ['rfp', 'gfp'] }));
    return path;
  }

  test('a class that the model does not know is named, where cells have it', async () => {
    const names = ['nucleus', 'bud neck', 'er', 'never seen'];
    const dataset = await made(madeCells(30, 3), names);
    await expect(evaluate(await network.predict(dataset), dataset)).rejects.toMatchObject({
      code: 'class-unknown',
      message: expect.stringMatching(/'bud neck' \(10 cells\).*nucleus, vacuole, er/),
    });
    const without = await made(madeCells(30, 1), names);
    await expect(evaluate(await network.predict(without), without, quick)).resolves.toMatchObject({
      cells: { count: 30 },
    });
  });

  test('unlabelled cells are counted and left out', async () => {
    const cells = madeCells(60, 3).map((cell, i) => (i % 4 === 0 ? { ...cell, label: -1 } : cell));
    const dataset = await made(cells);
    const report = await evaluate(await network.predict(dataset), dataset, quick);
    expect(report.cells).toMatchObject({ count: 45, unlabelled: 15 });
  });

  test('predictions of another dataset are refused', async () => {
    const predictions = await network.predict(await made(madeCells(10, 3)));
    await expect(evaluate(predictions, await made(madeCells(11, 3)))).rejects.toMatchObject({
      code: 'invalid-argument',
    });
  });

  test('one class only', async () => {
    const dataset = await made(madeCells(20, 1), ['vacuole']);
    const report = await evaluate(await network.predict(dataset), dataset, quick);
    expect(report.classes[1]).toMatchObject({ name: 'vacuole', support: 20 });
    expect(report.medianRecall.n).toBe(1);
  });
});

describe('evaluateModel', () => {
  test('writes metrics.json and predictions that lead to the same numbers', async () => {
    const dataset = await made(madeCells(150, 3));
    const out = join(folder, 'results', 'first');
    const done: number[] = [];
    const report = await evaluateModel(network, dataset, out, {
      ...quick,
      minimumCells: 5,
      record: { model: { path: 'm' } },
      batchSize: 64,
      onProgress: (count, total) => done.push(count, total),
    });
    expect(done).toEqual([64, 150, 128, 150, 150, 150]);
    expect(readdirSync(out).sort()).toEqual(['metrics.json', 'predictions.csv']);
    expect(JSON.parse(readFileSync(join(out, 'metrics.json'), 'utf8'))).toEqual({ model: { path: 'm' }, ...report });
    expect(await evaluate(await network.predict(dataset), dataset, { ...quick, minimumCells: 5 })).toEqual(report);
    const table = await openTable(join(out, 'predictions.csv'));
    expect(table.columns).toEqual([
      ...['cell', 'protein', 'predicted', 'label', 'plate', 'well', 'field'],
      ...['p_nucleus', 'p_vacuole', 'p_er'],
    ]);
    let right = 0;
    for await (const { values } of table.rows()) if (values.predicted === values.label) right++;
    expect(right).toBe(report.cells.correct);
    const calls = await proteins(await network.predict(dataset), dataset, quick);
    expect(calls.all).toMatchObject({ count: report.proteins.count, correct: report.proteins.correct });
  });

  test('the predictions can be Parquet', async () => {
    const out = join(folder, 'results');
    await evaluateModel(network, await made(madeCells(20, 3)), out, { ...quick, format: 'parquet' });
    expect(readdirSync(out).sort()).toEqual(['metrics.json', 'predictions.parquet']);
    expect((await openTable(join(out, 'predictions.parquet'))).columns).toContain('p_er');
  });

  const failures: [string, () => Promise<Dataset>, EvaluateModelOptions, string][] = [
    ['no labels', () => made([{ protein: 'P' }]), {}, 'dataset-invalid'],
    [
      'a protein with two labels',
      () =>
        made([
          { label: 0, protein: 'P' },
          { label: 1, protein: 'P' },
        ]),
      {},
      'labels-invalid',
    ],
    ['an unknown class', () => made([{ label: 0, protein: 'P' }], ['bud']), {}, 'class-unknown'],
    [
      'another rule',
      () => made(madeCells(3, 3), classes, { normalization: { rule: 'bit-depth', bits: 12 } }),
      {},
      'rule-mismatch',
    ],
    ['three channels', () => made(madeCells(3, 3), classes, { channels: ['a', 'b', 'c'] }), {}, 'model-mismatch'],
    ['an aborted signal', () => made(madeCells(3, 3)), { signal: AbortSignal.abort() }, 'aborted'],
    ['a negative seed', () => made(madeCells(3, 3)), { seed: -1 }, 'invalid-argument'],
  ];
  test.each(failures)('%s: an error, and the disk is as it was', async (_, dataset, options, code) => {
    const out = join(folder, 'new', 'results');
    await expect(evaluateModel(network, await dataset(), out, { ...quick, ...options })).rejects.toMatchObject({
      code,
    });
    expect(existsSync(join(folder, 'new'))).toBe(false);
  });

  test('another rule is named, and taken when allowed', async () => {
    const normalization = { rule: 'bit-depth', bits: 12 } as const;
    const dataset = await made(madeCells(6, 3), classes, { normalization });
    await expect(evaluateModel(network, dataset, join(folder, 'r'), quick)).rejects.toMatchObject({
      message: expect.stringMatching(/bit depth 12.*none.*deepyeast import .* --rule-from MODEL/),
    });
    const report = await evaluateModel(network, dataset, join(folder, 'r'), { ...quick, allowRuleMismatch: true });
    expect(report.cells.count).toBe(6);
  });
});
