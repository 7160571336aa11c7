import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Dataset } from '../../src/data/dataset';
import { DatasetWriter } from '../../src/data/dataset-writer';
import { fieldOf, groupOf } from '../../src/data/identity';
import { planSplit, splitDataset } from '../../src/data/split';
import { temporaryFolder } from '../temporary-folder';

const folder = temporaryFolder();
const thirds = { train: 0.72, validation: 0.14, test: 0.14 };
const classes = ['er', 'golgi', 'vacuole'];

interface Row {
  protein: string;
  label: number;
  field?: string;
  well?: string;
}

let made = 0;
async function datasetOf(rows: readonly Row[]): Promise<Dataset> {
  const writer = await DatasetWriter.create(folder.path(`dataset${made++}`), {
    ...{ classes, channels: ['gfp'], size: 2, normalization: { rule: 'none' as const }, provenance: { made: 'here' } },
    extraColumns: ['note'],
  });
  for (const [index, { protein, label, field = '1', well = '' }] of rows.entries()) {
    const cell = {
      cell: `c${index}`,
      label,
      protein,
      plate: '',
      well,
      field,
      x: '',
      y: '',
      source: '',
      note: `n${index}`,
    };
    await writer.append(new Uint8Array(4).fill(index % 256), cell);
  }
  return writer.commit();
}

/** `proteins` proteins of each class, of 1 to 9 cells in two fields. */
function screen(proteins: number): Row[] {
  return classes.flatMap((name, label) =>
    Array.from({ length: proteins }, (_, protein) =>
      Array.from({ length: 1 + ((protein * 7) % 9) }, (_, cell) => ({
        ...{ protein: `${name}${protein}`, label, field: `${cell % 2}` },
      })),
    ).flat(),
  );
}

describe('planSplit', () => {
  test('every cell goes to one part; no protein to two; shares are kept within the class', async () => {
    const dataset = await datasetOf(screen(40));
    const { parts, classes: achieved } = await planSplit(dataset, { by: 'protein', into: thirds });
    const rows = parts.flatMap((part) => [...part.rows]);
    expect([...rows].sort((a, b) => a - b)).toEqual(Array.from({ length: dataset.count }, (_, index) => index));
    const table = await dataset.table();
    const partsOf = new Map<string, Set<string>>();
    for (const { name, rows } of parts) {
      expect([...rows]).toEqual([...rows].sort((a, b) => a - b));
      for (const row of rows) {
        const { protein } = table[row]!;
        partsOf.set(protein, (partsOf.get(protein) ?? new Set()).add(name));
      }
    }
    for (const names of partsOf.values()) expect(names.size).toBe(1);
    for (const { cells, parts: taken } of achieved) {
      for (const [index, part] of taken.entries()) {
        // Off by less than one of the largest groups (nine cells).
        expect(Math.abs(part.cells - parts[index]!.share * cells)).toBeLessThan(9);
      }
    }
  });

  test('by field: a field is plate and well (or the protein) and field', async () => {
    expect(fieldOf({ cell: 'c', protein: 'P', plate: 'a', well: 'b', field: '1' })).toBe(
      fieldOf({ cell: 'd', protein: 'Q', plate: 'a', well: 'b', field: '1' }),
    );
    const without = (protein: string) => fieldOf({ cell: 'c', protein, plate: 'a', well: '', field: '1' });
    expect(without('P')).not.toBe(without('Q'));
    const dataset = await datasetOf(screen(20));
    const { parts } = await planSplit(dataset, { by: 'field', into: thirds });
    const table = await dataset.table();
    const [train, validation, test] = parts.map(
      ({ rows }) => new Set([...rows].map((row) => groupOf(table[row]!, 'field'))),
    );
    for (const field of train!) {
      expect(validation!.has(field)).toBe(false);
      expect(test!.has(field)).toBe(false);
    }
    for (const field of validation!) expect(test!.has(field)).toBe(false);
  });

  test('by cell: shares are met to the cell', async () => {
    const dataset = await datasetOf(Array.from({ length: 100 }, () => ({ protein: 'P', label: 0 })));
    const { parts } = await planSplit(dataset, { by: 'cell', into: { a: 0.5, b: 0.3, c: 0.2 } });
    expect(parts.map(({ rows }) => rows.length)).toEqual([50, 30, 20]);
  });

  test('the same seed gives the same split, another seed another, the order of rows nothing', async () => {
    const rows = screen(30);
    const dataset = await datasetOf(rows);
    const proteinsOf = async (of: Dataset, seed: number) => {
      const table = await of.table();
      const { parts } = await planSplit(of, { by: 'protein', into: thirds, seed });
      return parts.map((part) => [...new Set([...part.rows].map((row) => table[row]!.protein))].sort());
    };
    expect(await proteinsOf(dataset, 7)).toEqual(await proteinsOf(dataset, 7));
    expect(await proteinsOf(dataset, 7)).not.toEqual(await proteinsOf(dataset, 8));
    expect(await proteinsOf(await datasetOf(rows.toReversed()), 7)).toEqual(await proteinsOf(dataset, 7));
  });

  test('a class with as many groups as parts has one in each', async () => {
    const rows = [5, 3, 1].flatMap((cells, protein) =>
      Array.from({ length: cells }, () => ({ protein: `P${protein}`, label: 0 })),
    );
    const { classes: achieved } = await planSplit(await datasetOf(rows), { by: 'protein', into: thirds });
    expect(achieved).toEqual([
      {
        name: 'er',
        cells: 9,
        groups: 3,
        parts: [
          { cells: 5, groups: 1 },
          { cells: 3, groups: 1 },
          { cells: 1, groups: 1 },
        ],
      },
    ]);
  });

  test('a class with fewer groups than parts is an error that names it, unless allowed', async () => {
    const dataset = await datasetOf([
      ...screen(5).filter(({ label }) => label === 0),
      { protein: 'G1', label: 1 },
      { protein: 'G2', label: 1 },
    ]);
    const planning = planSplit(dataset, { by: 'protein', into: thirds });
    await expect(planning).rejects.toThrow(/the class "golgi" has 2 proteins, expected at least 3/);
    await expect(planning).rejects.toMatchObject({ code: 'split-impossible' });
    const { classes: achieved } = await planSplit(dataset, { by: 'protein', into: thirds, allowMissing: true });
    expect(achieved[1]!.parts.filter(({ groups }) => groups === 0).length).toBe(1);
  });

  test('unlabelled cells are split too, without being asked to be everywhere', async () => {
    const dataset = await datasetOf([...screen(5), { protein: 'U', label: -1 }]);
    const { classes: achieved } = await planSplit(dataset, { by: 'protein', into: thirds });
    expect(achieved[0]).toMatchObject({ name: '', cells: 1, groups: 1 });
  });

  test('cells that do not say their protein or field cannot be kept together', async () => {
    const dataset = await datasetOf([...screen(5), { protein: '', label: 1, field: '' }]);
    await expect(planSplit(dataset, { by: 'protein', into: thirds })).rejects.toThrow(
      /1 of \d+ cells .* have no protein/,
    );
    await expect(planSplit(dataset, { by: 'field', into: thirds })).rejects.toThrow(/have no field/);
  });

  test.each([
    [{ a: 1 }, /at least two/],
    [{ a: 0.5, b: 0.4 }, /add up to 0\.9, expected 1/],
    [{ a: 1.5, b: -0.5 }, /the share of "a" is 1\.5/],
    [{ a: 0.5, '../b': 0.5 }, /named "\.\.\/b"/],
    [{ a: 0.5, '': 0.5 }, /named ""/],
    [{ a: Number.NaN, b: 1 }, /the share of "a"/],
  ])('%j is invalid-argument', async (into, message) => {
    const planning = planSplit(await datasetOf(screen(5)), { by: 'protein', into });
    await expect(planning).rejects.toThrow(message);
    await expect(planning).rejects.toMatchObject({ code: 'invalid-argument' });
  });

  test('whatever the groups: nothing lost, nothing torn apart, every part of every class filled', async () => {
    const groups = fc.array(fc.record({ cells: fc.integer({ min: 1, max: 12 }), label: fc.nat(2) }), {
      minLength: 9,
      maxLength: 40,
    });
    const filled = groups.filter((list) =>
      [0, 1, 2].every((label) => list.filter((group) => group.label === label).length >= 3),
    );
    await fc.assert(
      fc.asyncProperty(filled, fc.nat(1000), async (list, seed) => {
        const rows = list.flatMap(({ cells, label }, index) =>
          Array.from({ length: cells }, () => ({ protein: `P${index}`, label })),
        );
        const { parts, classes: achieved } = await planSplit(await datasetOf(rows), {
          by: 'protein',
          into: thirds,
          seed,
        });
        expect(parts.reduce((sum, part) => sum + part.rows.length, 0)).toBe(rows.length);
        const proteins = parts.map((part) => new Set([...part.rows].map((row) => rows[row]!.protein)));
        expect(proteins.reduce((sum, set) => sum + set.size, 0)).toBe(list.length);
        for (const { parts: taken } of achieved)
          for (const { groups: count } of taken) expect(count).toBeGreaterThan(0);
      }),
      { numRuns: 25 },
    );
  });
});

describe('splitDataset', () => {
  test('parts are datasets with the same images, rows, columns, classes and rule', async () => {
    const dataset = await datasetOf(screen(9));
    const { split, datasets } = await splitDataset(dataset, {
      by: 'protein',
      into: thirds,
      out: folder.path('parts'),
      seed: 3,
    });
    expect(readdirSync(folder.path('parts')).sort()).toEqual(['test', 'train', 'validation']);
    const table = await dataset.table();
    for (const { name, rows } of split.parts) {
      const part = await Dataset.open(folder.path('parts', name));
      expect(part.description).toMatchObject({ classes, channels: ['gfp'], normalization: { rule: 'none' } });
      expect(part.description.provenance).toMatchObject({
        command: 'split',
        part: name,
        seed: 3,
        by: 'protein',
        source: { made: 'here' },
      });
      expect(await part.table()).toEqual([...rows].map((row) => table[row]));
      expect(await part.readImages(Uint32Array.from(rows, (_, index) => index))).toEqual(
        await dataset.readImages(rows),
      );
      expect(datasets[name]!.path).toBe(part.path);
    }
  });

  test('more cells than are copied at once', async () => {
    const dataset = await datasetOf(
      Array.from({ length: 1100 }, (_, index) => ({ protein: `P${index % 7}`, label: 0 })),
    );
    const { datasets } = await splitDataset(dataset, {
      by: 'protein',
      into: { a: 0.5, b: 0.5 },
      out: folder.path('parts'),
    });
    for (const part of Object.values(datasets)) {
      const images = await part.readImages(Uint32Array.from({ length: part.count }, (_, index) => index));
      for (const [index, { note }] of (await part.table()).entries())
        expect(images[index * 4]).toBe(Number(String(note).slice(1)) % 256);
    }
  });

  test('a part that exists, or an abort, leaves everything as it was', async () => {
    const dataset = await datasetOf(screen(9));
    mkdirSync(folder.path('parts/test'), { recursive: true });
    writeFileSync(folder.path('parts/test/mine'), 'x');
    await expect(
      splitDataset(dataset, { by: 'protein', into: thirds, out: folder.path('parts') }),
    ).rejects.toMatchObject({ code: 'output-exists' });
    expect(readdirSync(folder.path('parts'))).toEqual(['test']);
    const controller = new AbortController();
    controller.abort();
    await expect(
      splitDataset(dataset, { by: 'protein', into: thirds, out: folder.path('new'), signal: controller.signal }),
    ).rejects.toMatchObject({ code: 'aborted' });
    expect(existsSync(folder.path('new'))).toBe(false);
  });
});
