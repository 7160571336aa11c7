import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  listFields,
  readField,
  readZarrLabels,
  writeZarrLabels,
  type ZarrLabels,
  zarrLabelNames,
} from '../../src/fields';
import { temporaryFolder } from '../temporary-folder';
import { expectedPlane, fieldsFixture, rfpGfp } from './fixture';

const folder = temporaryFolder();

function plate(version: string): string {
  const root = folder.path(`plate-${version}.zarr`);
  cpSync(join(fieldsFixture, 'zarr', `plate-${version}.zarr`), root, { recursive: true });
  return root;
}

function labelImage(width: number, height: number): ZarrLabels {
  const labels = new Uint32Array(width * height);
  for (let y = 1; y < height; y++) labels.fill(y * 66_000, y * width + 1, y * width + Math.min(width, 4));
  return { width, height, labels };
}

describe('labels of OME-Zarr', () => {
  test('of another program, 64 bits, are read as they are', async () => {
    const image = join(plate('0.4'), 'A', '1', '0');
    const { width, height, data } = expectedPlane('plate-0.4.zarr labels');
    expect(await readZarrLabels(image)).toEqual({ width, height, labels: data });
    expect(await readZarrLabels(image, 'cells')).toEqual({ width, height, labels: data });
    await expect(readZarrLabels(image, 'nuclei')).rejects.toThrow(`${image} has no labels nuclei, found cells`);
  });

  test.each(['0.4', '0.5'])(
    'written into a plate of version %s are read back, and the plate is as before',
    async (version) => {
      const root = plate(version);
      const image = join(root, 'B', '3', '1');
      expect(await zarrLabelNames(image)).toEqual([]);
      const written = labelImage(12, 9);
      await writeZarrLabels(image, 'deepyeast', written);
      expect(await zarrLabelNames(image)).toEqual(['deepyeast']);
      expect(await readZarrLabels(image)).toEqual(written);
      // A second one is added, one of the same name replaced.
      await writeZarrLabels(image, 'more', labelImage(12, 9));
      const changed = { ...written, labels: written.labels.map((label) => label * 2) };
      await writeZarrLabels(image, 'deepyeast', changed);
      expect(await zarrLabelNames(image)).toEqual(['deepyeast', 'more']);
      expect(await readZarrLabels(image, 'deepyeast')).toEqual(changed);
      await expect(readZarrLabels(image)).rejects.toThrow('has the labels deepyeast, more, expected one: name it');
      expect(readdirSync(join(image, 'labels')).filter((name) => name.includes('tmp'))).toEqual([]);
      const { fields, problems } = await listFields([root], { channels: rfpGfp('0', '1') });
      expect([fields.length, problems.length]).toEqual([4, 0]);
      expect(await readField(fields[3]!, { z: 0 })).toEqual({
        rfp: expectedPlane(`plate-${version}.zarr/B/3/1 z0 c0`),
        gfp: expectedPlane(`plate-${version}.zarr/B/3/1 z0 c1`),
      });
    },
  );

  test('of several chunks', async () => {
    const image = folder.path('image');
    mkdirSync(join(image, '0'), { recursive: true });
    writeFileSync(join(image, '.zgroup'), '{"zarr_format": 2}');
    writeFileSync(
      join(image, '.zattrs'),
      JSON.stringify({
        multiscales: [
          { version: '0.4', axes: ['y', 'x'].map((name) => ({ name, type: 'space' })), datasets: [{ path: '0' }] },
        ],
      }),
    );
    writeFileSync(
      join(image, '0', '.zarray'),
      JSON.stringify({
        zarr_format: 2,
        shape: [1500, 1100],
        chunks: [1500, 1100],
        dtype: '<u2',
        compressor: null,
        fill_value: 0,
        order: 'C',
        filters: null,
      }),
    );
    const written = {
      width: 1100,
      height: 1500,
      labels: Uint32Array.from({ length: 1100 * 1500 }, (_, at) => at % 70_001),
    };
    await writeZarrLabels(image, 'cells', written);
    const { labels, ...size } = await readZarrLabels(image);
    expect(size).toEqual({ width: 1100, height: 1500 });
    expect(Buffer.compare(Buffer.from(labels.buffer), Buffer.from(written.labels.buffer))).toBe(0);
    expect(readdirSync(join(image, 'labels', 'cells', '0')).sort()).toEqual(['.zarray', '0', '1']);
  });

  test('of another size, or with a name that leads elsewhere, are refused and leave nothing', async () => {
    const image = join(plate('0.5'), 'B', '3', '1');
    await expect(writeZarrLabels(image, 'cells', labelImage(9, 12))).rejects.toMatchObject({ code: 'image-invalid' });
    for (const name of ['../cells', '', '.hidden', 'a/b', '..']) {
      await expect(writeZarrLabels(image, name, labelImage(12, 9))).rejects.toMatchObject({ code: 'invalid-argument' });
    }
    expect(existsSync(join(image, 'labels'))).toBe(false);
    await expect(writeZarrLabels(folder.path('nowhere'), 'cells', labelImage(12, 9))).rejects.toMatchObject({
      code: 'image-invalid',
    });
  });

  test('that are floats or negative are refused', async () => {
    const image = join(plate('0.4'), 'A', '1', '0');
    const metadata = join(image, 'labels', 'cells', '0', '.zarray');
    writeFileSync(metadata, readFileSync(metadata, 'utf8').replace('"<i8"', '"<f8"'));
    await expect(readZarrLabels(image)).rejects.toThrow(/labels that are no whole numbers/);
  });
});
