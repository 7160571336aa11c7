import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { score, type TruthCell } from './score';

interface Case {
  width: number;
  truth: number[];
  predicted: number[];
  cells: ({ label: number } & TruthCell)[];
  tp: number;
  fp: number;
  fn: number;
  tp75: number;
  fp75: number;
  fn75: number;
  missed: number[];
  false: number[];
}

describe('the score of label images', () => {
  const cases = JSON.parse(readFileSync(join(__dirname, '..', 'fixtures', 'score', 'cases.json'), 'utf8')) as Case[];
  test.each(cases.map((known, number) => ({ known, number })))('is that of score.py, case $number', ({ known }) => {
    const cells = new Map(known.cells.map(({ label, ...cell }) => [label, cell]));
    const said = score(known.truth, cells, known.predicted, known.width);
    expect(said.at50).toMatchObject({ tp: known.tp, fp: known.fp, fn: known.fn });
    expect(said.at75).toMatchObject({ tp: known.tp75, fp: known.fp75, fn: known.fn75 });
    expect(said.missed).toEqual(known.missed);
    expect(said.false).toEqual(known.false);
  });
});
