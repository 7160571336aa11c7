import { describe, expect, test } from 'vitest';
import { type SimulatedField, simulateField } from '../../../../src/index';

function same(a: Uint16Array | Uint32Array, b: Uint16Array | Uint32Array): boolean {
  return Buffer.from(a.buffer).equals(Buffer.from(b.buffer));
}

/** Pixels of every label. */
function areasOf({ labels, table }: SimulatedField): number[] {
  const areas = new Array<number>(table.length + 1).fill(0);
  for (const label of labels) areas[label] = (areas[label] as number) + 1;
  return areas.slice(1);
}

/** Connected pieces (four neighbours) of every label. */
function piecesOf({ labels, table, width }: SimulatedField): number[] {
  const pieces = new Array<number>(table.length + 1).fill(0);
  const seen = new Uint8Array(labels.length);
  for (let start = 0; start < labels.length; start++) {
    const label = labels[start] as number;
    if (label === 0 || seen[start]) continue;
    pieces[label] = (pieces[label] as number) + 1;
    seen[start] = 1;
    const left = [start];
    for (let at = left.pop(); at !== undefined; at = left.pop())
      for (const next of [at % width > 0 ? at - 1 : -1, at % width < width - 1 ? at + 1 : -1, at - width, at + width])
        if (labels[next] === label && !seen[next]) {
          seen[next] = 1;
          left.push(next);
        }
  }
  return pieces.slice(1);
}

const small = { size: 400, cells: 60, diameter: 24, seed: 5 } as const;

describe('truth', () => {
  test('the table measures the masks: one connected label a body, numbered without gaps', () => {
    const field = simulateField({ ...small, otherPlane: 0.3, dead: 0.1 });
    const { labels, table, width, height } = field;
    expect(table.map(({ label }) => label)).toEqual(table.map((_, index) => index + 1));
    expect(areasOf(field)).toEqual(table.map(({ area }) => area));
    expect(piecesOf(field)).toEqual(table.map(() => 1));
    const sums = table.map(() => ({ x: 0, y: 0, border: false }));
    for (let at = 0; at < labels.length; at++) {
      const label = labels[at] as number;
      if (label === 0) continue;
      const [x, y] = [at % width, Math.floor(at / width)];
      const sum = sums[label - 1] as { x: number; y: number; border: boolean };
      sum.x += x;
      sum.y += y;
      if (x === 0 || y === 0 || x === width - 1 || y === height - 1) sum.border = true;
    }
    for (const [index, cell] of table.entries()) {
      const sum = sums[index] as { x: number; y: number; border: boolean };
      expect(cell.x).toBeCloseTo(sum.x / cell.area, 6);
      expect(cell.y).toBeCloseTo(sum.y / cell.area, 6);
      expect(cell.border).toBe(sum.border);
    }
  });

  test('a bud has its own label, lies beside its mother and is smaller', () => {
    const { table } = simulateField({ ...small, budded: 1, clumped: 0, dead: 0, otherPlane: 0 });
    const buds = table.filter(({ budOf }) => budOf !== 0);
    expect(buds.length).toBeGreaterThan(30);
    for (const bud of buds) {
      const mother = table[bud.budOf - 1];
      expect(mother?.budOf).toBe(0);
      expect(bud.diameter).toBeLessThan(mother?.diameter ?? 0);
      if (bud.border || mother?.border) continue;
      expect(Math.hypot(bud.x - (mother?.x ?? 0), bud.y - (mother?.y ?? 0))).toBeLessThan(mother?.diameter ?? 0);
    }
  });

  test('an outline lies where the light of a cell has fallen to 40% of its level', () => {
    // Cells on their own, without vacuoles that could be as dark: the light along rays from the centre.
    const { table, labels, planes, width } = simulateField({
      ...small,
      size: 700,
      clumped: 0,
      budded: 0,
      dead: 0,
      otherPlane: 0,
      debris: 0,
      vignetting: 0,
      noise: 0.02,
    });
    const red = planes.rfp.data;
    const dark = [...red].sort((a, b) => a - b)[Math.floor(red.length / 4)] as number;
    const shares: number[] = [];
    for (const { label, x, y, border, area } of table) {
      if (border) continue;
      let level = 0;
      for (let at = 0; at < labels.length; at++)
        if (labels[at] === label) level = Math.max(level, (red[at] as number) - dark);
      const radius = Math.sqrt(area / Math.PI);
      for (let angle = 0; angle < 2 * Math.PI; angle += 0.3)
        for (let r = 0.5 * radius; r < 2 * radius; r += 0.25) {
          const at = Math.round(y + r * Math.sin(angle)) * width + Math.round(x + r * Math.cos(angle));
          if (labels[at] === label) continue;
          shares.push(((red[at] as number) - dark) / level);
          break;
        }
    }
    shares.sort((a, b) => a - b);
    // The first pixel outside of the outline.
    expect(shares[Math.floor(shares.length / 2)]).toBeGreaterThan(0.2);
    expect(shares[Math.floor(shares.length / 2)]).toBeLessThan(0.42);
  });

  test('cells are drawn about as many and as large as asked', () => {
    for (const [cells, diameter] of [
      [40, 20],
      [150, 20],
      [40, 34],
    ] as const) {
      const field = simulateField({ size: 500, cells, diameter, seed: 2, otherPlane: 0, dead: 0 });
      const mothers = field.table.filter(({ budOf, x, y }) => budOf === 0 && x > 0 && y > 0);
      expect(mothers.length).toBeGreaterThan(0.75 * cells);
      expect(mothers.length).toBeLessThan(1.4 * cells);
      const diameters = mothers.map((cell) => cell.diameter).sort((a, b) => a - b);
      expect(diameters[Math.floor(diameters.length / 2)]).toBeGreaterThan(0.9 * diameter);
      expect(diameters[Math.floor(diameters.length / 2)]).toBeLessThan(1.1 * diameter);
    }
  });

  test('what is asked for is planted: dead cells, cells in another plane, a part out of focus', () => {
    const count = (field: SimulatedField, flag: string) => field.table.filter((cell) => cell.flag === flag).length;
    const clean = simulateField({ ...small, dead: 0, otherPlane: 0 });
    expect(count(clean, 'dead')).toBe(0);
    expect(clean.table.filter(({ layer }) => layer === 'other-plane')).toEqual([]);
    const dead = simulateField({ ...small, dead: 0.5, otherPlane: 0 });
    expect(count(dead, 'dead')).toBeGreaterThan(15);
    const half = simulateField({ ...small, outOfFocus: 0.5, otherPlane: 0, dead: 0 });
    const blurred = half.table.filter(({ flag, area }) => flag === 'unsure' && area > 100).length;
    expect(blurred / half.table.length).toBeGreaterThan(0.2);
    expect(blurred / half.table.length).toBeLessThan(0.6);
  });
});

describe('planes', () => {
  test('the same options give the same field, another field another one', () => {
    const [a, b, c] = [simulateField(small), simulateField(small), simulateField({ ...small, field: 1 })];
    expect(b.table).toEqual(a.table);
    for (const role of ['rfp', 'gfp'] as const) {
      expect(same(b.planes[role].data, a.planes[role].data)).toBe(true);
      expect(same(c.planes[role].data, a.planes[role].data)).toBe(false);
    }
    expect(same(b.labels, a.labels)).toBe(true);
  });

  test('noise changes the pixels but nothing that is planted', () => {
    const [quiet, loud] = [simulateField({ ...small, noise: 0.2 }), simulateField({ ...small, noise: 2 })];
    expect(same(loud.labels, quiet.labels)).toBe(true);
    expect(same(loud.planes.rfp.data, quiet.planes.rfp.data)).toBe(false);
    expect(loud.table).toEqual(quiet.table);
  });

  test('a field need not be a square, and its sides may be odd', () => {
    const field = simulateField({ size: { width: 301, height: 203 }, cells: 20, diameter: 20 });
    expect(field.planes.rfp).toMatchObject({ width: 301, height: 203 });
    expect(field.planes.gfp.data.length).toBe(301 * 203);
    expect(field.labels.length).toBe(301 * 203);
    // The last pixel is drawn as well.
    expect(field.planes.rfp.data.at(-1)).toBeGreaterThan(0);
  });

  test('whole-field faults: nothing in it, everything at the top of the scale, a few cells, dead ones', () => {
    expect(simulateField({ ...small, fault: 'empty' }).table).toEqual([]);
    const saturated = simulateField({ ...small, fault: 'saturated' });
    const full = saturated.planes.rfp.data.filter((count) => count === 65535).length;
    expect(full / saturated.labels.length).toBeGreaterThan(0.05);
    expect(simulateField({ ...small, fault: 'sparse' }).table.length).toBeLessThan(12);
    const dead = simulateField({ ...small, fault: 'dead', otherPlane: 0 }).table;
    expect(dead.filter(({ flag }) => flag === 'dead').length / dead.length).toBeGreaterThan(0.7);
  });
});

describe('errors', () => {
  test.each([
    [{ size: 10 }, 'size'],
    [{ size: { width: 200, height: 200.5 } }, 'size'],
    [{ cells: -1 }, 'cells'],
    [{ cells: 100000 }, 'fit into'],
    [{ diameter: 3 }, 'diameter'],
    [{ noise: 0 }, 'noise'],
    [{ dead: 2 }, 'dead'],
    [{ budded: Number.NaN }, 'budded'],
    [{ difficulty: 'cruel' as 'easy' }, 'cruel'],
    [{ compartment: 'nowhere' as 'er' }, 'nowhere'],
    [{ fault: 'stolen' as 'empty' }, 'stolen'],
    [{ seed: -1 }, 'seed'],
  ])('%o is refused', (options, word) => {
    expect(() => simulateField(options)).toThrow(
      expect.objectContaining({ code: 'invalid-argument', message: expect.stringContaining(word) }),
    );
  });
});
