import { describe, expect, test } from 'vitest';
import { Evaluation, type EvaluationOptions, type Report } from '../../src/evaluation/report';
import { permutation, RandomSequence, RandomStream } from '../../src/random';

interface ScoredCell {
  label: number;
  protein: string;
  posterior: number[];
}

function report(classes: string[], cells: readonly ScoredCell[], options: EvaluationOptions = {}): Report {
  const evaluation = new Evaluation(classes);
  for (const { label, protein, posterior } of cells) evaluation.add(label, protein, posterior);
  return evaluation.report({ replicates: 0, ...options });
}

const a = [0.8, 0.1, 0.1];
const b = [0.1, 0.8, 0.1];
const c = [0.1, 0.1, 0.8];
const classes = ['a', 'b', 'c'];

/** A screen: proteins of several sizes, each cell right with a chance of its protein's own. */
function screen(proteins: number): ScoredCell[] {
  const random = new RandomSequence(new RandomStream(31, 'simulation', 0, 0));
  const cells: ScoredCell[] = [];
  for (let p = 0; p < proteins; p++) {
    const label = p % 3;
    const right = random.uniform();
    const count = 1 + random.integer(30);
    for (let i = 0; i < count; i++) {
      const called = random.uniform() < right ? label : random.integer(3);
      cells.push({ label, protein: `P${p}`, posterior: [a, b, c][called] as number[] });
    }
  }
  return cells;
}

describe('a report by hand', () => {
  const cells: ScoredCell[] = [
    { label: 0, protein: 'P', posterior: a },
    { label: 0, protein: 'P', posterior: a },
    { label: 0, protein: 'P', posterior: b },
    { label: 0, protein: 'Q', posterior: b },
    { label: 1, protein: 'R', posterior: b },
    { label: 1, protein: '', posterior: c },
    { label: -1, protein: 'P', posterior: c },
  ];
  const found = report(classes, cells, { minimumCells: 3 });

  test('cells', () => {
    expect(found.cells).toEqual({ count: 6, correct: 3, accuracy: 0.5, interval: null, unlabelled: 1 });
    expect(found.cellsWithoutProtein).toBe(1);
  });

  test('classes, with null for what is undefined', () => {
    const intervals = { recallInterval: null, precisionInterval: null };
    expect(found.classes).toEqual([
      { name: 'a', recall: 0.5, precision: 1, support: 4, ...intervals },
      { name: 'b', recall: 0.5, precision: 1 / 3, support: 2, ...intervals },
      { name: 'c', recall: null, precision: 0, support: 0, ...intervals },
    ]);
    expect(found.medianRecall).toEqual({ value: 0.5, n: 2, interval: null });
    expect(found.medianPrecision).toEqual({ value: 1 / 3, n: 3, interval: null });
    expect(found.macroRecall).toEqual({ value: 0.5, n: 2, interval: null });
  });

  test('confusions', () => {
    expect(found.confusion.counts).toEqual([
      [2, 2, 0],
      [0, 1, 1],
      [0, 0, 0],
    ]);
    expect(found.confusion.rates).toEqual([
      [0.5, 0.5, 0],
      [0, 0.5, 0.5],
      [null, null, null],
    ]);
    expect(found.mostFrequentConfusions).toEqual([
      { true: 'a', predicted: 'b', count: 2, rate: 0.5 },
      { true: 'b', predicted: 'c', count: 1, rate: 0.5 },
    ]);
  });

  test('proteins', () => {
    expect(found.proteins).toMatchObject({ count: 3, correct: 2, accuracy: 2 / 3, tied: 0 });
    expect(found.proteins.classes).toEqual([
      { name: 'a', count: 2, correct: 1, accuracy: 0.5, interval: null },
      { name: 'b', count: 1, correct: 1, accuracy: 1, interval: null },
      { name: 'c', count: 0, correct: 0, accuracy: null, interval: null },
    ]);
    expect(found.proteinsWithMinimumCells).toMatchObject({ minimumCells: 3, count: 1, correct: 1, accuracy: 1 });
  });

  test('a protein with two labels is an error that names it', () => {
    const evaluation = new Evaluation(classes);
    evaluation.add(0, 'YFG1', a);
    expect(() => evaluation.add(1, 'YFG1', a)).toThrow(
      expect.objectContaining({ code: 'labels-invalid', message: expect.stringMatching(/YFG1.*'a'.*'b'/) }),
    );
  });

  test('a tie is called the lower class and counted', () => {
    const tie = report(classes, [{ label: 1, protein: 'T', posterior: [0.4, 0.4, 0.2] }]);
    expect(tie.proteins).toMatchObject({ count: 1, correct: 0, tied: 1 });
  });

  test('without a labelled cell there is nothing to score', () => {
    expect(() => report(classes, [{ label: -1, protein: 'P', posterior: a }])).toThrow(
      expect.objectContaining({ code: 'dataset-invalid', message: expect.stringMatching(/1 cells and no label/) }),
    );
    expect(() => report(classes, [])).toThrow(expect.objectContaining({ code: 'dataset-invalid' }));
  });

  test('one class only', () => {
    const one = report(['only'], [{ label: 0, protein: 'P', posterior: [1] }]);
    expect(one.cells.accuracy).toBe(1);
    expect(one.medianRecall).toEqual({ value: 1, n: 1, interval: null });
    expect(one.mostFrequentConfusions).toEqual([]);
  });
});

describe('intervals by bootstrap over proteins', () => {
  const cells = screen(90);
  const found = report(classes, cells, { replicates: 500, seed: 4 });

  test('hold the scores', () => {
    const checked = [
      [found.cells.accuracy, found.cells.interval],
      [found.medianRecall.value, found.medianRecall.interval],
      [found.medianPrecision.value, found.medianPrecision.interval],
      [found.macroRecall.value, found.macroRecall.interval],
      [found.proteins.accuracy, found.proteins.interval],
      [found.proteinsWithMinimumCells.accuracy, found.proteinsWithMinimumCells.interval],
      ...found.classes.map((k) => [k.recall, k.recallInterval]),
      ...found.classes.map((k) => [k.precision, k.precisionInterval]),
      ...found.proteins.classes.map((k) => [k.accuracy, k.interval]),
      ...found.proteinsWithMinimumCells.classes.map((k) => [k.accuracy, k.interval]),
    ] as [number, [number, number]][];
    for (const [value, [low, high]] of checked) {
      expect(low).toBeLessThan(value);
      expect(high).toBeGreaterThan(value);
      expect(high - low).toBeLessThan(0.5);
    }
    expect(found.bootstrap).toEqual({ unit: 'protein', units: 90, replicates: 500, seed: 4, level: 0.95 });
  });

  test('are wider than cells alone would make them', () => {
    const { accuracy, count, interval } = found.cells;
    const binomial = 2 * 1.96 * Math.sqrt(((accuracy as number) * (1 - (accuracy as number))) / count);
    const [low, high] = interval as [number, number];
    expect(high - low).toBeGreaterThan(1.5 * binomial);
  });

  test('of the proteins’ accuracy are the binomial’s', () => {
    const { accuracy, count, interval } = found.proteins;
    const binomial = 2 * 1.96 * Math.sqrt(((accuracy as number) * (1 - (accuracy as number))) / count);
    const [low, high] = interval as [number, number];
    expect((high - low) / binomial).toBeGreaterThan(0.8);
    expect((high - low) / binomial).toBeLessThan(1.25);
  });

  test('depend on the seed, not on the order of the cells', () => {
    const order = Array.from(permutation(3, 'simulation', 0, cells.length), (i) => cells[i] as ScoredCell);
    expect(report(classes, order, { replicates: 500, seed: 4 })).toEqual(found);
    expect(report(classes, cells, { replicates: 500, seed: 5 }).cells.interval).not.toEqual(found.cells.interval);
  });
});
