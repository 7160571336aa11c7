import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { betaInterval, dirichletTable, type ProteinTable } from '../../src/proteins/dirichlet';
import { type ProteinCell, SoftCounts } from '../../src/proteins/soft-counts';
import { permutation } from '../../src/random';
import { dirichletVariate, draws, type PlantedCell, plantMixture } from './planted';

const quantiles = JSON.parse(readFileSync(join(__dirname, '../fixtures/proteins/beta-quantiles.json'), 'utf8')) as [
  number,
  number,
  number,
  number,
][];

function tableOf(cells: readonly ProteinCell[], classes: string[], options = {}): ProteinTable {
  const sums = new SoftCounts(classes);
  for (const cell of cells) sums.addCell(cell);
  return dirichletTable(sums, { replicates: 0, ...options });
}

function cell(protein: string, posterior: number[], label: string | null = null, field = ''): ProteinCell {
  return { protein, field, label, posterior };
}

describe('Beta intervals', () => {
  test('are SciPy’s', () => {
    expect(quantiles.length).toBeGreaterThan(300);
    for (const [a, b, low, high] of quantiles) {
      const found = betaInterval(a, b);
      expect(Math.abs(found[0] - low)).toBeLessThan(1e-12);
      expect(Math.abs(found[1] - high)).toBeLessThan(1e-12);
      if (low > 1e-290) expect(Math.abs(found[0] / low - 1)).toBeLessThan(1e-9);
      if (high > 1e-290) expect(Math.abs(found[1] / high - 1)).toBeLessThan(1e-9);
    }
  });

  test('a single class has everything', () => {
    expect(betaInterval(11, 0)).toEqual([1, 1]);
    const { proteins } = tableOf([cell('P', [1])], ['only']);
    expect(proteins[0]).toMatchObject({ predicted: 'only', mode: [1], mean: [1], low: [1], high: [1] });
  });
});

describe('the posterior of a protein', () => {
  const classes = ['a', 'b', 'c'];

  test('by hand', () => {
    const cells = [cell('P', [0.5, 0.5, 0], 'b'), cell('P', [0, 0.75, 0.25], 'b')];
    const [row] = tableOf(cells, classes).proteins;
    expect(row).toMatchObject({ protein: 'P', cells: 2, label: 'b', predicted: 'b', correct: true, tied: false });
    expect(row?.softCounts).toEqual([0.5, 1.25, 0.25]);
    expect(row?.mode).toEqual([0.25, 0.625, 0.125]);
    expect(row?.mean).toEqual([1.5 / 5, 2.25 / 5, 1.25 / 5]);
    expect([row?.low[1], row?.high[1]]).toEqual(betaInterval(2.25, 2.75));
    const [strong] = tableOf(cells, classes, { prior: 10 }).proteins;
    expect(strong?.mean[1]).toBeCloseTo(11.25 / 32, 14);
    expect(strong?.mode).toEqual(row?.mode);
  });

  test('accuracy over all and over proteins of enough cells, labels where present', () => {
    const many = (protein: string, n: number, posterior: number[], label: string | null) =>
      Array.from({ length: n }, () => cell(protein, posterior, label));
    const table = tableOf(
      [
        ...many('right', 10, [0.9, 0.1, 0], 'a'),
        ...many('small', 9, [0, 0, 1], 'c'),
        ...many('wrong', 12, [0, 1, 0], 'a'),
        ...many('unknown', 30, [1, 0, 0], null),
        ...many('tie', 1, [0.25, 0.25, 0.5], 'c'),
        cell('tie', [0.5, 0.5, 0], 'c'),
        cell('tie', [0.25, 0.25, 0.5], null),
        cell('', [1, 0, 0], 'a'),
      ],
      classes,
    );
    expect(table.all).toEqual({ count: 4, correct: 2, accuracy: 0.5, tied: 1 });
    expect(table.withMinimumCells).toEqual({ count: 2, correct: 1, accuracy: 0.5, tied: 0 });
    expect(table.cellsWithoutProtein).toBe(1);
    expect(table.proteins.map((row) => row.protein)).toEqual(['right', 'small', 'tie', 'unknown', 'wrong']);
    expect(table.proteins[2]).toMatchObject({ predicted: 'a', tied: true, correct: false, label: 'c' });
    expect(table.proteins[3]).toMatchObject({ label: null, correct: null });
    const none = tableOf(many('unknown', 3, [1, 0, 0], null), classes);
    expect(none.all).toEqual({ count: 0, correct: 0, accuracy: null, tied: 0 });
  });

  test('two labels are an error that names the protein, a class never predicted too', () => {
    const sums = new SoftCounts(classes);
    sums.addCell(cell('YFG1', [1, 0, 0], 'a'));
    expect(() => sums.addCell(cell('YFG1', [1, 0, 0], 'b'))).toThrow(
      expect.objectContaining({ code: 'labels-invalid', message: expect.stringMatching(/YFG1.*'a'.*'b'/) }),
    );
    expect(() => tableOf([cell('YFG2', [1, 0, 0], 'd')], classes)).toThrow(
      expect.objectContaining({ code: 'class-unknown', message: expect.stringMatching(/YFG2.*'d'/) }),
    );
  });

  test.each([{ prior: 0 }, { prior: Number.NaN }, { minimumCells: -1 }, { replicates: 1.5 }])('%o is refused', (o) => {
    expect(() => tableOf([], classes, o)).toThrow(expect.objectContaining({ code: 'invalid-argument' }));
  });

  test('no cells, no rows', () => {
    expect(tableOf([], classes)).toMatchObject({ proteins: [], all: { count: 0, accuracy: null } });
  });
});

describe('planted mixtures', () => {
  const classes = Array.from({ length: 12 }, (_, c) => `class ${c}`);

  test('the intervals hold the planted share 95 times in 100', () => {
    const random = draws(21);
    let inside = 0;
    let total = 0;
    for (const cells of [1, 3, 10, 40, 200]) {
      const planted = new Map<string, number[]>();
      const all: PlantedCell[] = [];
      for (let p = 0; p < 80; p++) {
        // From the prior, so that the credible intervals cover exactly as often as they say.
        const mixture = dirichletVariate(random, classes.length);
        planted.set(`P${p}`, mixture);
        all.push(...plantMixture(random, `P${p}`, mixture, { fields: 1, cellsPerField: cells, together: 0 }));
      }
      for (const row of tableOf(all, classes).proteins) {
        (planted.get(row.protein) as number[]).forEach((share, c) => {
          total++;
          if (share >= (row.low[c] as number) && share <= (row.high[c] as number)) inside++;
        });
      }
    }
    // 4,800 intervals, 12 of a protein dependent: one standard error is below half a point.
    expect(total).toBe(4800);
    expect(inside / total).toBeGreaterThan(0.935);
    expect(inside / total).toBeLessThan(0.965);
  });

  test('where cells of a field go together, the bootstrap over fields holds what the Beta interval misses', () => {
    const random = draws(22);
    const mixture = [0.5, 0.3, 0.2];
    const cells: PlantedCell[] = [];
    for (let p = 0; p < 60; p++) {
      cells.push(...plantMixture(random, `P${p}`, mixture, { fields: 20, cellsPerField: 15, together: 0.9 }));
    }
    const table = tableOf(cells, ['a', 'b', 'c'], { replicates: 400 });
    let beta = 0;
    let bootstrap = 0;
    for (const row of table.proteins) {
      expect(row).toMatchObject({ fields: 20, bootstrap: { unit: 'field' } });
      mixture.forEach((share, c) => {
        if (share >= (row.low[c] as number) && share <= (row.high[c] as number)) beta++;
        const low = row.bootstrap?.low[c] as number;
        if (share >= low && share <= (row.bootstrap?.high[c] as number)) bootstrap++;
      });
    }
    expect(beta / 180).toBeLessThan(0.7);
    expect(bootstrap / 180).toBeGreaterThan(0.85);
  });

  test('the order of the cells changes nothing beyond 1e-12', () => {
    const random = draws(23);
    const cells: PlantedCell[] = [];
    for (let p = 0; p < 20; p++) {
      const options = { fields: p % 3 === 0 ? 1 : 4, cellsPerField: 11, together: 0.3, soft: true };
      cells.push(...plantMixture(random, `P${p}`, dirichletVariate(random, 12), options));
    }
    const expected = tableOf(cells, classes, { replicates: 50 });
    for (const seed of [1, 2, 3]) {
      const order = Array.from(permutation(seed, 'simulation', 0, cells.length), (i) => cells[i] as PlantedCell);
      const found = tableOf(order, classes, { replicates: 50 });
      expect(found.proteins.map((row) => row.protein)).toEqual(expected.proteins.map((row) => row.protein));
      found.proteins.forEach((row, p) => {
        const other = expected.proteins[p];
        expect([row.cells, row.fields, row.predicted, row.tied]).toEqual([
          other?.cells,
          other?.fields,
          other?.predicted,
          other?.tied,
        ]);
        for (const key of ['softCounts', 'mode', 'mean', 'low', 'high'] as const) {
          row[key].forEach((value, c) => {
            expect(Math.abs(value - (other?.[key][c] as number))).toBeLessThan(1e-12);
          });
        }
        row.bootstrap?.low.forEach((value, c) => {
          expect(Math.abs((value as number) - (other?.bootstrap?.low[c] as number))).toBeLessThan(1e-12);
          const high = other?.bootstrap?.high[c] as number;
          expect(Math.abs((row.bootstrap?.high[c] as number) - high)).toBeLessThan(1e-12);
        });
      });
    }
  });

  test('a protein’s intervals do not depend on the other proteins', () => {
    const random = draws(24);
    const options = { fields: 3, cellsPerField: 5, together: 0.5, soft: true };
    const one = plantMixture(random, 'one', [0.2, 0.8], options);
    const two = plantMixture(random, 'two', [0.6, 0.4], options);
    const both = tableOf([...two, ...one], ['a', 'b'], { replicates: 100 });
    expect(both.proteins[0]).toEqual(tableOf(one, ['a', 'b'], { replicates: 100 }).proteins[0]);
    const seed = { replicates: 100, seed: 5 };
    expect(tableOf(one, ['a', 'b'], seed).proteins[0]).not.toEqual(both.proteins[0]);
  });

  test('cells are drawn where there is one field, and nothing where there is one cell', () => {
    const random = draws(25);
    const options = { fields: 1, cellsPerField: 30, together: 0 };
    const [row] = tableOf(plantMixture(random, 'P', [0.5, 0.5], options), ['a', 'b'], { replicates: 500 }).proteins;
    expect(row?.bootstrap?.unit).toBe('cell');
    const low = row?.bootstrap?.low[0] as number;
    const share = row?.mode[0] as number;
    // The binomial's own standard deviation.
    expect(share - low).toBeGreaterThan(1.2 * Math.sqrt((share * (1 - share)) / 30));
    expect(share - low).toBeLessThan(2.8 * Math.sqrt((share * (1 - share)) / 30));
    const [single] = tableOf([cell('S', [0.5, 0.5])], ['a', 'b'], { replicates: 500 }).proteins;
    expect(single?.bootstrap).toEqual({ low: [null, null], high: [null, null], unit: 'cell' });
    const [off] = tableOf([cell('S', [0.5, 0.5])], ['a', 'b']).proteins;
    expect(off?.bootstrap).toBeNull();
  });
});
