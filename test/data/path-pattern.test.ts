import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deepYeastPattern } from '../../src/data/import-plan';
import { parsePathPattern } from '../../src/data/path-pattern';
import { DeepYeastError } from '../../src/errors';

test('the layout of DeepYeast', () => {
  const pattern = parsePathPattern(deepYeastPattern);
  expect(pattern.names).toEqual(['plate', 'well', 'field', 'image', 'cell']);
  expect(pattern.depth).toBe(1);
  expect(pattern.match('plate11/007016000-6-16215-7.png')).toEqual({
    ...{ plate: 'plate11', well: '007016000', field: '6', image: '16215', cell: '7' },
  });
  expect(pattern.match('images/er-1.png')).toBeUndefined();
  expect(pattern.match('a/plate11/007016000-6-16215-7.png')).toBeUndefined();
  expect(pattern.match('plate11/007016000-6-16215-7.tif')).toBeUndefined();
});

test('a repeated name must be the same text', () => {
  const pattern = parsePathPattern('{protein}/{protein}_{field}_rfp_{cell}_{channel}.tif');
  expect(pattern.match('AAC1/AAC1_1_rfp_10_gfp.tif')).toEqual({
    protein: 'AAC1',
    field: '1',
    cell: '10',
    channel: 'gfp',
  });
  expect(pattern.match('AAC1/AAC2_1_rfp_10_gfp.tif')).toBeUndefined();
});

test('a star is any text without a slash; other characters mean themselves', () => {
  expect(parsePathPattern('{class}/*').match('er/a-1.png')).toEqual({ class: 'er' });
  expect(parsePathPattern('{class}/*').match('er/b/a.png')).toBeUndefined();
  expect(parsePathPattern('a.b(+)[{x}]$').match('a.b(+)[7]$')).toEqual({ x: '7' });
  expect(parsePathPattern('a.b{x}').match('aXb7')).toBeUndefined();
});

test.each(['', '/abs/{cell}.png', '../{cell}.png', '{plate', 'plate}', '{}', '{a b}', '{1}', '{a{b}}'])(
  'the pattern "%s" is refused',
  (text) => {
    expect(() => parsePathPattern(text)).toThrow(DeepYeastError);
    expect(() => parsePathPattern(text)).toThrow(/the pattern/);
  },
);

describe('properties', () => {
  const value = fc.string({ unit: fc.constantFrom('a', 'B', '7', 'é', '.', '$', ' '), minLength: 1, maxLength: 6 });

  test('what fills a pattern is what it finds', () => {
    const parts = fc.record({ plate: value, well: value, field: value, image: value, cell: value });
    fc.assert(
      fc.property(parts, ({ plate, well, field, image, cell }) => {
        const path = `${plate}/${well}-${field}-${image}-${cell}.png`;
        expect(parsePathPattern(deepYeastPattern).match(path)).toEqual({ plate, well, field, image, cell });
      }),
    );
  });

  test('any text is a pattern or invalid-argument, and matches or not', () => {
    const text = fc.string({
      unit: fc.constantFrom('{', '}', 'a', 'b', '*', '/', '.', '\\', '(', '[', '^'),
      maxLength: 12,
    });
    fc.assert(
      fc.property(text, fc.string(), (pattern, path) => {
        try {
          const match = parsePathPattern(pattern).match(path);
          expect(match === undefined || typeof match === 'object').toBe(true);
        } catch (error) {
          expect((error as DeepYeastError).code).toBe('invalid-argument');
        }
      }),
      { numRuns: 500 },
    );
  });
});
