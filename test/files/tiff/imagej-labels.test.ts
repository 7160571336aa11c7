import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readImage } from '../../../src/data/image-file';
import { openTiff } from '../../../src/files/tiff';
import { projectRoot } from '../../shared-data';

// Made by tifffile: test/fixtures/files/imagej-labels/generate.py.
const fixture = (name: string) => join(projectRoot, 'test/fixtures/files/imagej-labels', name);
const channels = [{ name: 'rfp' }, { name: 'gfp' }];
const firstPixels = async (name: string, chosen: { name: string; plane?: string }[]) =>
  (await readImage(fixture(name), chosen)).planes.map((plane) => plane[0]);

test.each(['labels-little.tif', 'labels-big.tif'])('%s: channels are found by the labels', async (name) => {
  const tiff = await openTiff(fixture(name));
  try {
    expect(tiff.dimensions).toMatchObject({ source: 'imagej', channels: 2, labels: ['gfp', 'rfp'] });
  } finally {
    await tiff.close();
  }
  expect(await firstPixels(name, channels)).toEqual([20, 10]);
  // A number is a plane, whatever its label.
  expect(
    await firstPixels(name, [
      { name: 'rfp', plane: '0' },
      { name: 'gfp', plane: '1' },
    ]),
  ).toEqual([10, 20]);
});

test('labels that name no channel leave them in their order', async () => {
  expect(await firstPixels('other-labels.tif', channels)).toEqual([10, 20]);
});
