import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readCsv } from '../../src/files/csv';
import { Dataset } from '../../src/index';
import { normals } from '../features/fixture';
import { madeCells, smallNetwork, writeMadeDataset } from '../small-model';
import { run } from './in-process';

const classes = ['actin', 'bud neck', 'lipid particle'];
let folder: string;
const at = (name: string) => join(folder, name);
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cli-transfer-'));
  for (const [seed, part] of ['train', 'validation', 'test'].entries()) {
    writeMadeDataset(at(part), madeCells(60, 3), classes, { seed });
  }
  const network = await smallNetwork(['nucleus', 'er']);
  await network.save(at('model.safetensors'));
  await network.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

const data = () => ['--training', at('train'), '--validation', at('validation'), '--test', at('test')];

test('deepyeast transfer writes learning curves of every method', async () => {
  const out = at('out');
  const tuned = [
    '--fine-tune',
    'dense',
    '--fine-tune-sizes',
    '10',
    '--fine-tune-draws',
    '1',
    '--fine-tune-iterations',
    '30',
  ];
  const found = await run(
    ...['transfer', '--model', at('model.safetensors'), ...data(), '--out', out, '--sizes', '1,10,500', '--draws', '3'],
    ...['--embedded', '40', '--threads', '1', ...tuned],
  );
  expect(found.stderr).not.toContain('error [');
  expect(found.stdout).toContain('logistic regression, fc1, picked on validation');
  expect(readdirSync(out).sort()).toEqual(['embedding.csv', 'learning-curve.csv', 'transfer.json']);
  const rows: Record<string, string>[] = [];
  for await (const row of readCsv(join(out, 'learning-curve.csv'))) rows.push(row);
  // Two classifiers, two ways to pick, the two sizes that there are cells for; and fine-tuning.
  expect(rows).toHaveLength(2 * 2 * 2 + 1);
  const mean = (classifier: string, size: string) =>
    Number(
      rows.find((row) => row.classifier === classifier && row.size === size && row.selection === 'validation')?.mean,
    );
  for (const classifier of ['forest', 'logistic regression']) {
    expect(mean(classifier, '10')).toBeGreaterThan(0.6);
    expect(mean(classifier, '10')).toBeGreaterThanOrEqual(mean(classifier, '1') - 0.05);
  }
  expect(rows.at(-1)).toMatchObject({ classifier: 'fine-tuning', features: 'dense layers', size: '10', draws: '1' });
  const report = JSON.parse(readFileSync(join(out, 'transfer.json'), 'utf8'));
  expect(report).toMatchObject({ classes, layer: 'fc1', draws: 3, cells: { training: 60, validation: 60, test: 60 } });
});

test('classic features, and columns of CellProfiler, are learned from beside the layer', async () => {
  // Features that say the class but for noise, as a folder of `features --cellprofiler`: joined by cell, in another order.
  for (const [seed, part] of ['train', 'validation', 'test'].entries()) {
    const noise = normals(60 * 3, 40 + seed);
    const cells = (await (await Dataset.open(at(part))).table()).map(({ cell, label }, i) => {
      const own = [0, 1, 2].map((c) => (c === label ? 4 : 0) + (noise[3 * i + c] as number));
      return [cell, ...own].join(',');
    });
    writeFileSync(at(`${part}.csv`), ['cell,Intensity_A,Texture_B,AreaShape_C', ...cells.reverse(), ''].join('\n'));
    const out = at(join('measured', part === 'train' ? 'training' : part));
    const read = await run('features', '--cellprofiler', at(`${part}.csv`), '--data', at(part), '--out', out);
    expect(read.stderr).not.toContain('error [');
  }
  const argv = ['transfer', '--model', at('model.safetensors'), ...data(), '--sizes', '10', '--draws', '2'];
  const found = await run(
    ...argv,
    '--embedded',
    '0',
    '--threads',
    '1',
    '--classic',
    at('measured'),
    '--out',
    at('both'),
  );
  expect(found.stderr).not.toContain('error [');
  const { curve } = JSON.parse(readFileSync(at('both/transfer.json'), 'utf8'));
  expect(curve.map(({ features }: { features: string }) => features).sort()).toEqual(
    [...Array(4).fill('classic'), ...Array(4).fill('fc1')].sort(),
  );
  for (const { features, classifier, mean } of curve) {
    if (features === 'classic') expect(mean, classifier).toBeGreaterThan(0.85);
  }
  // Other columns in one part are a mistake that is named, not a forest on shifted columns.
  writeFileSync(at('fewer.csv'), readFileSync(at('test.csv'), 'utf8').replace(/^([^,\n]*),[^,\n]*/gm, '$1'));
  rmSync(at('measured/test'), { recursive: true });
  await run('features', '--cellprofiler', at('fewer.csv'), '--data', at('test'), '--out', at('measured/test'));
  const other = await run(...argv, '--classic', at('measured'), '--out', at('none'));
  expect(other.stderr).toContain("found 2 features in test, expected training's 3");
});

test('datasets of other classes, and sizes without cells, are said', async () => {
  writeMadeDataset(at('other'), madeCells(6, 2), ['a', 'b']);
  const argv = ['transfer', '--model', at('model.safetensors'), ...data(), '--out', at('none')];
  const other = await run(...argv, '--test', at('other'));
  expect(other.status).toBe(2);
  expect(other.stderr).toContain('has the classes a, b, expected actin, bud neck, lipid particle');
  const few = await run(...argv, '--sizes', '100');
  expect(few.stderr).toContain('found 20 training cells of actin, expected at least 100');
});
