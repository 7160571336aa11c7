import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { beforeEach, describe, expect, test } from 'vitest';
import { Dataset } from '../../src/data/dataset';
import { type ImportOptions, importImages, skippedFile } from '../../src/data/import';
import { planImport } from '../../src/data/import-plan';
import { defaultNormalization } from '../../src/data/normalization';
import { readCsv } from '../../src/files/csv';
import { RandomStream } from '../../src/random';
import { folderSnapshot } from '../bad-input/folder-snapshot';
import { readFloatTiff, writeFloatTiff } from '../real/float-tiff';
import { sharedDataOrSkip } from '../shared-data';
import { temporaryFolder } from '../temporary-folder';

const folder = temporaryFolder();
const size = 8;
const source = () => folder.path('images');
const out = () => folder.path('dataset');

/** RGB noise, other for each seed; blue is full. */
function rgb(seed: number, width = size, height = size): Uint8Array {
  const random = new RandomStream(seed, 'simulation', 0, 0);
  return Uint8Array.from({ length: width * height * 3 }, (_, index) =>
    index % 3 === 2 ? 255 : random.word(index) % 256,
  );
}

async function writePng(name: string, seed: number, width = size, height = size): Promise<void> {
  const path = join(source(), name);
  mkdirSync(dirname(path), { recursive: true });
  await sharp(rgb(seed, width, height), { raw: { width, height, channels: 3 } })
    .png()
    .toFile(path);
}

async function writeTiff(
  name: string,
  seed: number,
  { factor = 1, signal = 1, width = size, height = size } = {},
): Promise<void> {
  const path = join(source(), name);
  mkdirSync(dirname(path), { recursive: true });
  const random = new RandomStream(seed, 'simulation', 0, 0);
  const values = Float32Array.from({ length: width * height }, (_, index) => {
    const blob = Math.abs((index % width) - width / 2) < 2 ? signal : 0;
    return factor * (0.1 + 0.01 * random.uniform(index) + blob);
  });
  await writeFloatTiff(path, { width, height, values });
}

const redGreen = (pixels: Uint8Array) => [...pixels.filter((_, index) => index % 3 !== 2)];

function importing(options: Partial<ImportOptions> = {}) {
  return importImages({ source: source(), out: out(), size, ...options });
}

beforeEach(() => mkdirSync(source()));

describe('a label list in the layout of DeepYeast', () => {
  const names = ['plate01/00101-1-77-1.png', 'plate01/00101-1-77-2.png', 'plate02/00101-3-9-1.png'];
  beforeEach(async () => {
    for (const [index, name] of names.entries()) await writePng(name, index);
    writeFileSync(folder.path('list.txt'), names.map((name, index) => `${name} ${index + 5}\n`).join(''));
  });

  test('becomes a dataset: red and green as they are, in the order of the list, well and plate as the protein', async () => {
    const progress: number[] = [];
    const { dataset, skipped } = await importing({
      labels: folder.path('list.txt'),
      onProgress: (done, total, stage) => progress.push(done, total, stage === 'import' ? 1 : 0),
    });
    expect(skipped).toEqual([]);
    expect(dataset).toMatchObject({ count: 3, size, channels: ['rfp', 'gfp'], normalization: { rule: 'none' } });
    expect(dataset.classes.slice(5, 8)).toEqual(['mitochondrion', 'nuclear periphery', 'nucleolus']);
    expect([...dataset.labels]).toEqual([5, 6, 7]);
    expect([...(await dataset.readImages(Uint32Array.of(0, 1, 2)))]).toEqual(
      [0, 1, 2].flatMap((seed) => redGreen(rgb(seed))),
    );
    expect((await dataset.table())[2]).toEqual({
      ...{
        cell: 'plate02/00101-3-9-1',
        label: 7,
        protein: 'plate02/00101',
        plate: 'plate02',
        well: '00101',
        field: '3',
      },
      ...{ x: '', y: '', source: 'plate02/00101-3-9-1.png', image: '9' },
    });
    expect(dataset.description.provenance).toMatchObject({ command: 'import', source: source() });
    expect(progress).toEqual([1, 3, 1, 2, 3, 1, 3, 3, 1]);
    expect(readdirSync(folder.path()).sort()).toEqual(['dataset', 'images', 'list.txt']);
  });

  test('paths of another form are cells each of a protein of its own, which is said', async () => {
    await writePng('images/er-1.png', 9);
    writeFileSync(folder.path('list.txt'), 'images/er-1.png 3\nplate01/00101-1-77-1.png 4\n');
    const warnings: string[] = [];
    const { dataset } = await importing({
      labels: folder.path('list.txt'),
      log: (level, text) => level === 'warn' && warnings.push(text),
    });
    expect((await dataset.table()).map(({ cell, protein }) => [cell, protein])).toEqual([
      ['images/er-1', 'images/er-1'],
      ['plate01/00101-1-77-1', 'plate01/00101'],
    ]);
    expect(warnings[0]).toMatch(/1 of 2 paths of .* do not match .* a protein of its own/);
    expect(warnings[1]).toMatch(/classes without images: cell periphery/);
  });

  test('a list may name images by absolute paths', async () => {
    writeFileSync(folder.path('list.txt'), `${join(source(), names[2]!)} 1\n`);
    const { dataset } = await importing({ labels: folder.path('list.txt') });
    expect([...(await dataset.readImages(Uint32Array.of(0)))]).toEqual(redGreen(rgb(2)));
  });

  test('a listed image that is missing stops the import, and nothing is left', async () => {
    rmSync(join(source(), names[1]!));
    const before = folderSnapshot(folder.path());
    const run = importing({ labels: folder.path('list.txt') });
    await expect(run).rejects.toMatchObject({ code: 'image-invalid' });
    await expect(run).rejects.toThrow(/plate01\/00101-1-77-2\.png: the file is missing/);
    expect(folderSnapshot(folder.path())).toEqual(before);
  });

  test('or is skipped and listed, with every other bad image', async () => {
    rmSync(join(source(), names[1]!));
    writeFileSync(join(source(), names[2]!), 'no image');
    const { dataset, skipped } = await importing({ labels: folder.path('list.txt'), onError: 'skip' });
    expect(dataset.count).toBe(1);
    expect(skipped.map(({ path }) => path)).toEqual(names.slice(1));
    const listed: Record<string, string>[] = [];
    for await (const row of readCsv(join(out(), skippedFile))) listed.push(row);
    expect(listed).toEqual(skipped);
    expect(listed[0]!.reason).toMatch(/missing/);
    expect(listed[1]!.reason).toMatch(/expected PNG, JPEG or TIFF/);
  });

  test('when nothing is left there is no dataset', async () => {
    rmSync(source(), { recursive: true });
    mkdirSync(source());
    await expect(importing({ labels: folder.path('list.txt'), onError: 'skip' })).rejects.toThrow(
      /none of the 3 images/,
    );
    expect(readdirSync(folder.path()).sort()).toEqual(['images', 'list.txt']);
  });

  test('an aborted import leaves nothing', async () => {
    const controller = new AbortController();
    const run = importing({
      labels: folder.path('list.txt'),
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    await expect(run).rejects.toMatchObject({ code: 'aborted' });
    expect(readdirSync(folder.path()).sort()).toEqual(['images', 'list.txt']);
  });

  test('an output that exists is refused before anything is read', async () => {
    mkdirSync(out());
    writeFileSync(join(out(), 'mine'), 'x');
    await expect(importing({ labels: folder.path('list.txt') })).rejects.toMatchObject({ code: 'output-exists' });
    expect(readdirSync(out())).toEqual(['mine']);
  });
});

describe('a folder per class', () => {
  test('classes are the folders, sorted; hidden files and others are left out and said', async () => {
    await writePng('vacuole/b.png', 1);
    await writePng('er/a.png', 2);
    await writePng('er/A.png', 3);
    writeFileSync(join(source(), 'README.txt'), 'hello');
    writeFileSync(join(source(), 'er', '.DS_Store'), 'hidden');
    const warnings: string[] = [];
    const { dataset } = await importing({ log: (level, text) => level === 'warn' && warnings.push(text) });
    expect(dataset.classes).toEqual(['er', 'vacuole']);
    expect((await dataset.table()).map(({ cell, label, protein }) => [cell, label, protein])).toEqual([
      ['er/A', 0, 'er/A'],
      ['er/a', 0, 'er/a'],
      ['vacuole/b', 1, 'vacuole/b'],
    ]);
    expect(warnings).toEqual([expect.stringMatching(/1 files do not match \{class\}\/\*.*README\.txt/)]);
  });

  test('a class table gives the order, and must name every folder', async () => {
    await writePng('er/a.png', 1);
    await writePng('vacuole/b.png', 2);
    writeFileSync(folder.path('classes.txt'), 'label;label_idx\nvacuole;0\ner;1\ngolgi;2\n');
    const { dataset } = await importing({ classes: folder.path('classes.txt') });
    expect(dataset.classes).toEqual(['vacuole', 'er', 'golgi']);
    expect([...dataset.labels]).toEqual([1, 0]);
    writeFileSync(folder.path('classes.txt'), 'label;label_idx\nvacuole;0\n');
    await expect(importing({ classes: folder.path('classes.txt'), out: folder.path('other') })).rejects.toMatchObject({
      code: 'labels-invalid',
      message: expect.stringContaining('er'),
    });
  });

  test('files that differ in their ending only are two cells; links are followed', async () => {
    await writePng('er/a.png', 1);
    await sharp(rgb(2), { raw: { width: size, height: size, channels: 3 } })
      .jpeg()
      .toFile(join(source(), 'er/a.jpg'));
    symlinkSync(join(source(), 'er'), join(source(), 'golgi'));
    const { dataset } = await importing();
    expect((await dataset.table()).map(({ cell }) => cell)).toEqual(['er/a', 'er/a.png', 'golgi/a', 'golgi/a.png']);
  });

  test('no file that matches, no folder, a file for a folder', async () => {
    writeFileSync(join(source(), 'a.png'), '');
    await expect(importing()).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining('none of the 1 files'),
    });
    await expect(importing({ source: folder.path('none') })).rejects.toMatchObject({ code: 'io-error' });
    await expect(importing({ source: join(source(), 'a.png') })).rejects.toMatchObject({ code: 'invalid-argument' });
  });

  test('cells without a class are unlabelled', async () => {
    await writePng('p1/a_x7.png', 1);
    const { dataset } = await importing({ pattern: '{plate}/{well}_x{x}.png' });
    expect(dataset.classes).toEqual([]);
    expect([...dataset.labels]).toEqual([-1]);
    expect((await dataset.table())[0]).toMatchObject({ plate: 'p1', well: 'a', x: '7', protein: 'p1/a', label: -1 });
  });

  test.each(['1,5', 'NaN', '0x10', 'left'])('a place that is no number (%s) is refused', async (text) => {
    await writePng(`p1/A01_x${text}.png`, 1);
    await expect(importing({ pattern: '{plate}/{well}_x{x}.png' })).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining(`found '${text}' for {x} of the pattern, expected a number of pixels`),
    });
  });
});

describe('one file per channel', () => {
  const pattern = '{protein}/{protein}_{field}_rfp_{cell}_{channel}.tif';
  const channels = [{ name: 'rfp' }, { name: 'gfp' }];
  beforeEach(async () => {
    for (const protein of ['AAC1', 'AAH1']) {
      for (const cell of [1, 2]) {
        await writeTiff(`${protein}/${protein}_3_rfp_${cell}_rfp.tif`, cell, { signal: 0.5 });
        await writeTiff(`${protein}/${protein}_3_rfp_${cell}_gfp.tif`, cell + 10, { signal: 0.02 * cell });
      }
    }
    writeFileSync(folder.path('proteins.csv'), 'protein,class\nAAC1,mitochondrion\nAAH1,cytoplasm\nZZZ9,er\n');
  });
  const classes = () => folder.path('proteins.csv');

  test('pairs become cells with a class by protein; a protein without images is a warning', async () => {
    const warnings: string[] = [];
    const { dataset } = await importing({
      pattern,
      channels,
      classes: classes(),
      log: (level, text) => level === 'warn' && warnings.push(text),
    });
    expect(dataset).toMatchObject({
      count: 4,
      classes: ['cytoplasm', 'er', 'mitochondrion'],
      normalization: defaultNormalization,
    });
    const [first, , third] = await dataset.table();
    expect(first).toMatchObject({
      ...{ cell: 'AAC1/AAC1_3_rfp_1', label: 2, protein: 'AAC1', field: '3', well: '' },
      source: 'AAC1/AAC1_3_rfp_1_rfp.tif;AAC1/AAC1_3_rfp_1_gfp.tif',
    });
    expect(third).toMatchObject({ cell: 'AAH1/AAH1_3_rfp_1', label: 0 });
    expect(warnings).toEqual([
      expect.stringMatching(/proteins without images: ZZZ9/),
      expect.stringMatching(/classes without images: er/),
    ]);
  });

  test('the numbers used are in cells.csv, and stretching is by cell and channel', async () => {
    const { dataset } = await importing({ pattern, channels, classes: classes() });
    expect(dataset.description.provenance).toMatchObject({ ranges: 'cells.csv: low_rfp, high_rfp, low_gfp, high_gfp' });
    const [first, second] = await dataset.table();
    expect(Number(first!.low_gfp)).toBeCloseTo(0.1, 1);
    expect(Number(first!.high_gfp)).toBeGreaterThan(0.12);
    expect(Number(first!.high_gfp)).toBeLessThan(0.14);
    expect(Number(second!.high_gfp)).toBeGreaterThan(0.14);
    expect(Number(first!.high_rfp)).toBeGreaterThan(0.5);
    const pixels = await dataset.readImages(Uint32Array.of(0));
    for (const [channel, name] of ['rfp', 'gfp'].entries()) {
      const { values } = await readFloatTiff(join(source(), `AAC1/AAC1_3_rfp_1_${name}.tif`));
      const [low, high] = [Number(first![`low_${name}`]), Number(first![`high_${name}`])];
      const byte = (value: number) => Math.round(255 * Math.min(1, Math.max(0, (value - low) / (high - low))));
      expect([...pixels.filter((_, index) => index % 2 === channel)]).toEqual([...values].map(byte));
    }
  });

  test('a channel multiplied by 0.3 or 3 before import changes hardly a byte', async () => {
    const plain = await (await importing({ pattern, channels, classes: classes() })).dataset.readImages(
      Uint32Array.of(0, 1, 2, 3),
    );
    for (const factor of [0.3, 3]) {
      for (const cell of [1, 2])
        await writeTiff(`AAC1/AAC1_3_rfp_${cell}_gfp.tif`, cell + 10, { signal: 0.02 * cell, factor });
      const { dataset } = await importing({ pattern, channels, classes: classes(), out: folder.path(`x${factor}`) });
      const scaled = await dataset.readImages(Uint32Array.of(0, 1, 2, 3));
      for (const [index, byte] of plain.entries()) expect(Math.abs(byte - scaled[index]!)).toBeLessThanOrEqual(1);
    }
  });

  test('the text of a channel may be another than its name', async () => {
    const { dataset } = await importing({
      pattern,
      channels: [
        { name: 'marker', plane: 'rfp' },
        { name: 'protein', plane: 'gfp' },
      ],
    });
    expect(dataset.channels).toEqual(['marker', 'protein']);
    expect((await dataset.table())[0]!.source).toBe('AAC1/AAC1_3_rfp_1_rfp.tif;AAC1/AAC1_3_rfp_1_gfp.tif');
  });

  test('a channel without its file is a bad image; a channel nobody asked for is left out', async () => {
    rmSync(join(source(), 'AAC1/AAC1_3_rfp_2_gfp.tif'));
    await writeTiff('AAC1/AAC1_3_rfp_2_dapi.tif', 5);
    await expect(importing({ pattern, channels, classes: classes() })).rejects.toThrow(
      /no file for the channel gfp \(found AAC1/,
    );
    const warnings: string[] = [];
    const options = { pattern, channels, classes: classes(), onError: 'skip' as const };
    const { dataset, skipped } = await importing({
      ...options,
      log: (level, text) => level === 'warn' && warnings.push(text),
    });
    expect(dataset.count).toBe(3);
    expect(skipped.map(({ cell }) => cell)).toEqual(['AAC1/AAC1_3_rfp_2']);
    expect(warnings).toContainEqual(expect.stringMatching(/channels left out: dapi/));
  });

  test('channels of different sizes or samples are a bad image', async () => {
    await writeTiff('AAC1/AAC1_3_rfp_2_gfp.tif', 5, { width: 9 });
    await expect(importing({ pattern, channels, fit: 'crop' })).rejects.toThrow(/channels have different sizes/);
    await sharp(new Uint8Array(64), { raw: { width: 8, height: 8, channels: 1 } })
      .toColourspace('b-w')
      .png()
      .toFile(join(source(), 'AAC1/AAC1_3_rfp_2_gfp.tif'));
    await expect(importing({ pattern, channels })).rejects.toThrow(
      /one channel has 32-bit float samples, another 8-bit/,
    );
  });

  test('proteins that the table lacks are unlabelled, and said', async () => {
    writeFileSync(classes(), 'protein,class\nAAC1,mitochondrion\n');
    const warnings: string[] = [];
    const { dataset } = await importing({
      pattern,
      channels,
      classes: classes(),
      log: (level, text) => level === 'warn' && warnings.push(text),
    });
    expect([...dataset.labels]).toEqual([0, 0, -1, -1]);
    expect(warnings).toEqual([expect.stringMatching(/so unlabelled: AAH1/)]);
  });

  test.each([
    [{ pattern }, /say which channels/],
    [{ pattern, channels, labels: 'list.txt' }, /must not have \{channel\}/],
    [{ pattern: '{cell}_{channel}.tif', channels, classes: 'proteins' }, /none of the 0 files/],
    [{ pattern: '{label}/{cell}.tif' }, /\{label\}/],
    [
      { pattern: '{protein}/*_{cell}_{channel}.tif', channels: [{ name: 'a' }, { name: 'a' }] },
      /1 to 8 different names/,
    ],
  ])('%j is invalid-argument', async (options, message) => {
    const run = importing(options);
    await expect(run).rejects.toThrow(message);
    await expect(run).rejects.toMatchObject({ code: 'invalid-argument' });
  });
});

describe('rules for intensities', () => {
  const percentile = { ...defaultNormalization, noiseFloor: 0 };
  beforeEach(async () => {
    for (const [index, field] of [1, 1, 2].entries()) {
      await writeTiff(`er/${field}-${index}_rfp.tif`, index, { signal: 1 + index });
      await writeTiff(`er/${field}-${index}_gfp.tif`, index + 10, { signal: 10 * (1 + index) });
    }
  });
  const options = { pattern: '{protein}/{field}-{cell}_{channel}.tif', channels: [{ name: 'rfp' }, { name: 'gfp' }] };

  test('per field: cells of a field share their numbers', async () => {
    const { dataset } = await importing({ ...options, normalization: { ...percentile, per: 'field' } });
    const numbers = (await dataset.table()).map((cell) => [cell.low_rfp, cell.high_rfp, cell.low_gfp, cell.high_gfp]);
    expect(numbers[0]).toEqual(numbers[1]);
    expect(numbers[0]).not.toEqual(numbers[2]);
    expect(Number(numbers[0]![1])).toBeGreaterThan(2);
    expect(Number(numbers[0]![3])).toBeGreaterThan(20);
    expect(dataset.normalization).toEqual({ ...percentile, per: 'field' });
  });

  test('per dataset: the numbers are in dataset.json and can be used again', async () => {
    const stages = new Set<string>();
    const normalization = { ...percentile, per: 'dataset' as const };
    const { dataset } = await importing({
      ...options,
      normalization,
      onProgress: (_done, _total, stage) => stages.add(stage),
    });
    expect([...stages]).toEqual(['measure', 'import']);
    const rule = dataset.normalization;
    if (rule.rule !== 'percentile') throw new Error('not the rule that was asked for');
    expect(rule.ranges!.map(([low]) => Math.round(low * 10))).toEqual([1, 1]);
    expect(rule.ranges![0]![1]).toBeGreaterThan(3);
    expect(rule.ranges![1]![1]).toBeGreaterThan(30);
    expect(dataset.extraColumns).toEqual([]);

    rmSync(join(source(), 'er/2-2_rfp.tif'));
    rmSync(join(source(), 'er/2-2_gfp.tif'));
    const again = await importing({ ...options, normalization: rule, out: folder.path('again') });
    expect(again.dataset.normalization).toEqual(rule);
    const [a, b] = await Promise.all([dataset, again.dataset].map((set) => set.readImages(Uint32Array.of(0, 1))));
    expect(a).toEqual(b);
  });

  test('an image that cannot be read is reported after the numbers are known, and takes no part in them', async () => {
    writeFileSync(join(source(), 'er/1-0_gfp.tif'), 'x');
    for (const per of ['field', 'dataset'] as const) {
      const { dataset, skipped } = await importing({
        ...options,
        normalization: { ...percentile, per },
        onError: 'skip',
        out: folder.path(per),
      });
      expect([dataset.count, skipped.length]).toEqual([2, 1]);
    }
  });

  test('8-bit and other images do not mix unless a rule is named', async () => {
    await writePng('x/1-9.png', 1);
    await writeTiff('y/1-9.tif', 1);
    const mixed = { pattern: '{protein}/{cell}-9.*', channels: [{ name: 'gfp', plane: '0' }] };
    await expect(importing(mixed)).rejects.toThrow(
      /y\/1-9\.tif: has 32-bit float samples, expected 8 bits as in the first image/,
    );
    const { dataset } = await importing({ ...mixed, normalization: percentile });
    expect(dataset.count).toBe(2);
  });

  test('a channel of one value becomes zeros, which is said', async () => {
    await writeFloatTiff(join(source(), 'er/1-0_gfp.tif'), {
      width: size,
      height: size,
      values: new Float32Array(64).fill(3),
    });
    const warnings: string[] = [];
    const { dataset } = await importing({ ...options, log: (level, text) => level === 'warn' && warnings.push(text) });
    const pixels = await dataset.readImages(Uint32Array.of(0));
    expect(new Set(pixels.filter((_, index) => index % 2 === 1))).toEqual(new Set([0]));
    expect(warnings).toContainEqual(expect.stringMatching(/1 cells have a channel of one single value/));
  });
});

describe('images of another size', () => {
  beforeEach(async () => {
    await writePng('er/large.png', 1, size + 3, size + 2);
    await writePng('er/small.png', 2, size - 2, size - 3);
  });

  test('are an error that names path and sizes', async () => {
    await expect(importing()).rejects.toThrow(/er\/large\.png: has 11 x 10 pixels, expected 8 x 8/);
  });

  test('are cropped or padded around the centre', async () => {
    const { dataset } = await importing({ fit: 'crop-or-pad' });
    const [large, small] = [0, 1].map(async (index) => dataset.readImages(Uint32Array.of(index)));
    const at = (pixels: Uint8Array, width: number, channels: number, x: number, y: number) => [
      ...pixels.subarray((y * width + x) * channels, (y * width + x) * channels + 2),
    ];
    expect(at(await large!, size, 2, 0, 0)).toEqual(at(rgb(1, 11, 10), 11, 3, 1, 1));
    expect(at(await large!, size, 2, 7, 7)).toEqual(at(rgb(1, 11, 10), 11, 3, 8, 8));
    expect(at(await small!, size, 2, 0, 0)).toEqual([0, 0]);
    expect(at(await small!, size, 2, 1, 1)).toEqual(at(rgb(2, 6, 5), 6, 3, 0, 0));
  });

  test('padding takes no part in percentiles', async () => {
    await writeTiff('golgi/a.tif', 1, { width: 6, height: 6 });
    const one = { pattern: 'golgi/{cell}.tif', channels: [{ name: 'gfp' }] };
    const padded = await importing({ ...one, fit: 'pad' });
    const exact = await importing({ ...one, size: 6, out: folder.path('exact') });
    const columns = ({ low_gfp, high_gfp }: Record<string, string | number>) => ({ low_gfp, high_gfp });
    expect((await padded.dataset.table()).map(columns)).toEqual((await exact.dataset.table()).map(columns));
  });
});

test('the twelve real cells import by their label list', async (context) => {
  const cells = sharedDataOrSkip(context, 'real-cells');
  const { dataset } = await importImages({ source: cells, labels: join(cells, 'labels.txt'), out: out() });
  expect(dataset).toMatchObject({ count: 12, size: 64, normalization: { rule: 'none' } });
  expect([...dataset.labels]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  for (const [index, cell] of (await dataset.table()).entries()) {
    expect(cell.cell).toBe(`images/${dataset.classes[index]!.replace(' ', '_')}-1`);
    const picture = await sharp(join(cells, cell.source)).raw().toBuffer();
    expect([...(await dataset.readImages(Uint32Array.of(index)))]).toEqual(redGreen(picture));
  }
});

test('the 877 crops of the WT2 screen import, 12 fields of three strains', async (context) => {
  const crops = sharedDataOrSkip(context, 'wt2-cells');
  writeFileSync(folder.path('proteins.csv'), 'protein,class\nAAC1,mitochondrion\nAAH1,cytoplasm\nAAP1,cytoplasm\n');
  const { dataset, skipped } = await importImages({
    ...{ source: crops, out: out(), classes: folder.path('proteins.csv') },
    pattern: '{protein}/{protein}_{field}_rfp_{cell}_{channel}.tif',
    channels: [{ name: 'rfp' }, { name: 'gfp' }],
  });
  expect([dataset.count, skipped.length]).toEqual([877, 0]);
  const strains: Record<string, number> = {};
  for (const { protein } of await dataset.table()) strains[protein] = (strains[protein] ?? 0) + 1;
  expect(strains).toEqual({ AAC1: 366, AAH1: 203, AAP1: 308 });
  // Dim cells are not left dark: each channel of each cell reaches the upper end.
  const images = await dataset.readImages(Uint32Array.from({ length: 877 }, (_, index) => index));
  const bytes = 64 * 64 * 2;
  for (let cell = 0; cell < 877; cell++) {
    const pixels = images.subarray(cell * bytes, (cell + 1) * bytes);
    for (const channel of [0, 1]) {
      let most = 0;
      for (let index = channel; index < bytes; index += 2) most = Math.max(most, pixels[index]!);
      expect(most).toBeGreaterThan(150);
    }
  }
});

test('a plan holds no images: 20,000 listed cells are planned without looking at one', async () => {
  const rows = Array.from({ length: 20_000 }, (_, index) => `plate01/w${index % 50}-1-1-${index}.png ${index % 12}\n`);
  writeFileSync(folder.path('list.txt'), rows.join(''));
  const plan = await planImport({ source: source(), labels: folder.path('list.txt') });
  expect(plan.cells.length).toBe(20_000);
  expect(new Set(plan.cells.map(({ cell }) => cell.protein)).size).toBe(50);
});

test('the dataset that was written is the one that opens', async () => {
  await writePng('er/a.png', 1);
  const { dataset } = await importing();
  const opened = await Dataset.open(out());
  expect(opened.description).toEqual(dataset.description);
  expect(JSON.parse(readFileSync(join(out(), 'dataset.json'), 'utf8'))).toEqual(dataset.description);
});
