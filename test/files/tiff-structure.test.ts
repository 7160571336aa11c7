import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkTiffStructure } from '../../src/files/tiff-structure';

const fixtures = join(__dirname, '../fixtures/data/tiff');
const names = readdirSync(fixtures).filter((name) => name.endsWith('.tif'));
const fixture = (name: string) => readFileSync(join(fixtures, `${name}.tif`));

/** Where the fields of the first page of a little-endian TIFF are, by tag; and where the offset of the next page is. */
function firstPage(bytes: Buffer): { field(tag: number): number; next: number } {
  const page = bytes.readUInt32LE(4);
  const count = bytes.readUInt16LE(page);
  const starts = Array.from({ length: count }, (_, index) => page + 2 + 12 * index);
  return {
    field: (tag) => starts.find((at) => bytes.readUInt16LE(at) === tag) as number,
    next: page + 2 + 12 * count,
  };
}

test.each(names)('%s is sound', (name) => {
  expect(() => checkTiffStructure(readFileSync(join(fixtures, name)))).not.toThrow();
});

describe('damage', () => {
  test('pages in a ring', () => {
    const bytes = fixture('pages');
    bytes.writeUInt32LE(bytes.readUInt32LE(4), firstPage(bytes).next);
    expect(() => checkTiffStructure(bytes)).toThrow(/pages follow each other in a ring/);
  });

  test.each([
    ['more pixels than fit in memory', 256, 0x7fffffff, /2147483647 x 3 x 1 samples, too many/],
    ['no pixels', 257, 0, /a page without pixels/],
    ['strips of no rows', 278, 0, /strips of 5 x 0 pixels/],
    ['fewer strips than the rows need', 278, 1, /lists 1 strips, expected at least 3/],
  ])('%s', (_, tag, value, message) => {
    const bytes = fixture('uint16');
    const at = firstPage(bytes).field(tag);
    bytes.writeUInt16LE(4, at + 2); // a 32-bit number
    bytes.writeUInt32LE(value, at + 8);
    expect(() => checkTiffStructure(bytes)).toThrow(message);
  });

  test('values beyond the end of the file', () => {
    const bytes = fixture('uint16');
    bytes.writeUInt32LE(1_000_000, firstPage(bytes).field(273) + 4);
    expect(() => checkTiffStructure(bytes)).toThrow(/points to byte \d+ of \d+/);
  });

  test('a field of no known type', () => {
    const bytes = fixture('uint16');
    bytes.writeUInt16LE(99, firstPage(bytes).field(256) + 2);
    expect(() => checkTiffStructure(bytes)).toThrow(/unknown type 99/);
  });

  test('no page, no header', () => {
    const bytes = fixture('uint16');
    bytes.writeUInt32LE(0, 4);
    expect(() => checkTiffStructure(bytes)).toThrow(/it has no pages/);
    expect(() => checkTiffStructure(Buffer.from('II*\0'))).toThrow(/cut short/);
  });

  test('cut anywhere or changed anywhere: sound or an Error with a reason', () => {
    const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 5 });
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        edits,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (name, changes, part) => {
          const bytes = readFileSync(join(fixtures, name));
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          try {
            checkTiffStructure(bytes.subarray(0, Math.ceil(bytes.length * part)));
          } catch (error) {
            expect((error as Error).message).toMatch(/^(is damaged|has )/);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});
