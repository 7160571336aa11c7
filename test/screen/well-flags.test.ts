import { describe, expect, test } from 'vitest';
import { RandomSequence, RandomStream } from '../../src/random';
import { partsOf, shardsOf } from '../../src/screen/parts';
import { mannWhitney, plateEdges } from '../../src/screen/plate-edges';
import type { FieldRow, WellRow } from '../../src/screen/results';
import { fieldFlagsOf, flagWells, plateFocus } from '../../src/screen/well-flags';

function well(name: string, more: Partial<WellRow> = {}): WellRow {
  return {
    ...{ plate: 'p', well: name, part: name, protein: name, class: '', fields: 2, skipped: 0, cells: 200, used: 150 },
    ...{ flagged: 50, nonCells: 0, predicted: 'er', mixture: [0.8, 0.1, 0.1], focus: 5, background: 500, covered: 0.2 },
    ...{ saturated: 0, dead: 0.05, disagreement: null, flags: [] },
    ...more,
  };
}

function field(name: string, more: Partial<FieldRow> = {}): FieldRow {
  return {
    ...{ key: `p/${name}/1`, plate: 'p', well: name, field: '1', source: `${name}.tif`, part: name, protein: name },
    ...{
      class: null,
      cells: 200,
      kept: 200,
      used: 150,
      focus: 5,
      background: 500,
      covered: 0.2,
      saturated: 0,
      flags: [],
    },
    ...more,
  };
}

/** Flags of some wells among twenty good ones. */
function flagsOf(wells: WellRow[], fields: FieldRow[]): Record<string, string[]> {
  const good = Array.from({ length: 20 }, (_, i) => `Z${i + 1}`);
  const allFields = [...fields, ...good.map((name) => field(name))];
  const focus = plateFocus(allFields);
  for (const row of allFields) row.flags = fieldFlagsOf(row, focus.get(row.plate) as number);
  const all = [...wells, ...good.map((name) => well(name))];
  flagWells(all, allFields);
  expect(all.filter((row) => good.includes(row.well) && row.flags.length > 0)).toEqual([]);
  return Object.fromEntries(wells.map((row) => [row.well, row.flags]));
}

describe('wells', () => {
  test('each kind of bad well has its flag', () => {
    const wells = [
      well('A1', { used: 9, cells: 12 }),
      well('A2'),
      well('A3'),
      well('A4', { dead: 0.6 }),
      well('A5', { used: 0, cells: 0, skipped: 1, fields: 1 }),
      well('A6', { used: 30 }),
    ];
    const fields = [
      field('A1'),
      field('A2', { focus: 2.6 }),
      field('A3', { saturated: 0.2 }),
      field('A4'),
      field('A5', { problem: 'cannot be read' }),
      field('A6'),
    ];
    expect(flagsOf(wells, fields)).toEqual({
      A1: ['few-cells'],
      A2: ['out-of-focus'],
      A3: ['saturated'],
      A4: ['dead'],
      A5: ['no-fields'],
      A6: ['few-cells'],
    });
  });

  test('of three wells of a protein the one that differs is named, of two both, and chance is no difference', () => {
    const protein = (name: string, own: string, mixture: number[], used = 150) =>
      well(name, { protein: own, mixture, used });
    const wells = [
      protein('A1', 'x', [0.8, 0.1, 0.1]),
      protein('A2', 'x', [0.75, 0.15, 0.1]),
      protein('A3', 'x', [0.1, 0.1, 0.8]),
      protein('B1', 'y', [0.8, 0.1, 0.1]),
      protein('B2', 'y', [0.1, 0.8, 0.1]),
      // Half of 12 cells against a third of 12: what so few cells may do by chance.
      protein('C1', 'z', [0.6, 0.2, 0.2], 12),
      protein('C2', 'z', [0.25, 0.35, 0.4], 12),
    ];
    const flags = flagsOf(
      wells.map((row) => row),
      wells.map(({ well: name }) => field(name)),
    );
    const disagreeing = Object.keys(flags).filter((name) => flags[name]?.includes('disagrees'));
    expect(disagreeing).toEqual(['A3', 'B1', 'B2']);
    expect(wells[0]?.disagreement).toBeCloseTo(0.05);
    expect(wells[2]?.disagreement).toBeCloseTo(0.7);
  });
});

describe('edges of a plate', () => {
  /** 8 x 12 wells with a value by place. */
  const plate = (cellsOf: (isEdge: boolean, draw: number) => number) => {
    const draws = new RandomSequence(new RandomStream(4, 'simulation', 0, 0));
    return Array.from({ length: 96 }, (_, i) => {
      const [row, column] = [Math.floor(i / 12), i % 12];
      const isEdge = row === 0 || row === 7 || column === 0 || column === 11;
      const name = `${String.fromCharCode(65 + row)}${String(column + 1).padStart(2, '0')}`;
      return well(name, { used: cellsOf(isEdge, draws.uniform()) });
    });
  };

  test('fewer cells at the edge are an effect; differences that chance makes are none', () => {
    const [effect, ...others] = plateEdges(plate((isEdge, draw) => (isEdge ? 100 : 150) + 60 * draw));
    expect(effect).toMatchObject({ plate: 'p', measure: 'used', edgeWells: 36, innerWells: 60, effect: true });
    expect(others.every((row) => !row.effect)).toBe(true);
    expect(plateEdges(plate((_, draw) => 150 + 60 * draw))[0]).toMatchObject({ effect: false });
    // A plate of two rows is all edge.
    expect(plateEdges(plate(() => 1).slice(0, 24))[0]).toMatchObject({ innerWells: 0, p: null, effect: false });
  });

  test('the test is scipy.stats.mannwhitneyu(a, b, method="asymptotic"), 1.17.1', () => {
    expect(mannWhitney([1, 2, 3, 4, 5], [6, 7, 8, 9, 10])).toBeCloseTo(0.012185780355344813, 12);
    expect(mannWhitney([1, 2, 2, 3, 9], [2, 4, 5, 5, 7, 8])).toBeCloseTo(0.22996380068573008, 12);
    expect(mannWhitney([3, 3, 3], [3, 3, 3])).toBe(1);
  });
});

describe('parts and shards', () => {
  const fields = (wells: [plate: string, well: string, count: number][]) =>
    wells.flatMap(([plate, name, count]) =>
      Array.from({ length: count }, () => ({ images: { plate, well: name } as never })),
    );

  test('a well is a part; names are those of files, and differ whatever the case', () => {
    const parts = partsOf(
      fields([
        ['P/1', 'A01', 3],
        ['P/1', 'A02', 1],
        ['p-1', 'a02', 2],
        ['', '', 20],
        ['.', 'ü', 1],
      ]),
    );
    expect(parts).toEqual([
      { name: 'P-1_A01', first: 0, count: 3 },
      { name: 'P-1_A02', first: 3, count: 1 },
      { name: 'p-1_a02-2', first: 4, count: 2 },
      { name: 'fields', first: 6, count: 16 },
      { name: 'fields-2', first: 22, count: 4 },
      { name: '-_ü', first: 26, count: 1 },
    ]);
  });

  test('every part is in one shard, no shard is empty, and none has far more fields than its share', () => {
    const draws = new RandomSequence(new RandomStream(8, 'simulation', 0, 0));
    for (let round = 0; round < 200; round++) {
      const counts = Array.from({ length: 1 + draws.integer(40) }, () => 1 + draws.integer(12));
      const parts = partsOf(fields(counts.map((count, i) => ['p', `w${i}`, count])));
      const shards = shardsOf(parts, 1 + draws.integer(parts.length));
      expect(shards.flatMap(({ first, count }) => parts.slice(first, first + count))).toEqual(parts);
      const sizes = shards.map(({ first, count }) =>
        parts.slice(first, first + count).reduce((sum, part) => sum + part.count, 0),
      );
      const total = counts.reduce((sum, count) => sum + count, 0);
      expect(Math.min(...sizes)).toBeGreaterThan(0);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(total / shards.length + 2 * Math.max(...counts));
    }
  });
});
