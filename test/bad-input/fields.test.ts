import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DeepYeastError, type ErrorCode } from '../../src/errors';
import { listFields, readField, readPlateMap } from '../../src/fields';
import { folderSnapshot } from './folder-snapshot';

// Plates of micrographs that cannot be taken as they are. Each row spoils a good plate, and says what is answered: an
// error with a code, or a problem in the listing, so that the other fields go on. Nothing changes on the disk.

const fixtures = resolve(__dirname, '../fixtures/fields');
const plates = {
  harmony: 'harmony/v6__2021-02-03T10_11_12-Measurement 1',
  'ome-tiff': 'ome-tiff',
  'zarr-0.4': 'zarr/plate-0.4.zarr',
  'zarr-0.5': 'zarr/plate-0.5.zarr',
} as const;

interface Row {
  name: string;
  plate: keyof typeof plates;
  spoil(plate: string): void;
  /** Where it is met: when fields are listed, as a problem of the listing, or when a field is read. */
  met: 'listing' | 'problem' | 'reading';
  code: ErrorCode;
  says: RegExp;
}

const change = (path: string, from: string | RegExp, to: string) =>
  writeFileSync(path, readFileSync(path, 'utf8').replace(from, to));
const index = (plate: string) => join(plate, 'Images', 'Index.xml');
const firstImage = (plate: string) => join(plate, 'Images', 'r01c01f01p01-ch1sk1fk1fl1.tiff');

/** JSON with some keys of an object in it set anew. */
function setJson(path: string, keys: readonly (string | number)[], value: unknown): void {
  const json = JSON.parse(readFileSync(path, 'utf8'));
  let holder = json;
  for (const key of keys.slice(0, -1)) holder = holder[key];
  holder[keys.at(-1)!] = value;
  writeFileSync(path, JSON.stringify(json));
}

const rows: Row[] = [
  {
    name: 'an index that is cut short',
    plate: 'harmony',
    spoil: (plate) => writeFileSync(index(plate), readFileSync(index(plate)).subarray(0, 2000)),
    met: 'listing',
    code: 'image-invalid',
    says: /Index\.xml: is no well-formed XML .*unclosed tag.*move it away to take the images by their names alone/,
  },
  {
    name: 'an index with entities that grow',
    plate: 'harmony',
    spoil: (plate) => {
      change(index(plate), /<\?xml[^>]*\?>/, '$&<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]>');
      change(index(plate), '<User>', '<User>&c;');
    },
    met: 'listing',
    code: 'image-invalid',
    says: /Index\.xml: is no well-formed XML .*undefined entity/,
  },
  {
    name: 'an image that is no image',
    plate: 'harmony',
    spoil: (plate) => writeFileSync(firstImage(plate), 'no image'),
    met: 'reading',
    code: 'image-invalid',
    says: /r01c01f01p01-ch1sk1fk1fl1\.tiff: /,
  },
  {
    name: 'an image of no bytes',
    plate: 'harmony',
    spoil: (plate) => writeFileSync(firstImage(plate), ''),
    met: 'reading',
    code: 'image-invalid',
    says: /r01c01f01p01-ch1sk1fk1fl1\.tiff: /,
  },
  {
    name: 'an image that is cut short',
    plate: 'harmony',
    spoil: (plate) => writeFileSync(firstImage(plate), readFileSync(firstImage(plate)).subarray(0, 300)),
    met: 'reading',
    code: 'image-invalid',
    says: /r01c01f01p01-ch1sk1fk1fl1\.tiff: .*cut short/,
  },
  {
    name: 'an image that is missing',
    plate: 'harmony',
    spoil: (plate) => rmSync(firstImage(plate)),
    met: 'problem',
    code: 'image-invalid',
    says: /the field v6\/A01\/1 has no image for the channel second \(ch1 \(EGFP\)\)/,
  },
  {
    name: 'an OME-TIFF whose description is no XML',
    plate: 'ome-tiff',
    spoil: (plate) => {
      const path = join(plate, 'stack.ome.tif');
      const bytes = readFileSync(path);
      bytes.write('<Image <', bytes.indexOf('<Image '), 'latin1');
      writeFileSync(path, bytes);
    },
    met: 'listing',
    code: 'image-invalid',
    says: /stack\.ome\.tif: has a damaged OME description.*no field is left/,
  },
  {
    name: 'an OME-TIFF whose description names more pages than there are',
    plate: 'ome-tiff',
    spoil: (plate) => {
      const path = join(plate, 'stack.ome.tif');
      const bytes = readFileSync(path);
      bytes.write('PlaneCount="99"', bytes.indexOf('PlaneCount="12"'), 'latin1');
      writeFileSync(path, bytes);
    },
    met: 'listing',
    code: 'image-invalid',
    says: /stack\.ome\.tif: has more planes in its OME description than its 12/,
  },
  {
    name: 'a Zarr plate whose metadata are no JSON',
    plate: 'zarr-0.4',
    spoil: (plate) => writeFileSync(join(plate, '.zattrs'), '{"plate": '),
    met: 'listing',
    code: 'image-invalid',
    says: /\.zattrs is no JSON/,
  },
  {
    name: 'a Zarr plate that names a well outside of it',
    plate: 'zarr-0.4',
    spoil: (plate) => setJson(join(plate, '.zattrs'), ['plate', 'wells', 0, 'path'], '../elsewhere'),
    met: 'listing',
    code: 'image-invalid',
    says: /names the path "\.\.\/elsewhere", expected 2 folders below it/,
  },
  {
    name: 'a Zarr plate of a version to come',
    plate: 'zarr-0.5',
    spoil: (plate) => setJson(join(plate, 'zarr.json'), ['attributes', 'ome', 'version'], '1.0'),
    met: 'listing',
    code: 'image-invalid',
    says: /has the OME-Zarr version "1\.0", expected 0\.4 or 0\.5/,
  },
  {
    name: 'a well whose metadata are missing',
    plate: 'zarr-0.5',
    spoil: (plate) => rmSync(join(plate, 'A', '1', 'zarr.json')),
    met: 'problem',
    code: 'image-invalid',
    says: /^has no zarr\.json, \.zgroup or \.zattrs/,
  },
  {
    name: 'an image whose axes are in another order',
    plate: 'zarr-0.4',
    spoil: (plate) => {
      const axes = ['t', 'c', 'x', 'y', 'z'].map((name) => ({ name, type: 'space' }));
      setJson(join(plate, 'A/1/0/.zattrs'), ['multiscales', 0, 'axes'], axes);
    },
    met: 'problem',
    code: 'image-invalid',
    says: /has the axes t, c, x, y, z, expected t, c and z \(each may be missing\), then y and x/,
  },
  {
    name: 'an array with chunks of gigabytes',
    plate: 'zarr-0.4',
    spoil: (plate) => setJson(join(plate, 'A/1/0/0/.zarray'), ['chunks'], [1, 1, 1, 100_000, 100_000]),
    met: 'problem',
    code: 'image-invalid',
    says: /has chunks of 1 x 1 x 1 x 100000 x 100000 uint16, 20000000000 bytes, expected at most 268435456/,
  },
  {
    name: 'an array with planes of gigapixels',
    plate: 'zarr-0.4',
    spoil: (plate) => setJson(join(plate, 'A/1/0/0/.zarray'), ['shape'], [1, 2, 2, 100_000, 100_000]),
    met: 'reading',
    code: 'image-invalid',
    says: /has planes of 100000 x 100000 pixels, too many/,
  },
  {
    name: 'an array of objects',
    plate: 'zarr-0.4',
    spoil: (plate) => setJson(join(plate, 'A/1/0/0/.zarray'), ['dtype'], '|O'),
    met: 'problem',
    code: 'image-invalid',
    says: /has values of the type "\|O", expected whole numbers or floats/,
  },
  {
    name: 'a compressor that is not read',
    plate: 'zarr-0.4',
    spoil: (plate) => setJson(join(plate, 'A/1/0/0/.zarray'), ['compressor'], { id: 'bz2', level: 1 }),
    met: 'reading',
    code: 'image-invalid',
    says: /numcodecs\.bz2/,
  },
  {
    name: 'a chunk of a few bytes that unpacks to gigabytes',
    plate: 'zarr-0.5',
    spoil: (plate) => writeFileSync(join(plate, 'A/1/0/0/c/0/0/0/0/0'), gzipSync(Buffer.alloc(2 ** 24))),
    met: 'reading',
    code: 'image-invalid',
    says: /the chunk 0, 0, 0, 0, 0: Cannot create a Buffer larger than \d+ bytes/,
  },
  {
    name: 'a chunk that is cut short',
    plate: 'zarr-0.4',
    spoil: (plate) => {
      const path = join(plate, 'A/1/0/0/0/0/0/0/0');
      writeFileSync(path, readFileSync(path).subarray(0, 20));
    },
    met: 'reading',
    code: 'image-invalid',
    says: /the chunk 0, 0, 0, 0, 0: is cut short/,
  },
  {
    name: 'a shard whose index leads beyond its end',
    plate: 'zarr-0.5',
    spoil: (plate) => {
      const path = join(plate, 'A/1/1/0/c/0/0/0/0/0');
      writeFileSync(path, readFileSync(path).subarray(200));
    },
    met: 'reading',
    code: 'image-invalid',
    says: /the chunk 0, 0, 0, 0, 0: unpacks to \d+ bytes, expected at most/,
  },
];

let root: string;
let copies = 0;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'deepyeast-bad-fields-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function messageOf(work: () => Promise<unknown>): Promise<{ code: string; message: string } | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(DeepYeastError);
    const { code, message } = error as DeepYeastError;
    return { code, message };
  }
}

describe.each(rows)('$name', ({ plate, spoil, met, code, says }) => {
  test(`is ${code}, met in ${met}`, async () => {
    const copy = join(root, `${copies++}`, 'plate');
    mkdirSync(copy, { recursive: true });
    cpSync(join(fixtures, plates[plate]), copy, { recursive: true });
    spoil(copy);
    const before = folderSnapshot(copy);
    const channels = new Map(
      plate === 'harmony'
        ? [
            ['first', 'ch3'],
            ['second', 'ch1'],
          ]
        : [
            ['first', '0'],
            ['second', '1'],
          ],
    );
    const list = () => listFields([copy], { channels, ...(plate !== 'harmony' && { t: 0 }) });
    const expected = { code, message: expect.stringMatching(says) };
    if (met === 'listing') expect(await messageOf(list)).toEqual(expected);
    else {
      const { fields, problems } = await list();
      // The other fields go on.
      expect(fields.length).toBeGreaterThanOrEqual(2);
      if (met === 'problem') {
        expect(problems.map(({ code, reason }) => ({ code, message: reason }))).toContainEqual(expected);
      } else {
        expect(problems).toEqual([]);
        expect(await messageOf(() => readField(fields[0]!).then(() => readField(fields[1]!)))).toEqual(expected);
        expect(await messageOf(() => readField(fields.at(-1)!))).toBeUndefined();
      }
    }
    expect(folderSnapshot(copy)).toEqual(before);
  });
});

test('a plate map that is a folder is an io-error', async () => {
  expect(await messageOf(() => readPlateMap(root))).toMatchObject({ code: 'io-error' });
});
