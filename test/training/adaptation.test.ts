import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommandLine } from '../../src/cli/program';
import type { Dataset } from '../../src/data/dataset';
import { adapt, parseRecipe, train } from '../../src/index';
import { Network, readCheckpoint } from '../../src/network';
import { plantedDataset, smallNetwork } from './planted-dataset';

let folder: string;
let run: string;
let cells: Dataset;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'deepyeast-adaptation-'));
  run = join(folder, 'run');
  const training = await plantedDataset(join(folder, 'training'), { cells: 90 });
  cells = await plantedDataset(join(folder, 'cells'), { cells: 120, seed: 5 });
  await using network = await Network.create({ classes: training.classes, ...smallNetwork });
  await train(network, {
    training,
    recipe: parseRecipe({ batchSize: 10, epochs: 6, learningRate: 0.01 }, 'recipe'),
    run,
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function statisticsOf(network: Network): Promise<Record<string, Float32Array>> {
  const found: Record<string, Float32Array> = {};
  for (const { name } of network.native.tensors) found[name] = await network.native.tensor(name);
  return found;
}

async function adapted(options: object = {}, data = cells, threads = 2) {
  await using network = await Network.load(run, { threads });
  const before = await statisticsOf(network);
  const adaptation = await adapt(network, data, options);
  return { before, after: await statisticsOf(network), adaptation };
}

describe('adapt', () => {
  it('moves the statistics of the first layers by the share, and nothing else', async () => {
    const whole = await adapted({ share: 1 });
    const half = await adapted({ share: 0.5 });
    for (const [name, old] of Object.entries(half.before)) {
      const moved = half.after[name] as Float32Array;
      if (!name.startsWith('conv1_1.running')) {
        expect(moved, name).toEqual(old);
        continue;
      }
      expect(moved, name).not.toEqual(old);
      moved.forEach((value, i) => {
        const middle = ((old[i] as number) + (whole.after[name]?.[i] as number)) / 2;
        expect(Math.abs(value - middle)).toBeLessThan(1e-5 * Math.max(1, Math.abs(middle)));
      });
    }
    expect(half.adaptation).toMatchObject({ cells: 120, layers: ['conv1_1'], share: 0.5 });
    expect(half.adaptation.calls.reduce((sum, count) => sum + count)).toBe(120);
  });

  it('reads no label, and is the same for any number of threads', async () => {
    const { after } = await adapted({ layers: 2 }, cells, 1);
    expect((await adapted({ layers: 2 }, cells, 3)).after).toEqual(after);
    const unlabelled = Object.create(cells, { labels: { get: () => expect.fail('labels were read') } });
    expect((await adapted({ layers: 2 }, unlabelled)).after).toEqual(after);
  });

  it('refuses too few cells and numbers out of range, and changes nothing', async () => {
    const few = await plantedDataset(join(folder, 'few'), { cells: 99 });
    await using network = await Network.load(run);
    const before = await statisticsOf(network);
    await expect(adapt(network, few)).rejects.toMatchObject({ code: 'dataset-invalid' });
    for (const options of [{ layers: 0 }, { layers: 99 }, { share: 0 }, { share: 1.5 }]) {
      await expect(adapt(network, cells, options)).rejects.toMatchObject({ code: 'invalid-argument' });
    }
    const controller = new AbortController();
    controller.abort();
    await expect(adapt(network, cells, { signal: controller.signal })).rejects.toMatchObject({ code: 'aborted' });
    expect(await statisticsOf(network)).toEqual(before);
  });
});

it('deepyeast adapt writes a model that says what was done', async () => {
  const output = { stdout: '', stderr: '' };
  const stream = (name: keyof typeof output) =>
    new Writable({
      write(chunk, _, done) {
        output[name] += String(chunk);
        done();
      },
    });
  const out = join(folder, 'adapted.safetensors');
  const args = ['adapt', '--model', run, '--data', join(folder, 'cells'), '--out', out, '--layers', '2'];
  const streams = { stdout: stream('stdout'), stderr: stream('stderr') };
  const status = await runCommandLine(args, {
    ...streams,
    variables: {},
    status: 0,
    signal: new AbortController().signal,
  });
  expect(status, output.stderr).toBe(0);
  expect(output.stdout).toMatch(/called before +cells +share/);
  expect(output.stderr).toMatch(/of 120 cells are called otherwise than before; statistics of conv1_1, conv2_1 moved/);
  expect((await readCheckpoint(out)).about?.description).toMatch(
    /conv1_1, conv2_1 moved by 0\.5 to those of 120 cells/,
  );
  await using direct = await Network.load(run);
  await adapt(direct, cells, { layers: 2 });
  await using loaded = await Network.load(out);
  expect((await loaded.predict(cells)).logits).toEqual((await direct.predict(cells)).logits);
});
