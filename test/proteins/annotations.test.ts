import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { intersectAnnotations, readAnnotations } from '../../src/proteins/annotations';
import { dirichletTable } from '../../src/proteins/dirichlet';
import { SoftCounts } from '../../src/proteins/soft-counts';
import { twoCompartments } from '../../src/proteins/two-compartments';
import { projectRoot } from '../shared-data';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'annotations-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function table(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe('readAnnotations', () => {
  test('of tabs or commas, names in lower case, several compartments in any of the usual ways', async () => {
    const tabs = table('huh.txt', 'yORF\tlocalization summary\tx\nYAL1\tER,nucleus\tT\nYAL2\t\tF\nYAL3\tGolgi\tF\n');
    expect(Object.fromEntries(await readAnnotations(tabs))).toEqual({ YAL1: ['er', 'nucleus'], YAL3: ['golgi'] });
    const commas = table('mine.csv', 'protein,compartments\nYAL1,nucleus + er\nYAL4,a|b;c\n');
    expect(Object.fromEntries(await readAnnotations(commas))).toEqual({
      YAL1: ['er', 'nucleus'],
      YAL4: ['a', 'b', 'c'],
    });
  });

  test('other columns by name; a missing one is named', async () => {
    const path = table('other.csv', 'strain,place\ns1,vacuole\ns1,nucleus\n');
    const columns = { protein: 'strain', compartments: 'place' };
    expect(Object.fromEntries(await readAnnotations(path, columns))).toEqual({ s1: ['nucleus', 'vacuole'] });
    await expect(readAnnotations(path)).rejects.toMatchObject({
      code: 'table-invalid',
      message: expect.stringMatching(/strain, place, expected one of protein, yORF, ORF/),
    });
  });

  const huh = join(projectRoot, '../shared/data/huh2003/allOrfData.txt');
  test.skipIf(!existsSync(huh))(`Huh et al. 2003's table (skipped where ${huh} is not)`, async () => {
    const found = await readAnnotations(huh);
    expect(found.get('YAL001C')).toEqual(['cytoplasm', 'nucleus']);
    expect(found.get('YAL002W')).toEqual(['endosome']);
    // The paper reports 4,156 localized proteins of 6,234.
    expect(found.size).toBeGreaterThan(3900);
    expect(found.size).toBeLessThan(4300);
  });
});

test('two tables are intersected where they agree', () => {
  const first = new Map(Object.entries({ a: ['er'], b: ['er', 'golgi'], c: ['er'], d: ['er'] }));
  const second = new Map(Object.entries({ a: ['er'], b: ['er'], c: ['nucleus'], e: ['er'] }));
  expect(intersectAnnotations(first, second)).toEqual({
    both: 3,
    onlyFirst: 1,
    onlySecond: 1,
    agree: 1,
    overlap: 1,
    disagree: 1,
    kept: new Map([['a', ['er']]]),
  });
});

test('proteins in two compartments: both the most probable two, or among three', () => {
  const sums = new SoftCounts(['er', 'golgi', 'nucleus', 'vacuole']);
  const add = (protein: string, posterior: number[]) => sums.addCell({ protein, field: 'f', label: null, posterior });
  add('two', [0.1, 0.5, 0.35, 0.05]);
  add('three', [0.4, 0.35, 0.2, 0.05]);
  add('neither', [0.5, 0.3, 0.15, 0.05]);
  add('one', [1, 0, 0, 0]);
  add('unknown', [1, 0, 0, 0]);
  const places = {
    two: ['golgi', 'nucleus'],
    three: ['Nucleus', 'er'],
    neither: ['er', 'vacuole'],
    one: ['er'],
    unknown: ['bud neck', 'er'],
    absent: ['er', 'golgi'],
  };
  const report = twoCompartments(dirichletTable(sums, { replicates: 0 }), new Map(Object.entries(places)));
  expect(report).toMatchObject({ count: 3, amongTwo: 1, amongThree: 2, unknownClass: 1 });
  expect(report.proteins.find(({ protein }) => protein === 'two')).toMatchObject({
    ranked: ['golgi', 'nucleus', 'er'],
    amongTwo: true,
    amongThree: true,
  });
});
