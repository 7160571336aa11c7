import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Dataset } from '../../src/data/dataset';
import { parseRecipe, train } from '../../src/index';
import { Network, readCheckpoint } from '../../src/network';
import { RandomStream } from '../../src/random';
import { readRunDescription } from '../../src/training';
import { projectRoot } from '../shared-data';
import { plantedDataset } from './planted-dataset';

// A run that is killed (SIGKILL) at any moment is resumed and ends with the bytes of one that was never interrupted.

const program = join(projectRoot, 'dist/cli/main.js');
const preload = 'kill.so';
/** Printed with the name of the tests. */
const seed = Number(process.env.DEEPYEAST_TEST_SEED ?? Date.now() % 1_000_000);
const moments = new RandomStream(seed, 'simulation', 0, 0);

/** Four mini-batches, two reports. */
const options = {
  network: { size: 4, blocks: [[2]], dense: [], seed: 3, threads: 1 },
  recipe: parseRecipe({ batchSize: 6, epochs: 2, learningRate: 0.01 }, 'recipe'),
};

let folder: string;
let compiled: string;
beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'deepyeast-kill-')));
  await plantedDataset(join(folder, 'training'), { cells: 12, size: 4 });
  await plantedDataset(join(folder, 'validation'), { cells: 7, size: 4, seed: 2 });
  const { blocks, dense } = options.network;
  writeFileSync(join(folder, 'topology.json'), JSON.stringify({ blocks, dense }));
  writeFileSync(join(folder, 'options.json'), JSON.stringify(options));
  const source = join(__dirname, 'kill-at-call.c');
  const { status, error } = spawnSync('cc', ['-shared', '-fPIC', '-O1', '-o', join(folder, preload), source, '-ldl']);
  compiled = process.platform !== 'linux' ? 'not on Linux' : status === 0 ? '' : `cc failed (${error ?? status})`;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  status: number | null;
  signal: NodeJS.Signals | null;
  stderr: string;
}

/** Runs a script until its end, or until `due` says that it is to be killed. */
function start(args: string[], variables: NodeJS.ProcessEnv = {}, due?: () => boolean): Promise<Ended> {
  // Without io_uring every write is a call that the preloaded library sees.
  const env = { ...process.env, UV_USE_IO_URING: '0', ...variables };
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const timer = due && setInterval(() => due() && child.kill('SIGKILL'), 3);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) => {
      clearInterval(timer);
      resolve({ status, signal, stderr });
    });
  });
}

/** All that a run leaves behind, but for the one number of the log that depends on time. */
function contents(run: string): Record<string, string> {
  const path = join(folder, run);
  const files = readdirSync(path).map((name) => [name, readFileSync(join(path, name)).toString('latin1')] as const);
  const { 'log.jsonl': log = '', ...others } = Object.fromEntries(files);
  return { ...others, 'log.jsonl': log.replaceAll(/"images_per_second":[\d.e+-]+/g, '"images_per_second":0') };
}

/** What is there at any moment can be read. */
async function expectReadable(run: string): Promise<void> {
  const path = join(folder, run);
  if (!existsSync(path)) return;
  await readRunDescription(path);
  for (const name of ['last', 'best']) {
    const file = join(path, `${name}.safetensors`);
    if (existsSync(file)) await readCheckpoint(file, { momentum: name === 'last' });
  }
}

describe(`a run that is killed and resumed ends as one that was not (seed ${seed})`, () => {
  it('at each write, flush and rename, of the JavaScript and of the native writer', async (context) => {
    if (compiled !== '') context.skip(`calls cannot be intercepted: ${compiled}`);
    const child = (run: string, variables: NodeJS.ProcessEnv, ...more: string[]) =>
      start([join(__dirname, 'train-child.cjs'), folder, join(folder, run), ...more], {
        ...{ LD_PRELOAD: join(folder, preload), KILL_FOLDER: join(folder, run) },
        ...variables,
      });
    const count = join(folder, 'count');
    const ended = await child('whole', { KILL_COUNT: count });
    expect(ended, ended.stderr).toMatchObject({ status: 0 });
    const expected = contents('whole');
    expect(Object.keys(expected).sort()).toEqual([
      ...['best.safetensors', 'last.safetensors', 'lock', 'log.jsonl', 'recipe.json'],
    ]);
    // recipe.json, two lines of the log, two best models and three last ones of some tensors each.
    const calls = Number(readFileSync(count, 'utf8'));
    expect(calls).toBeGreaterThan(70);

    const training = await Dataset.open(join(folder, 'training'));
    const validation = await Dataset.open(join(folder, 'validation'));
    let next = 1;
    const worker = async () => {
      while (next <= calls) {
        const call = next++;
        const run = `killed-${String(call).padStart(4, '0')}-`;
        const killed = await child(run, { KILL_AT: `${call}` });
        expect(killed, `call ${call}: ${killed.stderr}`).toMatchObject({ signal: 'SIGKILL' });
        await expectReadable(run);
        // Some are killed once more, at a call of the resumed run: cutting the log is one of its own.
        const second = call % 4 === 0 ? 1 + (moments.word(call) % 30) : undefined;
        if (second !== undefined) {
          await child(run, { KILL_AT: `${second}` }, 'resume');
          await expectReadable(run);
        }
        await using network = await Network.create({ classes: training.classes, ...options.network });
        const { recipe } = options;
        for await (const _ of train(network, { training, validation, recipe, run: join(folder, run), resume: true }));
        expect(contents(run), `killed at call ${call}, then at ${second}`).toEqual(expected);
        rmSync(join(folder, run), { recursive: true });
      }
    };
    await Promise.all([worker(), worker()]);
  }, 240_000);

  it('at moments from the seed, with checkpoints by the clock', async () => {
    const command = (run: string, ...more: string[]) => [
      ...[program, 'train', '--training', join(folder, 'training'), '--validation', join(folder, 'validation')],
      ...['--out', join(folder, run), '--topology', join(folder, 'topology.json'), '--seed', '3', '--threads', '1'],
      ...['--batch-size', '6', '--learning-rate', '0.01', '--iterations', '30000', '--report-every', '1500'],
      ...['--checkpoint-every', '0.05s', ...more],
    ];
    const ended = await start(command('long'));
    expect(ended, ended.stderr).toMatchObject({ status: 0 });
    const args = command('interrupted', '--resume');
    // A moment is so many reports and milliseconds of the run itself: a machine busy with other work changes neither.
    const reports = () => {
      const log = join(folder, 'interrupted/log.jsonl');
      return existsSync(log) ? readFileSync(log, 'utf8').split('\n').length - 1 : 0;
    };
    let kills = 0;
    for (const [attempt, report] of [1, 4, 7, 10].entries()) {
      const milliseconds = 100 * moments.uniform(1000 + attempt);
      let reached: number | undefined;
      const { status, signal, stderr } = await start(args, {}, () => {
        if (reports() < report) return false;
        reached ??= performance.now();
        return performance.now() - reached >= milliseconds;
      });
      if (status === 0) break;
      expect(signal, stderr).toBe('SIGKILL');
      kills++;
      await expectReadable('interrupted');
    }
    expect(kills).toBeGreaterThan(0);
    const last = await start(args);
    expect(last, last.stderr).toMatchObject({ status: 0 });
    expect(contents('interrupted')).toEqual(contents('long'));
  }, 60_000);
});
