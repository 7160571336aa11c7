import { expect, test } from 'vitest';
import { proteinChanges } from '../../src/proteins/changes';
import { benjaminiHochberg } from '../../src/proteins/false-discovery';
import { SoftCounts } from '../../src/proteins/soft-counts';
import { RandomStream } from '../../src/random';
import { analysisFixture } from '../features/fixture';

const classes = ['nucleus', 'cytoplasm', 'vacuole'];

test('Benjamini and Hochberg’s adjustment is SciPy’s; what was not tested stays null', () => {
  const { p, adjusted } = analysisFixture<{ p: number[]; adjusted: number[] }>('false-discovery');
  benjaminiHochberg(p).forEach((q, i) => {
    expect(q).toBeCloseTo(adjusted[i] as number, 12);
  });
  expect(benjaminiHochberg([null, 0.02, null, 0.01])).toEqual([null, 0.02, null, 0.02]);
});

/** A screen of proteins in fields; each field has a deviation of its own, shared by its cells. */
function screen(shares: ReadonlyMap<string, number>, fields: number, seed: number): SoftCounts {
  const sums = new SoftCounts(classes);
  const noise = new RandomStream(seed, 'analysis', 0, 5);
  let draw = 0;
  for (const [protein, nuclear] of shares) {
    for (let field = 0; field < fields; field++) {
      const shared = 0.08 * noise.normal(draw++);
      for (let cell = 0; cell < 8; cell++) {
        const inside = noise.uniform(draw++) < nuclear + shared ? 0.9 : 0.1;
        sums.addCell({ protein, field: `${seed}/${field}`, label: null, posterior: [inside, 1 - inside, 0] });
      }
    }
  }
  return sums;
}

test('planted movers are found, and false discoveries are as few as stated', () => {
  const proteins = Array.from({ length: 100 }, (_, i) => `P${String(i).padStart(3, '0')}`);
  const moving = new Set(proteins.slice(0, 25));
  const before = screen(new Map(proteins.map((name) => [name, 0.25])), 6, 1);
  const after = screen(new Map(proteins.map((name) => [name, moving.has(name) ? 0.8 : 0.25])), 6, 2);
  const table = proteinChanges(after, before, { falseDiscoveryRate: 0.1, seed: 3 });
  const called = table.proteins.filter(({ moved }) => moved);
  const found = called.filter(({ protein }) => moving.has(protein));
  expect(table.tested).toBe(100);
  // All 924 ways to deal twelve fields out.
  expect(table.proteins[0]).toMatchObject({ permutations: 924, exact: true });
  expect(found.length).toBeGreaterThanOrEqual(23);
  // A tenth of those called are expected to be false; twice that is not.
  expect(called.length - found.length).toBeLessThanOrEqual(0.2 * called.length);
  for (const row of found) {
    expect(['nucleus', 'cytoplasm']).toContain(row.changedClass);
    expect(row.distance).toBeGreaterThan(0.2);
    expect(Math.sign(row.change)).toBe(row.changedClass === 'nucleus' ? 1 : -1);
    expect(Math.sign(row.cohensH)).toBe(Math.sign(row.change));
  }
});

test('without movers p values are uniform: the share below 0.1 is a tenth', () => {
  const proteins = new Map(Array.from({ length: 200 }, (_, i) => [`P${i}`, 0.5] as const));
  const table = proteinChanges(screen(proteins, 4, 7), screen(proteins, 4, 8));
  const small = table.proteins.filter(({ p }) => (p as number) <= 0.1).length / 200;
  expect(small).toBeLessThan(0.17);
  expect(table.moved).toBeLessThanOrEqual(2);
});

test('one field in each condition is no test; the change is given all the same', () => {
  const one = (share: number, seed: number) => screen(new Map([['P', share]]), 1, seed);
  const table = proteinChanges(one(1, 1), one(0, 2));
  expect(table).toMatchObject({ tested: 0, moved: 0 });
  expect(table.proteins[0]).toMatchObject({ p: null, q: null, moved: false, fields: 1, cells: 8 });
  expect(table.proteins[0]?.distance).toBeGreaterThan(0.4);
});

test('many fields are drawn at random, the same for the same seed', () => {
  const of = (share: number, seed: number) => screen(new Map([['P', share]]), 12, seed);
  const changes = (seed: number) => proteinChanges(of(0.9, 1), of(0.1, 2), { permutations: 499, seed }).proteins[0];
  expect(changes(1)).toMatchObject({ exact: false, permutations: 499, p: 1 / 500 });
  expect(changes(1)).toEqual(changes(1));
});

test('tables of other classes and proteins of one condition only', () => {
  const a = screen(new Map([['P', 0.5]]), 2, 1);
  const b = screen(new Map([['Q', 0.5]]), 2, 1);
  expect(proteinChanges(a, b)).toMatchObject({ onlyIn: 1, onlyInAgainst: 1, proteins: [] });
  expect(() => proteinChanges(a, new SoftCounts(['nucleus']))).toThrow(/predict both with one model/);
});
