import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { FieldImages } from '../../src/fields';
import { fieldNames, listMasks } from '../../src/fields/mask-names';
import { temporaryFolder } from '../temporary-folder';

const folder = temporaryFolder();

function field(plate: string, well: string, name: string, marker: string, protein?: string): FieldImages {
  const path = (file: string) => folder.path('plates', file);
  return {
    key: `${plate}/${well}/${name}`,
    plate,
    well,
    field: name,
    channels: { rfp: [{ path: path(marker) }], ...(protein !== undefined && { gfp: [{ path: path(protein) }] }) },
    markerPath: path(marker),
  };
}

const names = (...fields: FieldImages[]) => [...fieldNames(fields).values()];

describe('names of masks and overlays', () => {
  test('are those of the marker images', () => {
    expect(
      names(field('p', 'A01', '1', 'r01c01f01-ch3.tiff'), field('p', 'A01', '2', 'r01c01f02-ch3.ome.tif')),
    ).toEqual(['r01c01f01-ch3', 'r01c01f02-ch3']);
  });

  test('begin with the folders where these alone tell them apart', () => {
    const fields = [field('p', 'A01', '1', 'p/A01/red.tif'), field('p', 'A02', '1', 'p/A02/red.tif')];
    expect(names(...fields)).toEqual(['A01/red', 'A02/red']);
  });

  test('are plate, well and field where one file holds several fields', () => {
    const fields = [field('p 1', 'A01', '1', 'all.ome.tif'), field('p 1', 'A01', '2', 'all.ome.tif')];
    expect(names(...fields)).toEqual(['p_1_A01_1', 'p_1_A01_2']);
  });

  test('letters that some file systems take for the same do not tell apart', () => {
    const fields = [field('p', 'A01', '1', 'x/red.tif'), field('p', 'A02', '1', 'y/RED.tif')];
    expect(names(...fields)).toEqual(['x/red', 'y/RED']);
  });
});

function masks(...paths: string[]): void {
  for (const path of paths) {
    mkdirSync(dirname(folder.path('masks', path)), { recursive: true });
    writeFileSync(folder.path('masks', path), '');
  }
}

const two = () => [
  field('p', 'A01', '1', 'r01c01f01p01-ch3sk1.tiff', 'r01c01f01p01-ch1sk1.tiff'),
  field('p', 'B02', '2', 'r02c02f02p01-ch3sk1.tiff', 'r02c02f02p01-ch1sk1.tiff'),
];

async function found(fields: FieldImages[], pattern?: string): Promise<(string | undefined)[]> {
  const { paths } = await listMasks(folder.path('masks'), fields, { pattern });
  return fields.map(({ key }) => paths.get(key)?.slice(folder.path('masks').length + 1));
}

describe('masks are found', () => {
  test.each([
    ['as this program writes them', ['r01c01f01p01-ch3sk1_mask.tiff', 'r02c02f02p01-ch3sk1_mask.tiff']],
    ['as Cellpose writes them', ['r01c01f01p01-ch3sk1_cp_masks.png', 'r02c02f02p01-ch3sk1_cp_masks.tif']],
    ['by the other channel', ['r01c01f01p01-ch1sk1.png', 'r02c02f02p01-ch1sk1_labels.npy']],
    ['by what the channels have in common', ['r01c01f01p01_labeled.tiff', 'r02c02f02p01_masks.tif']],
    ['in folders', ['x/r01c01f01p01-ch3sk1_mask.tiff', 'y/z/r02c02f02p01-ch3sk1_mask.tiff']],
  ])('%s', async (_, paths) => {
    masks(...paths, 'notes.txt');
    expect(await found(two())).toEqual(paths);
  });

  test("a mask is taken rather than Cellpose's pickled object beside it", async () => {
    masks('r01c01f01p01-ch3sk1_seg.npy', 'r01c01f01p01-ch3sk1_cp_masks.png', 'r02c02f02p01-ch3sk1_seg.npy');
    expect(await found(two())).toEqual(['r01c01f01p01-ch3sk1_cp_masks.png', 'r02c02f02p01-ch3sk1_seg.npy']);
  });

  test('by a pattern', async () => {
    masks('A1_01.png', 'b02_2.png', 'C03_1.png');
    expect(await found(two(), '{well}_{field}.png')).toEqual(['A1_01.png', 'b02_2.png']);
    const { unused } = await listMasks(folder.path('masks'), two(), { pattern: '{well}_{field}.png' });
    expect(unused).toEqual(['C03_1.png']);
  });

  test('by their folders, where plates have images of the same name', async () => {
    const fields = [field('P1', 'A01', '1', 'P1/f.tif'), field('P2', 'A01', '1', 'P2/f.tif')];
    masks('P1/f_mask.tif', 'P2/f_mask.tif');
    expect(await found(fields)).toEqual(['P1/f_mask.tif', 'P2/f_mask.tif']);
  });

  test('a field without one is left out', async () => {
    masks('r02c02f02p01-ch3sk1_mask.tiff');
    expect(await found(two())).toEqual([undefined, 'r02c02f02p01-ch3sk1_mask.tiff']);
  });
});

describe('an answer', () => {
  test('where there is none', async () => {
    masks('something.png');
    await expect(found(two())).rejects.toThrow(
      /holds no mask of any field: found 1 files.*something\.png for one, expected names such as r01c01f01p01-ch3sk1_mask\.tiff.*--masks-pattern/,
    );
  });

  test('where there is no folder', async () => {
    await expect(found(two())).rejects.toMatchObject({ code: 'io-error' });
  });

  test('where two masks are of one field', async () => {
    masks('a/r01c01f01p01-ch3sk1_mask.tiff', 'b/r01c01f01p01-ch3sk1_mask.tiff');
    await expect(found(two())).rejects.toThrow(/are both masks of p\/A01\/1/);
  });

  test('where one mask may be of two fields', async () => {
    masks('A01.png');
    const fields = [field('p', 'A01', '1', 'a.tif'), field('p', 'A01', '2', 'b.tif')];
    await expect(found(fields, '{well}.png')).rejects.toThrow(/may be the mask of p\/A01\/1 or of p\/A01\/2/);
  });
});
