import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommandLine } from '../../src/cli/program';
import { Network, readCheckpoint } from '../../src/network';
import { readRunDescription } from '../../src/training';
import { runCommandWithFileLimit, startCommand, until } from '../command-line';
import { plantedDataset } from '../training/planted-dataset';

let folder: string;
let topology: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'deepyeast-cli-train-'));
  await plantedDataset(join(folder, 'training'), { cells: 120 });
  await plantedDataset(join(folder, 'validation'), { cells: 31, seed: 2 });
  topology = join(folder, 'topology.json');
  writeFileSync(topology, '{"blocks": [[8], [16]], "dense": [16]}');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let runs = 0;
const newRun = () => join(folder, `run${++runs}`);

/** Runs `deepyeast ...args` in this process; cancels it once stderr says something. */
async function deepyeastUntil(
  text: string | undefined,
  ...args: string[]
): Promise<{ status: number; stdout: string; stderr: string }> {
  const controller = new AbortController();
  const output = { stdout: '', stderr: '' };
  const stream = (name: keyof typeof output) =>
    new Writable({
      write(chunk, _, done) {
        output[name] += String(chunk);
        if (text !== undefined && output.stderr.includes(text)) controller.abort();
        done();
      },
    });
  const streams = { stdout: stream('stdout'), stderr: stream('stderr') };
  const status = await runCommandLine(args, { ...streams, variables: {}, status: 0, signal: controller.signal });
  return { status, ...output };
}

const deepyeast = (...args: string[]) => deepyeastUntil(undefined, ...args);

const data = () => ['--training', join(folder, 'training'), '--validation', join(folder, 'validation')];
const small = () => ['--topology', topology, '--batch-size', '20', '--learning-rate', '0.02', '--seed', '7'];
const command = (run: string, ...more: string[]) => ['train', ...data(), '--out', run, ...small(), ...more];

describe('deepyeast train', () => {
  it('trains by flags over the paper and prints the recipe to stderr, data nowhere', async () => {
    const run = newRun();
    const { status, stdout, stderr } = await deepyeast(...command(run, '--epochs', '3'));
    expect({ status, stdout }, stderr).toEqual({ status: 0, stdout: '' });
    expect(stderr).toMatch(/3 epochs = 18 iterations of 20 cells, of 120 in the training set/);
    expect(stderr).toMatch(/learning rate 0\.02, halved every 25 epochs = 150 iterations/);
    expect(stderr).toMatch(/momentum 0\.9 \(caffe.*weight decay 0\.0005/);
    expect(stderr.match(/iteration \d+ \(epoch \d\): loss .*validation loss .*images\/s/g)).toHaveLength(3);
    expect(stderr).toContain(`the best model is ${run}/best.safetensors`);
    const { recipe, seed } = (await readRunDescription(run)) ?? {};
    expect(seed).toBe(7);
    expect(recipe).toMatchObject({ epochs: 3, batchSize: 20, learningRate: 0.02, momentumForm: 'caffe' });
    await using network = await Network.load(run);
    expect(network.topology.blocks).toEqual([[8], [16]]);
  });

  it('prints one JSON line a report with --json, the same as log.jsonl', async () => {
    const run = newRun();
    const { status, stdout, stderr } = await deepyeast(
      ...command(run, '--iterations', '10', '--report-every', '4', '--json'),
    );
    expect(status, stderr).toBe(0);
    expect(stdout).toBe(readFileSync(join(run, 'log.jsonl'), 'utf8'));
    const rows = stdout.trim().split('\n');
    expect(rows.map((row) => JSON.parse(row).iteration)).toEqual([4, 8, 10]);
  });

  it('takes a recipe file, and flags over it', async () => {
    const recipe = join(folder, 'recipe.json');
    writeFileSync(recipe, '{"iterations": 6, "schedule": {"kind": "constant"}, "batchSize": 10, "momentum": 0.5}');
    const run = newRun();
    const args = ['train', ...data(), '--out', run, '--topology', topology, '--recipe', recipe, '--batch-size', '12'];
    const { status, stderr } = await deepyeast(...args);
    expect(status, stderr).toBe(0);
    expect((await readRunDescription(run))?.recipe).toEqual({
      ...{ learningRate: 0.1, schedule: { kind: 'constant' }, batchSize: 12, iterations: 6, momentum: 0.5 },
      ...{ momentumForm: 'caffe', weightDecay: 0.0005, augmentation: 'none' },
    });
  });

  it('perturbs cells and averages weights by flags over the recipe', async () => {
    const run = newRun();
    const flags = ['--recipe', 'robust', '--iterations', '20', '--averaging', 'stochastic', '--augmentation', 'none'];
    const { status, stderr } = await deepyeast(
      ...command(run, ...flags, '--perturb', 'zoom=0.9..1.1', 'shift=1.5', 'mixup=0.2'),
    );
    expect(status, stderr).toBe(0);
    expect(stderr).toContain('augmentation: zoom 0.9 to 1.1, shift up to 1.5 pixels, mixup Beta(0.2, 0.2)\n');
    expect(stderr).toMatch(/weights are averaged every 0\.5 epochs = 3 iterations over the last 25%/);
    expect((await readRunDescription(run))?.recipe).toMatchObject({
      augmentation: 'none',
      perturbations: { zoom: [0.9, 1.1], shift: 1.5, mixup: 0.2 },
      averaging: { kind: 'stochastic' },
    });
    const plain = newRun();
    const none = ['--recipe', 'robust', '--iterations', '9', '--averaging', 'none', '--perturb', 'none'];
    expect(await deepyeast(...command(plain, ...none))).toMatchObject({ status: 0 });
    expect(Object.keys((await readRunDescription(plain))?.recipe ?? {})).not.toContain('perturbations');
    for (const [change, message] of [
      ['zoom=big', /Expected changes such as zoom=0\.85\.\.1\.3/],
      ['zoom=1', /zoom is 1; expected \[least, most\]/],
      ['noise=1..2', /no field "noise"/],
    ] as const) {
      const refused = await deepyeast(...command(newRun(), '--perturb', change));
      expect(refused.status).not.toBe(0);
      expect(refused.stderr).toMatch(message);
    }
  });

  it('makes a preset of depth', async () => {
    const run = newRun();
    const args = ['train', ...data(), '--out', run, '--depth', '5', '--batch-size', '2', '--iterations', '1'];
    const { status, stderr } = await deepyeast(...args);
    expect(status, stderr).toBe(0);
    expect((await readRunDescription(run))?.topology.blocks).toEqual([[64], [128], [256]]);
    const narrow = newRun();
    const quarter = [...args, '--width', 'quarter'].map((value) => (value === run ? narrow : value));
    expect(await deepyeast(...quarter)).toMatchObject({ status: 0 });
    expect((await readRunDescription(narrow))?.topology).toMatchObject({ blocks: [[16], [32], [64]], dense: [128] });
  });

  it('begins with the weights of a model by --from', async () => {
    const first = newRun();
    expect(await deepyeast(...command(first, '--epochs', '8'))).toMatchObject({ status: 0 });
    const second = newRun();
    const args = [
      'train',
      ...data(),
      '--out',
      second,
      '--from',
      first,
      '--batch-size',
      '20',
      '--learning-rate',
      '0.001',
    ];
    const { status, stdout, stderr } = await deepyeast(...args, '--iterations', '2', '--json');
    expect(status, stderr).toBe(0);
    expect(JSON.parse(stdout).loss).toBeLessThan(0.3);
  });

  it('resumes with nothing but the folders named, and says when there is nothing left', async () => {
    const whole = newRun();
    await deepyeast(...command(whole, '--epochs', '3'));
    const run = newRun();
    const stopped = await deepyeastUntil('(epoch 2)', ...command(run, '--epochs', '3'));
    expect(stopped.status).toBe(1);
    expect(stopped.stderr).toContain(`stopped at iteration 12 of 18; ${run} can be resumed`);
    const resume = ['train', ...data(), '--out', run, '--resume'];
    expect((await deepyeast(...resume)).stderr).toMatch(/goes on from iteration 12\n/);
    for (const name of ['last.safetensors', 'best.safetensors']) {
      expect(readFileSync(join(run, name)).equals(readFileSync(join(whole, name))), name).toBe(true);
    }
    const again = await deepyeast(...resume);
    expect(again).toMatchObject({ status: 0 });
    expect(again.stderr).toContain(`${run} was complete already`);
    const other = await deepyeast(...resume, '--learning-rate', '0.5', '--seed', '8');
    expect(other.status).toBe(2);
    expect(other.stderr).toMatch(/error \[run-mismatch\]: .*recipe\.learningRate is 0\.5, in the run 0\.02; seed is 8/);
  });

  it.each<[string, string[], RegExp]>([
    ['epochs and iterations', ['--epochs', '1', '--iterations', '1'], /--epochs.*cannot be used with.*--iterations/],
    ['a depth and a topology', ['--depth', '9'], /--depth.*cannot be used with.*--topology/],
    ['an unknown depth', ['--depth', '10'], /Allowed choices are 5, 9, 11, 13/],
    ['a batch of nothing', ['--batch-size', '0'], /Expected a whole number from 1/],
    ['a rate of nothing', ['--learning-rate', '0'], /Expected a number/],
    ['a checkpoint every now and then', ['--checkpoint-every', 'often'], /iterations \(500\) or seconds \(60s\)/],
    ['a checkpoint every half iteration', ['--checkpoint-every', '0.5'], /iterations \(500\) or seconds \(60s\)/],
    [
      'an unknown recipe',
      ['--recipe', 'papr'],
      /error \[recipe-invalid\]: found no recipe papr; expected paper, robust or/,
    ],
    ['a missing dataset', ['--training', 'nowhere'], /error \[dataset-invalid\]: nowhere.dataset\.json is missing/],
    ['a batch larger than the set', ['--batch-size', '121'], /batch size is 121, but the training set has 120/],
  ])('refuses %s and writes nothing', async (_, args, message) => {
    const run = newRun();
    const { status, stderr, stdout } = await deepyeast(...command(run, ...args));
    expect(stderr).toMatch(message);
    expect(status).toBe(/dataset-invalid/.test(stderr) ? 3 : 2);
    expect(stdout).toBe('');
    expect(existsSync(run)).toBe(false);
  });

  it.each([
    ['{"blocks": [[8]], "dense": [16], "blcks": 1}', /there is no field "blcks"; did you mean "blocks"\?/],
    ['{"blocks": [[8]]}', /dense must be a list of units/],
    ['{"blocks": [8], "dense": []}', /blocks must be a list of blocks/],
    ['{"blocks": [[8]], "dense": [], "dropout": "half"}', /dropout must be a number/],
    ['[]', /expected an object/],
    ['{', /is not JSON/],
    ['{"blocks": [[8], [8], [8], [8], [8]], "dense": []}', /image size is 16; expected a multiple of 32/],
    ['{"blocks": [[8]], "dense": [], "dropout": 1}', /dropout is 1/],
  ])('refuses the topology %s', async (text, message) => {
    const file = join(folder, 'other-topology.json');
    writeFileSync(file, text);
    const run = newRun();
    const { status, stderr } = await deepyeast(...command(run, '--topology', file));
    expect(stderr).toMatch(/error \[invalid-topology\]/);
    expect(stderr).toMatch(message);
    expect(status).toBe(2);
    expect(existsSync(run)).toBe(false);
  });

  it('needs a training set and a folder', async () => {
    expect((await deepyeast('train', '--out', newRun())).stderr).toMatch(/required option '--training <dataset>'/);
    expect((await deepyeast('train', '--training', 'x')).stderr).toMatch(/required option '--out <run>'/);
    expect((await deepyeast('train', '--help')).stdout).toMatch(/Examples:\n +deepyeast train --training/);
  });
});

describe('a signal', () => {
  const long = (run: string) => command(run, '--epochs', '1000000', '--threads', '1', '--checkpoint-every', '3600s');
  const reported = (run: string) => () => {
    const log = join(run, 'log.jsonl');
    return existsSync(log) && readFileSync(log, 'utf8').includes('\n');
  };

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s ends the training with a checkpoint and status %i', async (signal, expected) => {
    const run = newRun();
    const training = startCommand(long(run));
    await until(reported(run), training);
    training.child.kill(signal);
    const { status, stderr } = await training.ended;
    expect(status, stderr).toBe(expected);
    const { iteration = 0 } = await readCheckpoint(join(run, 'last.safetensors'), { momentum: true });
    expect(iteration).toBeGreaterThan(0);
    expect(stderr).toContain(`stopped at iteration ${iteration} of 6000000; ${run} can be resumed`);
    expect(readdirSync(run).filter((name) => name.includes('.tmp-'))).toEqual([]);
  });

  it('a second one ends it at once, without a checkpoint', async () => {
    const run = newRun();
    // A large mini-batch of the paper's network takes long enough for both signals to come before its end.
    await plantedDataset(join(folder, 'large'), { cells: 120, size: 64 });
    const args = ['train', '--training', join(folder, 'large'), '--out', run, '--batch-size', '120'];
    const training = startCommand([...args, '--report-every', '1', '--checkpoint-every', '3600s']);
    await until(reported(run), training);
    training.child.kill('SIGINT');
    training.child.kill('SIGTERM');
    const { status, stderr } = await training.ended;
    expect(stderr).toContain('once more to exit at once');
    // The second one's status: two that are sent at once may change places on their way, and the first one says its name.
    expect(status, stderr).toBe(stderr.includes('SIGTERM: cleaning up') ? 130 : 143);
    expect((await readCheckpoint(join(run, 'last.safetensors'), { momentum: true })).iteration).toBe(0);
  });
});

describe('a full disk', () => {
  it('is disk-full; the checkpoint before stays and the run goes on from it', async () => {
    const whole = newRun();
    const run = newRun();
    await deepyeast(...command(whole, '--epochs', '3'));
    await deepyeastUntil('(epoch 1)', ...command(run, '--epochs', '3'));
    const files = () => readdirSync(run).map((name) => [name, readFileSync(join(run, name), 'latin1')]);
    const before = files();
    const resume = ['train', ...data(), '--out', run, '--resume'];
    const { status, stderr } = runCommandWithFileLimit(8, resume);
    expect(stderr).toMatch(/error \[disk-full\]: cannot write .*best\.safetensors/);
    expect(status).toBe(1);
    expect(files()).toEqual(before);
    expect(await deepyeast(...resume)).toMatchObject({ status: 0 });
    for (const name of ['last.safetensors', 'best.safetensors']) {
      expect(readFileSync(join(run, name)).equals(readFileSync(join(whole, name))), name).toBe(true);
    }
  });
});
