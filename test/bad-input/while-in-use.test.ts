import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Dataset, type Log, Network, recipes, train } from '../../src/index';
import { runCommand, startCommand, until } from '../command-line';
import { writeSmallDataset } from './small-dataset';

// What goes wrong while the work is under way: files that shrink, folders that are taken, networks that are closed.

let workspace: string;
let data: string;
beforeEach(() => {
  workspace = mkdtempSync(join(tmpdir(), 'deepyeast-in-use-'));
  data = join(workspace, 'data');
  writeSmallDataset(data, { cells: 240 });
});
afterEach(() => rmSync(workspace, { recursive: true, force: true }));

const small = { size: 8, blocks: [[4], [4]], dense: [8], seed: 1 };
const recipe = { ...recipes.paper, batchSize: 8, learningRate: 0.01, schedule: { kind: 'constant' } as const };

/** A training that lasts until it is stopped. */
const longTraining = (run: string) => [
  ...['train', '--training', data, '--out', run, '--batch-size', '8', '--learning-rate', '0.0001'],
  ...['--epochs', '100000'],
];

const hasReported = (run: string) => () => {
  const log = join(run, 'log.jsonl');
  return existsSync(log) && readFileSync(log, 'utf8').includes('\n');
};

test('images.npy cut while it is open: predicting is images-truncated', async () => {
  const dataset = await Dataset.open(data);
  await using network = await Network.create({ classes: dataset.classes, ...small });
  expect((await network.predict(dataset)).count).toBe(240);
  truncateSync(join(data, 'images.npy'), 9000);
  await expect(network.predict(dataset)).rejects.toMatchObject({ code: 'images-truncated' });
  await expect(dataset.readImages(Uint32Array.of(0, 239))).rejects.toMatchObject({ code: 'images-truncated' });
  // What is still there can be read.
  expect(await dataset.readImages(Uint32Array.of(0))).toHaveLength(8 * 8 * 2);
});

test('images.npy cut while it is trained on: images-truncated, in the API', async () => {
  const training = await Dataset.open(data);
  await using network = await Network.create({ classes: training.classes, ...small });
  const work = async () => {
    for await (const _ of train(network, { training, recipe })) truncateSync(join(data, 'images.npy'), 9000);
  };
  await expect(work()).rejects.toMatchObject({ code: 'images-truncated' });
});

test('images.npy cut while it is trained on: images-truncated, on the command line', async () => {
  const run = join(workspace, 'run');
  const command = startCommand(longTraining(run));
  await until(hasReported(run), command);
  truncateSync(join(data, 'images.npy'), 9000);
  const { status, signal, stderr } = await command.ended;
  expect({ status, signal, stderr }).toEqual({
    status: 3,
    signal: null,
    stderr: expect.stringContaining('error [images-truncated]: '),
  });
});

test('two runs that write to one folder: the second is run-locked, the first goes on', async () => {
  const run = join(workspace, 'run');
  const first = startCommand(longTraining(run));
  await until(hasReported(run), first);

  const second = runCommand([...longTraining(run), '--resume']);
  expect({ status: second.status, stderr: second.stderr }).toEqual({
    status: 1,
    stderr: expect.stringContaining('error [run-locked]: '),
  });
  const training = await Dataset.open(data);
  const network = await Network.create({ classes: training.classes, seed: 0, size: 8 });
  await expect(train(network, { training, run, resume: true }).next()).rejects.toMatchObject({ code: 'run-locked' });
  await network.close();

  expect(first.child.exitCode).toBe(null);
  first.child.kill('SIGTERM');
  const { status, stderr } = await first.ended;
  expect({ status, stderr }).toMatchObject({ status: 143 });
  // The lock has gone with the process.
  const network2 = await Network.load(join(run, 'last.safetensors'));
  await network2.close();
});

test('closing a network while it predicts: what was under way ends, what comes later is closed', async () => {
  const dataset = await Dataset.open(data);
  const network = await Network.create({ classes: dataset.classes, ...small });
  const predicting = network.predict(dataset, { batchSize: 8 }).then(
    ({ count }) => ({ count }),
    (error: { code?: string }) => ({ code: error.code }),
  );
  const single = network.predict(new Uint8Array(8 * 8 * 2));
  await network.close();
  await network.close();
  expect([{ code: 'closed' }, { count: 240 }]).toContainEqual(await predicting);
  expect((await single).posteriors).toHaveLength(3);
});

test('closing a network while it is trained ends the training', async () => {
  const training = await Dataset.open(data);
  const network = await Network.create({ classes: training.classes, ...small });
  const work = async () => {
    for await (const _ of train(network, { training, recipe })) void network.close();
  };
  await expect(work()).rejects.toMatchObject({ code: 'closed' });
});

test('every call after close is closed', async () => {
  const dataset = await Dataset.open(data);
  const network = await Network.create({ classes: dataset.classes, ...small });
  await network.close();
  const mean = new Float32Array(8 * 8 * 2);
  const calls: Record<string, () => Promise<unknown>> = {
    predict: () => network.predict(dataset),
    'predict of crops': () => network.predict(new Uint8Array(8 * 8 * 2)),
    activations: () => network.activations(dataset, 'fc1').next(),
    save: () => network.save(join(workspace, 'model.safetensors')),
    setInputTransform: () =>
      network.setInputTransform({ mean, scale: 1, channels: ['rfp', 'gfp'], normalization: { rule: 'none' } }),
    train: () => train(network, { training: dataset, recipe }).next(),
  };
  for (const [name, call] of Object.entries(calls)) {
    await expect(call(), name).rejects.toMatchObject({ code: 'closed' });
  }
  expect(existsSync(join(workspace, 'model.safetensors'))).toBe(false);
});

test('the library is silent without a log and tells a log what it does', async () => {
  const messages: string[] = [];
  const log: Log = (level, message) => messages.push(`${level}: ${message}`);
  const network = await Network.create({ classes: ['a', 'b'], ...small, log });
  await network.close();
  expect(messages).toEqual([expect.stringMatching(/^info: network on cpu \(\w+, \d+ threads?\)/)]);
});
