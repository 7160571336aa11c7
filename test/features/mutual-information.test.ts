import { describe, expect, test } from 'vitest';
import { binValues, labelEntropy, mutualInformation, unitInformation } from '../../src/features/mutual-information';
import { analysisFixture, matrixOf, normals } from './fixture';

interface Fixture {
  cases: { codes: number[]; labels: number[]; bins: number; classes: number; bits: number }[];
}

describe('mutualInformation', () => {
  test('is scikit-learn’s mutual_info_score in bits', () => {
    for (const { codes, labels, bins, classes, bits } of analysisFixture<Fixture>('mutual-information').cases) {
      expect(mutualInformation(codes, labels, bins, classes, { corrected: false })).toBeCloseTo(bits, 12);
    }
  });

  test('the correction takes (occupied cells - rows - columns + 1) / 2N nats off', () => {
    const a = [0, 0, 1, 1, 2, 2];
    const b = [0, 1, 0, 1, 0, 1];
    // Independent: the plug-in estimate is 0; 6 cells of the table, 3 rows and 2 columns are occupied.
    expect(mutualInformation(a, b, 3, 2, { corrected: false })).toBeCloseTo(0, 12);
    expect(mutualInformation(a, b, 3, 2)).toBeCloseTo(-(6 - 3 - 2 + 1) / 12 / Math.LN2, 12);
  });
});

describe('binValues', () => {
  test('zeros have a bin of their own, the others bins of equal frequency', () => {
    const values = [...new Array(20).fill(0), ...Array.from({ length: 62 }, (_, i) => i - 31.5)];
    const codes = binValues(values);
    expect([...codes.slice(0, 20)]).toEqual(new Array(20).fill(0));
    const counts = new Map<number, number>();
    for (const code of codes.slice(20)) counts.set(code, (counts.get(code) ?? 0) + 1);
    expect([...counts.keys()]).toEqual(Array.from({ length: 31 }, (_, i) => i + 1));
    expect(new Set(counts.values())).toEqual(new Set([2]));
  });

  test('equal values are in one bin, whatever their number', () => {
    const codes = binValues([5, 1, 5, 5, 5, 2, 5, 5], 4);
    expect(new Set([0, 2, 3, 4, 6, 7].map((i) => codes[i])).size).toBe(1);
    expect(codes[1]).toBeLessThan(codes[0] as number);
  });

  test('a value that is no number is refused', () => {
    expect(() => binValues([1, Number.NaN])).toThrow(/no number at 1/);
  });
});

describe('unitInformation', () => {
  const classes = ['a', 'b', 'c', 'd'];
  const cells = 2000;
  const labels = Array.from({ length: cells }, (_, i) => i % 4);
  const noise = normals(cells, 3);
  const rows = labels.map((label, i) => [label, label === 2 ? 1 : 0, noise[i] as number, 7]);
  const [copy, one, random, constant] = unitInformation(matrixOf(rows), labels, classes, { seed: 1 });

  test('of a unit that copies the class is the entropy of the classes', () => {
    expect(labelEntropy(labels, 4)).toBeCloseTo(2, 12);
    expect(Math.abs((copy?.information ?? 0) - 2)).toBeLessThan(0.01);
    expect(copy?.permuted).toBeLessThan(0.01);
  });

  test('of a unit for one class is that class’s, and it is named', () => {
    expect(one?.bestClass).toBe('c');
    expect(one?.oneAgainstRest).toBeCloseTo(0.8113, 2);
    expect(one?.information).toBeCloseTo(0.8113, 2);
  });

  test('of noise is that of permuted labels: nothing', () => {
    expect(Math.abs(random?.information ?? 1)).toBeLessThan(0.02);
    expect(Math.abs(random?.permuted ?? 1)).toBeLessThan(0.02);
  });

  test('a constant unit is listed', () => {
    expect(constant).toMatchObject({ unit: 'f3', constant: true });
    expect(constant?.information).toBeCloseTo(0, 12);
    expect([copy, one, random].map((unit) => unit?.constant)).toEqual([false, false, false]);
  });

  test('labels that do not fit are refused', () => {
    expect(() => unitInformation(matrixOf([[1], [2]]), [0, -1], classes)).toThrow(/-1 among them/);
    expect(() => unitInformation(matrixOf([[1], [2]]), [0], classes)).toThrow(/1 labels/);
  });
});
