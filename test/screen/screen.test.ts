import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { Forest } from '../../src/classifiers/forest';
import { classicFeatureMatrix } from '../../src/features/classic';
import { featuresOfCells } from '../../src/features/layer-features';
import { readCsv } from '../../src/files/csv';
import { openTable } from '../../src/files/table-reader';
import {
  Dataset,
  mergeScreen,
  Network,
  planScreen,
  proteinsOfFiles,
  readPlannedScreen,
  replanScreen,
  resumeScreen,
  runScreen,
  runShard,
} from '../../src/index';
import { loadAddon } from '../../src/native';
import { qualityClasses, scoreQuality } from '../../src/quality';
import { startCommand, until } from '../command-line';
import { temporaryFolder } from '../temporary-folder';
import { type PlantedScreen, plantScreen, resultsOf, screenClasses } from './planted-screen';

const folder = temporaryFolder();
let screen: PlantedScreen;

beforeEach(async () => {
  screen = await plantScreen(folder);
});

/** What a test changes in a plan. */
type PlanText = { parts: { name: string }[]; fields: unknown[] };

async function rowsOf(path: string): Promise<Record<string, string>[]> {
  const rows: Record<string, string>[] = [];
  for await (const row of readCsv(path)) rows.push(row);
  return rows;
}

async function predictionsOf(results: string): Promise<Record<string, string>[]> {
  const rows: Record<string, string>[] = [];
  for await (const { values } of (await openTable(join(results, 'predictions.parquet'))).rows()) rows.push(values);
  return rows;
}

test('one call goes from images to tables that agree with each other', async () => {
  const result = await runScreen(screen.options('out'));
  const out = folder.path('out');
  expect(result).toMatchObject({ cells: 108, skipped: [] });
  const predictions = await predictionsOf(out);
  expect(predictions).toHaveLength(108);

  // The posteriors are the network's for the datasets of the parts.
  const network = await Network.load(folder.path('model.safetensors'));
  let row = 0;
  for (const part of readdirSync(join(out, 'cells')).sort()) {
    const dataset = await Dataset.open(join(out, 'cells', part));
    const { posteriors } = await network.predict(dataset);
    for (const [i, cell] of (await dataset.table()).entries()) {
      const { protein, plate, well, field, flags } = cell;
      expect(predictions[row]).toMatchObject({ cell: cell.cell, protein, plate, well, field, flags });
      const own = screenClasses.map((_, c) => posteriors[i * screenClasses.length + c] as number);
      for (const [c, name] of screenClasses.entries()) {
        expect(Math.fround(Number(predictions[row]?.[`p_${name}`]))).toBe(own[c]);
      }
      expect(predictions[row]?.predicted).toBe(screenClasses[own.indexOf(Math.max(...own))]);
      row++;
    }
  }
  await network.close();

  // Cells with a flag do not count, and all others do.
  const counting = predictions.filter(({ excluded }) => excluded === '');
  expect(counting.length).toBe(result.used);
  for (const { flags = '', excluded } of predictions) expect(excluded === '').toBe(flags === '');
  const proteins = await rowsOf(join(out, 'proteins.csv'));
  expect(proteins.map(({ protein }) => protein)).toEqual(['protein1', 'protein2', 'protein3']);
  for (const { protein, cells, wells, soft_count_er } of proteins) {
    const own = counting.filter((cell) => cell.protein === protein);
    expect([cells, wells]).toEqual([String(own.length), '2']);
    expect(Number(soft_count_er)).toBeCloseTo(
      own.reduce((sum, { p_er }) => sum + Number(p_er), 0),
      4,
    );
  }
  // The command `proteins` takes the predictions and counts the same cells.
  const { table } = await proteinsOfFiles([join(out, 'predictions.parquet')]);
  expect(table).toEqual(result.proteins);

  const wells = await rowsOf(join(out, 'wells.csv'));
  expect(wells.map(({ well }) => well)).toEqual(['A01', 'A02', 'B01', 'B02', 'C01', 'C02']);
  for (const { well, cells, used } of wells) {
    expect(Number(cells)).toBe(predictions.filter((cell) => cell.well === well).length);
    expect(Number(used)).toBe(counting.filter((cell) => cell.well === well).length);
  }
  expect(await rowsOf(join(out, 'fields.csv'))).toHaveLength(12);
  expect(readdirSync(join(out, 'report/pictures/fields'))).toHaveLength(12);
  expect(readdirSync(join(out, 'report/pictures/cells'))).toHaveLength(6);
  expect(existsSync(join(out, 'screen.json'))).toBe(true);
});

test.each(['fc1', 'classic'])('what a detector of non-cells (%s) rejects does not count', async (kind) => {
  await runScreen(screen.options('first'));
  const first = await Dataset.open(folder.path('first/cells/plate_A01'));
  const network = await Network.load(folder.path('model.safetensors'));
  const featuresOf = (dataset: Dataset) =>
    kind === 'classic'
      ? classicFeatureMatrix(dataset)
      : featuresOfCells(
          network,
          dataset,
          Uint32Array.from({ length: dataset.count }, (_, i) => i),
          { layer: 'fc1' },
        );
  const features = await featuresOf(first);
  const labels = Uint32Array.from({ length: features.rows }, (_, i) => i % 2);
  const forest = await Forest.train(features, labels, qualityClasses, {
    trees: 20,
    featuresPerSplit: 4,
    downSample: false,
    seed: 1,
  });
  mkdirSync(folder.path('detector'));
  await forest.save(folder.path('detector/forest.safetensors'));
  writeFileSync(folder.path('detector/quality.json'), JSON.stringify({ features: features.names }));

  const result = await runScreen(screen.options('out', { quality: folder.path('detector') }));
  const predictions = await predictionsOf(folder.path('out'));
  let row = 0;
  for (const part of readdirSync(folder.path('out/cells')).sort()) {
    const dataset = await Dataset.open(folder.path('out/cells', part));
    const scores = await scoreQuality(forest, await featuresOf(dataset));
    for (const score of scores) {
      const { quality, excluded, flags } = predictions[row++] as Record<string, string>;
      expect(Number(quality)).toBeCloseTo(score, 6);
      expect(excluded).toBe(flags !== '' ? flags?.split(';')[0] : score < 0.5 ? 'non-cell' : '');
    }
  }
  const rejected = predictions.filter(({ excluded }) => excluded === 'non-cell').length;
  expect(rejected).toBeGreaterThan(0);
  expect(result.wells.reduce((sum, { nonCells }) => sum + nonCells, 0)).toBe(rejected);
  expect(result.used).toBe(predictions.filter(({ excluded }) => excluded === '').length);
  await network.close();
  await forest.close();
  // A detector that has changed since is refused.
  await planScreen(screen.options('later', { quality: folder.path('detector') }));
  writeFileSync(folder.path('detector/forest.safetensors'), 'other');
  await expect(runShard(folder.path('later'), 0)).rejects.toMatchObject({ code: 'run-mismatch' });
});

describe('the same bytes', () => {
  test('for any number of shards, in any order, on any number of threads', async () => {
    await runScreen(screen.options('whole', { threads: 1 }));
    const whole = resultsOf(folder.path('whole'));
    for (const [out, shards, order] of [
      ['two', 2, [1, 0]],
      ['all', 99, [3, 0, 5, 1, 4, 2]],
    ] as const) {
      const { plan } = await planScreen({ ...screen.options(out), shards });
      expect(plan.shards).toHaveLength(order.length);
      for (const shard of order) await runShard(folder.path(out), shard, { threads: 2 });
      await mergeScreen(folder.path(out));
      expect(resultsOf(folder.path(out))).toEqual(whole);
    }
  });

  test('after the work was stopped at any field', async () => {
    await runScreen(screen.options('whole'));
    const whole = resultsOf(folder.path('whole'));
    for (const stop of [0, 1, 2, 5]) {
      const out = `stopped${stop}`;
      const controller = new AbortController();
      const stopped = runScreen({
        ...screen.options(out),
        signal: controller.signal,
        onProgress: (done) => {
          if (done >= stop) controller.abort();
        },
      });
      await expect(stopped).rejects.toMatchObject({ code: 'aborted' });
      await resumeScreen(folder.path(out));
      expect(resultsOf(folder.path(out))).toEqual(whole);
    }
  });

  test('after the process was killed', async () => {
    await plantScreen(folder, { fieldsPerWell: 12, width: 300, height: 300, cells: 30 });
    const command = (out: string) => [
      ...['screen', folder.path('plate'), '--channels', 'rfp=ch3,gfp=ch1', '--plate-map', folder.path('map.csv')],
      ...['--model', folder.path('model.safetensors'), '--diameter', '18', '--out', folder.path(out)],
    ];
    const killed = startCommand(command('killed'));
    await until(() => existsSync(folder.path('killed/parts/plate_A01.json')), killed);
    killed.child.kill('SIGKILL');
    expect(await killed.ended).toMatchObject({ signal: 'SIGKILL' });
    expect(existsSync(folder.path('killed/proteins.csv'))).toBe(false);
    const resumed = startCommand(['screen', folder.path('killed'), '--resume']);
    expect(await resumed.ended).toMatchObject({ status: 0 });
    const whole = startCommand(command('whole'));
    expect(await whole.ended).toMatchObject({ status: 0 });
    expect(resultsOf(folder.path('killed'))).toEqual(resultsOf(folder.path('whole')));
  });
});

describe('shards', () => {
  test('done twice, the second time is nothing', async () => {
    await planScreen({ ...screen.options('out'), shards: 2 });
    expect(await runShard(folder.path('out'), 1)).toEqual({ shard: 1, already: false, fields: 6 });
    const before = resultsOf(folder.path('out'));
    expect(await runShard(folder.path('out'), 1)).toEqual({ shard: 1, already: true, fields: 6 });
    expect(resultsOf(folder.path('out'))).toEqual(before);
  });

  test('two at once: one is refused and does no harm', async () => {
    await planScreen({ ...screen.options('out'), shards: 1 });
    const both = await Promise.allSettled([0, 0].map((shard) => runShard(folder.path('out'), shard)));
    const refused = both.filter(({ status }) => status === 'rejected');
    expect(both.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(refused).toMatchObject([{ reason: { code: 'run-locked' } }]);
    await mergeScreen(folder.path('out'));
    await runScreen(screen.options('whole'));
    expect(resultsOf(folder.path('out'))).toEqual(resultsOf(folder.path('whole')));
  });

  test('merge names those that are not complete', async () => {
    await planScreen({ ...screen.options('out'), shards: 4 });
    await runShard(folder.path('out'), 2);
    await expect(mergeScreen(folder.path('out'))).rejects.toMatchObject({
      code: 'screen-incomplete',
      message: expect.stringMatching(/3 of 4 shards of .*out are not complete: 0, 1, 3$/),
    });
    expect(existsSync(folder.path('out/proteins.csv'))).toBe(false);
  });

  test('are dealt out anew, and what is done stays done', async () => {
    const { plan } = await planScreen({ ...screen.options('out'), shards: 2 });
    await runShard(folder.path('out'), 0);
    const done = readFileSync(folder.path('out/parts/plate_A01.npy'));
    const replanned = await replanScreen(folder.path('out'), { shards: 3 });
    expect(replanned.plan.shards).toHaveLength(3);
    // A job of the earlier plan is refused, whatever its number.
    await expect(runShard(folder.path('out'), 0, { plan: plan.plan })).rejects.toMatchObject({ code: 'run-mismatch' });
    await expect(mergeScreen(folder.path('out'))).rejects.toMatchObject({ code: 'screen-incomplete' });
    for (const shard of [0, 1, 2]) await runShard(folder.path('out'), shard, { plan: replanned.plan.plan });
    expect(readFileSync(folder.path('out/parts/plate_A01.npy'))).toEqual(done);
    await mergeScreen(folder.path('out'));
    await runScreen(screen.options('whole'));
    expect(resultsOf(folder.path('out'))).toEqual(resultsOf(folder.path('whole')));
  });

  test('are not dealt out anew while one is at work', async () => {
    await planScreen({ ...screen.options('out'), shards: 2 });
    await runShard(folder.path('out'), 0);
    const lock = loadAddon().lockFile(folder.path('out/shards/1.lock'));
    await expect(replanScreen(folder.path('out'), { shards: 3 })).rejects.toMatchObject({ code: 'run-locked' });
    lock?.release();
    expect((await readPlannedScreen(folder.path('out'))).plan.shards).toHaveLength(2);
  });

  test('get about as many fields each from a measured time', async () => {
    const { plan } = await planScreen({ ...screen.options('out'), minutes: 1e-5 });
    expect(plan.secondsPerField).toBeGreaterThan(0);
    // Far more than there are wells: a well is the smallest part.
    expect(plan.shards.map(({ count }) => count)).toEqual([1, 1, 1, 1, 1, 1]);
  });
});

describe('what is wrong is said', () => {
  test('a folder that has results already, and one that has none', async () => {
    await planScreen(screen.options('out'));
    await expect(planScreen(screen.options('out'))).rejects.toMatchObject({
      code: 'output-exists',
      message: expect.stringContaining('--resume'),
    });
    await expect(runShard(folder.path('plate'), 0)).rejects.toMatchObject({ code: 'run-invalid' });
    await expect(runShard(folder.path('out'), 7)).rejects.toMatchObject({ code: 'invalid-argument' });
  });

  test('a model of other channels leaves nothing behind', async () => {
    const one = screen.options('out', { channels: new Map([['rfp', 'ch3']]) });
    await expect(planScreen(one)).rejects.toMatchObject({ code: 'model-mismatch' });
    expect(existsSync(folder.path('out'))).toBe(false);
  });

  test('a model that was exchanged after the plan', async () => {
    await planScreen(screen.options('out'));
    const network = await Network.load(folder.path('model.safetensors'));
    await network.close();
    const other = await Network.create({ classes: screenClasses, size: 16, blocks: [[8], [16]], dense: [16], seed: 9 });
    await other.save(folder.path('model.safetensors'));
    await other.close();
    await expect(runShard(folder.path('out'), 0)).rejects.toMatchObject({ code: 'run-mismatch' });
  });

  test.each(['plan.json', 'screen.json', 'shards/0.json', 'parts/plate_A01.json', 'parts/plate_A01.npy'])(
    'a damaged %s',
    async (name) => {
      await runScreen(screen.options('out'));
      const path = folder.path('out', name);
      truncateSync(path, Math.floor(readFileSync(path).length / 2));
      await expect(mergeScreen(folder.path('out'))).rejects.toMatchObject({
        code: expect.stringMatching(/run-invalid|dataset-invalid/),
      });
      writeFileSync(path, '[]');
      await expect(mergeScreen(folder.path('out'))).rejects.toMatchObject({
        code: expect.stringMatching(/run-invalid|dataset-invalid|screen-incomplete/),
      });
    },
  );

  test.each([
    [
      'a part with the name of a path elsewhere',
      (plan: PlanText) => Object.assign(plan.parts[0] as object, { name: '../../elsewhere' }),
    ],
    ['fields that are none', (plan: PlanText) => plan.fields.fill(null)],
  ])('a plan with %s', async (_, change) => {
    await planScreen(screen.options('out'));
    const path = folder.path('out/plan.json');
    const plan = JSON.parse(readFileSync(path, 'utf8'));
    change(plan);
    writeFileSync(path, JSON.stringify(plan));
    await expect(runShard(folder.path('out'), 0)).rejects.toMatchObject({ code: 'run-invalid' });
    expect(readdirSync(folder.path()).sort()).toEqual(['map.csv', 'model.safetensors', 'out', 'plate']);
  });

  test('a field that cannot be read is skipped and listed, or stops the screen where that is asked', async () => {
    truncateSync(join(screen.plate.path, screen.plate.fields[3]?.marker as string), 900);
    const result = await runScreen(screen.options('out'));
    expect(result.skipped).toHaveLength(1);
    const rows = await rowsOf(folder.path('out/fields.csv'));
    expect(rows.filter(({ problem }) => problem !== '')).toMatchObject([{ well: 'A02', field: '2', cells: '' }]);
    expect(result.wells[1]).toMatchObject({ well: 'A02', fields: 2, skipped: 1 });
    await expect(runScreen(screen.options('strict', { onError: 'stop' }))).rejects.toMatchObject({
      code: 'image-invalid',
    });
  });

  test('a well without any readable field has no cells and is listed', async () => {
    for (const field of screen.plate.fields.slice(2, 4)) rmSync(join(screen.plate.path, field.marker));
    for (const field of screen.plate.fields.slice(4, 6)) truncateSync(join(screen.plate.path, field.marker), 900);
    const result = await runScreen(screen.options('out'));
    expect(result.wells.map(({ well, flags }) => [well, flags.includes('no-fields')])).toEqual([
      ['A01', false],
      ['B01', true],
      ['B02', false],
      ['C01', false],
      ['C02', false],
    ]);
    expect(existsSync(folder.path('out/cells/plate_B01'))).toBe(false);
    expect(result.skipped).toHaveLength(4);
  });
});
