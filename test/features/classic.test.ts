// Classic features against scikit-image, SciPy and the formulas in plain loops (test/fixtures/classic-features), and
// against planted cells.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Dataset } from '../../src/data/dataset';
import { classicFeatureMatrix, classicFeatureNames, familyCounts } from '../../src/features/classic';
import { loadAddon } from '../../src/native';
import { RandomStream } from '../../src/random';
import { writeSmallDataset } from '../bad-input/small-dataset';
import { projectRoot } from '../shared-data';
import { temporaryFolder } from '../temporary-folder';

const fixture = JSON.parse(
  readFileSync(join(projectRoot, 'test/fixtures/classic-features/classic-features.json'), 'utf8'),
) as { size: number; cells: { pixels: string; features: Record<string, number> }[] };
const addon = loadAddon();
const features = classicFeatureNames();
const names = features.map(({ name }) => name);

async function measure(pixels: Uint8Array, size = 64): Promise<Record<string, number>> {
  const values = await addon.classicFeatures(pixels, size, 1);
  return Object.fromEntries(names.map((name, i) => [name, values[i]!]));
}

/** A crop of discs in the marker channel, [x, y, radius], on a dim ground; the protein is where `protein` says. */
function drawn(discs: [number, number, number][], protein: (x: number, y: number) => number = () => 20): Uint8Array {
  const pixels = new Uint8Array(64 * 64 * 2);
  for (let y = 0; y < 64; y++) {
    for (let x = 0; x < 64; x++) {
      const inside = discs.some(([cx, cy, radius]) => Math.hypot(x - cx, y - cy) <= radius);
      pixels[2 * (64 * y + x)] = inside ? 140 : 15;
      pixels[2 * (64 * y + x) + 1] = protein(x, y);
    }
  }
  return pixels;
}

test('names: at least 400, each once, in ten families', () => {
  expect(new Set(names).size).toBe(names.length);
  expect(familyCounts(features)).toEqual({
    Mask: 1,
    Intensity: 56,
    AreaShape: 27,
    Objects: 52,
    Texture: 312,
    Gabor: 48,
    Zernike: 90,
    Granularity: 24,
    Radial: 24,
    Correlation: 9,
  });
  expect(names.length).toBeGreaterThanOrEqual(400);
});

test.each(fixture.cells.map((cell, index) => ({ index, ...cell })))(
  'crop $index: every feature as computed independently',
  async ({ index, pixels, features: expected }) => {
    const found = await measure(new Uint8Array(Buffer.from(pixels, 'base64')));
    // A circle has no orientation.
    const untested = names.filter((name) => !(name in expected));
    expect(untested).toEqual(index < 3 && expected.AreaShape_Eccentricity! > 0.01 ? [] : ['AreaShape_Orientation']);
    const wrong = Object.entries(expected).filter(
      ([name, value]) => !(Math.abs(found[name]! - value) <= 1e-4 * Math.max(1e-3, Math.abs(value))),
    );
    expect(wrong.map(([name, value]) => `${name}: ${found[name]}, expected ${value}`)).toEqual([]);
  },
);

test('a cell that touches its neighbours is told from them', async () => {
  const alone = await measure(drawn([[32, 32, 11]]));
  const crowded = await measure(
    drawn([
      [32, 32, 11],
      [32, 11, 11],
      [53, 36, 12],
      [14, 46, 11],
    ]),
  );
  expect(crowded.Mask_IsWholeCrop).toBe(0);
  expect(Math.abs(crowded.AreaShape_Area! / alone.AreaShape_Area! - 1)).toBeLessThan(0.1);
  expect(Math.hypot(crowded.AreaShape_Center_X! - 32, crowded.AreaShape_Center_Y! - 32)).toBeLessThan(1);
});

test('a small bud stays with its mother; a crop with cells at its border alone has no cell', async () => {
  const budding = await measure(
    drawn([
      [30, 32, 12],
      [42, 38, 4],
    ]),
  );
  const mother = await measure(drawn([[30, 32, 12]]));
  expect(budding.AreaShape_Area!).toBeGreaterThan(mother.AreaShape_Area! + 15);
  const border = await measure(
    drawn([
      [2, 2, 14],
      [60, 60, 12],
    ]),
  );
  expect(border.Mask_IsWholeCrop).toBe(1);
  expect(border.AreaShape_Area).toBe(64 * 64);
});

test('bright objects are counted and placed', async () => {
  const spots = [
    [26, 30],
    [38, 30],
    [32, 40],
  ] as const;
  const found = await measure(
    drawn([[32, 32, 16]], (x, y) => (spots.some(([cx, cy]) => Math.hypot(x - cx, y - cy) <= 2) ? 230 : 25)),
  );
  expect(found.Objects_Count_Protein).toBe(3);
  expect(found.Objects_AreaMax_Protein! * found.AreaShape_Area!).toBeCloseTo(13, 3);
  const nucleus = await measure(drawn([[32, 32, 16]], (x, y) => (Math.hypot(x - 32, y - 32) <= 5 ? 200 : 30)));
  expect(nucleus.Objects_Count_Protein).toBe(1);
  expect(nucleus.Objects_CentreDistanceMean_Protein).toBeLessThan(0.05);
  const rim = await measure(
    drawn([[32, 32, 16]], (x, y) => (Math.abs(Math.hypot(x - 32, y - 32) - 14) <= 1.5 ? 200 : 30)),
  );
  expect(rim.Objects_EulerNumber_Protein).toBe(0);
  expect(rim.Radial_MeanFrac_Protein_4of4!).toBeGreaterThan(2 * rim.Radial_MeanFrac_Protein_1of4!);
});

test('always finite, whatever the crop, and the same for any number of threads', async () => {
  const count = 60;
  for (const size of [16, 33, 64]) {
    const bytes = size * size * 2;
    const word = new RandomStream(size, 'simulation', 0, 0);
    const pixels = Uint8Array.from({ length: count * bytes }, (_, i) => {
      const kind = Math.floor(i / bytes) % 6;
      const noise = word.word(i) & 255;
      if (kind === 0) return noise;
      if (kind === 1) return noise < 3 ? 255 : 0; // single pixels
      if (kind === 2) return i % 2 === 0 ? 255 : 0; // one channel flat and full, the other empty
      if (kind === 3) return Math.floor((i % bytes) / (2 * size)) * 255 ** (i % 2 ? 0 : 0.5); // a ramp
      if (kind === 4) return 7; // flat
      return i % bytes === bytes / 2 ? 200 : 0; // one pixel
    });
    const once = await addon.classicFeatures(pixels, size, 1);
    expect(once.length).toBe(count * names.length);
    expect(once.every(Number.isFinite)).toBe(true);
    expect(await addon.classicFeatures(pixels, size, 3)).toEqual(once);
  }
});

test('a turned cell has the same shape, texture strengths and Zernike moments', async () => {
  const [cell] = fixture.cells;
  const pixels = new Uint8Array(Buffer.from(cell!.pixels, 'base64'));
  const turned = new Uint8Array(pixels.length);
  for (let y = 0; y < 64; y++) {
    for (let x = 0; x < 64; x++) {
      for (let c = 0; c < 2; c++) turned[2 * (64 * x + 63 - y) + c] = pixels[2 * (64 * y + x) + c]!;
    }
  }
  const before = await measure(pixels);
  const after = await measure(turned);
  const unchanged = names.filter(
    (name) =>
      /Zernike|Granularity|Correlation_[A-Z]|AreaShape_(Area|Solidity|Eccentricity|HuMoment_[0-5]|Perimeter|M\w+Diameter)|Objects_(Count|Area|Centre)/.test(
        name,
      ) && !name.startsWith('Texture_'),
  );
  expect(unchanged.length).toBeGreaterThan(140);
  for (const name of unchanged) expect(after[name], name).toBeCloseTo(before[name]!, 4);
  // A quarter turn exchanges the directions of the pairs.
  expect(after.Texture_Contrast_Protein_1_00_32).toBeCloseTo(before.Texture_Contrast_Protein_1_02_32!, 4);
  expect(after.Gabor_Magnitude_Protein_5_0).toBeCloseTo(before.Gabor_Magnitude_Protein_5_90!, 4);
});

const folder = temporaryFolder();

test('of a dataset: chosen cells, another marker channel, three channels refused', async () => {
  writeSmallDataset(folder.path('data'), { size: 20, cells: 9 });
  const dataset = await Dataset.open(folder.path('data'));
  const all = await classicFeatureMatrix(dataset, { batchSize: 4 });
  expect([all.rows, all.columns]).toEqual([9, names.length]);
  const some = await classicFeatureMatrix(dataset, { cells: Uint32Array.of(7, 2) });
  expect(some.values.subarray(0, names.length)).toEqual(all.values.subarray(7 * names.length, 8 * names.length));
  expect(some.values.subarray(names.length)).toEqual(all.values.subarray(2 * names.length, 3 * names.length));
  const other = await classicFeatureMatrix(dataset, { marker: 'gfp' });
  const mean = (matrix: typeof all, channel: string) =>
    matrix.values[names.indexOf(`Intensity_MaxIntensity_${channel}`)];
  expect(mean(other, 'Marker')).toBeGreaterThan(0);
  expect(other.values).not.toEqual(all.values);
  await expect(classicFeatureMatrix(dataset, { marker: 'blue' })).rejects.toMatchObject({ code: 'invalid-argument' });
  await expect(classicFeatureMatrix(dataset, { signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: 'aborted',
  });
  writeSmallDataset(folder.path('three'), { channels: ['a', 'b', 'c'] });
  await expect(classicFeatureMatrix(await Dataset.open(folder.path('three')))).rejects.toMatchObject({
    code: 'invalid-argument',
    message: expect.stringContaining('need two'),
  });
  writeSmallDataset(folder.path('tiny'), { size: 8 });
  await expect(classicFeatureMatrix(await Dataset.open(folder.path('tiny')))).rejects.toMatchObject({
    code: 'invalid-argument',
    message: expect.stringContaining('8 pixels'),
  });
});

test('wrong calls of the addon are refused', async () => {
  await expect(addon.classicFeatures(new Uint8Array(5), 64, 1)).rejects.toMatchObject({ code: 'invalid-argument' });
  await expect(addon.classicFeatures(new Uint8Array(0), 4, 1)).rejects.toMatchObject({ code: 'invalid-argument' });
  expect((await addon.classicFeatures(new Uint8Array(0), 64, 1)).length).toBe(0);
});
