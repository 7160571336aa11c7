import { expect, test } from 'vitest';
import { compartments, transferCompartments } from '../../../src/data/compartments';
import { classShares } from '../../../src/data/simulate/classes';
import { readLikeLists } from '../../../src/data/simulate/like';
import { partShares, parts, planLike, planScreen, type ScreenPlan } from '../../../src/data/simulate/plan';
import { DeepYeastError } from '../../../src/errors';
import { sharedDataOrSkip } from '../../shared-data';

function count<Key>(keys: Iterable<Key>): Map<Key, number> {
  const counts = new Map<Key, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}

const partOf = (plan: ScreenPlan, cell: ScreenPlan['cells'][number]) => plan.proteins[cell.protein]!.part;
const classOf = (plan: ScreenPlan, cell: ScreenPlan['cells'][number]) => plan.proteins[cell.protein]!.compartment;

test('parts are 72/14/14, classes as uneven as the real ones, no protein in two parts', () => {
  const plan = planScreen(compartments, 9000, 225, 0, 5);
  expect(plan.cells.length).toBe(9000);
  expect(plan.proteins.length).toBe(225);
  const byPart = count(plan.cells.map((cell) => partOf(plan, cell)));
  for (const part of parts) expect((byPart.get(part) as number) / 9000).toBeCloseTo(partShares[part], 2);
  const real = Object.values(classShares)
    .slice(0, 12)
    .reduce((sum, { cells }) => sum + cells, 0);
  expect(real).toBe(90000);
  for (const part of parts) {
    const byClass = count(plan.cells.filter((cell) => partOf(plan, cell) === part).map((cell) => classOf(plan, cell)));
    for (const name of compartments) {
      const expected = (9000 * partShares[part] * classShares[name].cells) / real;
      expect(Math.abs((byClass.get(name) as number) - expected)).toBeLessThanOrEqual(1);
    }
  }
  expect(new Set(plan.proteins.map(({ name }) => name)).size).toBe(225);
  expect(new Set(plan.cells.map(({ name }) => name)).size).toBe(9000);
});

test('at least three held-out proteins a class, every protein with cells, unevenly many', () => {
  for (const [cells, proteins] of [
    [4000, 120],
    [9000, 225],
    [90000, 1783],
  ] as const) {
    const plan = planScreen(compartments, cells, proteins, 0, 1);
    const test = plan.proteins.filter(({ part }) => part === 'test');
    const held = count(test.map(({ compartment }) => compartment));
    for (const name of compartments) expect(held.get(name)).toBeGreaterThanOrEqual(3);
    const sizes = [...count(plan.cells.map(({ protein }) => protein)).values()];
    expect(sizes.length).toBe(proteins);
    expect(Math.max(...sizes)).toBeGreaterThan(3 * Math.min(...sizes));
  }
});

test('a small screen has every class in every part; too small a one is refused', () => {
  const plan = planScreen(compartments, 36, 36, 0, 1);
  expect(count(plan.cells.map((cell) => `${partOf(plan, cell)} ${classOf(plan, cell)}`)).size).toBe(36);
  expect(planScreen(transferCompartments, 12, 12, 0, 1).cells.length).toBe(12);
  for (const [cells, proteins] of [
    [35, 35],
    [36, 35],
    [40, 41],
  ] as const)
    expect(() => planScreen(compartments, cells, proteins, 0, 1)).toThrow(DeepYeastError);
});

test('mixtures: as many proteins in two compartments as asked, never twice the same', () => {
  const plan = planScreen(compartments, 4000, 1000, 0.3, 3);
  const mixed = plan.proteins.filter(({ second }) => second !== undefined);
  expect(mixed.length / 1000).toBeGreaterThan(0.25);
  expect(mixed.length / 1000).toBeLessThan(0.35);
  expect(mixed.every(({ compartment, second }) => second !== compartment)).toBe(true);
});

test('like the three real lists: the same wells with as many cells of the same classes', async (context) => {
  const lists = ['train', 'val', 'test'].map((part) =>
    sharedDataOrSkip(context, 'deepyeast-labels', `HOwt_${part}.txt`),
  );
  const plan = planLike(compartments, await readLikeLists(lists, compartments), 0, 1);
  expect(plan.proteins.length).toBe(1783);
  const proteins = count(plan.proteins.map(({ part }) => part));
  expect(parts.map((part) => proteins.get(part))).toEqual([1224, 277, 282]);
  const cells = count(plan.cells.map((cell) => partOf(plan, cell)));
  expect(parts.map((part) => cells.get(part))).toEqual([65000, 12500, 12500]);
  expect(plan.fields.length).toBe(6754);
  const byClass = count(plan.cells.filter((c) => partOf(plan, c) === 'test').map((cell) => classOf(plan, cell)));
  expect(byClass.get('endosome')).toBe(689);
  expect(byClass.get('spindle pole')).toBe(781);
  expect(byClass.get('peroxisome')).toBe(164);
  const all = count(plan.cells.map((cell) => classOf(plan, cell)));
  const wells = count(plan.proteins.map(({ compartment }) => compartment));
  for (const name of compartments) {
    expect(all.get(name)).toBe(classShares[name].cells);
    expect(wells.get(name)).toBe(classShares[name].proteins);
  }
});

test('like one real list: its wells split 72/14/14 within each class', async (context) => {
  const list = sharedDataOrSkip(context, 'deepyeast-labels', 'HOwt_train.txt');
  const plan = planLike(compartments, await readLikeLists([list], compartments), 0, 1);
  expect(plan.cells.length).toBe(65000);
  for (const name of ['cytoplasm', 'nucleus', 'mitochondrion', 'er'] as const) {
    const own = plan.cells.filter((cell) => classOf(plan, cell) === name);
    const byPart = count(own.map((cell) => partOf(plan, cell)));
    for (const part of parts) expect((byPart.get(part) as number) / own.length).toBeCloseTo(partShares[part], 1);
  }
});

test('like the transfer lists', async (context) => {
  const lists = ['train', 'val', 'test'].map((part) =>
    sharedDataOrSkip(context, 'deepyeast-labels', `HOwt_transfer_${part}.txt`),
  );
  const plan = planLike(transferCompartments, await readLikeLists(lists, transferCompartments), 0, 1);
  const all = count(plan.cells.map((cell) => classOf(plan, cell)));
  const wells = count(plan.proteins.map(({ compartment }) => compartment));
  for (const name of transferCompartments) {
    expect(all.get(name)).toBe(classShares[name].cells);
    expect(wells.get(name)).toBe(classShares[name].proteins);
  }
});
