import { describe, expect, test } from 'vitest';
import { normalizeImage } from '../../src/data/intensity';
import { defaultNormalization, type Normalization } from '../../src/data/normalization';
import { cutCrops } from '../../src/fields/crops';
import type { Plane } from '../../src/fields/plane';
import { uniforms } from './draws';

type Data = Plane['data'];

const kinds: [string, (values: Float64Array) => Data][] = [
  ['8-bit', (values) => Uint8Array.from(values, (value) => value / 16)],
  ['8-bit signed', (values) => Int8Array.from(values, (value) => value / 32 - 60)],
  ['16-bit', (values) => Uint16Array.from(values, (value) => value * 15.9)],
  ['16-bit, 12 bits used', (values) => Uint16Array.from(values)],
  ['16-bit signed', (values) => Int16Array.from(values, (value) => value * 15.9 - 32000)],
  ['32-bit', (values) => Uint32Array.from(values, (value) => value * 1e6)],
  ['32-bit signed', (values) => Int32Array.from(values, (value) => value * 1e5 - 2e8)],
  ['32-bit float', (values) => Float32Array.from(values, (value) => value / 7 - 100)],
];

/** Noise on a slope with bright discs, 0 to 4095. */
function scene(width: number, height: number, seed: number): Float64Array {
  const noise = uniforms(width * height, seed);
  return Float64Array.from({ length: width * height }, (_, index) => {
    const x = index % width;
    const y = Math.floor(index / width);
    const disc = (x % 20) ** 2 + (y % 20) ** 2 < 60 ? 1500 + 30 * (x % 17) : 0;
    return Math.min(4095, 300 + x + 400 * (noise[index] as number) ** 3 + disc);
  });
}

/** The definition, plainly: the crop's pixels that lie in the field, normalized as an image of their own; padding around. */
function reference(
  planes: Plane[],
  centre: { x: number; y: number },
  size: number,
  backgrounds: number[],
  rule: Normalization,
) {
  const [{ width, height }] = planes as [Plane];
  const left = Math.round(centre.x - (size - 1) / 2);
  const top = Math.round(centre.y - (size - 1) / 2);
  const columns = Array.from({ length: size }, (_, i) => left + i).filter((x) => x >= 0 && x < width);
  const rows = Array.from({ length: size }, (_, i) => top + i).filter((y) => y >= 0 && y < height);
  const raw = planes.map(({ data }) => {
    const values = rows.flatMap((y) => columns.map((x) => data[y * width + x] as number));
    return (data.constructor as Uint16ArrayConstructor).from(values) as Data;
  });
  const eightBit = raw.every((plane) => plane instanceof Uint8Array);
  const image = { width: columns.length, height: rows.length, eightBit, sampleType: '', planes: raw };
  const { pixels, ranges } = normalizeImage(image, rule, 'reference');
  const crop = new Uint8Array(size * size * planes.length);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      for (let c = 0; c < planes.length; c++) {
        const column = columns.indexOf(left + x);
        const row = rows.indexOf(top + y);
        const background = backgrounds[c] as number;
        const [low, high] = ranges?.[c] ?? [0, 255];
        const padding = high > low ? Math.round(Math.min(1, Math.max(0, (background - low) / (high - low))) * 255) : 0;
        crop[(y * size + x) * planes.length + c] =
          column >= 0 && row >= 0 ? (pixels[(row * columns.length + column) * planes.length + c] as number) : padding;
      }
    }
  }
  return { crop, ranges };
}

const centres = [
  { x: 40.2, y: 35.7 },
  { x: 40.5, y: 35.5 },
  { x: 41, y: 36 },
  { x: 0, y: 0 },
  { x: 89.4, y: 69.4 },
  { x: 3.5, y: 50.49 },
];

describe.each(kinds)('%s samples', (name, convert) => {
  const planes = [1, 2].map((seed): Plane => ({ width: 90, height: 70, data: convert(scene(90, 70, seed)) }));
  const backgrounds = planes.map(({ data }) => Number(data[0]) + 1);

  test.each([17, 24, 64])('crops of %i pixels are the field, by the default rule', async (size) => {
    const options = { size, backgrounds, normalization: defaultNormalization };
    const { pixels, ranges } = await cutCrops(planes, centres, options, 'f');
    for (const [cell, centre] of centres.entries()) {
      const expected = reference(planes, centre, size, backgrounds, defaultNormalization);
      expect(ranges?.[cell]).toEqual(expected.ranges);
      expect(pixels.subarray(cell * size * size * 2, (cell + 1) * size * size * 2)).toEqual(expected.crop);
    }
  });

  test('fixed ranges', async () => {
    const rule: Normalization = {
      rule: 'range',
      ranges: [
        [backgrounds[0] as number, (backgrounds[0] as number) + 40],
        [-5, 900],
      ],
    };
    const { pixels } = await cutCrops(planes, centres, { size: 24, backgrounds, normalization: rule }, 'f');
    for (const [cell, centre] of centres.entries()) {
      const expected = reference(planes, centre, 24, backgrounds, rule);
      expect(pixels.subarray(cell * 24 * 24 * 2, (cell + 1) * 24 * 24 * 2)).toEqual(expected.crop);
    }
  });

  if (name !== '8-bit') {
    test('are refused where 8 bits are taken as they are', async () => {
      const options = { size: 24, backgrounds, normalization: { rule: 'none' } as const };
      await expect(cutCrops(planes, centres, options, 'a.tif')).rejects.toMatchObject({
        code: 'image-invalid',
        message: expect.stringMatching(/^a\.tif: has .* samples, expected 8 bits/),
      });
    });
  }
});

test('8-bit samples are taken as they are', async () => {
  const planes: Plane[] = [{ width: 90, height: 70, data: Uint8Array.from(scene(90, 70, 3), (value) => value / 16) }];
  const { pixels, ranges } = await cutCrops(
    planes,
    centres,
    { size: 16, backgrounds: [9], normalization: { rule: 'none' } },
    'f',
  );
  expect(ranges).toBeUndefined();
  expect(pixels[5 * 16 * 16]).toBe(9);
  expect(pixels.subarray(0, 256)).toEqual(reference(planes, centres[0]!, 16, [9], { rule: 'none' }).crop);
});

test('percentiles of the field are those of all its crops together', async () => {
  const planes: Plane[] = [{ width: 90, height: 70, data: Uint16Array.from(scene(90, 70, 3)) }];
  const inner = [
    { x: 40, y: 35 },
    { x: 60, y: 30 },
  ];
  const normalization = { ...defaultNormalization, per: 'field' as const };
  const { ranges } = await cutCrops(planes, inner, { size: 32, backgrounds: [0], normalization }, 'f');
  expect(ranges?.[0]).toEqual(ranges?.[1]);
  const each = (await cutCrops(planes, inner, { size: 32, backgrounds: [0], normalization: defaultNormalization }, 'f'))
    .ranges;
  const lows = each!.map(([range]) => range![0]);
  expect(ranges![0]![0]![0]).toBeGreaterThanOrEqual(Math.min(...lows));
  expect(ranges![0]![0]![0]).toBeLessThanOrEqual(Math.max(...lows));
});

test('a slope keeps its place and its steepness under any scale', async () => {
  const width = 200;
  const height = 160;
  const data = Float32Array.from({ length: width * height }, (_, i) => 2 * (i % width) + 5 * Math.floor(i / width));
  const normalization: Normalization = { rule: 'range', ranges: [[0, 2000]] };
  for (const scale of [0.37, 0.5, 0.8, 1.5, 2.75]) {
    const size = 33;
    const centre = { x: 97.3, y: 80.9 };
    const { pixels } = await cutCrops(
      [{ width, height, data }],
      [centre],
      { size, scale, backgrounds: [0], normalization },
      'f',
    );
    for (const [x, y] of [
      [0, 0],
      [16, 16],
      [32, 5],
      [7, 32],
    ] as const) {
      const value = 2 * (centre.x + (x - 16) / scale) + 5 * (centre.y + (y - 16) / scale);
      expect(Math.abs((pixels[y * size + x] as number) - (value / 2000) * 255)).toBeLessThan(0.51);
    }
  }
});

test('reducing takes every pixel into account', async () => {
  // A chequerboard of single pixels is grey from afar, wherever the crop lies.
  const side = 128;
  const data = Uint16Array.from({ length: side * side }, (_, i) => 1000 * (((i % side) + Math.floor(i / side)) % 2));
  const normalization: Normalization = { rule: 'range', ranges: [[0, 1000]] };
  const at = [
    { x: 60, y: 60 },
    { x: 60.3, y: 61.8 },
  ];
  const { pixels } = await cutCrops(
    [{ width: side, height: side, data }],
    at,
    { size: 16, scale: 0.25, backgrounds: [0], normalization },
    'f',
  );
  for (const value of pixels) expect(Math.abs(value - 127.5)).toBeLessThan(2);
});

test('beyond the field a resampled crop is background', async () => {
  const plane: Plane = { width: 40, height: 40, data: new Uint16Array(1600).fill(500) };
  const normalization: Normalization = { rule: 'range', ranges: [[0, 1000]] };
  const { pixels } = await cutCrops(
    [plane],
    [{ x: 0, y: 20 }],
    { size: 21, scale: 0.5, backgrounds: [250], normalization },
    'f',
  );
  const middle = pixels.subarray(10 * 21, 11 * 21);
  expect(middle[0]).toBe(64);
  expect(middle[20]).toBe(128);
});

test.each([
  ['a centre outside of the field', { centres: [{ x: 90, y: 3 }] }, /centre 0 lies at 90/],
  ['planes of other lengths', { planes: [new Uint16Array(90 * 69)] }, /planes\[0\] has 6210 samples; expected 6300/],
  [
    'a sample that is no number',
    { planes: [new Float32Array(6300).fill(Number.NaN)] },
    /planes\[0\] holds a sample that is no number/,
  ],
  ['a scale beyond all reason', { scale: 100 }, /scale/],
  ['a size beyond all reason', { size: 100000 }, /size/],
])(
  '%s is an answer',
  async (_, change: { planes?: Data[]; centres?: { x: number; y: number }[]; scale?: number; size?: number }, says) => {
    const planes = (change.planes ?? [new Uint16Array(6300)]).map((data) => ({ width: 90, height: 70, data }));
    const options = { size: 16, backgrounds: [0], normalization: defaultNormalization, ...change };
    await expect(cutCrops(planes, change.centres ?? [{ x: 5, y: 5 }], options, 'f')).rejects.toThrow(says);
  },
);

test('a sample beyond the bit depth is refused', async () => {
  const planes = [{ width: 90, height: 70, data: new Uint16Array(6300).fill(5000) }];
  const options = { backgrounds: [0], normalization: { rule: 'bit-depth', bits: 12 } as const };
  await expect(cutCrops(planes, [{ x: 5, y: 5 }], options, 'b.tif')).rejects.toThrow(
    /b\.tif: holds 5000, expected 0 to 4095/,
  );
});

test('floats of any span', async () => {
  for (const values of [
    [-3e38, 3e38, 0, 1],
    [1e-44, 2e-44, 0, 3e-45],
    [1, 1 + 2 ** -23, 1 + 2 ** -22, 1],
  ]) {
    const data = Float32Array.from({ length: 256 }, (_, i) => values[i % 4] as number);
    const planes: Plane[] = [{ width: 16, height: 16, data }];
    const normalization: Normalization = { ...defaultNormalization, noiseFloor: 0 };
    const options = { size: 16, backgrounds: [0], normalization };
    const { pixels, ranges } = await cutCrops(planes, [{ x: 7.5, y: 7.5 }], options, 'f');
    const expected = reference(planes, { x: 7.5, y: 7.5 }, 16, [0], normalization);
    expect(ranges?.[0]).toEqual(expected.ranges);
    expect(pixels).toEqual(expected.crop);
  }
});
