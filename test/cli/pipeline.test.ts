import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Network } from '../../src/network';
import { madeCells, smallSize, writeMadeDataset } from '../small-model';
import { run } from './in-process';

const classes = ['nucleus', 'vacuole', 'er'];
let folder: string;
const at = (name: string) => join(folder, name);
const json = (name: string) => JSON.parse(readFileSync(at(name), 'utf8'));
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cli-pipeline-'));
  writeMadeDataset(at('train'), madeCells(240, 3), classes, { seed: 1 });
  writeMadeDataset(at('validation'), madeCells(60, 3), classes, { seed: 2 });
  writeMadeDataset(at('test'), madeCells(180, 3), ['er', 'nucleus', 'vacuole'], { seed: 3 });
});
afterAll(() => rmSync(folder, { recursive: true }));

test('train, evaluate, predict, proteins and features agree with each other', async () => {
  await using network = await Network.create({ classes, size: smallSize, blocks: [[8], [8]], dense: [16], threads: 1 });
  await network.save(at('start.safetensors'));
  const train = ['train', '--training', at('train'), '--validation', at('validation'), '--out', at('run')];
  const brief = ['--batch-size', '24', '--learning-rate', '0.02', '--epochs', '6', '--from', at('start.safetensors')];
  const trained = await run(...train, ...brief);
  expect(trained.status, trained.stderr).toBe(0);

  // The held-out cells' classes are in another order: label 0 is er. The network says nucleus where quarter 0 is bright.
  const evaluated = await run('evaluate', '--model', at('run'), '--data', at('test'), '--out', at('results'));
  expect(evaluated.status, evaluated.stderr).toBe(0);
  const turned = json('results/metrics.json');
  expect(turned.cells.accuracy).toBeLessThan(0.1);
  const validation = await run('evaluate', '--model', at('run'), '--data', at('validation'), '--out', at('good'));
  expect(validation.status).toBe(0);
  const metrics = json('good/metrics.json');
  expect(metrics.cells.accuracy).toBeGreaterThan(0.95);
  expect(metrics.proteins).toMatchObject({ count: 15, correct: 15, accuracy: 1 });

  const proteins = await run('proteins', at('good/predictions.csv'), '--json');
  expect(JSON.parse(proteins.stdout).all).toMatchObject({ count: 15, correct: metrics.proteins.correct });
  const predicted = await run('predict', '--model', at('run'), at('validation'), '--with', 'label,plate,well,field');
  expect(predicted.stdout).toBe(readFileSync(at('good/predictions.csv'), 'utf8').replace(/^\ufeff/, ''));
  const features = await run(
    ...['features', '--model', at('run/best.safetensors'), '--data', at('validation')],
    ...['--layer', 'fc2', '--out', at('logits')],
  );
  expect(features.status, features.stderr).toBe(0);
  expect(json('logits/features.json').model.sha256).toBe(metrics.model.sha256);
});

describe('one class only', () => {
  test('predict, evaluate and proteins work', async () => {
    await using network = await Network.create({
      classes: ['er'],
      size: smallSize,
      blocks: [[4]],
      dense: [4],
      threads: 1,
    });
    await network.save(at('one.safetensors'));
    writeMadeDataset(at('one'), madeCells(12, 1), ['er']);
    const predicted = await run('predict', '--model', at('one.safetensors'), at('one'));
    expect(predicted.stdout).toContain('cell0,YAL0,er,1\n');
    const argv = ['--model', at('one.safetensors'), '--data', at('one'), '--out', at('one-results')];
    const evaluated = await run('evaluate', ...argv);
    expect(evaluated.stdout).toContain('cells: 100.0% right');
    const proteins = await run('proteins', at('one-results/predictions.csv'));
    expect(proteins.status).toBe(0);
    expect(proteins.stdout).toMatch(/^YAL0,3,3,er,er,false,true,1,field,3,1,1,1,1,1,1$/m);
  });
});
