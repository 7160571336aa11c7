import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Dataset, DeepYeastError, errorTable, Network } from '../../src/index';
import { runCommand } from '../command-line';
import { datasetRows, mismatchRows } from './dataset-rows';
import { fieldRows } from './field-rows';
import { folderSnapshot } from './folder-snapshot';
import { modelRows } from './model-rows';
import type { BadInputRow } from './row';
import { writeSmallDataset } from './small-dataset';
import { trainingRows } from './training-rows';

// Each row is met twice: through the public API and through the command line in a process of its own. Either answers
// with the row's code and a message that says what to do, and leaves the disk as it was.

let root: string;
let good: string;
let copies = 0;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'deepyeast-bad-input-'));
  good = join(root, 'good');
  writeSmallDataset(join(good, 'data'));
  const dataset = await Dataset.open(join(good, 'data'));
  const network = await Network.create({ classes: dataset.classes, size: 8, blocks: [[4], [4]], dense: [8], seed: 1 });
  await network.setInputTransform({
    mean: new Float32Array(8 * 8 * 2).fill(127.5),
    scale: 1 / 128,
    channels: dataset.channels,
    normalization: dataset.normalization,
  });
  await network.save(join(good, 'model.safetensors'));
  await network.close();
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

async function spoiledWorkspace(row: BadInputRow): Promise<string> {
  const workspace = join(root, `workspace-${copies++}`);
  cpSync(good, workspace, { recursive: true });
  await row.spoil(workspace);
  return workspace;
}

describe.each([...datasetRows, ...mismatchRows, ...modelRows, ...trainingRows, ...fieldRows])('$name', (row) => {
  test(`is ${row.code} in the API`, async () => {
    const workspace = await spoiledWorkspace(row);
    const before = folderSnapshot(workspace);
    const error = await row.api(workspace).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(DeepYeastError);
    expect({ code: (error as DeepYeastError).code, message: (error as DeepYeastError).message }).toEqual({
      code: row.code,
      message: expect.stringMatching(row.says),
    });
    expect(folderSnapshot(workspace)).toEqual(before);
  });

  test(`exits with ${errorTable[row.code].exit} on the command line`, async () => {
    const workspace = await spoiledWorkspace(row);
    const before = folderSnapshot(workspace);
    const { status, signal, stdout, stderr } = runCommand(row.command(workspace));
    const { exit, remedy } = errorTable[row.code];
    expect({ status, signal, stdout, stderr }).toEqual({
      status: exit,
      signal: null,
      stdout: '',
      stderr: expect.stringContaining(`error [${row.code}]: `),
    });
    expect(stderr).toMatch(row.says);
    expect(stderr).toContain(remedy);
    expect(folderSnapshot(workspace)).toEqual(before);
  });
});

test('with --json the error is JSON on stdout', () => {
  const { status, stdout, stderr } = runCommand([
    ...['evaluate', '--json', '--model', join(good, 'model.safetensors')],
    ...['--data', join(root, 'nowhere'), '--out', join(root, 'report')],
  ]);
  expect({ status, stderr }).toEqual({ status: 3, stderr: '' });
  expect(JSON.parse(stdout)).toEqual({
    error: {
      code: 'dataset-invalid',
      message: expect.stringContaining('nowhere'),
      remedy: errorTable['dataset-invalid'].remedy,
    },
  });
});

describe('odd but good input', () => {
  const variants: [string, (rows: string[]) => string][] = [
    ['a byte-order mark', (rows) => `\ufeff${rows.join('\n')}\n`],
    ['CRLF line ends', (rows) => `${rows.join('\r\n')}\r\n`],
    ['no line end after the last row', (rows) => rows.join('\n')],
    [
      'quoted commas, quotes and line breaks',
      (rows) => `${rows.join('\n').replace('cell3,', '"cell, ""3""\nof A",')}\n`,
    ],
  ];
  test.each(variants)('cells.csv with %s opens and predicts', async (name, table) => {
    const workspace = join(root, `workspace-${copies++}`);
    cpSync(good, workspace, { recursive: true });
    writeSmallDataset(join(workspace, 'data'), { table });
    const dataset = await Dataset.open(join(workspace, 'data'));
    const cells = await dataset.table();
    expect(cells).toHaveLength(24);
    expect(cells[0]).toMatchObject({ cell: 'cell0', label: 0, protein: 'P0' });
    expect(cells[3]!.cell).toBe(name.startsWith('quoted') ? 'cell, "3"\nof A' : 'cell3');

    const out = join(workspace, 'predictions.csv');
    const child = runCommand([
      'predict',
      '--model',
      join(workspace, 'model.safetensors'),
      '--out',
      out,
      join(workspace, 'data'),
    ]);
    expect(child).toMatchObject({ status: 0 });
    const text = readFileSync(out, 'utf8');
    expect(text).toMatch(/^cell,protein,predicted,p_nucleus,p_vacuole,p_er\n/);
    if (name.startsWith('quoted')) expect(text).toContain('\n"cell, ""3""\nof A",P3,');
  });

  test('one class only is enough to predict and to evaluate', async () => {
    const workspace = join(root, `workspace-${copies++}`);
    cpSync(good, workspace, { recursive: true });
    writeSmallDataset(join(workspace, 'data'), { label: () => 1 });
    const [model, data, out] = ['model.safetensors', 'data', 'report'].map((name) => join(workspace, name)) as [
      string,
      string,
      string,
    ];
    expect(runCommand(['predict', '--model', model, data])).toMatchObject({ status: 0 });
    expect(runCommand(['evaluate', '--model', model, '--data', data, '--out', out])).toMatchObject({ status: 0 });
    const metrics = JSON.parse(readFileSync(join(out, 'metrics.json'), 'utf8'));
    expect(metrics.cells.count).toBe(24);
    expect(metrics.classes.map((entry: { support: number }) => entry.support)).toEqual([0, 24, 0]);
  });
});
