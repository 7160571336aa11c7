import { writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DeepYeastError } from '../../src/errors';
import { type PlateMap, readPlateMap } from '../../src/fields';
import { temporaryFolder } from '../temporary-folder';

const folder = temporaryFolder();

async function mapOf(text: string | Buffer): Promise<PlateMap> {
  writeFileSync(folder.path('map.csv'), text);
  return readPlateMap(folder.path('map.csv'));
}

async function refusal(text: string): Promise<string> {
  const error = await mapOf(text).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DeepYeastError);
  expect((error as DeepYeastError).code).toBe('table-invalid');
  return (error as DeepYeastError).message.replace(folder.path('map.csv'), 'map.csv');
}

describe('a plate map', () => {
  test('gives each well what stands in its row; A1, A01 and A001 are the same', async () => {
    const map = await mapOf('well,protein,class,dose\nA1,AAC1,mitochondria,0.5\nB012, VPH1 ,vacuole,\nAF48,x,y,z\n');
    expect(map).toMatchObject({ columns: ['protein', 'class', 'dose'], hasPlates: false });
    for (const well of ['A1', 'A01', 'a001']) {
      expect(map.lookup('any', well)).toEqual({ protein: 'AAC1', class: 'mitochondria', dose: '0.5' });
    }
    expect(map.lookup('other', 'B12')).toEqual({ protein: 'VPH1', class: 'vacuole', dose: '' });
    expect(map.lookup('', 'AF48')).toMatchObject({ protein: 'x' });
    expect(map.lookup('any', 'C01')).toBeUndefined();
  });

  test('by plate', async () => {
    const map = await mapOf('plate,well,protein\nP1,A1,one\nP2,A1,two\n');
    expect(map.hasPlates).toBe(true);
    expect([map.lookup('P1', 'A01'), map.lookup('P2', 'A01'), map.lookup('P3', 'A01')]).toEqual([
      { protein: 'one' },
      { protein: 'two' },
      undefined,
    ]);
  });

  test.each([
    ['tabs', 'Well\tProtein\tnote\nA1\tAAC1\ta, b\n'],
    ['semicolons', 'WELL;protein;note\nA1;AAC1;"a, b"\n'],
    ['a byte-order mark and CRLF', '\ufeffWell,Protein,note\r\nA1,AAC1,"a, b"\r\n'],
  ])('with %s', async (_, text) => {
    expect((await mapOf(text)).lookup('P', 'A01')).toEqual({ protein: 'AAC1', note: 'a, b' });
  });

  test('in UTF-16, as Excel saves "Unicode text"', async () => {
    const map = await mapOf(Buffer.from('\ufeffwell\tprotein\nA1\tµ\n', 'utf16le'));
    expect(map.lookup('P', 'A01')).toEqual({ protein: 'µ' });
  });

  test('wells of other names are taken as they are', async () => {
    expect((await mapOf('well,protein\nwt 1,none\n')).lookup('P', 'wt 1')).toEqual({ protein: 'none' });
  });

  test('names of columns and plates that JavaScript knows mean nothing', async () => {
    const map = await mapOf('well,plate,__proto__,constructor\nA1,toString,a,b\n');
    expect(map.columns).toEqual(['__proto__', 'constructor']);
    expect(Object.entries(map.lookup('toString', 'A1')!)).toEqual([
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ]);
    expect(map.lookup('constructor', 'A1')).toBeUndefined();
  });

  test.each([
    ['no column well', 'position,protein\nA1,x\n', 'map.csv has the columns position, protein, expected a column well'],
    [
      'a well twice, in two spellings',
      'well,protein\nA1,x\nB1,y\nA01,z\n',
      'map.csv, line 4: the well A01 stands there a second time, first in line 2: keep one row',
    ],
    [
      'a well of a plate twice',
      'well,plate\nA1,P\nA1,Q\nA001,P\n',
      'map.csv, line 4: the well A01 of the plate P stands there a second time, first in line 2: keep one row',
    ],
    ['a row without well', 'well,protein\n,x\n', 'map.csv, line 2: found no well'],
    [
      'a row without plate',
      'well,plate\nA1,\n',
      'map.csv, line 2: found no plate for the well A1, expected one as the map has a column plate',
    ],
    ['an empty file', '', 'map.csv is empty, expected a header line and rows'],
    ['a row of another length', 'well,protein\nA1\n', 'map.csv, line 2: found 1 fields, expected 2 as in the header'],
  ])('%s is refused', async (_, text, message) => {
    expect(await refusal(text)).toBe(message);
  });

  test('a missing file is an io-error', async () => {
    await expect(readPlateMap(folder.path('nowhere.csv'))).rejects.toMatchObject({ code: 'io-error' });
  });
});

describe('a plate map and the images', () => {
  const field = (plate: string, well: string) => ({ plate, well });

  test('wells without a row and rows without images are told', async () => {
    const map = await mapOf('well,protein\nA1,x\nA2,y\nB10,z\nB9,z\n');
    expect(map.compare([field('P', 'A01'), field('P', 'C03'), field('P', 'C03'), field('Q', 'A01')])).toEqual([
      `wells with images and without a row in ${map.path}: C03`,
      `${map.path} has rows for wells without images: A02, B09, B10`,
    ]);
    expect(map.compare(['A01', 'A02', 'B09', 'B10'].map((well) => field('P', well)))).toEqual([]);
  });

  test('by plate; a plate without images is told once, not well by well', async () => {
    const map = await mapOf('plate,well\nP,A1\nP,A2\nQ,A1\nQ,A2\n');
    expect(map.compare([field('P', 'A01'), field('R', 'A01')])).toEqual([
      `${map.path} names plates without images: Q`,
      `wells with images and without a row in ${map.path}: R/A01`,
      `${map.path} has rows for wells without images: P/A02`,
    ]);
  });

  test('a map of other plates is refused', async () => {
    const map = await mapOf('plate,well\nP9,A1\n');
    expect(() => map.compare([field('P1', 'A01')])).toThrow(
      `${map.path} names the plates P9, but the images are of P1: correct the column plate`,
    );
  });

  test('a map of other wells is refused', async () => {
    const map = await mapOf('well,protein\nH1,x\n');
    expect(() => map.compare([field('P1', 'A01')])).toThrow(
      `${map.path} has rows for H01, but the images are of A01: correct the column well`,
    );
  });
});

test('any text is a map or refused with a code', async () => {
  const cell = fc.constantFrom(
    'well',
    'plate',
    'protein',
    'A1',
    'A01',
    'P',
    '',
    ' ',
    '"',
    '"x',
    'ä',
    '\ufeff',
    '__proto__',
  );
  const line = fc
    .array(cell, { maxLength: 4 })
    .chain((cells) => fc.constantFrom(',', '\t', ';').map((c) => cells.join(c)));
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 5 }), fc.constantFrom('\n', '\r\n', '\r'), async (lines, end) => {
      try {
        const map = await mapOf(lines.join(end));
        map.compare([{ plate: 'P', well: 'A01' }]);
      } catch (error) {
        expect(error).toBeInstanceOf(DeepYeastError);
      }
    }),
    { numRuns: 300, seed: 5 },
  );
});
