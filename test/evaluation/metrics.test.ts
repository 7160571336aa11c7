import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ConfusionMatrix } from '../../src/evaluation/confusion';
import { classMetrics } from '../../src/evaluation/metrics';
import { argmax, callClass } from '../../src/prediction/call';
import { mean, median } from '../../src/ratios';

interface Case {
  name: string;
  classes: number;
  labels: number[];
  predicted: number[];
  confusion: number[][];
  accuracy: number;
  recall: (number | null)[];
  precision: (number | null)[];
  medianRecall: number;
  medianPrecision: number;
  macroRecall: number;
}
const { cases } = JSON.parse(readFileSync(join(__dirname, '../fixtures/evaluation/scores.json'), 'utf8')) as {
  cases: Case[];
};

function close(found: (number | null)[], expected: (number | null)[]): void {
  expect(found.map((value) => value === null)).toEqual(expected.map((value) => value === null));
  found.forEach((value, i) => {
    if (value !== null) expect(value).toBeCloseTo(expected[i] as number, 14);
  });
}

describe('scores are scikit-learn’s', () => {
  test.each(cases)('$name', (reference) => {
    const classes = Array.from({ length: reference.classes }, (_, c) => `class ${c}`);
    const confusion = new ConfusionMatrix(classes);
    reference.labels.forEach((label, i) => {
      confusion.add(label, reference.predicted[i] as number);
    });
    expect(confusion.rows()).toEqual(reference.confusion);
    expect(confusion.total).toBe(reference.labels.length);
    expect(confusion.correct / confusion.total).toBeCloseTo(reference.accuracy, 14);
    const metrics = classMetrics(classes, confusion.counts);
    const recalls = metrics.map(({ recall }) => recall);
    const precisions = metrics.map(({ precision }) => precision);
    close(recalls, reference.recall);
    close(precisions, reference.precision);
    expect(median(recalls).value).toBeCloseTo(reference.medianRecall, 14);
    expect(median(precisions).value).toBeCloseTo(reference.medianPrecision, 14);
    expect(mean(recalls).value).toBeCloseTo(reference.macroRecall, 14);
    expect(median(recalls).n).toBe(reference.recall.filter((value) => value !== null).length);
    confusion.rates().forEach((row, c) => {
      if (recalls[c] === null) expect(row.every((rate) => rate === null)).toBe(true);
      else expect(row.reduce((sum: number, rate) => sum + (rate as number), 0)).toBeCloseTo(1, 12);
    });
  });
});

describe('undefined ratios', () => {
  test('are null and counted out', () => {
    expect(median([])).toEqual({ value: null, n: 0 });
    expect(mean([null])).toEqual({ value: null, n: 0 });
    expect(median([null, 0.5, null, 0.1])).toEqual({ value: 0.3, n: 2 });
    expect(median([3, null, 1, 2])).toEqual({ value: 2, n: 3 });
  });

  test('an empty matrix', () => {
    const confusion = new ConfusionMatrix(['a', 'b']);
    expect(confusion.rates()).toEqual([
      [null, null],
      [null, null],
    ]);
    expect(confusion.mostFrequentConfusions(5)).toEqual([]);
    expect(classMetrics(['a', 'b'], confusion.counts)[0]).toEqual({
      name: 'a',
      recall: null,
      precision: null,
      support: 0,
    });
  });
});

test('the most frequent confusions, largest first, ties in class order', () => {
  const confusion = new ConfusionMatrix(['a', 'b', 'c']);
  confusion.counts.set([5, 2, 0, 7, 1, 2, 3, 0, 0]);
  expect(confusion.mostFrequentConfusions(3)).toEqual([
    { true: 'b', predicted: 'a', count: 7, rate: 0.7 },
    { true: 'c', predicted: 'a', count: 3, rate: 1 },
    { true: 'a', predicted: 'b', count: 2, rate: 2 / 7 },
  ]);
});

describe('calls', () => {
  test('argmax takes the first of equals within its window', () => {
    expect(argmax([1, 3, 3])).toBe(1);
    expect(argmax([9, 1, 2, 9], 1, 2)).toBe(1);
  });

  test('ties go to the lower class and are flagged, rounding apart', () => {
    expect(callClass([1, 2, 0])).toEqual({ index: 1, tied: false });
    expect(callClass([2, 1, 2])).toEqual({ index: 0, tied: true });
    expect(callClass([0.1 + 0.2, 0.3, 0])).toEqual({ index: 0, tied: true });
    expect(callClass([0.3, 0.1 + 0.2, 0])).toEqual({ index: 0, tied: true });
    expect(callClass([0.3, 0.3 + 1e-9, 0])).toEqual({ index: 1, tied: false });
    expect(callClass([1])).toEqual({ index: 0, tied: false });
  });
});
