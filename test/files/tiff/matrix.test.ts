import { describe, expect, test } from 'vitest';
import { DeepYeastError } from '../../../src/errors';
import { RandomAccessFile } from '../../../src/files/random-access-file';
import { TiffFile } from '../../../src/files/tiff';
import { bytesOf, type MatrixFile, planeOf, refusedFiles, soundFiles } from './matrix';

function open(bytes: Uint8Array, name = 'a.tif'): Promise<TiffFile> {
  return TiffFile.open(name, RandomAccessFile.of(bytes));
}

/** Every sample of every page, compared with what was written. */
async function requireRight(tiff: TiffFile, file: MatrixFile): Promise<void> {
  expect(tiff.pages.length).toBe(file.pages.length);
  for (const [index, page] of file.pages.entries()) {
    const { width, height, samples } = page;
    expect(tiff.pages[index]).toMatchObject({ width, height, samples });
    const all = Array.from({ length: samples }, (_, sample) => sample);
    const planes = await tiff.readPlanes(index, all);
    for (const sample of all) {
      expect(planes[sample], `page ${index} sample ${sample}`).toEqual(planeOf(page, sample));
    }
    // Alone and in any order it is the same.
    expect(await tiff.readPlane(index, samples - 1)).toEqual(planes[samples - 1]);
  }
}

test('the matrix has what it should', () => {
  expect(soundFiles.length).toBeGreaterThan(300);
  expect(refusedFiles.length).toBeGreaterThan(40);
});

describe('right to the sample, on every page', () => {
  test.each(soundFiles.map((file) => [file.name, file] as const))('%s', async (_, file) => {
    await requireRight(await open(bytesOf(file)), file);
  });
});

describe('refused, with the reason', () => {
  test.each(refusedFiles.map((file) => [file.name, file] as const))('%s', async (_, file) => {
    const reading = open(bytesOf(file)).then((tiff) => tiff.readPlane(0));
    await expect(reading).rejects.toMatchObject({ code: 'image-invalid' });
    await expect(reading).rejects.toThrow(new RegExp(`^a\\.tif: .*(${file.refused})`));
  });
});

test('cut at every tenth: right or refused', async () => {
  for (const file of soundFiles) {
    const bytes = bytesOf(file);
    for (let tenth = 0; tenth < 10; tenth++) {
      const cut = bytes.subarray(0, Math.floor((bytes.length * tenth) / 10));
      const reading = open(cut).then((tiff) => requireRight(tiff, file));
      await reading.catch((error) => {
        expect(error, file.name).toBeInstanceOf(DeepYeastError);
        expect(error.code).toBe('image-invalid');
        expect(error.message).toMatch(/cut short|damaged|no TIFF/);
      });
    }
  }
});
