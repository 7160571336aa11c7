import { copyFileSync, mkdirSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { npyHeader } from '../../src/files/npy';
import { writeTiff } from '../../src/files/tiff';
import { cellsOfPlates } from '../../src/index';
import { writePlantedPlate } from '../fields/planted-plate';
import type { BadInputRow } from './row';

const channels = new Map([
  ['rfp', 'ch3'],
  ['gfp', 'ch1'],
]);
const size = { width: 80, height: 70 };

type FieldRow = Pick<BadInputRow, 'name' | 'code' | 'says'> & {
  spoil: (plate: string, masks: string, names: string[]) => void | Promise<void>;
  masks?: true;
  plateMap?: string;
};

/** The names of all images of the plate; those of the marker hold ch3. */
const marker = (names: readonly string[]) => names.find((name) => name.includes('ch3')) as string;

/** A mask for every field, the first of them as given. */
async function writeMasks(masks: string, names: readonly string[], first: (path: string) => void | Promise<void>) {
  const markers = names.filter((name) => name.includes('ch3'));
  for (const [index, name] of markers.entries()) {
    const path = join(masks, name.replace('.tiff', '_mask'));
    if (index === 0) await first(path);
    else await writeTiff(`${path}.tiff`, [{ ...size, data: new Uint8Array(size.width * size.height) }]);
  }
}

const rows: FieldRow[] = [
  {
    name: 'a marker image that ends early',
    spoil: (plate, _, names) => truncateSync(join(plate, marker(names)), 400),
    code: 'image-invalid',
    says: /r01c01f01p01-ch3sk1fk1fl1\.tiff/,
  },
  {
    name: 'an image that is text',
    spoil: (plate, _, names) => writeFileSync(join(plate, marker(names)), 'not an image'),
    code: 'image-invalid',
    says: /r01c01f01p01-ch3sk1fk1fl1\.tiff/,
  },
  {
    name: 'channels of different sizes',
    spoil: (plate, _, names) =>
      writeTiff(join(plate, marker(names)), [
        { width: 40, height: 70, data: Uint16Array.from({ length: 2800 }, (_, i) => i) },
      ]),
    code: 'image-invalid',
    says: /is \d0 x 70 pixels, expected \d0 x 70/,
  },
  {
    name: 'an empty image',
    spoil: (plate, _, names) =>
      writeTiff(join(plate, marker(names)), [{ ...size, data: new Uint16Array(size.width * size.height) }]),
    code: 'image-invalid',
    says: /is empty: every pixel is 0/,
  },
  {
    name: 'a plate map with a well twice',
    spoil: (plate) => writeFileSync(join(plate, '..', 'map.csv'), 'well,protein\nA1,X\nA01,Y\n'),
    plateMap: 'map.csv',
    code: 'table-invalid',
    says: /the well A01 stands there a second time/,
  },
  {
    name: 'a mask of another size',
    masks: true,
    spoil: (_, masks, names) =>
      writeMasks(masks, names, (path) =>
        writeTiff(`${path}.tiff`, [{ width: 10, height: 10, data: new Uint16Array(100) }]),
      ),
    code: 'image-invalid',
    says: /is 10 x 10 pixels, expected 80 x 70 as its field/,
  },
  {
    name: 'a mask of foreground and background',
    masks: true,
    spoil: (_, masks, names) =>
      writeMasks(masks, names, (path) => {
        const data = new Uint8Array(size.width * size.height);
        for (const left of [5, 40]) for (let y = 10; y < 20; y++) data.fill(255, y * 80 + left, y * 80 + left + 10);
        return writeTiff(`${path}.tiff`, [{ ...size, data }]);
      }),
    code: 'image-invalid',
    says: /the label 255 stands for separate bodies.*skimage\.measure\.label/,
  },
  {
    name: 'a mask that is a pickled object',
    masks: true,
    spoil: (_, masks, names) =>
      writeMasks(masks, names, (path) =>
        copyFileSync(join(__dirname, '../fixtures/fields/masks/cellpose_seg.npy'), `${path.slice(0, -5)}_seg.npy`),
      ),
    code: 'image-invalid',
    says: /never unpickled here.*convert it in its folder: python -c/,
  },
  {
    name: 'a mask of fractions',
    masks: true,
    spoil: (_, masks, names) =>
      writeMasks(masks, names, (path) => {
        const values = new Float32Array(size.width * size.height).fill(0.5);
        writeFileSync(`${path}.npy`, Buffer.concat([npyHeader('<f4', [70, 80]), Buffer.from(values.buffer)]));
      }),
    code: 'image-invalid',
    says: /holds 0\.5, expected whole numbers/,
  },
  {
    name: 'no mask of any field',
    masks: true,
    spoil: (_, masks) => writeFileSync(join(masks, 'unrelated.png'), ''),
    code: 'invalid-argument',
    says: /holds no mask of any field/,
  },
];

/** Rows that `cells` meets. */
export const fieldRows: BadInputRow[] = rows.map(({ spoil, masks, plateMap, ...row }) => {
  const path = (workspace: string, name: string) => join(workspace, name);
  return {
    ...row,
    name: `cells: ${row.name}`,
    spoil: async (workspace) => {
      await writePlantedPlate(path(workspace, 'plate'), { ...size, fieldsPerWell: 1, cells: 3 });
      mkdirSync(path(workspace, 'masks'));
      await spoil(path(workspace, 'plate'), path(workspace, 'masks'), readdirSync(path(workspace, 'plate')).sort());
    },
    api: (workspace) =>
      cellsOfPlates({
        sources: [path(workspace, 'plate')],
        channels,
        out: path(workspace, 'out'),
        ...(masks && { masksFrom: path(workspace, 'masks') }),
        ...(plateMap !== undefined && { plateMap: path(workspace, plateMap) }),
      }),
    command: (workspace) => [
      ...['cells', path(workspace, 'plate'), '--channels', 'rfp=ch3,gfp=ch1', '--out', path(workspace, 'out')],
      ...(masks ? ['--masks-from', path(workspace, 'masks')] : []),
      ...(plateMap === undefined ? [] : ['--plate-map', path(workspace, plateMap)]),
    ],
  };
});
