import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { type NewTiffPage, openTiff, writeTiff } from '../../../src/files/tiff';
import { temporaryFolder } from '../../temporary-folder';

const folder = temporaryFolder();
const types = [Uint8Array, Uint16Array, Uint32Array, Int16Array, Float32Array];

const pages = fc
  .record({
    width: fc.integer({ min: 1, max: 40 }),
    height: fc.integer({ min: 1, max: 30 }),
    type: fc.constantFrom(...types),
  })
  .chain(({ width, height, type }) => {
    const length = width * height * type.BYTES_PER_ELEMENT;
    return fc.uint8Array({ minLength: length, maxLength: length }).map((bytes): NewTiffPage => {
      const data = new type(Uint8Array.from(bytes).buffer);
      return { width, height, data };
    });
  });

test('what is written is read, page by page', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(pages, { minLength: 1, maxLength: 4 }), fc.boolean(), async (written, deflate) => {
      await writeTiff(folder.path('a.tif'), written, { deflate, description: 'µ and more' });
      const tiff = await openTiff(folder.path('a.tif'));
      expect(tiff.pages.map(({ width, height }) => ({ width, height }))).toEqual(
        written.map(({ width, height }) => ({ width, height })),
      );
      for (const [index, { data }] of written.entries()) {
        const read = await tiff.readPlane(index);
        expect(read.constructor).toBe(data.constructor);
        expect(Buffer.compare(Buffer.from(read.buffer), Buffer.from(data.buffer))).toBe(0);
      }
      expect(tiff.dimensions.description).toBe('µ and more');
      await tiff.close();
    }),
    { numRuns: 100 },
  );
});

test.each([true, false])('libtiff reads the same (deflate: %s), of several strips', async (deflate) => {
  const [width, height] = [700, 500];
  const data = Uint16Array.from({ length: width * height }, (_, at) => (at * 31) % 65521);
  await writeTiff(folder.path('b.tif'), [{ width, height, data }], { deflate, pixelSize: { x: 0.25, y: 0.25 } });
  const { data: found, info } = await sharp(folder.path('b.tif'))
    .toColourspace('grey16')
    .raw({ depth: 'ushort' })
    .toBuffer({ resolveWithObject: true });
  expect(info).toMatchObject({ width, height, channels: 1 });
  expect(new Uint16Array(found.buffer, found.byteOffset, found.length / 2)).toEqual(data);
  // 40,000 pixels a centimetre.
  expect((await sharp(folder.path('b.tif')).metadata()).density).toBe(101_600);
});

test('the same pages give the same bytes', async () => {
  const page = { width: 3, height: 2, data: Float32Array.of(1, 2, 3, 4, 5, Number.NaN) };
  await writeTiff(folder.path('c.tif'), [page], { deflate: true });
  await writeTiff(folder.path('d.tif'), [page], { deflate: true });
  expect(readFileSync(folder.path('c.tif')).equals(readFileSync(folder.path('d.tif')))).toBe(true);
});

describe('misuse', () => {
  test.each([
    ['no pages', []],
    ['no pixels', [{ width: 0, height: 2, data: new Uint8Array(0) }]],
    ['another number of samples', [{ width: 2, height: 2, data: new Uint8Array(3) }]],
  ])('%s', async (_, written) => {
    await expect(writeTiff(folder.path('e.tif'), written)).rejects.toMatchObject({ code: 'invalid-argument' });
  });
});
