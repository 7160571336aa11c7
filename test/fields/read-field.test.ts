import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { DeepYeastError } from '../../src/errors';
import { type FieldImages, listFields, type Plane, readField } from '../../src/fields';
import { maximumProjection, planeFault, sharpestPlane, sharpness } from '../../src/fields/plane';
import { writeTiff } from '../../src/files/tiff';
import { RandomStream } from '../../src/random';
import { temporaryFolder } from '../temporary-folder';
import { rfpGfp } from './fixture';

const folder = temporaryFolder();

async function writePlane(name: string, data: Uint16Array, width: number): Promise<void> {
  await writeTiff(folder.path(name), [{ width, height: data.length / width, data }]);
}

const uneven = (length: number, scale = 1) => Uint16Array.from({ length }, (_, at) => ((at * 7919) % 251) * scale + 1);

async function fieldOf(files: Record<string, [Uint16Array, number]>): Promise<FieldImages> {
  for (const [name, [data, width]] of Object.entries(files)) await writePlane(name, data, width);
  const { fields } = await listFields([folder.path()], {
    pattern: '{well}_z{z}_{channel}.tif',
    channels: rfpGfp('r', 'g'),
  });
  return fields[0]!;
}

async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DeepYeastError);
  const { code, message } = error as DeepYeastError;
  return `${code}: ${message.replaceAll(`${folder.path()}/`, '')}`;
}

describe('fields that cannot be used are told by path and reason', () => {
  const good = uneven(24);

  test('good ones can', async () => {
    const field = await fieldOf({ 'A1_z1_r.tif': [good, 6], 'A1_z1_g.tif': [uneven(24, 2), 6] });
    expect(await readField(field)).toEqual({
      rfp: { width: 6, height: 4, data: good },
      gfp: { width: 6, height: 4, data: uneven(24, 2) },
    });
  });

  test.each<[string, Record<string, [Uint16Array, number]>, string]>([
    [
      'a channel of another size',
      { 'A1_z1_r.tif': [good, 6], 'A1_z1_g.tif': [good, 4] },
      'image-invalid: A1_z1_g.tif is 4 x 6 pixels, expected 6 x 4 as the channel rfp',
    ],
    [
      'empty',
      { 'A1_z1_r.tif': [good, 6], 'A1_z1_g.tif': [new Uint16Array(24).fill(99), 6] },
      'image-invalid: A1_z1_g.tif is empty: every pixel is 99',
    ],
    [
      'saturated at 12 bits',
      { 'A1_z1_r.tif': [new Uint16Array(24).fill(4095).fill(9, 0, 8), 6], 'A1_z1_g.tif': [good, 6] },
      'image-invalid: A1_z1_r.tif is saturated: 66% of the pixels have the highest value, 4095',
    ],
    [
      'a plane of another size in a stack',
      { 'A1_z1_r.tif': [good, 6], 'A1_z2_r.tif': [good, 4], 'A1_z1_g.tif': [good, 6], 'A1_z2_g.tif': [good, 6] },
      'image-invalid: A1_z2_r.tif is 4 x 6 pixels, expected 6 x 4 as the first plane of its stack',
    ],
  ])('%s', async (_, files, message) => {
    expect(await refusal(readField(await fieldOf(files)))).toBe(message);
  });

  test('of another size than the other fields', async () => {
    const field = await fieldOf({ 'A1_z1_r.tif': [good, 6], 'A1_z1_g.tif': [good, 6] });
    expect(await refusal(readField(field, { size: { width: 12, height: 8 } }))).toBe(
      'image-invalid: A1_z1_r.tif is 6 x 4 pixels, expected 12 x 8 as the other fields',
    );
  });

  test('unreadable, cut short, missing, and no image at all', async () => {
    const field = await fieldOf({ 'A1_z1_r.tif': [good, 6], 'A1_z1_g.tif': [good, 6] });
    writeFileSync(folder.path('A1_z1_g.tif'), 'II*\0nothing');
    expect(await refusal(readField(field))).toMatch(/^image-invalid: A1_z1_g\.tif: /);
    writeFileSync(folder.path('A1_z1_g.tif'), '');
    expect(await refusal(readField(field))).toMatch(/^image-invalid: A1_z1_g\.tif: /);
    const missing = { ...field, channels: { rfp: [{ path: folder.path('gone.tif') }] } };
    expect(await refusal(readField(missing))).toBe('image-invalid: gone.tif: the file is missing');
  });

  test('a file of several channels where its name gives one', async () => {
    await writeTiff(folder.path('B1_z1_r.tif'), [
      { width: 6, height: 4, data: good },
      { width: 6, height: 4, data: good },
    ]);
    const field = { ...(await fieldOf({ 'B1_z1_g.tif': [good, 6] })) };
    expect(await refusal(readField(field))).toMatch(
      /^image-invalid: B1_z1_r\.tif has 2 planes and does not say what they are, expected one channel/,
    );
  });

  test('a file of several planes where its name gives one', async () => {
    const page = { width: 6, height: 4, data: good };
    const stack = { description: 'ImageJ=1.53\nimages=2\nslices=2\n' };
    for (const name of ['A1_z1_r.tif', 'A1_z2_r.tif']) await writeTiff(folder.path(name), [page, page], stack);
    const field = await fieldOf({ 'A1_z1_g.tif': [good, 6], 'A1_z2_g.tif': [good, 6] });
    expect(await refusal(readField(field))).toBe(
      'image-invalid: A1_z1_r.tif holds 2 planes, expected one, since its name gives the plane',
    );
  });

  test('listing takes the size of most fields', async () => {
    for (const [well, width] of [
      ['A1', 4],
      ['A2', 6],
      ['A3', 6],
    ] as const) {
      for (const channel of ['r', 'g']) await writePlane(`${well}_z1_${channel}.tif`, good, width);
    }
    const { size } = await listFields([folder.path()], {
      pattern: '{well}_z{z}_{channel}.tif',
      channels: rfpGfp('r', 'g'),
    });
    expect(size).toEqual({ width: 6, height: 4 });
  });
});

describe('z-stacks', () => {
  /** Spots blurred more and more with the distance from the plane in focus, with the noise of a camera. */
  function blurredSpots(distance: number, seed: number): Plane {
    const [width, height] = [48, 40];
    const random = new RandomStream(seed, 'simulation', 0, 0);
    const sigma = 1.2 + 0.8 * distance;
    const data = new Uint16Array(width * height);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        let value = 200;
        for (const [cx, cy] of [
          [10, 10],
          [30, 12],
          [20, 28],
          [40, 30],
        ] as const) {
          value += (20_000 / sigma ** 2) * Math.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * sigma ** 2));
        }
        data[y * width + x] = Math.round(value + 15 * random.normal(y * width + x));
      }
    }
    return { width, height, data };
  }

  test('best is the plane in focus, and the same in every channel', async () => {
    const files: Record<string, [Uint16Array, number]> = {};
    for (const z of [1, 2, 3, 4, 5]) {
      files[`A1_z${z}_r.tif`] = [blurredSpots(Math.abs(z - 4), z).data as Uint16Array, 48];
      files[`A1_z${z}_g.tif`] = [uneven(48 * 40, z), 48];
    }
    const field = await fieldOf(files);
    const { rfp, gfp } = await readField(field, { z: 'best' });
    expect(rfp!.data).toEqual(files['A1_z4_r.tif']![0]);
    expect(gfp!.data).toEqual(files['A1_z4_g.tif']![0]);
    expect(await readField(field)).toEqual({ rfp, gfp });
    expect((await readField(field, { z: 2 })).gfp!.data).toEqual(files['A1_z2_g.tif']![0]);
  });

  test('a stack whose other channel lacks the sharpest plane', async () => {
    const field = await fieldOf({
      'A1_z1_r.tif': [uneven(24), 6],
      'A1_z2_r.tif': [uneven(24, 50), 6],
      'A1_z1_g.tif': [uneven(24), 6],
      'A1_z3_g.tif': [uneven(24), 6],
    });
    expect(await refusal(readField(field))).toMatch(
      /the field .*A01\/1 has no plane 2 in A1_z1_g\.tif, found the planes 1, 3/,
    );
  });

  test('sharpness is the mean squared difference of pixels two apart', () => {
    const plane = { width: 3, height: 3, data: Uint8Array.of(1, 0, 4, 0, 0, 0, 3, 0, 9) };
    // Rows: 3, 0, 6; columns: 2, 0, 5.
    expect(sharpness(plane)).toBeCloseTo((9 + 0 + 36 + 4 + 0 + 25) / 6, 12);
    expect(sharpness({ width: 1, height: 2, data: Uint8Array.of(1, 9) })).toBe(0);
    expect(sharpestPlane([plane, plane])).toBe(0);
  });

  test('the maximum projection keeps the sample type', () => {
    const plane = (...values: number[]): Plane => ({ width: 2, height: 1, data: Int16Array.from(values) });
    expect(maximumProjection([plane(-5, 3), plane(-7, 9)])).toEqual(plane(-5, 9));
  });
});

test('a plane of floats or of half bright pixels is no fault', () => {
  expect(planeFault({ width: 2, height: 2, data: Uint16Array.of(65535, 65535, 1, 2) })).toBeUndefined();
  expect(planeFault({ width: 2, height: 2, data: Float32Array.of(255, 255, 255, 2) })).toBeUndefined();
  expect(planeFault({ width: 2, height: 2, data: Uint16Array.of(300, 300, 300, 2) })).toBeUndefined();
});
