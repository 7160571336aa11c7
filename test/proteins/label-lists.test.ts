import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { deepYeastPattern } from '../../src/data/import-plan';
import { parsePathPattern } from '../../src/data/path-pattern';
import { dirichletTable } from '../../src/proteins/dirichlet';
import { SoftCounts } from '../../src/proteins/soft-counts';
import { sharedDataOrSkip } from '../shared-data';

test('the real test set: 282 proteins, 222 of them with ten cells or more, each of one class', (context) => {
  const list = join(sharedDataOrSkip(context, 'deepyeast-labels'), 'HOwt_test.txt');
  const pattern = parsePathPattern(deepYeastPattern);
  const classes = Array.from({ length: 12 }, (_, c) => `class ${c}`);
  const sums = new SoftCounts(classes);
  for (const line of readFileSync(list, 'utf8').trimEnd().split('\n')) {
    const [path, index] = line.split(' ') as [string, string];
    const { plate, well, field } = pattern.match(path) as { plate: string; well: string; field: string };
    const posterior = classes.map((_, c) => (c === Number(index) ? 1 : 0));
    // A protein with two labels would be an error here.
    sums.addCell({ protein: `${plate}/${well}`, field, label: classes[Number(index)] as string, posterior });
  }
  const table = dirichletTable(sums, { replicates: 0 });
  expect(table.all).toEqual({ count: 282, correct: 282, accuracy: 1, tied: 0 });
  expect(table.withMinimumCells.count).toBe(222);
  expect(table.proteins.reduce((sum, { cells }) => sum + cells, 0)).toBe(12_500);
});
