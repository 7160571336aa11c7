import { copyFileSync, cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { listFields, readField } from '../../src/fields';
import { temporaryFolder } from '../temporary-folder';
import { expectedPlane, fieldsFixture, rfpGfp, summary } from './fixture';

const folder = temporaryFolder();
const fixture = (...parts: string[]) => join(fieldsFixture, ...parts);

describe('OME-TIFF', () => {
  test('channels, planes and times in one file; pixels as tifffile reads them', async () => {
    for (const t of [0, 1]) {
      const { fields, ...listing } = await listFields([fixture('ome-tiff')], { channels: rfpGfp('mCherry', 'gfp'), t });
      expect(listing).toMatchObject({
        problems: [],
        channelNames: ['0 (mCherry)', '1 (GFP)'],
        size: { width: 12, height: 9 },
      });
      expect(fields).toMatchObject([{ key: 'ome-tiff//stack', plate: 'ome-tiff', well: '', field: 'stack' }]);
      expect(fields[0]!.pixelSize).toBeCloseTo(0.1083, 9);
      for (const z of [0, 1, 2]) {
        expect(await readField(fields[0]!, { z })).toEqual({
          rfp: expectedPlane(`stack.ome.tif t${t} z${z} c0`),
          gfp: expectedPlane(`stack.ome.tif t${t} z${z} c1`),
        });
      }
    }
  });

  test('a single file may be given', async () => {
    const path = fixture('ome-tiff', 'stack.ome.tif');
    const { fields } = await listFields([path], { channels: rfpGfp('0', '1'), t: 0 });
    expect(fields.map(({ key }) => key)).toEqual(['ome-tiff//stack']);
  });

  test('a pattern gives plate, well and field', async () => {
    mkdirSync(folder.path('screen'));
    copyFileSync(fixture('ome-tiff', 'stack.ome.tif'), folder.path('screen', 'P1_B2_s7.ome.tif'));
    const { fields } = await listFields([folder.path('screen')], {
      pattern: '{plate}_{well}_s{field}.ome.tif',
      channels: rfpGfp('0', '1'),
      t: 1,
    });
    expect(fields.map(({ key }) => key)).toEqual(['P1/B02/7']);
  });

  test.each([
    ['named by UUID', 'ome-tiff-set', 'set'],
    ['named in a companion file', 'ome-tiff-companion', 'part'],
  ])('one image in several files, %s', async (_, source, prefix) => {
    const listing = await listFields([fixture(source)], { channels: rfpGfp('mCherry', 'GFP') });
    expect(listing).toMatchObject({ problems: [], leftOut: [] });
    expect(summary(listing, fixture(source))).toEqual({
      [`${source}//${prefix}_C0`]: { rfp: `${prefix}_C0.ome.tif#0 z0`, gfp: `${prefix}_C1.ome.tif#0 z0` },
    });
    expect(await readField(listing.fields[0]!)).toEqual({ rfp: expectedPlane('set c0'), gfp: expectedPlane('set c1') });
  });

  test('a file of several that is missing is a problem by its name', async () => {
    mkdirSync(folder.path('set'));
    copyFileSync(fixture('ome-tiff-set', 'set_C0.ome.tif'), folder.path('set', 'set_C0.ome.tif'));
    const { fields, problems } = await listFields([folder.path('set')], { channels: rfpGfp('mCherry', 'GFP') });
    expect(fields).toEqual([]);
    expect(problems).toEqual([
      {
        path: folder.path('set', 'set_C1.ome.tif'),
        reason: `the file is missing; ${folder.path('set', 'set_C0.ome.tif')} names it as a part of its image`,
        code: 'image-invalid',
      },
      {
        path: folder.path('set', 'set_C0.ome.tif'),
        reason: 'the field set//set_C0 has no image for the channel gfp (1 (GFP))',
        code: 'image-invalid',
      },
    ]);
  });
});

describe('other TIFF', () => {
  test("ImageJ's hyperstack, with plate, well and field in its name", async () => {
    const { fields } = await listFields([fixture('tiff')], {
      pattern: '{plate}_{well}_s{field}.tif',
      channels: rfpGfp('1', '0'),
    });
    expect(fields.map(({ key }) => key)).toEqual(['P1/B02/1']);
    for (const z of [0, 1, 2, 3]) {
      expect(await readField(fields[0]!, { z })).toEqual({
        rfp: expectedPlane(`P1_B02_s1.tif z${z} c1`),
        gfp: expectedPlane(`P1_B02_s1.tif z${z} c0`),
      });
    }
  });

  test('colours are channels', async () => {
    const { fields, channelNames } = await listFields([fixture('tiff-rgb')], {
      pattern: '{plate}_{well}_s{field}.tif',
      channels: rfpGfp('red', 'green'),
    });
    expect(channelNames).toEqual(['0 (red)', '1 (green)', '2 (blue)']);
    expect(await readField(fields[0]!)).toEqual({ rfp: expectedPlane('rgb c0'), gfp: expectedPlane('rgb c1') });
  });

  test('a file a channel may hold a stack of its own', async () => {
    const { fields } = await listFields([fixture('tiff-stacks')], {
      pattern: '{well}_w{channel}.tif',
      channels: rfpGfp('0', '1'),
    });
    expect(fields.map(({ key }) => key)).toEqual(['tiff-stacks/C03/1']);
    expect(await readField(fields[0]!, { z: 2 })).toEqual({
      rfp: expectedPlane('C03_w0.tif z2'),
      gfp: expectedPlane('C03_w1.tif z2'),
    });
  });

  const kinds = ['uint8', 'int16', 'uint16-tiles-lzw-big-endian', 'uint16-strips-deflate-bigtiff', 'uint32', 'float32'];
  test.each(kinds)('%s as tifffile reads it', async (kind) => {
    const { fields } = await listFields([fixture('tiff-kinds')], {
      pattern: '{well}_w{channel}.tif',
      channels: new Map([['rfp', kind]]),
    });
    expect(await readField(fields[0]!)).toEqual({ rfp: expectedPlane(`A01_w${kind}.tif`) });
  });
});

describe('pictures', () => {
  test('PNG of 16 bits, a file a channel', async () => {
    const data = Uint16Array.from({ length: 60 }, (_, at) => at * 1000);
    for (const [channel, factor] of [
      ['r', 1],
      ['g', 2],
    ] as const) {
      const scaled = data.map((value) => value / factor);
      const raw = { width: 10, height: 6, channels: 1 as const };
      await sharp(scaled, { raw })
        .toColourspace('grey16')
        .png()
        .toFile(folder.path(`A1_${channel}.png`));
    }
    const { fields, size } = await listFields([folder.path()], {
      pattern: '{well}_{channel}.png',
      channels: rfpGfp('r', 'g'),
    });
    expect(size).toEqual({ width: 10, height: 6 });
    expect(await readField(fields[0]!)).toEqual({
      rfp: { width: 10, height: 6, data },
      gfp: { width: 10, height: 6, data: data.map((value) => value / 2) },
    });
  });

  test('colours of a PNG are channels', async () => {
    const pixels = Uint8Array.from({ length: 72 }, (_, at) => at * 3);
    await sharp(pixels, { raw: { width: 6, height: 4, channels: 3 } })
      .png()
      .toFile(folder.path('B2_1.png'));
    const { fields, channelNames } = await listFields([folder.path()], {
      pattern: '{well}_{field}.png',
      channels: rfpGfp('red', 'green'),
    });
    expect(channelNames).toEqual(['0 (red)', '1 (green)', '2 (blue)']);
    const { rfp, gfp } = await readField(fields[0]!);
    expect([...rfp!.data]).toEqual([...pixels].filter((_, at) => at % 3 === 0));
    expect([...gfp!.data]).toEqual([...pixels].filter((_, at) => at % 3 === 1));
  });
});

describe('OME-Zarr', () => {
  const wells = ['A/1/0', 'A/1/1', 'B/3/0', 'B/3/1'];

  test.each(['0.4', '0.5'])('a plate of version %s: every compressor, order and shard', async (version) => {
    const source = fixture('zarr', `plate-${version}.zarr`);
    const listing = await listFields([source], { channels: rfpGfp('mCherry', 'GFP') });
    expect(listing).toMatchObject({
      problems: [],
      leftOut: [],
      warnings: [],
      plateNames: ['zarr plate'],
      channelNames: ['0 (mCherry)', '1 (GFP)'],
      size: { width: 12, height: 9 },
    });
    expect(listing.fields.map(({ key }) => key)).toEqual(
      ['A01/0', 'A01/1', 'B03/0', 'B03/1'].map((rest) => `zarr plate/${rest}`),
    );
    for (const [index, field] of listing.fields.entries()) {
      expect(field.pixelSize).toBe(0.1083);
      expect(field.markerPath).toBe(join(source, wells[index]!));
      for (const { z } of field.channels.rfp!) {
        expect(await readField(field, { z: z! })).toEqual({
          rfp: expectedPlane(`plate-${version}.zarr/${wells[index]} z${z} c0`),
          gfp: expectedPlane(`plate-${version}.zarr/${wells[index]} z${z} c1`),
        });
      }
    }
    expect(listing.fields.map(({ channels }) => channels.rfp!.length)).toEqual(
      version === '0.4' ? [2, 2, 2, 2] : [2, 2, 2, 1],
    );
  });

  test('a single image, found in the folder above it', async () => {
    const root = folder.path('images');
    cpSync(fixture('zarr', 'single.zarr'), join(root, 'single.zarr'), { recursive: true });
    const { fields } = await listFields([root], { channels: rfpGfp('0', '1') });
    expect(fields.map(({ key }) => key)).toEqual(['single//1']);
    expect(await readField(fields[0]!)).toEqual({
      rfp: expectedPlane('single.zarr c0'),
      gfp: expectedPlane('single.zarr c1'),
    });
  });

  test('a chunk without a file holds the fill value', async () => {
    const root = folder.path('single.zarr');
    cpSync(fixture('zarr', 'single.zarr'), root, { recursive: true });
    rmSync(join(root, '0', '0', '0', '0'));
    const { fields } = await listFields([root], { channels: rfpGfp('0', '1') });
    await expect(readField(fields[0]!)).rejects.toThrow(`${root} is empty: every pixel is 0`);
  });
});

describe('z-stacks', () => {
  const stack = async () => {
    const { fields } = await listFields([fixture('tiff')], {
      pattern: '{plate}_{well}_s{field}.tif',
      channels: rfpGfp('1', '0'),
    });
    return fields[0]!;
  };

  test('max is the largest value of each pixel, channel by channel', async () => {
    const { rfp, gfp } = await readField(await stack(), { z: 'max' });
    for (const [plane, channel] of [
      [rfp!, 1],
      [gfp!, 0],
    ] as const) {
      const planes = [0, 1, 2, 3].map((z) => expectedPlane(`P1_B02_s1.tif z${z} c${channel}`).data);
      expect([...plane.data]).toEqual([...plane.data].map((_, at) => Math.max(...planes.map((data) => data[at]!))));
    }
  });

  test('a number that the stack does not have is an error', async () => {
    await expect(readField(await stack(), { z: 9 })).rejects.toThrow(
      /the field P1\/B02\/1 has no plane 9 in .*P1_B02_s1\.tif, found the planes 0, 1, 2, 3/,
    );
  });
});
