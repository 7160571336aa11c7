import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AtomicFile } from '../../src/files/atomic-file';
import { Dataset, errorTable, Network } from '../../src/index';
import { runCommand, runCommandWithFileLimit } from '../command-line';
import { folderSnapshot } from './folder-snapshot';
import { writeSmallDataset } from './small-dataset';

let root: string;
let data: string;
let model: string;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'deepyeast-disk-full-'));
  data = join(root, 'data');
  model = join(root, 'model.safetensors');
  writeSmallDataset(data, { cells: 6000 });
  const dataset = await Dataset.open(data);
  const network = await Network.create({ classes: dataset.classes, size: 8, blocks: [[4], [4]], dense: [8], seed: 1 });
  await network.setInputTransform({
    mean: new Float32Array(8 * 8 * 2),
    scale: 1,
    channels: dataset.channels,
    normalization: dataset.normalization,
  });
  await network.save(model);
  await network.close();
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

const training = (run: string) => [
  ...['train', '--training', data, '--out', run, '--batch-size', '8', '--learning-rate', '0.01', '--iterations', '2'],
];

describe('a file-size limit', () => {
  test('predict (the JavaScript writer): disk-full, the older table is as it was, no temporary file', () => {
    const folder = join(root, 'predict');
    mkdirSync(folder);
    const out = join(folder, 'predictions.csv');
    expect(runCommand(['predict', '--model', model, '--out', out, data])).toMatchObject({ status: 0 });
    expect(readFileSync(out).length).toBeGreaterThan(64 * 1024);
    writeFileSync(out, 'an older table\n');
    const before = folderSnapshot(folder);
    const { status, stderr } = runCommandWithFileLimit(64, ['predict', '--model', model, '--out', out, data]);
    expect({ status, stderr }).toEqual({
      status: errorTable['disk-full'].exit,
      stderr: expect.stringContaining('error [disk-full]: '),
    });
    expect(stderr).toContain(errorTable['disk-full'].remedy);
    expect(folderSnapshot(folder)).toEqual(before);
  });

  test('split (a folder of three files): disk-full and nothing left', () => {
    const folder = join(root, 'split');
    mkdirSync(folder);
    const args = ['split', data, '--by', 'cell', '--into', 'train=0.8,test=0.2', '--out', join(folder, 'parts')];
    const { status, stderr } = runCommandWithFileLimit(64, args);
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining('error [disk-full]: ') });
    expect(folderSnapshot(folder)).toEqual({});
  });

  test('train (the native writer): disk-full, no model and no temporary file', () => {
    const run = join(root, 'run');
    const { status, stderr } = runCommandWithFileLimit(256, training(run));
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining('error [disk-full]: ') });
    expect(Object.keys(folderSnapshot(run)).filter((name) => /safetensors|tmp/.test(name))).toEqual([]);
  });
});

describe('a file system of 1 MB', () => {
  let mount: string | undefined;
  beforeAll(() => {
    const folder = join(root, 'tmpfs');
    mkdirSync(folder);
    const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder]);
    if (status === 0) mount = folder;
  });
  afterAll(() => {
    if (mount) spawnSync('umount', ['-l', mount]);
  });

  test('the JavaScript writer leaves the older file and no other', async (context) => {
    if (!mount) return context.skip('a tmpfs cannot be mounted here');
    const path = join(mount, 'table.csv');
    writeFileSync(path, 'an older table\n');
    const before = folderSnapshot(mount);
    const file = await AtomicFile.create(path);
    const writing = (async () => {
      for (let i = 0; i < 32; i++) await file.write(Buffer.alloc(1 << 16));
      await file.commit();
    })();
    await expect(writing).rejects.toMatchObject({ code: 'disk-full' });
    expect(folderSnapshot(mount)).toEqual(before);
  });

  test('the native writer leaves the older file and no other', async (context) => {
    if (!mount) return context.skip('a tmpfs cannot be mounted here');
    const path = join(mount, 'model.safetensors');
    cpSync(model, path);
    const before = folderSnapshot(mount);
    // About 1.2 MB of parameters.
    const network = await Network.create({ classes: ['a', 'b'], size: 32, blocks: [[8], [16]], dense: [256], seed: 1 });
    await expect(network.save(path)).rejects.toMatchObject({ code: 'disk-full' });
    await network.close();
    expect(folderSnapshot(mount)).toEqual(before);
    const old = await Network.load(path);
    await old.close();
  });
});
