import { writeFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { readImage } from '../../src/data/image-file';
import { withinBudget } from '../../src/data/image-limits';
import { writeTiff } from '../../src/files/tiff';
import { temporaryFolder } from '../temporary-folder';

const folder = temporaryFolder();
const one = [{ name: 'gfp' }];

/** A PNG that ends after its header, which is all that may be read of it. */
function pngHeader(width: number, height: number, bits: number, colourType: number, interlaced: number): string {
  const bytes = Buffer.alloc(33);
  bytes.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13]);
  bytes.write('IHDR', 12, 'latin1');
  bytes.writeUInt32BE(width, 16);
  bytes.writeUInt32BE(height, 20);
  bytes.set([bits, colourType, 0, 0, interlaced], 24);
  bytes.writeUInt32BE(crc32(bytes.subarray(12, 29)), 29);
  writeFileSync(folder.path('a.png'), bytes);
  return folder.path('a.png');
}

describe('larger than 4,096 x 4,096: refused by the header alone', () => {
  test.each([
    [8, 2, 0],
    [16, 6, 0],
    [8, 0, 0],
  ])('PNG of %i bits, colour type %i', async (bits, colourType, interlaced) => {
    const reading = readImage(pngHeader(16_000, 16_000, bits, colourType, interlaced), one);
    await expect(reading).rejects.toMatchObject({ code: 'image-invalid' });
    await expect(reading).rejects.toThrow(/has 16000 x 16000 pixels, expected at most 16777216/);
  });

  test('JPEG', async () => {
    const path = folder.path('a.jpg');
    await sharp({ create: { width: 5000, height: 4000, channels: 3, background: 'black' } })
      .jpeg({ quality: 10 })
      .toFile(path);
    await expect(readImage(path, one)).rejects.toThrow(/has 5000 x 4000 pixels, expected at most/);
  });

  test('TIFF', async () => {
    const path = folder.path('a.tif');
    await writeTiff(path, [{ width: 5000, height: 4000, data: new Uint8Array(20_000_000) }], { deflate: true });
    await expect(readImage(path, one)).rejects.toThrow(/has 5000 x 4000 pixels, expected at most/);
  });
});

test('a size that is not wanted is refused before anything is unpacked', async () => {
  const refuse = (width: number, height: number) => {
    throw new Error(`has ${width} x ${height} pixels, not wanted`);
  };
  // Its pixels are missing, which is not noticed.
  await expect(readImage(pngHeader(70, 60, 8, 0, 0), one, refuse)).rejects.toThrow(/70 x 60 pixels, not wanted/);
});

describe('the budget', () => {
  const large = 2 ** 28;

  test('large images are unpacked one after the other, small ones beside each other', async () => {
    let running = 0;
    let most = 0;
    const work = async () => {
      most = Math.max(most, ++running);
      await new Promise((later) => setImmediate(later));
      running--;
    };
    await Promise.all(Array.from({ length: 5 }, () => withinBudget(2 * large, work)));
    expect(most).toBe(1);
    await Promise.all(Array.from({ length: 5 }, () => withinBudget(1000, work)));
    expect(most).toBe(5);
  });

  test('a failure makes room for the next, and results come in order', async () => {
    const failing = withinBudget(large, async () => {
      throw new Error('damaged');
    });
    const next = [1, 2, 3].map((value) => withinBudget(large, async () => value));
    await expect(failing).rejects.toThrow('damaged');
    expect(await Promise.all(next)).toEqual([1, 2, 3]);
  });
});
