import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Dataset, Network } from '../../src/index';
import { runCommand, startCommand, until } from '../command-line';
import { type PlantedPlate, writePlantedMap, writePlantedPlate } from '../fields/planted-plate';
import { temporaryFolder } from '../temporary-folder';
import { run } from './in-process';

const folder = temporaryFolder();

async function plant(options = {}): Promise<PlantedPlate> {
  return writePlantedPlate(folder.path('plate'), options);
}

const channels = ['--channels', 'rfp=ch3,gfp=ch1'];

function digests(name: string): Record<string, string> {
  const path = folder.path(name);
  const files = readdirSync(path).sort();
  return Object.fromEntries(
    files.map((file) => [
      file,
      createHash('sha256')
        .update(readFileSync(join(path, file)))
        .digest('hex'),
    ]),
  );
}

test('a plate becomes a dataset, with masks and overlays', async () => {
  const plate = await plant();
  writePlantedMap(folder.path('map.csv'));
  const outcome = await run(
    ...['cells', plate.path, ...channels, '--plate-map', folder.path('map.csv'), '--out', folder.path('out')],
    ...['--masks', folder.path('masks'), '--overlays', folder.path('look')],
  );
  const count = plate.fields.reduce((sum, { cells }) => sum + cells.length, 0);
  expect(outcome).toMatchObject({ status: 0, stdout: '' });
  expect(outcome.stderr).toMatch(new RegExp(`${count} cells of 4 fields in .*out: er \\d+, nuclear_periphery \\d+`));
  expect((await Dataset.open(folder.path('out'))).count).toBe(count);
  expect(readdirSync(folder.path('masks'))).toHaveLength(4);
  expect(readdirSync(folder.path('look'))).toHaveLength(4);

  const again = await run(
    ...[
      'cells',
      plate.path,
      ...channels,
      '--masks-from',
      folder.path('masks'),
      '--out',
      folder.path('again'),
      '--json',
    ],
  );
  expect(JSON.parse(again.stdout)).toMatchObject({
    dataset: folder.path('again'),
    cells: count,
    dropped: 0,
    fields: 4,
    skipped: [],
    channels: ['rfp', 'gfp'],
    size: 64,
  });
});

test('a pattern, crops of another size, flags and a rule', async () => {
  const plate = await plant();
  const { stdout, status } = await run(
    ...['cells', plate.path, '--pattern', 'r{row}c{column}f{field}p01-ch{channel}sk1fk1fl1.tiff', '--json'],
    ...['--channels', 'marker=3', '--out', folder.path('out'), '--size', '32', '--diameter', '18'],
    ...['--drop', 'border,dead', '--range', '100,4000'],
  );
  expect({ status, ...JSON.parse(stdout) }).toMatchObject({
    status: 0,
    size: 32,
    channels: ['marker'],
    diameter: 18,
    normalization: { rule: 'range', ranges: [[100, 4000]] },
  });
});

test('a field that cannot be used: exit status 3, or 5 where it is skipped', async () => {
  const plate = await plant();
  const bad = plate.fields[1]!.marker;
  truncateSync(join(plate.path, bad), 500);
  const command = ['cells', plate.path, ...channels, '--out', folder.path('out')];
  const stopped = await run(...command);
  expect(stopped).toMatchObject({ status: 3, stdout: '' });
  expect(stopped.stderr).toMatch(new RegExp(`error \\[image-invalid\\]: .*${bad}.*`));
  const skipped = await run(...command, '--on-error', 'skip', '--json');
  expect(skipped.status).toBe(5);
  expect(JSON.parse(skipped.stdout)).toMatchObject({ fields: 3, skipped: [{ field: 'plate/A01/2' }] });
});

describe('wrong usage', () => {
  test.each([
    [['--channels', 'rfp=ch3', '--drop', 'ugly'], /Expected flags among border, dead/],
    [['--channels', 'rfp=ch3', '--diameter', 'huge'], /Expected a number/],
    [['--channels', 'rfp=ch3', '--z', 'top'], /Expected a whole number/],
    [['--channels', 'rfp=ch3', '--model', 'm', '--cell-diameter', '30'], /cannot be used with/],
    [[], /--channels/],
    [['--channels', 'rfp=ch9,gfp=ch1'], /found no channel "ch9" for rfp; the images have/],
  ])('%j', async (options, says) => {
    const plate = await plant();
    const outcome = await run('cells', plate.path, '--out', folder.path('out'), ...options);
    expect(outcome.status).toBe(2);
    expect(outcome.stderr).toMatch(says);
    expect(readdirSync(folder.path())).toEqual(['plate']);
  });
});

describe('a model says how wide its cells are', () => {
  async function model(cellDiameter?: number): Promise<string> {
    const network = await Network.create({ classes: ['a', 'b'], size: 8, blocks: [[4], [4]], dense: [8], seed: 1 });
    await network.setInputTransform({
      mean: new Float32Array(8 * 8 * 2),
      scale: 1,
      channels: ['rfp', 'gfp'],
      normalization: { rule: 'none' },
      ...(cellDiameter !== undefined && { cellDiameter }),
    });
    await network.save(folder.path('model.safetensors'));
    await network.close();
    return folder.path('model.safetensors');
  }

  test('and fields are resampled to them', async () => {
    const plate = await plant();
    const command = ['cells', plate.path, ...channels, '--out', folder.path('out'), '--model', await model(27)];
    expect(await run(...command)).toMatchObject({ status: 0 });
    const { description } = await Dataset.open(folder.path('out'));
    expect(Math.abs((description.cellDiameter as number) - 27)).toBeLessThan(1);
    const shown = await run('model', 'show', folder.path('model.safetensors'), '--json');
    expect(JSON.parse(shown.stdout).input.cellDiameter).toBe(27);
  });

  test('or it is asked for', async () => {
    const plate = await plant();
    const command = ['cells', plate.path, ...channels, '--out', folder.path('out'), '--model', await model()];
    const outcome = await run(...command);
    expect(outcome.status).toBe(3);
    expect(outcome.stderr).toMatch(/does not say how wide a typical cell.*--cell-diameter/);
  });
});

describe('a process that ends before its work', () => {
  const size = { fieldsPerWell: 20, width: 300, height: 300, cells: 30 };
  const command = (out: string) => [
    ...['cells', folder.path('plate'), ...channels, '--out', folder.path(out), '--masks', folder.path('masks')],
    ...['--diameter', '18'],
  ];
  const done = () => {
    const journal = folder.path('out.unfinished/fields.jsonl');
    return existsSync(journal) && statSync(journal).size > 0;
  };

  async function compareWithWhole(): Promise<void> {
    expect(runCommand(command('out'))).toMatchObject({ status: 0 });
    const masks = digests('masks');
    expect(runCommand([...command('whole'), '--threads', '1'])).toMatchObject({ status: 0 });
    expect(digests('out')).toEqual(digests('whole'));
    expect(digests('masks')).toEqual(masks);
    expect(Object.keys(masks)).toHaveLength(40);
    expect(readdirSync(folder.path()).sort()).toEqual(['masks', 'out', 'plate', 'whole']);
  }

  test('killed: the same command goes on to the same bytes', async () => {
    await plant(size);
    const killed = startCommand(command('out'));
    await until(done, killed);
    killed.child.kill('SIGKILL');
    expect(await killed.ended).toMatchObject({ signal: 'SIGKILL' });
    expect(existsSync(folder.path('out'))).toBe(false);
    await compareWithWhole();
  });

  test('interrupted: it says so and goes on as well', async () => {
    await plant(size);
    const interrupted = startCommand(command('out'));
    await until(done, interrupted);
    interrupted.child.kill('SIGINT');
    const { status, stderr } = await interrupted.ended;
    expect(status).toBe(130);
    expect(stderr).toMatch(/of 40 fields are done and kept in .*out\.unfinished: the same command goes on/);
    await compareWithWhole();
  });
});
