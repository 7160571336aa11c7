import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readCsv } from '../../src/files/csv';
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

test('datasets of other classes, and sizes without cells, are said', async () => {
  writeMadeDataset(at('other'), madeCells(6, 2), ['a', 'b']);
  const argv = ['transfer', '--model', at('model.safetensors'), ...data(), '--out', at('none')];
  const other = await run(...argv, '--test', at('other'));
  expect(other.status).toBe(2);
  expect(other.stderr).toContain('has the classes a, b, expected actin, bud neck, lipid particle');
  const few = await run(...argv, '--sizes', '100');
  expect(few.stderr).toContain('found 20 training cells of actin, expected at least 100');
});
