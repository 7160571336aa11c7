import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Dataset } from '../../src/data/dataset';
import { defaultNormalization } from '../../src/data/normalization';
import { openTable } from '../../src/files/table-reader';
import { Network } from '../../src/network';
import { RandomStream } from '../../src/random';
import { sharedDataOrSkip } from '../shared-data';
import { madeCells, smallNetwork, smallSize, writeMadeDataset } from '../small-model';
import { run } from './in-process';

const classes = ['nucleus', 'cell periphery', 'er'];
const cells = madeCells(50, 3);
let folder: string;
let data: string;
let model: string;
/** Trained, as it says, on images stretched by percentiles. */
let stretched: string;
/** A folder of 8-bit RGB images, {plate}/{well}-{field}-{cell}.png. */
let pictures: string;
/** A folder of 16-bit images, one a channel. */
let channels: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cli-predict-'));
  data = join(folder, 'data');
  writeMadeDataset(data, cells, classes);
  model = join(folder, 'model.safetensors');
  stretched = join(folder, 'stretched.safetensors');
  for (const [path, normalization] of [
    [model, { rule: 'none' }],
    [stretched, defaultNormalization],
  ] as const) {
    const network = await smallNetwork(classes, { normalization });
    await network.save(path);
    await network.close();
  }
  pictures = join(folder, 'pictures');
  channels = join(folder, 'channels');
  mkdirSync(join(pictures, 'p1'), { recursive: true });
  mkdirSync(join(channels, 'YFG1'), { recursive: true });
  const noise = new RandomStream(6, 'simulation', 0, 0);
  for (let i = 0; i < 30; i++) {
    const rgb = Uint8Array.from({ length: 3 * smallSize ** 2 }, (_, at) => 256 * noise.uniform(1000 * i + at));
    await sharp(rgb, { raw: { width: smallSize, height: smallSize, channels: 3 } })
      .png()
      .toFile(join(pictures, 'p1', `W${i % 4}-${i % 2}-${i}.png`));
    for (const [c, channel] of ['rfp', 'gfp'].entries()) {
      const grey = Uint16Array.from({ length: smallSize ** 2 }, (_, at) => 4000 * noise.uniform(1000 * i + 2 * at + c));
      await sharp(grey, { raw: { width: smallSize, height: smallSize, channels: 1 } })
        .toColourspace('grey16')
        .png()
        .toFile(join(channels, 'YFG1', `1_${i}_${channel}.png`));
    }
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

const rows = (csv: string) => csv.trimEnd().split('\n');

/** The posteriors of a table in its order, as float32. */
async function posteriorsOf(path: string): Promise<Float32Array> {
  const values: number[] = [];
  const table = await openTable(path);
  for await (const row of table.rows()) values.push(...classes.map((name) => Number(row.values[`p_${name}`])));
  return Float32Array.from(values);
}

describe('deepyeast predict on a dataset', () => {
  test('writes one row a cell to standard output, and nothing else there', async () => {
    const { status, stdout } = await run('predict', '--model', model, data);
    expect(status).toBe(0);
    const lines = rows(stdout);
    expect(lines[0]).toBe('cell,protein,predicted,p_nucleus,p_cell periphery,p_er');
    expect(lines).toHaveLength(51);
    expect(lines[1]).toMatch(/^cell0,YAL0,(nucleus|cell periphery|er),[\d.e-]+,[\d.e-]+,[\d.e-]+$/);
  });

  test.each(['csv', 'parquet'])('%s holds the network’s float32 numbers', async (ending) => {
    const out = join(folder, `p.${ending}`);
    const { status, stdout } = await run('predict', '--model', model, data, '--out', out);
    expect([status, stdout]).toEqual([0, '']);
    await using network = await Network.load(model, { threads: 1 });
    const { posteriors } = await network.predict(await Dataset.open(data));
    expect(await posteriorsOf(out)).toEqual(posteriors);
  });

  test('several datasets one after the other, and columns copied', async () => {
    const other = join(folder, 'other');
    writeMadeDataset(other, [{ label: 0, protein: 'P', quality: 'debris' }, { protein: 'Q' }], ['er', 'nucleus']);
    const { stdout } = await run('predict', '--model', model, data, other, '--with', 'label,field,quality');
    const lines = rows(stdout);
    expect(lines[0]).toBe('cell,protein,predicted,label,field,quality,p_nucleus,p_cell periphery,p_er');
    expect(lines).toHaveLength(53);
    expect(lines[2]).toMatch(/^cell1,YAL1,[a-z ]+,cell periphery,0,,/);
    expect(lines[51]).toMatch(/^cell0,P,[a-z ]+,er,,debris,/);
    expect(lines[52]).toMatch(/^cell1,Q,[a-z ]+,,,,/);
  });

  test('--json: rows as JSON lines on standard output, a summary beside a file', async () => {
    const { stdout } = await run('predict', '--model', model, data, '--json');
    const lines = rows(stdout).map((line) => JSON.parse(line));
    expect(lines).toHaveLength(50);
    expect(Object.keys(lines[0])).toEqual(['cell', 'protein', 'predicted', ...classes.map((name) => `p_${name}`)]);
    const out = join(folder, 'json.csv');
    const summary = JSON.parse((await run('predict', '--model', model, data, '--json', '--out', out)).stdout);
    expect(summary).toMatchObject({ out, cells: 50, classes, skipped: [], model: { path: model } });
  });

  test('another intensity rule is refused until it is allowed, and nothing is written', async () => {
    const out = join(folder, 'mismatch.csv');
    const found = await run('predict', '--model', stretched, data, '--out', out);
    expect(found.status).toBe(3);
    expect(found.stderr).toMatch(/rule-mismatch.*none.*percentiles 1 to 99\.9/);
    expect(existsSync(out)).toBe(false);
    expect((await run('predict', '--model', stretched, data, '--out', out, '--allow-rule-mismatch')).status).toBe(0);
  });

  test('errors leave no file: a missing source, a truncated dataset, a format that is none, a model that is none', async () => {
    const out = join(folder, 'none.csv');
    expect((await run('predict', '--model', model, join(folder, 'nowhere'), '--out', out)).status).toBe(1);
    const broken = join(folder, 'broken');
    writeMadeDataset(broken, cells, classes);
    const images = readFileSync(join(broken, 'images.npy'));
    writeFileSync(join(broken, 'images.npy'), images.subarray(0, 9000));
    expect((await run('predict', '--model', model, broken, '--out', out)).status).toBe(3);
    expect((await run('predict', '--model', model, data, '--format', 'xlsx')).status).toBe(2);
    expect((await run('predict', '--model', model, data, '--format', 'parquet')).status).toBe(2);
    expect((await run('predict', '--model', join(data, 'cells.csv'), data, '--out', out)).status).toBe(3);
    expect((await run('predict', '--model', model)).status).toBe(2);
    expect(readdirSync(folder).filter((name) => name.startsWith('none'))).toEqual([]);
  });
});

describe('deepyeast predict on images', () => {
  const pattern = '{plate}/{well}-{field}-{cell}.png';

  test('gives what importing them by the model’s rule and predicting the dataset gives', async () => {
    const imported = join(folder, 'imported');
    const size = ['--size', String(smallSize)];
    await run('import', pictures, '--pattern', pattern, '--out', imported, '--rule-from', model, ...size);
    const expected = await run('predict', '--model', model, imported, '--with', 'plate,well,field');
    const found = await run('predict', '--model', model, pictures, '--pattern', pattern, '--with', 'plate,well,field');
    expect(found.status).toBe(0);
    expect(rows(found.stdout)).toHaveLength(31);
    expect(found.stdout).toBe(expected.stdout);
    expect(found.stdout).toMatch(/^p1\/W3-1-3,p1\/W3,[a-z ]+,p1,W3,1,/m);
  });

  test('16-bit images, a file a channel, are stretched by the rule of the model', async () => {
    const imported = join(folder, 'imported16');
    const source = [channels, '--pattern', '{protein}/{field}_{cell}_{channel}.png', '--channels', 'rfp,gfp'];
    const size = ['--size', String(smallSize)];
    const made = await run('import', ...source, '--out', imported, '--rule-from', stretched, ...size);
    expect(made.status).toBe(0);
    const expected = await run('predict', '--model', stretched, imported);
    const found = await run('predict', '--model', stretched, ...source, '--batch-size', '7');
    expect(rows(found.stdout)).toHaveLength(31);
    const numbers = (csv: string) =>
      rows(csv)
        .slice(1)
        .flatMap((line) => line.split(',').slice(3).map(Number));
    const reference = numbers(expected.stdout);
    numbers(found.stdout).forEach((value, i) => {
      expect(Math.abs(value - (reference[i] as number))).toBeLessThan(1e-5);
    });
    // The model for 8-bit images as they are does not take them.
    const refused = await run('predict', '--model', model, ...source);
    expect(refused.status).toBe(3);
    expect(refused.stderr).toMatch(/image-invalid.*expected 8 bits/);
  });

  test('images named one by one', async () => {
    const files = ['W0-0-0.png', 'W1-1-1.png'].map((name) => join(pictures, 'p1', name));
    const all = rows((await run('predict', '--model', model, pictures, '--pattern', pattern)).stdout);
    const two = rows((await run('predict', '--model', model, ...files, '--pattern', pattern)).stdout);
    expect(two).toHaveLength(3);
    const rest = (line: string) => line.slice(line.indexOf(','));
    expect(two.slice(1).map(rest)).toEqual([
      rest(all.find((line) => line.startsWith('p1/W0-0-0,')) as string),
      rest(all.find((line) => line.startsWith('p1/W1-1-1,')) as string),
    ]);
    const own = rows((await run('predict', '--model', model, files[0] as string)).stdout);
    expect(own[1]).toMatch(/^(.*W0-0-0),\1,/);
  });

  test('a folder of images without folders of classes needs no pattern', async () => {
    const { status, stdout } = await run('predict', '--model', model, join(pictures, 'p1'));
    expect(status).toBe(0);
    expect(rows(stdout)).toHaveLength(31);
  });

  test('a broken image stops, or is skipped with status 5', async () => {
    const broken = join(folder, 'broken-pictures');
    mkdirSync(broken);
    for (const name of readdirSync(join(pictures, 'p1')).slice(0, 5)) {
      writeFileSync(join(broken, name), readFileSync(join(pictures, 'p1', name)));
    }
    writeFileSync(join(broken, 'A-broken.png'), 'no image');
    const out = join(folder, 'skip.csv');
    const stopped = await run('predict', '--model', model, broken, '--out', out);
    expect(stopped.status).toBe(3);
    expect(stopped.stderr).toMatch(/image-invalid.*A-broken\.png/);
    expect(existsSync(out)).toBe(false);
    const skipped = await run('predict', '--model', model, broken, '--out', out, '--on-error', 'skip');
    expect(skipped.status).toBe(5);
    expect(skipped.stderr).toMatch(/A-broken\.png/);
    expect(rows(readFileSync(out, 'utf8'))).toHaveLength(6);
  });

  test('images of another size, or too few channels', async () => {
    const large = join(folder, 'large');
    mkdirSync(large);
    await sharp({ create: { width: 20, height: 20, channels: 3, background: 'red' } }).toFile(join(large, 'a.png'));
    expect((await run('predict', '--model', model, large)).stderr).toMatch(/20 x 20 pixels, expected 16 x 16/);
    expect((await run('predict', '--model', model, large, '--fit', 'crop')).status).toBe(0);
    const one = await run('predict', '--model', model, large, '--channels', 'red', '--fit', 'crop');
    expect(one.status).toBe(3);
    expect(one.stderr).toMatch(/model-mismatch.*rfp, gfp/);
    const turned = await run('predict', '--model', model, large, '--channels', 'gfp,rfp', '--fit', 'crop');
    expect(turned.stderr).toMatch(/model-mismatch.*order rfp, gfp/);
    expect((await run('predict', '--model', model, large, '--size', '20')).status).toBe(2);
  });

  test('the twelve real cells by their label list', async (context) => {
    const real = sharedDataOrSkip(context, 'real-cells');
    const labels = join(real, 'labels.txt');
    const network = await Network.create({ classes, size: 64, blocks: [[4], [4], [4]], dense: [8], threads: 1 });
    const path = join(folder, 'real.safetensors');
    await network.save(path);
    await network.close();
    const { status, stdout } = await run('predict', '--model', path, real, '--labels', labels, '--with', 'label');
    expect(status).toBe(0);
    expect(rows(stdout)).toHaveLength(13);
    expect(stdout).toContain('spindle pole');
  });
});
