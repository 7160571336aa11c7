import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  optionalNumber,
  parseHexadecimal,
  parseNumber,
  parseWholeNumber,
  requireNumber,
  rounded,
  roundedTo,
} from '../../src/files/number';

describe('numbers written as text', () => {
  test.each([
    ['0', 0],
    [' -1.5e3 ', -1500],
    ['+.25', 0.25],
    ['7.', 7],
    ['1E-7', 1e-7],
  ])('%j is %d', (text, value) => expect(parseNumber(text)).toBe(value));

  test.each([
    '',
    ' ',
    '0,9',
    'nan',
    'NaN',
    'Infinity',
    '-inf',
    '0x10',
    '0b1',
    '1_000',
    '1 000',
    '1e400',
    '12px',
    'true',
    '٣',
  ])('%j is none', (text) => expect(parseNumber(text)).toBeUndefined());

  test('what a number is written as is read back', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(parseNumber(String(value))).toBe(value === 0 ? 0 : value);
      }),
    );
  });

  test('whole and hexadecimal numbers', () => {
    expect([parseWholeNumber('007'), parseWholeNumber('9007199254740991')]).toEqual([7, 9_007_199_254_740_991]);
    for (const text of ['', '-1', '+1', '1.0', '9007199254740993', '1e3', ' 1'])
      expect(parseWholeNumber(text)).toBeUndefined();
    expect([parseHexadecimal('fF'), parseHexadecimal('0x1'), parseHexadecimal('')]).toEqual([
      255,
      undefined,
      undefined,
    ]);
    expect([rounded(1234.567, 3), roundedTo(1.23456, 2)]).toEqual([1230, 1.23]);
  });

  test('a field that is none names file, row, column and text', () => {
    const place = { path: 'scores.csv', where: 'line 7', column: 'quality' };
    expect(() => requireNumber('0,9', place)).toThrow(
      /scores\.csv, line 7: found '0,9' in column 'quality', expected a number with a decimal point/,
    );
    expect(() => requireNumber('nan', place)).toThrow(expect.objectContaining({ code: 'table-invalid' }));
    expect(() => requireNumber('', place)).toThrow(/found ''/);
    expect([optionalNumber(' ', place), optionalNumber('2', place)]).toEqual([undefined, 2]);
  });
});

/**
 * Readers of binary formats, and of masks with 64-bit numbers, turn 64-bit integers into numbers, which are no text. Everything else goes through
 * src/files/number.ts: JavaScript's own conversions take '' for 0 and '0x10' for 16.
 */
const binaryFormats = /^(?:files[/\\](?:safetensors|tiff|parquet|npy|zarr|hdf5|ome)|fields[/\\]label-image)/;

test('nothing in src converts text to numbers by itself', () => {
  const source = join(__dirname, '../../src');
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.ts') && name !== join('files', 'number.ts') && !binaryFormats.test(name),
  );
  expect(files.length).toBeGreaterThan(150);
  const found = files.flatMap((name) =>
    readFileSync(join(source, name), 'utf8')
      .split('\n')
      .flatMap((line, i) =>
        /\bNumber\(|\bparseFloat\b|\bparseInt\b|map\(Number\)/.test(line)
          ? [`${relative(source, join(source, name))}:${i + 1} ${line.trim()}`]
          : [],
      ),
  );
  expect(found).toEqual([]);
});
