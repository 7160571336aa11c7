import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  compareModels,
  exactSignTest,
  type PlantedCell,
  plantedCause,
  scoreCauses,
} from '../../src/evaluation/comparison';
import { readCsv } from '../../src/files/csv';
import type { PredictionTable } from '../../src/prediction';
import { run } from '../cli/in-process';
import { writeMadeDataset } from '../small-model';

const classes = ['er', 'golgi', 'nucleus'];

/** A cell's posterior with its largest value at `call`. */
function posterior(call: number, value: number): number[] {
  return classes.map((_, c) => (c === call ? value : (1 - value) / 2));
}

type Row = [cell: string, protein: string, label: number, call: number, value: number];

function table(name: string, rows: Row[]): PredictionTable {
  const cells = rows.map(([cell, protein, label, call, value]) => ({
    cell,
    protein,
    label,
    posterior: Float64Array.from(posterior(call, value)),
  }));
  return { name, classes, cells };
}

const network: Row[] = [
  ['c1', 'P', 0, 0, 0.9],
  ['c2', 'P', 0, 0, 0.9],
  ['c3', 'P', 0, 1, 0.95],
  ['c4', 'P', 0, 1, 0.5],
  ['c5', 'P', 0, 2, 0.99],
  ['c6', 'Q', 1, 2, 0.9],
  ['c7', 'Q', 1, 2, 0.9],
];
const forest: Row[] = network.map(([cell, protein, label, call, value]) => {
  if (cell === 'c1') return [cell, protein, label, 1, 0.6];
  if (cell === 'c4') return [cell, protein, label, 0, 0.6];
  return [cell, protein, label, call, value];
});

describe('compareModels', () => {
  const quality = new Map([['c5', 0.1]]);
  const found = compareModels(table('network', network), table('forest', forest), { quality, minimumCells: 2 });

  test('counts who is right', () => {
    expect(found.cells).toBe(7);
    expect(found.agreement).toEqual({
      bothRight: 1,
      onlyFirstRight: 1,
      onlySecondRight: 1,
      bothWrong: 4,
      sameWrongCall: 4,
    });
    expect(found.models.map(({ accuracy }) => accuracy)).toEqual([2 / 7, 2 / 7]);
    expect(found.models[0].classes.map(({ recall }) => recall)).toEqual([2 / 5, 0, null]);
    expect(found.models[0].proteins).toEqual({ count: 2, correct: 1, accuracy: 0.5 });
    expect(found.mcNemar).toBe(1);
  });

  test('gives every mistake its cause by the rules', () => {
    expect(Object.fromEntries(found.mistakes.map(({ cell, cause }) => [cell, cause]))).toEqual({
      c1: null,
      // A confident call, and the protein's other cells say er.
      c3: 'heterogeneity or label',
      // Not confident.
      c4: 'model error',
      c5: 'technical',
      // Confident, but the protein's other cells say the same.
      c6: 'model error',
      c7: 'model error',
    });
    expect(found.causes).toEqual({ technical: 1, 'heterogeneity or label': 1, 'model error': 3 });
    expect(found.mistakes.map(({ wrongIn }) => wrongIn)).toEqual(['second', 'both', 'first', 'both', 'both', 'both']);
    const c4 = found.mistakes.find(({ cell }) => cell === 'c4');
    expect(c4?.first).toMatchObject({ predicted: 'golgi', posterior: 0.5, rankOfTrue: 2 });
  });

  test('a protein that both models place elsewhere is suspect', () => {
    expect(found.suspects).toEqual([
      {
        protein: 'Q',
        cells: 2,
        label: 'golgi',
        predicted: 'nucleus',
        predictedMean: 0.9,
        labelMean: expect.any(Number),
      },
    ]);
  });

  test('tables of other labels, classes or cells are refused', () => {
    const other = table('forest', [['c1', 'P', 1, 1, 0.9]]);
    expect(() => compareModels(table('network', network), other)).toThrow(/labelled 'er' for network and 'golgi'/);
    const none = table('forest', [['x', 'P', 1, 1, 0.9]]);
    expect(() => compareModels(table('network', network), none)).toThrow(/no cell that network and forest both name/);
    expect(() => compareModels(table('network', network), { ...other, classes: ['er'] })).toThrow(/has the classes er/);
  });
});

test('the exact sign test is the binomial’s', () => {
  // scipy.stats.binomtest(2, 10).pvalue
  expect(exactSignTest(2, 8)).toBeCloseTo(0.109375, 12);
  expect(exactSignTest(0, 0)).toBe(1);
});

test('the rules are scored against what was planted', () => {
  const cell = (changes: Partial<PlantedCell>): PlantedCell => ({
    quality: 'cell',
    looks: '',
    truth: 'er',
    label: 'er',
    ...changes,
  });
  expect(plantedCause(cell({ quality: 'debris', looks: 'golgi' }))).toBe('technical');
  expect(plantedCause(cell({ looks: 'golgi' }))).toBe('heterogeneity or label');
  expect(plantedCause(cell({ truth: 'golgi' }))).toBe('heterogeneity or label');
  expect(plantedCause(cell({}))).toBe('model error');
  const { mistakes } = compareModels(table('network', network), table('forest', forest));
  const planted = new Map([
    ['c3', cell({ looks: 'golgi' })],
    ['c4', cell({ quality: 'empty' })],
  ]);
  const scored = scoreCauses(mistakes, planted);
  expect(scored['heterogeneity or label']['heterogeneity or label']).toBe(1);
  expect(scored.technical['model error']).toBe(1);
});

describe('deepyeast compare', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'compare-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const csv = (rows: Row[]) =>
    [
      `cell,protein,predicted,label,${classes.map((name) => `p_${name}`).join(',')}`,
      ...rows.map(([cell, protein, label, call, value]) =>
        [cell, protein, classes[call], classes[label], ...posterior(call, value)].join(','),
      ),
      '',
    ].join('\n');

  test('writes tables and a gallery, and prints the two models side by side', async () => {
    const [a, b, out, data] = ['a.csv', 'b.csv', 'out', 'data'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
      string,
    ];
    // The made dataset calls its cells cell0, cell1, ...
    const named = (rows: Row[]): Row[] => rows.map(([, ...rest], i) => [`cell${i}`, ...rest] as Row);
    writeFileSync(a, csv(named(network)));
    writeFileSync(b, csv(named(forest)));
    writeMadeDataset(
      data,
      network.map(([, protein, label]) => ({ protein, label })),
      classes,
    );
    const found = await run('compare', a, b, '--names', 'network,forest', '--data', data, '--out', out);
    expect(found.stderr).not.toContain('error');
    expect(found.stdout).toMatch(/cells right +28\.6% +28\.6%/);
    expect(readdirSync(out).sort()).toEqual(['comparison.json', 'mistakes.csv', 'mistakes.png', 'suspects.csv']);
    const file = JSON.parse(readFileSync(join(out, 'comparison.json'), 'utf8'));
    expect(file).toMatchObject({ cells: 7, mistakes: 6, planted: null });
    const rows: Record<string, string>[] = [];
    for await (const row of readCsv(join(out, 'mistakes.csv'))) rows.push(row);
    expect(rows).toHaveLength(6);
    expect(rows[1]).toMatchObject({ cell: 'cell2', true: 'er', predicted: 'golgi', cause: 'heterogeneity or label' });
  });

  test('a table without labels is refused', async () => {
    const plain = join(folder, 'plain.csv');
    writeFileSync(plain, 'cell,protein,p_er,p_golgi\nc1,P,0.5,0.5\n');
    const found = await run('compare', plain, plain, '--out', join(folder, 'none'));
    expect(found.status).toBe(3);
    expect(found.stderr).toContain('has no labelled cell');
  });
});
