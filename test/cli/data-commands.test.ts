import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeEach, describe, expect, test } from 'vitest';
import { Dataset } from '../../src/data/dataset';
import { RandomStream } from '../../src/random';
import { smallNetwork } from '../small-model';
import { temporaryFolder } from '../temporary-folder';
import { run } from './in-process';

const folder = temporaryFolder();
const images = () => folder.path('images');

/** 16-bit RGB pictures, sixteen pixels wide, in folders per class; `scale` makes them brighter. */
async function writePictures(scale = 1): Promise<void> {
  for (let index = 0; index < 12; index++) {
    const path = join(images(), ['er', 'golgi'][index % 2] as string, `P${index % 6}-${index % 3}-${index}.png`);
    mkdirSync(join(path, '..'), { recursive: true });
    const random = new RandomStream(index, 'simulation', 0, 0);
    const rgb = Uint16Array.from({ length: 16 * 16 * 3 }, (_, at) => scale * (100 + (random.word(at) % 3900)));
    await sharp(rgb, { raw: { width: 16, height: 16, channels: 3 } })
      .toColourspace('rgb16')
      .png()
      .toFile(path);
  }
}
beforeEach(() => writePictures());

const pattern = ['--pattern', '{class}/{protein}-{field}-{cell}.png', '--size', '16'];

async function importing(name: string, ...options: string[]) {
  const { status, stdout, stderr } = await run(
    'import',
    images(),
    ...pattern,
    '--out',
    folder.path(name),
    '--json',
    ...options,
  );
  expect({ name, status, stderr: status === 0 ? '' : stderr, stdout: status === 0 ? '' : stdout }).toEqual({
    name,
    status: 0,
    stderr: '',
    stdout: '',
  });
  return JSON.parse(stdout);
}

const pixels = async (name: string) => {
  const dataset = await Dataset.open(folder.path(name));
  return dataset.readImages(Uint32Array.from({ length: dataset.count }, (_, index) => index));
};

describe('import', () => {
  test('tells people what it made on stderr, machines on stdout', async () => {
    const { status, stdout, stderr } = await run('import', images(), ...pattern, '--out', folder.path('d'));
    expect([status, stdout]).toEqual([0, '']);
    expect(stderr).toMatch(/12 cells in .*: er 6, golgi 6\n/);
    expect(await importing('e')).toEqual({
      ...{ dataset: folder.path('e'), cells: 12, size: 16, channels: ['rfp', 'gfp'], skipped: [] },
      classes: [
        { name: 'er', cells: 6 },
        { name: 'golgi', cells: 6 },
      ],
      normalization: { rule: 'percentile', per: 'cell', low: 1, high: 99.9, noiseFloor: 15, floor: 0 },
    });
  });

  test.each([
    [
      ['--normalization', 'percentile'],
      { rule: 'percentile', per: 'cell', low: 1, high: 99.9, noiseFloor: 15, floor: 0 },
    ],
    [
      ['--per', 'field', '--percentiles', '2,98'],
      { rule: 'percentile', per: 'field', low: 2, high: 98, noiseFloor: 15, floor: 0 },
    ],
    [
      ['--noise-floor', '0', '--floor', '12.5'],
      { rule: 'percentile', per: 'cell', low: 1, high: 99.9, noiseFloor: 0, floor: 12.5 },
    ],
    [
      ['--range', '0,4000'],
      {
        rule: 'range',
        ranges: [
          [0, 4000],
          [0, 4000],
        ],
      },
    ],
    [
      ['--range', 'gfp=0,4000', '--range', 'rfp=-5,1e3'],
      {
        rule: 'range',
        ranges: [
          [-5, 1000],
          [0, 4000],
        ],
      },
    ],
    [['--bit-depth', '14'], { rule: 'bit-depth', bits: 14 }],
  ])('%j', async (options, rule) => {
    const { normalization } = await importing('d', ...options);
    expect(normalization).toEqual(rule);
    expect(JSON.parse(readFileSync(folder.path('d', 'dataset.json'), 'utf8')).normalization).toEqual(rule);
  });

  test('channels by plane', async () => {
    await importing('d', '--bit-depth', '12');
    await importing('swapped', '--bit-depth', '12', '--channels', 'rfp=1,gfp=red');
    const [a, b] = [await pixels('d'), await pixels('swapped')];
    expect(a.every((byte, index) => byte === b[index % 2 === 0 ? index + 1 : index - 1])).toBe(true);
  });

  test('a value beyond the bit depth is an error, not clipped', async () => {
    const { status, stderr } = await run(
      'import',
      images(),
      ...pattern,
      '--out',
      folder.path('d'),
      '--bit-depth',
      '11',
    );
    expect(status).toBe(3);
    expect(stderr).toMatch(/error \[image-invalid\]: er\/P0-0-0\.png: holds \d+, expected 0 to 2047 \(11 bits\)/);
  });

  test('--rule-from a dataset: the numbers of the training part for others', async () => {
    const { normalization } = await importing('train', '--per', 'dataset');
    await writePictures(3);
    await importing('own', '--per', 'dataset');
    const other = await importing('other', '--rule-from', folder.path('train'));
    expect(other.normalization).toEqual(normalization);
    expect(await pixels('other')).not.toEqual(await pixels('own'));
  });

  test('--rule-from a model', async () => {
    const { normalization } = await importing('train', '--range', '100,3000');
    const network = await smallNetwork(['er', 'golgi'], { normalization });
    await network.save(folder.path('model.safetensors'));
    await network.close();
    const other = await importing('other', '--rule-from', folder.path('model.safetensors'));
    expect(other.normalization).toEqual(normalization);
    expect(await pixels('other')).toEqual(await pixels('train'));
  });

  test('--rule-from with other channels, another rule beside it, or nothing there', async () => {
    await importing('train', '--range', '100,3000');
    const refused = async (...options: string[]) =>
      (await run('import', images(), ...pattern, '--out', folder.path('d'), ...options)).stderr;
    expect(await refused('--rule-from', folder.path('train'), '--channels', 'gfp=1,rfp=0')).toMatch(
      /error \[model-mismatch\]: .*rfp,gfp, expected gfp,rfp/,
    );
    expect(await refused('--rule-from', folder.path('train'), '--per', 'cell')).toMatch(/several rules/);
    expect(await refused('--rule-from', folder.path('none'))).toMatch(/error \[io-error\]/);
    writeFileSync(folder.path('text'), 'not a model at all');
    expect(await refused('--rule-from', folder.path('text'))).toMatch(/error \[model-invalid\]/);
  });
});

describe('split', () => {
  beforeEach(() => importing('d'));

  test('prints the achieved table', async () => {
    const { status, stdout } = await run(
      'split',
      folder.path('d'),
      '--into',
      'train=0.5,test=0.5',
      '--out',
      folder.path('parts'),
    );
    expect(status).toBe(0);
    expect(stdout).toMatch(/^class +cells +train \(50\.0%\) +test \(50\.0%\)\n/);
    expect(stdout).toMatch(/^er +6 in 3 +[24] in [12] \((66\.7|33\.3)%\)/m);
    expect(stdout).toMatch(/^all +12 +/m);
    expect(stdout).toMatch(/\(cells in proteins\)\n$/);
    expect(
      (await Dataset.open(folder.path('parts/train'))).count + (await Dataset.open(folder.path('parts/test'))).count,
    ).toBe(12);
  });

  test('as JSON', async () => {
    const args = ['--by', 'cell', '--into', 'a=0.5,b=0.5', '--seed', '3', '--json', '--out', folder.path('parts')];
    const { stdout } = await run('split', folder.path('d'), ...args);
    expect(JSON.parse(stdout)).toEqual({
      ...{ by: 'cell', seed: 3 },
      parts: ['a', 'b'].map((name) => ({ name, share: 0.5, dataset: folder.path('parts', name), cells: 6 })),
      classes: ['er', 'golgi'].map((name) => ({
        name,
        cells: 6,
        groups: 6,
        parts: [
          { cells: 3, groups: 3 },
          { cells: 3, groups: 3 },
        ],
      })),
    });
  });

  test('a class with too few proteins, and --allow-missing', async () => {
    const args = ['split', folder.path('d'), '--into', 'a=0.25,b=0.25,c=0.25,d=0.25', '--out', folder.path('parts')];
    const { status, stderr } = await run(...args);
    expect(status).toBe(3);
    expect(stderr).toMatch(/error \[split-impossible\]: the class "er" has 3 proteins, expected at least 4/);
    expect(stderr).toContain('--allow-missing');
    expect((await run(...args, '--allow-missing')).status).toBe(0);
  });
});
