import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { type ChannelChoice, readImage } from '../../src/data/image-file';

import { DeepYeastError } from '../../src/errors';
import { temporaryFolder } from '../temporary-folder';

const folder = temporaryFolder();
const fixtures = join(__dirname, '../fixtures/data/tiff');
const tiff = (name: string) => join(fixtures, `${name}.tif`);
const expected: Record<string, number[][]> = JSON.parse(readFileSync(join(fixtures, 'expected.json'), 'utf8'));

const one: ChannelChoice[] = [{ name: 'gfp' }];
const two: ChannelChoice[] = [{ name: 'rfp' }, { name: 'gfp' }];

async function planesOf(path: string, channels: readonly ChannelChoice[]): Promise<number[][]> {
  return (await readImage(path, channels)).planes.map((plane) => [...plane]);
}

/** A PNG of known samples. */
async function png(
  name: string,
  channels: 1 | 2 | 3 | 4,
  samples: Uint8Array | Uint16Array,
  width = 5,
): Promise<string> {
  const height = samples.length / width / channels;
  const deep = samples instanceof Uint16Array;
  const raw = sharp(samples, { raw: { width, height, channels } });
  const space = channels < 3 ? (deep ? 'grey16' : 'b-w') : deep ? 'rgb16' : 'srgb';
  await raw.toColourspace(space).png().toFile(folder.path(name));
  return folder.path(name);
}

const bytes = (length: number) => Uint8Array.from({ length }, (_, index) => (index * 37) % 256);

describe('TIFF, sample for sample as tifffile wrote it', () => {
  test.each([
    'uint8',
    'uint16',
    'uint32',
    'int16',
    'float32',
    'float64',
    'big-endian',
    'bigtiff',
    'deflate',
    'lzw',
    'tiled',
    'white-is-zero',
  ])('grey: %s', async (name) => {
    expect(await planesOf(tiff(name), one)).toEqual(expected[name]);
  });

  test.each(['pages', 'contiguous', 'separate', 'imagej'])('two channels: %s', async (name) => {
    expect(await planesOf(tiff(name), two)).toEqual(expected[name]);
    const swapped = [
      { name: 'rfp', plane: '1' },
      { name: 'gfp', plane: '0' },
    ];
    expect(await planesOf(tiff(name), swapped)).toEqual(expected[name]!.toReversed());
  });

  test('RGB: red and green for two channels, all for three, others by name', async () => {
    expect(await planesOf(tiff('rgb16'), two)).toEqual(expected.rgb16!.slice(0, 2));
    expect(await planesOf(tiff('rgb16'), [{ name: 'a' }, { name: 'b' }, { name: 'c' }])).toEqual(expected.rgb16);
    expect(await planesOf(tiff('rgb16'), [{ name: 'a', plane: 'Blue' }])).toEqual([expected.rgb16![2]]);
    await expect(readImage(tiff('rgb16'), one)).rejects.toThrow(/has 3 channels, named red, green, blue, expected 1/);
  });

  test('two RGB pages are no RGB picture: which channels are meant is not guessed', async () => {
    const page = (level: number) =>
      sharp({ create: { width: 5, height: 3, channels: 3, background: { r: level, g: level + 1, b: level + 2 } } })
        .png()
        .toBuffer();
    const path = folder.path('two.tif');
    await sharp([await page(10), await page(20)], { join: { animated: true } })
      .tiff({ compression: 'none' })
      .toFile(path);
    await expect(readImage(path, two)).rejects.toThrow(/has 6 channels, expected 2/);
    const chosen = [
      { name: 'rfp', plane: '3' },
      { name: 'gfp', plane: '1' },
    ];
    expect((await planesOf(path, chosen)).map(([first]) => first)).toEqual([20, 11]);
  });

  test('OME: by name, also when the names are the channels', async () => {
    const [gfp, red] = expected['ome.ome'] as [number[], number[]];
    expect(await planesOf(tiff('ome.ome'), [{ name: 'marker', plane: 'mCherry & "red"' }, { name: 'gfp' }])).toEqual([
      red,
      gfp,
    ]);
    expect(await planesOf(tiff('ome.ome'), [{ name: 'gfp' }])).toEqual([gfp]);
    expect(await planesOf(tiff('ome.ome'), [{ name: 'a' }, { name: 'b' }])).toEqual([gfp, red]);
    await expect(readImage(tiff('ome.ome'), two)).rejects.toThrow(
      /has no channel "rfp" for rfp: found 2 \(from 0\), named GFP, mCherry/,
    );
  });

  test('a stack whose planes nobody chose is refused, a chosen one taken', async () => {
    await expect(readImage(tiff('three-pages'), two)).rejects.toThrow(
      /has 3 channels, expected 2: .*--channels rfp=0,gfp=1/,
    );
    const chosen = [
      { name: 'rfp', plane: '2' },
      { name: 'gfp', plane: '0' },
    ];
    expect(await planesOf(tiff('three-pages'), chosen)).toEqual([
      expected['three-pages']![2],
      expected['three-pages']![0],
    ]);
    await expect(readImage(tiff('three-pages'), [{ name: 'rfp', plane: '3' }])).rejects.toThrow(/no channel "3"/);
    await expect(readImage(tiff('stack.ome'), two)).rejects.toThrow(/stack of 4 planes and 1 times/);
  });

  test('says how samples are stored', async () => {
    expect(await readImage(tiff('uint8'), one)).toMatchObject({
      width: 5,
      height: 3,
      eightBit: true,
      sampleType: '8-bit',
    });
    expect(await readImage(tiff('int16'), one)).toMatchObject({ eightBit: false, sampleType: '16-bit signed' });
    expect(await readImage(tiff('float32'), one)).toMatchObject({ eightBit: false, sampleType: '32-bit float' });
  });

  test('a palette is refused', async () => {
    await expect(readImage(tiff('palette'), one)).rejects.toThrow(
      /has colours of kind 3 \(a palette\), expected grey or RGB/,
    );
  });
});

describe('PNG and JPEG', () => {
  test('8-bit grey and RGB as stored', async () => {
    const grey = bytes(15);
    expect(await planesOf(await png('grey.png', 1, grey), one)).toEqual([[...grey]]);
    const rgb = bytes(45);
    const plane = (channel: number) => [...rgb.filter((_, index) => index % 3 === channel)];
    expect(await planesOf(await png('rgb.png', 3, rgb), two)).toEqual([plane(0), plane(1)]);
  });

  test('16-bit grey and RGB as stored', async () => {
    const grey = Uint16Array.from({ length: 15 }, (_, index) => index * 4000 + 3);
    const raw = await readImage(await png('grey.png', 1, grey), one);
    expect(raw).toMatchObject({ eightBit: false, sampleType: '16-bit', width: 5, height: 3 });
    expect([...raw.planes[0]!]).toEqual([...grey]);
    const rgb = Uint16Array.from({ length: 45 }, (_, index) => index * 1400 + 1);
    expect(await planesOf(await png('rgb.png', 3, rgb), two)).toEqual(
      [0, 1].map((channel) => [...rgb.filter((_, index) => index % 3 === channel)]),
    );
  });

  test('transparency is left out, not multiplied in', async () => {
    const rgba = bytes(60);
    expect(await planesOf(await png('rgba.png', 4, rgba), two)).toEqual(
      [0, 1].map((channel) => [...rgba.filter((_, index) => index % 4 === channel)]),
    );
  });

  test('a colour profile does not change the samples', async () => {
    const rgb = bytes(45);
    await sharp(rgb, { raw: { width: 5, height: 3, channels: 3 } })
      .withIccProfile('p3')
      .png()
      .toFile(folder.path('p3.png'));
    const stored = await sharp(folder.path('p3.png'), { ignoreIcc: true }).raw().toBuffer();
    expect(await planesOf(folder.path('p3.png'), two)).toEqual(
      [0, 1].map((channel) => [...stored.filter((_, index) => index % 3 === channel)]),
    );
  });

  test('JPEG', async () => {
    const flat = new Uint8Array(16 * 16 * 3).map((_, index) => [200, 100, 0][index % 3] as number);
    await sharp(flat, { raw: { width: 16, height: 16, channels: 3 } })
      .jpeg({ quality: 100 })
      .toFile(folder.path('a.jpg'));
    const [red, green] = await planesOf(folder.path('a.jpg'), two);
    for (const value of red!) expect(Math.abs(value - 200)).toBeLessThan(4);
    for (const value of green!) expect(Math.abs(value - 100)).toBeLessThan(4);
  });

  test('a grey picture has no two channels', async () => {
    const path = await png('grey.png', 1, bytes(15));
    await expect(readImage(path, two)).rejects.toThrow(/grey\.png: has 1 channel, expected 2: say which is which/);
  });

  test('CMYK is refused', async () => {
    await sharp(bytes(48), { raw: { width: 4, height: 4, channels: 3 } })
      .toColourspace('cmyk')
      .jpeg()
      .toFile(folder.path('cmyk.jpg'));
    await expect(readImage(folder.path('cmyk.jpg'), two)).rejects.toThrow(/colour space cmyk, expected grey or RGB/);
  });
});

describe('broken files are image-invalid with path and reason', () => {
  const refused = async (path: string, reason: RegExp) => {
    const reading = readImage(path, one);
    await expect(reading).rejects.toMatchObject({ code: 'image-invalid', message: expect.stringContaining(path) });
    await expect(reading).rejects.toThrow(reason);
  };

  test('missing, empty, no image, a folder', async () => {
    await refused(folder.path('none.png'), /the file is missing/);
    writeFileSync(folder.path('empty.png'), '');
    await refused(folder.path('empty.png'), /empty/i);
    writeFileSync(folder.path('text.png'), 'not an image');
    await refused(folder.path('text.png'), /expected PNG, JPEG or TIFF/);
    mkdirSync(folder.path('d.png'));
    await refused(folder.path('d.png'), /is a folder, expected a file/);
  });

  test('cut short', async () => {
    const whole = readFileSync(await png('whole.png', 1, bytes(64 * 64), 64));
    writeFileSync(folder.path('cut.png'), whole.subarray(0, whole.length / 2));
    await refused(folder.path('cut.png'), /cut\.png: ./);
    for (const name of ['float32', 'deflate', 'tiled', 'lzw']) {
      const good = readFileSync(tiff(name));
      for (const part of [0.2, 0.5, 0.9]) {
        writeFileSync(folder.path('cut.tif'), good.subarray(0, Math.floor(good.length * part)));
        await readImage(folder.path('cut.tif'), one).then(
          // What is cut off may be padding: then every sample is there.
          (image) => expect([...image.planes[0]!]).toEqual(expected[name]![0]),
          (error) => expect(error.code).toBe('image-invalid'),
        );
      }
    }
  });

  test('TIFF files with some bytes changed: an image or image-invalid, never a crash', async () => {
    const names = fc.constantFrom('uint16', 'contiguous', 'deflate', 'ome.ome', 'bigtiff');
    const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(names, edits, async (name, changes) => {
        const changed = Buffer.from(readFileSync(tiff(name)));
        // The first 400 bytes hold the header and most of the tags.
        for (const [at, value] of changes) changed[at % Math.min(400, changed.length)] = value;
        writeFileSync(folder.path('fuzzed.tif'), changed);
        await readImage(folder.path('fuzzed.tif'), one).catch((error) => {
          expect(error).toBeInstanceOf(DeepYeastError);
          expect(error.code).toBe('image-invalid');
        });
      }),
      { numRuns: 300 },
    );
  });
});
