import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parsePathPattern, readPaths } from '../../src/data/path-pattern';

const read = (pattern: string, paths: string[], known: Record<string, ReadonlySet<string>> = {}) =>
  readPaths(parsePathPattern(pattern), paths, known);

describe('a path that fits in several ways', () => {
  test('genes with hyphens: fields and cells are numbers in the whole set', () => {
    const { parts, warnings } = read('{class}/{protein}-{field}-{cell}.png', [
      'er/YER087C-B-1-1.png',
      'er/YER087C-B-2-1.png',
      'nucleus/YER087C-1-1.png',
      'nucleus/YDR524W-A-1-12.png',
    ]);
    expect(parts.map((part) => [part?.protein, part?.field, part?.cell])).toEqual([
      ['YER087C-B', '1', '1'],
      ['YER087C-B', '2', '1'],
      ['YER087C', '1', '1'],
      ['YDR524W-A', '1', '12'],
    ]);
    expect(warnings).toEqual([
      expect.stringMatching(/3 of 4 paths fit .* in several ways; .*protein YER087C-B, field 1, cell 1/),
    ]);
  });

  test('what is unambiguous needs no warning', () => {
    expect(read('{protein}-{field}-{cell}.png', ['P-a-b.png', 'Q-c-d.png', 'other.png'])).toEqual({
      parts: [{ protein: 'P', field: 'a', cell: 'b' }, { protein: 'Q', field: 'c', cell: 'd' }, undefined],
      warnings: [],
    });
  });

  test('one path of the set that is no number takes the numbers from all', () => {
    expect(() => read('{protein}-{field}-{cell}.png', ['YER087C-B-1-1.png', 'P-B-1.png'])).toThrow(
      /fits YER087C-B-1-1\.png in several ways: .* is "protein YER087C.*" or "protein .*"; say .* as in \{protein\}-\{field:\w+\}-\{cell:\w+\}\.png/,
    );
  });

  test('numbers with a letter, and wells', () => {
    expect(read('{protein}_{field}_{cell}.tif', ['HIS3_x_f01_c2.tif', 'ADE1_f02_c11.tif']).parts[0]).toEqual({
      protein: 'HIS3_x',
      field: 'f01',
      cell: 'c2',
    });
    const wells = read('{plate}-{well}-{cell}.tif', ['screen-a-B03-1.tif', 'screen-b-H12-2.tif']).parts;
    expect(wells.map((part) => part?.plate)).toEqual(['screen-a', 'screen-b']);
  });

  test('a number beside the protein belongs to nobody in particular, unless the set or a table says so', () => {
    expect(() => read('{protein}-{cell}.png', ['AAC1-3-12.png', 'AAC1-3-13.png'])).toThrow(
      /"protein AAC1-3, cell 12" or "protein AAC1, cell 3-12"/,
    );
    // The table knows AAC1 alone, the numbers say AAC1-3.
    expect(() => read('{protein}-{cell}.png', ['AAC1-3-12.png'], { protein: new Set(['AAC1']) })).toThrow(
      /in several ways/,
    );
    // Others of the set split in one way only, with a number for the cell.
    expect(read('{protein}-{cell}.png', ['HIS3-1-12.png', 'AAC1-13.png']).parts[0]).toEqual({
      protein: 'HIS3-1',
      cell: '12',
    });
  });

  test('proteins of a table, of which one is the beginning of another', () => {
    const known = { protein: new Set(['YDR524C', 'YDR524C-B', 'DUR1,2', 'HIS3-1', 'HIS3']) };
    const { parts } = read(
      '{protein}-{field}-{cell}.png',
      ['YDR524C-B-1-1.png', 'DUR1,2-3-4.png', 'HIS3-1-1-2.png', 'HIS3-2-1.png'],
      known,
    );
    expect(parts.map((part) => part?.protein)).toEqual(['YDR524C-B', 'DUR1,2', 'HIS3-1', 'HIS3']);
    // Not in the table: it must not get the label of the one that is.
    const other = read('{protein}-{field}-{cell}.png', ['YER087C-B-1-1.png'], { protein: new Set(['YER087C']) });
    expect(other.parts[0]?.protein).toBe('YER087C-B');
    const free = read('{plate}_{protein}_{cell}.png', ['day_1_HIS3_x_a.png'], { protein: new Set(['HIS3_x']) });
    expect(free.parts[0]).toEqual({ plate: 'day_1', protein: 'HIS3_x', cell: 'a' });
  });

  test('the channels asked for', () => {
    const { parts } = read('{cell}_{channel}.tif', ['a_b_gfp_em.tif'], { channel: new Set(['gfp_em', 'rfp']) });
    expect(parts[0]).toEqual({ cell: 'a_b', channel: 'gfp_em' });
  });

  test('kinds in the pattern', () => {
    const pattern = parsePathPattern('{protein}-{field:word}-{cell:number}.png');
    expect(pattern.match('a-b-c-7.png')).toEqual({ protein: 'a-b', field: 'c', cell: '7' });
    expect(pattern.match('a-b-c-x.png')).toBeUndefined();
    expect(parsePathPattern('{well:well}{field}.tif').match('A01x.tif')).toEqual({ well: 'A01', field: 'x' });
    expect(parsePathPattern('{protein:orf}-{cell}.png').match('YER087C-B-1.png')).toEqual({
      protein: 'YER087C-B',
      cell: '1',
    });
    for (const text of ['{a:digits}', '{a:number}-{a:word}', '{a:}'])
      expect(() => parsePathPattern(text)).toThrow(/the pattern/);
  });

  test('a name may be that of an object’s method', () => {
    const { parts } = read('{constructor}-{__proto__}.png', ['a-b.png', 'c-d.png']);
    expect(parts.map((part) => Object.entries(part ?? {}).flat())).toEqual([
      ['constructor', 'a', '__proto__', 'b'],
      ['constructor', 'c', '__proto__', 'd'],
    ]);
  });

  test('a single path is matched or refused', () => {
    expect(parsePathPattern('{protein}-{field}-{cell}.png').match('YER087C-B-1-1.png')?.protein).toBe('YER087C-B');
    expect(() => parsePathPattern('{a}-{b}.png').match('x-y-z.png')).toThrow(
      expect.objectContaining({ code: 'invalid-argument' }),
    );
    expect(() => parsePathPattern('{protein}_*_{cell}.png').match('x_y_z_w.png')).toThrow(/in several ways/);
  });
});

describe('against a plain search', () => {
  const unit = fc.constantFrom('a', '1', '-', '_', 'B');
  const token = fc.constantFrom('{x}', '{y}', '{x}', '-', '_', '*', 'a', '1', '/', '{z:number}', '{w:word}');

  /** All namings by trying every split: exponential, for short texts. */
  function namings(tokens: string[], path: string): Set<string> {
    const found = new Set<string>();
    const go = (t: number, p: number, named: Record<string, string>) => {
      const current = tokens[t];
      if (current === undefined) {
        if (p === path.length) found.add(JSON.stringify(Object.entries(named).sort()));
        return;
      }
      if (!current.startsWith('{') && current !== '*') {
        if (path.startsWith(current, p)) go(t + 1, p + current.length, named);
        return;
      }
      for (let end = current === '*' ? p : p + 1; end <= path.length; end++) {
        const text = path.slice(p, end);
        if (text.includes('/')) break;
        if (current === '*') {
          go(t + 1, end, named);
          continue;
        }
        const [name = '', kind] = current.slice(1, -1).split(':');
        if (kind === 'number' && !/^\d+$/.test(text)) continue;
        if (kind === 'word' && /[-_]/.test(text)) continue;
        if (Object.hasOwn(named, name) && named[name] !== text) continue;
        go(t + 1, end, { ...named, [name]: text });
      }
    };
    go(0, 0, {});
    return found;
  }

  test('none, one or several readings, and the same ones', () => {
    fc.assert(
      fc.property(
        fc.array(token, { minLength: 1, maxLength: 7 }),
        fc.array(fc.oneof({ weight: 9, arbitrary: unit }, fc.constant('/')), { minLength: 1, maxLength: 9 }),
        (tokens, units) => {
          if (tokens[0] === '/') return;
          const pattern = parsePathPattern(tokens.join(''));
          const path = units.join('');
          const expected = namings(tokens, path);
          const count = pattern.count(path);
          expect(count).toBe(expected.size > 1 ? 'several' : expected.size);
          const readings = pattern.readings(path, 1000).map((parts) => JSON.stringify(Object.entries(parts).sort()));
          expect(new Set(readings)).toEqual(expected);
        },
      ),
      { seed: 20, numRuns: 3000 },
    );
  });
});

describe('long names and greedy patterns end soon', () => {
  // A search that goes back would try 10^10 and more ways.
  const long = '-'.repeat(244);
  test.each([
    ['{a}-{b}-{c}-{d}-{e}-{f}.png', `${long}.jpg`, 0],
    ['{a}-{b}-{c}-{d}-{e}-{f}.png', `${long}.png`, 'several'],
    ['{a}{b}{c}{d}{e}{f}x.png', `${long}.png`, 0],
    ['*-*-*-*-*-*-*{a}x.png', `${long}.png`, 0],
    ['{a:word}-{b:number}-*-{c}-*-{d}-x', `${'a-1-'.repeat(60)}y`, 0],
    ['{a}/{a}-{b}-{a}-{c}-{a}x.png', `${long}/${long}.png`, 0],
  ])('%s', (pattern, path, count) => expect(parsePathPattern(pattern).count(path)).toBe(count));

  test('six repeated names are refused rather than tried for ever', () => {
    const pattern = parsePathPattern('{a}{b}{c}{d}{e}{f}{a}{b}{c}{d}{e}{f}x');
    expect(() => pattern.count(`${'ab'.repeat(120)}bx`)).toThrow(
      expect.objectContaining({ code: 'invalid-argument', message: expect.stringContaining('too many parts') }),
    );
  });
});
