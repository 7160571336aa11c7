import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareWells, normalizeWell, parseWell, wellName } from '../../src/fields';

describe('names of wells', () => {
  test.each([
    ['A1', 'A01'],
    ['a01', 'A01'],
    ['A001', 'A01'],
    [' h12 ', 'H12'],
    ['P24', 'P24'],
    ['AA1', 'AA01'],
    ['AF48', 'AF48'],
    ['af048', 'AF48'],
  ])('%s is %s', (written, name) => {
    expect(normalizeWell(written)).toBe(name);
  });

  test.each(['', 'A', '1', 'A0', 'A00', 'A49', 'AG1', 'ZZ1', 'AAA1', 'A1B', 'r01c01', 'wt', 'A-1', 'A1.5', 'A0001'])(
    '"%s" is no well and stays as it is',
    (written) => {
      expect(parseWell(written)).toBeUndefined();
      expect(normalizeWell(written)).toBe(written);
    },
  );

  test('every well of 1,536 has one name, which reads back', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 32 }), fc.integer({ min: 1, max: 48 }), (row, column) => {
        const name = wellName({ row, column });
        expect(name).toMatch(/^(?:[A-Z]|A[A-F])\d\d$/);
        expect(parseWell(name)).toEqual({ row, column });
        expect(parseWell(name.toLowerCase().replace(/0(?=\d$)/, ''))).toEqual({ row, column });
      }),
    );
    const names = new Set<string>();
    for (let row = 1; row <= 32; row++)
      for (let column = 1; column <= 48; column++) names.add(wellName({ row, column }));
    expect(names.size).toBe(1536);
  });

  test('wells are ordered by row, then by column; other names come last', () => {
    const wells = ['wt', 'AA01', 'B02', 'A10', 'A02', 'Z01', 'B01', 'mutant'];
    expect(wells.sort(compareWells)).toEqual(['A02', 'A10', 'B01', 'B02', 'Z01', 'AA01', 'mutant', 'wt']);
  });
});
