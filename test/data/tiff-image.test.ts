import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type ChannelChoice, importImages } from '../../src';
import { readImage } from '../../src/data/image-file';
import { bytesOf, type MatrixFile, planeOf, refusedFiles, soundFiles } from '../files/tiff/matrix';
import { temporaryFolder } from '../temporary-folder';

const folder = temporaryFolder();
const one: ChannelChoice[] = [{ name: 'gfp' }];
const two: ChannelChoice[] = [{ name: 'rfp' }, { name: 'gfp' }];
const three: ChannelChoice[] = [{ name: 'a' }, { name: 'b' }, { name: 'c' }];
const chosen: ChannelChoice[] = [
  { name: 'rfp', plane: '0' },
  { name: 'gfp', plane: '1' },
];

function fileOf(name: string): MatrixFile {
  const found = [...soundFiles, ...refusedFiles].find((file) => file.name === `case ${name}` || file.name === name);
  if (!found) throw new Error(`there is no file ${name}`);
  return found;
}

function written(name: string, as = 'a.tif'): string {
  writeFileSync(folder.path(as), bytesOf(fileOf(name)));
  return folder.path(as);
}

/** Pages and samples of a file, [page, sample] each, as its channels. */
async function requireChannels(name: string, channels: readonly ChannelChoice[], planes: [number, number][]) {
  const { pages } = fileOf(name);
  const image = await readImage(written(name), channels);
  expect(image.planes).toEqual(planes.map(([page, sample]) => planeOf(pages[page]!, sample)));
}

async function requireRefusal(name: string, channels: readonly ChannelChoice[], reason: RegExp, as?: string) {
  const path = written(name, as);
  const reading = readImage(path, channels);
  await expect(reading).rejects.toMatchObject({ code: 'image-invalid', message: expect.stringContaining(path) });
  await expect(reading).rejects.toThrow(reason);
}

describe('alpha is no channel', () => {
  test.each([8, 16])('%i bits', async (bits) => {
    for (const kind of [1, 2]) {
      await requireRefusal(`grey and alpha ${kind}, ${bits} bits`, two, /has 1 channel, expected 2/);
      await requireChannels(`grey and alpha ${kind}, ${bits} bits`, one, [[0, 0]]);
    }
    await requireChannels(`grey and another sample, ${bits} bits`, two, [
      [0, 0],
      [0, 1],
    ]);
    await requireChannels(`RGB and alpha, ${bits} bits`, two, [
      [0, 0],
      [0, 1],
    ]);
    await requireChannels(`RGB and alpha, ${bits} bits`, three, [
      [0, 0],
      [0, 1],
      [0, 2],
    ]);
    await requireRefusal(`RGB and alpha, ${bits} bits`, [{ name: 'gfp', plane: '3' }], /no channel "3"/);
    await requireChannels(`RGB and another sample, ${bits} bits`, [{ name: 'gfp', plane: '3' }], [[0, 3]]);
    await requireChannels(`two samples and alpha, ${bits} bits`, two, [
      [0, 0],
      [0, 1],
    ]);
  });
});

describe('masks and thumbnails are no channels', () => {
  test.each(['mask page', 'mask by its colours alone', 'thumbnail page', 'thumbnail of old kind'])(
    '%s',
    async (name) => {
      await requireRefusal(name, two, /has 1 channel, expected 2/);
      await requireRefusal(name, chosen, /no channel "1"/);
      await requireChannels(name, one, [[0, 0]]);
    },
  );

  test('wherever they are', async () => {
    await requireChannels('two channels and a mask', two, [
      [0, 0],
      [1, 0],
    ]);
    await requireChannels('thumbnail first', one, [[1, 0]]);
    await requireChannels('pages of a document', two, [
      [0, 0],
      [1, 0],
    ]);
  });
});

describe('pages that differ', () => {
  test.each([
    ['pages of different sizes', /pages of different sizes, 12 x 12 and 12 x 8/],
    ['pages of different bits', /pages of different samples, 16-bit and 12-bit/],
    ['pages of one and two samples', /pages of 1 and of 2 samples/],
  ])('%s', async (name, reason) => {
    await requireRefusal(name, two, reason);
  });
});

describe('stacks are refused whoever describes them', () => {
  test.each([
    ['ImageJ slices', /stack of 2 planes and 1 times/],
    ['ImageJ frames', /stack of 1 planes and 2 times/],
    ['ImageJ images', /stack of 2 planes/],
    ['tifffile slices', /stack of 2 planes/],
    ['tifffile frames', /stack of 1 planes and 2 times/],
    ['tifffile positions', /stack of 2 planes/],
    ['MetaMorph stack', /stack of 12 planes/],
    ['LSM stack', /stack of 2 planes/],
    ['OME slices', /stack of 2 planes/],
    ['OME times', /stack of 1 planes and 2 times/],
  ])('%s', async (name, reason) => {
    await requireRefusal(name, two, reason);
    await requireRefusal(name, chosen, reason);
  });

  test.each([
    'ImageJ channels',
    'tifffile channels',
    'tifffile untold',
    'tifffile without axes',
    'no description of ours',
  ])('%s: taken', async (name) => {
    await requireChannels(name, two, [
      [0, 0],
      [1, 0],
    ]);
  });
});

describe('descriptions that contradict the pages', () => {
  test.each([
    ['ImageJ contradiction', /2 images of 3 channels, 2 slices/],
    ['ImageJ of one page', /has 2 pages, expected 4 as its ImageJ description says/],
    ['tifffile damaged', /damaged description by tifffile/],
    ['OME missing a plane', /does not say in its OME description where channel 1 is/],
    ['OME plane beyond the pages', /has 2 pages, expected page 2 for channel 1/],
    ['OME plane twice', /names a plane twice/],
    ['OME two images', /holds 2 images by its OME description/],
    ['OME more samples than SizeC', /lists channels of 3 samples in its OME description, expected 1/],
    ['OME of a wrong number', /has SizeC="two"/],
    ['OME not closed', /damaged OME description/],
    ['OME claims', /claims 999999999 channels/],
    ['OME in a companion file', /described in another file \(plate\.companion\.ome\)/],
  ])('%s', async (name, reason) => {
    await requireRefusal(name, two, reason);
  });
});

describe('OME', () => {
  test('which page a channel is, and its name', async () => {
    await requireChannels(
      'OME channels',
      [{ name: 'a' }, { name: 'b' }],
      [
        [0, 0],
        [1, 0],
      ],
    );
    await requireChannels(
      'OME channels swapped',
      [{ name: 'a' }, { name: 'b' }],
      [
        [1, 0],
        [0, 0],
      ],
    );
    await requireChannels('OME channels swapped', [{ name: 'a', plane: 'mCherry & β' }], [[0, 0]]);
    await requireChannels('OME channels', [{ name: 'gfp' }], [[0, 0]]);
    await requireChannels(
      'OME without TiffData',
      [{ name: 'a' }, { name: 'b' }],
      [
        [0, 0],
        [1, 0],
      ],
    );
    await requireChannels(
      'OME renamed',
      [{ name: 'a' }, { name: 'b' }],
      [
        [0, 0],
        [1, 0],
      ],
    );
    await requireChannels('OME in a companion file', chosen, [
      [0, 0],
      [1, 0],
    ]);
  });

  test('samples of a page as channels', async () => {
    await requireChannels(
      'OME of samples',
      [{ name: 'a' }, { name: 'b' }],
      [
        [0, 0],
        [0, 1],
      ],
    );
    await requireChannels('OME RGB', two, [
      [0, 0],
      [0, 1],
    ]);
    await requireChannels('OME RGB', [{ name: 'a', plane: 'blue' }], [[0, 2]]);
  });

  test('a channel that lies in another file is never taken from this one', async () => {
    for (const channel of [0, 1]) {
      const elsewhere = new RegExp(
        `has channel ${1 - channel} in another file \\(cell_ch${1 - channel}\\.ome\\.tif\\)`,
      );
      const names = {
        byName: [`OME of two files ${channel}`, `cell_ch${channel}.ome.tif`],
        byIdentifier: [`OME of two files by identifier ${channel}`, 'renamed.tif'],
      };
      for (const [name, as] of Object.values(names) as [string, string][]) {
        await requireRefusal(name, [{ name: 'a' }, { name: 'b' }], elsewhere, as);
        await requireRefusal(name, chosen, elsewhere, as);
        const image = await readImage(written(name, as), [{ name: 'rfp' }]);
        expect(image.planes).toEqual([planeOf(fileOf(name).pages[0]!, 0)]);
      }
    }
    // The file that holds mCherry is not the one of GFP, whatever the caller says.
    await requireRefusal('OME of two files 1', one, /has channel 0 in another file/, 'cell_ch1.ome.tif');
    await requireRefusal('OME of two files 1', [{ name: 'rfp' }], /in another file/, 'neither.tif');
  });

  test('a file per channel imports them', async () => {
    mkdirSync(folder.path('in'));
    for (const channel of [0, 1]) written(`OME of two files ${channel}`, `in/cell_ch${channel}.ome.tif`);
    const source = folder.path('in');
    await expect(
      importImages({ source, out: folder.path('refused'), pattern: '{cell}.ome.tif', size: 12 }),
    ).rejects.toThrow(/in another file/);
    const { dataset } = await importImages({
      source,
      out: folder.path('data'),
      pattern: '{cell}_ch{channel}.ome.tif',
      channels: [
        { name: 'rfp', plane: '0' },
        { name: 'green', plane: '1' },
      ],
      size: 12,
      normalization: {
        rule: 'range',
        ranges: [
          [0, 65535],
          [0, 65535],
        ],
      },
    });
    expect(dataset.count).toBe(1);
    const pixels = readFileSync(folder.path('data/images.npy')).subarray(-12 * 12 * 2);
    const planes = [0, 1].map((channel) => planeOf(fileOf(`OME of two files ${channel}`).pages[0]!, 0));
    expect([...pixels]).toEqual(
      Array.from({ length: 288 }, (_, at) => Math.round((planes[at % 2]![at >> 1]! / 65535) * 255)),
    );
  });
});

test.each(['packbits', 'lzw', 'deflate', 'zstd'])(
  'a bomb of %s is skipped, the others are imported',
  async (compression) => {
    mkdirSync(folder.path(`bomb-${compression}`));
    writeFileSync(folder.path(`bomb-${compression}/bomb.tif`), bytesOf(fileOf(`bomb ${compression}`)));
    writeFileSync(folder.path(`bomb-${compression}/sound.tif`), bytesOf(fileOf('grey and alpha 2, 8 bits')));
    const { dataset, skipped } = await importImages({
      source: folder.path(`bomb-${compression}`),
      out: folder.path(`of-${compression}`),
      pattern: '{cell}.tif',
      channels: one,
      size: 64,
      fit: 'pad',
      onError: 'skip',
    });
    expect(dataset.count).toBe(1);
    expect(skipped.map(({ path }) => path)).toEqual(['bomb.tif']);
    expect(skipped[0]!.reason).toMatch(
      /strip 0 of page 0 (unpacks to more than its header says|is damaged or cut short)/,
    );
  },
);
