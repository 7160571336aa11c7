import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DeepYeastError } from '../../src/errors';
import { readMask, writeMask } from '../../src/fields/masks';
import { npyHeader } from '../../src/files/npy';
import { temporaryFolder } from '../temporary-folder';

const folder = temporaryFolder();
const fixtures = join(__dirname, '../fixtures/fields/masks');
const { labels: rows } = JSON.parse(readFileSync(join(fixtures, 'expected.json'), 'utf8')) as { labels: number[][] };
const size = { width: 12, height: 9 };

describe('one label image, as tifffile, pillow and NumPy wrote it', () => {
  const good = [
    ...['uint8', 'uint16', 'uint32', 'int16', 'int32', 'float32', 'deflate', 'big-endian'].map((name) => `${name}.tif`),
    ...['uint8.png', 'uint16.png'],
    ...['u1', 'little-u2', 'big-u2', 'little-i4', 'big-i8', 'little-u8', 'little-f8', 'fortran', 'one-of-one'].map(
      (name) => `${name}.npy`,
    ),
  ];
  test.each(good)('%s', async (name) => {
    const { labels, values, warnings } = await readMask(join(fixtures, name), size);
    expect(values).toEqual([1, 3, 7, 200]);
    expect([...labels]).toEqual(rows.flat().map((value) => [0, 1, 3, 7, 200].indexOf(value)));
    expect(warnings).toEqual([]);
  });

  test('one body may be a mask of true and false', async () => {
    const { labels, values } = await readMask(join(fixtures, 'bool.npy'), size);
    expect(values).toEqual([1]);
    expect([...labels]).toEqual(rows.flat().map((value) => Number(value === 3)));
  });
});

describe('what is no mask is told so', () => {
  test.each([
    ['two-pages.tif', /two-pages\.tif: has 2 pages, expected one mask a file/],
    ['rgb.tif', /has 3 channels, expected one with the number of each cell/],
    ['rgb.png', /has 3 channels, expected one with the number of each cell/],
    ['palette.png', /colours of a palette/],
    ['stack.npy', /has the shape \(2, 9, 12\), expected \(height, width\)/],
    ['complex.npy', /holds values of type <c8, expected whole numbers/],
    ['nowhere.tif', /the file is missing/],
    ['make.py', /is no TIFF, PNG or \.npy file/],
    [
      'cellpose_seg.npy',
      /never unpickled here.*python -c "import numpy as np; np\.save\('cellpose_masks\.npy', np\.load\('cellpose_seg\.npy', allow_pickle=True\)\.item\(\)\['masks'\]\)"/,
    ],
  ])('%s', async (name, says) => {
    await expect(readMask(join(fixtures, name), size)).rejects.toMatchObject({
      code: 'image-invalid',
      message: expect.stringMatching(says),
    });
  });

  test('another size than the field', async () => {
    await expect(readMask(join(fixtures, 'uint16.png'), { width: 12, height: 10 })).rejects.toThrow(
      /is 12 x 9 pixels, expected 12 x 10 as its field/,
    );
  });

  test('a header that lies about the size', async () => {
    const path = folder.path('a.npy');
    writeFileSync(path, Buffer.concat([npyHeader('<u2', [1e9, 1e9]), Buffer.alloc(10)]));
    await expect(readMask(path, size)).rejects.toThrow(/has 138 bytes, expected 2000000000000000128 by its header/);
  });
});

test('a mask that is written reads back, with 16 or 32 bits', async () => {
  const labels = Uint32Array.from(rows.flat());
  await writeMask(folder.path('a_mask.tiff'), { ...size, labels });
  expect(await readMask(folder.path('a_mask.tiff'), size)).toMatchObject({ values: [1, 3, 7, 200] });
  labels.set([70000], 107);
  await writeMask(folder.path('b_mask.tiff'), { ...size, labels });
  expect(await readMask(folder.path('b_mask.tiff'), size)).toMatchObject({ values: [1, 3, 7, 200, 70000] });
  expect(readdirSync(folder.path()).sort()).toEqual(['a_mask.tiff', 'b_mask.tiff']);
});

test('damaged files give labels or an answer, never anything else', async () => {
  const names = readdirSync(fixtures).filter((name) => /\.(tif|png|npy)$/.test(name));
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...names),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
      fc.option(fc.nat()),
      async (name, changes, end) => {
        const bytes = readFileSync(join(fixtures, name));
        for (const [position, value] of changes) bytes[position % Math.min(bytes.length, 300)] = value;
        const path = folder.path('damaged');
        writeFileSync(path, end === null ? bytes : bytes.subarray(0, end % (bytes.length + 1)));
        try {
          const { labels, values } = await readMask(path, size);
          expect(labels.every((label) => label <= values.length)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(DeepYeastError);
          expect((error as DeepYeastError).code).toBe('image-invalid');
          expect((error as DeepYeastError).message).toContain(path);
        }
      },
    ),
    { numRuns: 600, seed: 21 },
  );
});

test('a file without an ending is told by its beginning', async () => {
  copyFileSync(join(fixtures, 'fortran.npy'), folder.path('mask'));
  expect((await readMask(folder.path('mask'), size)).values).toEqual([1, 3, 7, 200]);
});
