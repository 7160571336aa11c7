import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parquetMetadataAsync } from 'hyparquet';
import { asyncBufferFromFile } from 'hyparquet/src/node.js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Cell } from '../../src/data/dataset';
import { PredictionsWriter } from '../../src/prediction/predictions-table';
import type { ProteinTable } from '../../src/proteins/dirichlet';
import { proteinsOfFiles } from '../../src/proteins/proteins';
import { writeProteinTable } from '../../src/proteins/table';
import { dirichletVariate, draws, type PlantedCell, plantMixture } from './planted';

const fixtures = join(__dirname, '../fixtures/tables');
const classes = ['nucleus', 'cell periphery', 'er, "rough"'];
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'proteins-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Twelve proteins, some in one field; the class of the first eight is known. */
function planted(): PlantedCell[] {
  const random = draws(41);
  return Array.from({ length: 12 }, (_, p) => {
    const options = { fields: 1 + (p % 3), cellsPerField: 8, together: 0.4, soft: true };
    const label = p < 8 ? (classes[p % 3] as string) : null;
    return plantMixture(random, `YAL${p}`, dirichletVariate(random, 3), options).map((cell) => ({ ...cell, label }));
  }).flat();
}

async function writePredictions(name: string, cells: readonly PlantedCell[], order = [0, 1, 2]): Promise<string> {
  const path = join(folder, name);
  const ordered = order.map((c) => classes[c] as string);
  const writer = await PredictionsWriter.create(path, ordered, { copy: ['label', 'field'] });
  for (const { protein, field, label, posterior } of cells) {
    const name = `c${Array.from(posterior).join('-')}`;
    const cell = { cell: name, protein, field, label: label === null ? -1 : classes.indexOf(label) } as Cell;
    await writer.append(
      cell,
      Float32Array.from(order, (c) => posterior[c] as number),
      0,
      classes,
    );
  }
  await writer.commit();
  return path;
}

function expectSame(found: ProteinTable, expected: ProteinTable, tolerance: number): void {
  expect(found.classes).toEqual(expected.classes);
  expect(found.all).toEqual(expected.all);
  expect(found.withMinimumCells).toEqual(expected.withMinimumCells);
  expect(found.proteins.map(({ protein }) => protein)).toEqual(expected.proteins.map(({ protein }) => protein));
  found.proteins.forEach((row, p) => {
    const other = expected.proteins[p];
    expect([row.cells, row.label, row.predicted]).toEqual([other?.cells, other?.label, other?.predicted]);
    for (const key of ['softCounts', 'mode', 'mean', 'low', 'high'] as const) {
      row[key].forEach((value, c) => {
        expect(Math.abs(value - (other?.[key][c] as number))).toBeLessThan(tolerance);
      });
    }
  });
}

describe('the table of proteins of files', () => {
  test.each(['csv', 'parquet'])('sums what predictions in %s say', async (ending) => {
    const cells = planted();
    const { table, fieldsUnknown, partialRows } = await proteinsOfFiles([await writePredictions(`p.${ending}`, cells)]);
    expect({ fieldsUnknown, partialRows }).toEqual({ fieldsUnknown: false, partialRows: 0 });
    expect(table.all.count).toBe(8);
    expect(table.proteins).toHaveLength(12);
    for (const row of table.proteins) {
      const own = cells.filter(({ protein }) => protein === row.protein);
      expect(row.cells).toBe(own.length);
      row.softCounts.forEach((count, c) => {
        expect(count).toBeCloseTo(
          own.reduce((sum, { posterior }) => sum + (posterior[c] as number), 0),
          12,
        );
      });
    }
  });

  test('one written by pandas', async () => {
    const expected = JSON.parse(readFileSync(join(fixtures, 'predictions.json'), 'utf8')) as Record<string, number[]>;
    const { table } = await proteinsOfFiles([join(fixtures, 'predictions.parquet')]);
    expect(table.classes).toEqual(['a', 'b, c', 'é']);
    expect(table.proteins.map(({ protein }) => protein)).toEqual(Object.keys(expected).sort());
    for (const row of table.proteins) {
      row.softCounts.forEach((count, c) => {
        expect(count).toBeCloseTo(expected[row.protein]?.[c] as number, 12);
      });
    }
    expect(table.proteins[19]?.label).toBeNull();
  });

  test('several files are one, whatever the order of their classes', async () => {
    const cells = planted();
    const whole = await proteinsOfFiles([await writePredictions('whole.csv', cells)]);
    const parts = [
      await writePredictions('one.csv', cells.slice(0, 70)),
      await writePredictions('two.parquet', cells.slice(70), [2, 0, 1]),
    ];
    const { table } = await proteinsOfFiles(parts);
    expectSame(table, whole.table, 1e-12);
    expect(table.proteins.map((row) => row.bootstrap)).toEqual(whole.table.proteins.map((row) => row.bootstrap));
  });

  test.each(['csv', 'parquet'])('partial tables in %s add up to the table of the whole', async (ending) => {
    const cells = planted();
    // A cut inside a protein: its cells are in both parts.
    const cut = cells.findIndex(({ protein }) => protein === 'YAL5') + 3;
    const whole = await proteinsOfFiles([await writePredictions('whole.csv', cells)]);
    const tables: string[] = [];
    for (const [i, part] of [cells.slice(0, cut), cells.slice(cut)].entries()) {
      const { table } = await proteinsOfFiles([await writePredictions(`part${i}.csv`, part)]);
      tables.push(join(folder, `table${i}.${ending}`));
      await writeProteinTable(tables[i] as string, table);
    }
    const { table, partialRows } = await proteinsOfFiles(tables);
    expect(partialRows).toBe(13);
    expectSame(table, whole.table, 1e-12);
    table.proteins.forEach((row, p) => {
      if (row.protein === 'YAL5') {
        expect(row).toMatchObject({ fields: null, bootstrap: null });
      } else {
        expect(row.fields).toBe(whole.table.proteins[p]?.fields);
        row.bootstrap?.low.forEach((low, c) => {
          expect(low).toBeCloseTo(whole.table.proteins[p]?.bootstrap?.low[c] as number, 12);
        });
      }
    });
    // One partial table and the other part's predictions add up as well.
    const mixed = await proteinsOfFiles([tables[0] as string, join(folder, 'part1.csv')]);
    expectSame(mixed.table, whole.table, 1e-12);
  });

  test('the prior of partial tables is kept; two priors must be settled', async () => {
    const cells = planted();
    const others = cells.map((cell) => ({ ...cell, posterior: cell.posterior.toReversed() }));
    const names = [0.5, 2].map((prior) => join(folder, `prior${prior}.csv`));
    for (const [i, prior] of [0.5, 2].entries()) {
      const path = await writePredictions(`p${i}.csv`, i === 0 ? cells : others);
      await writeProteinTable(names[i] as string, (await proteinsOfFiles([path], { prior })).table);
    }
    expect((await proteinsOfFiles([names[0] as string])).table.prior).toBe(0.5);
    await expect(proteinsOfFiles(names)).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(/0\.5, 2.*--prior/),
    });
    expect((await proteinsOfFiles(names, { prior: 1 })).table.proteins[0]?.cells).toBe(16);
  });

  test('the same cells twice are refused: a table of predictions, a partial table, a row within one', async () => {
    const path = await writePredictions('p.csv', planted());
    await expect(proteinsOfFiles([path, path])).rejects.toMatchObject({
      code: 'table-invalid',
      message: expect.stringMatching(/line 2: the cell .* was there already, with the same probabilities/),
    });
    const partial = join(folder, 'partial.csv');
    await writeProteinTable(partial, (await proteinsOfFiles([path])).table);
    await expect(proteinsOfFiles([partial, partial])).rejects.toThrow(/nothing but rows of the tables before it/);
    const lines = ['cell,protein,plate,p_a,p_b', 'c1,P,x,0.25,0.75', 'c1,P,y,0.5,0.5'];
    const twoPlates = join(folder, 'plates.csv');
    writeFileSync(twoPlates, `${lines.join('\n')}\n`);
    expect((await proteinsOfFiles([twoPlates])).table.proteins[0]?.cells).toBe(2);
    writeFileSync(twoPlates, `${lines.map((line) => line.replace(',y,', ',x,')).join('\n')}\n`);
    await expect(proteinsOfFiles([twoPlates])).rejects.toThrow(/line 3: the cell 'c1'.*with other probabilities/);
  });

  test('a well without a plate in two tables is said to be one strain', async () => {
    const names = [0, 1].map((i) => {
      const path = join(folder, `well${i}.csv`);
      writeFileSync(path, `cell,protein,p_a,p_b\nA01-1-${i},A01,0.25,0.75\n`);
      return path;
    });
    const { table, warnings } = await proteinsOfFiles(names);
    expect(table.proteins[0]?.cells).toBe(2);
    expect(warnings).toEqual([
      expect.stringMatching(/the protein A01 of .*well0\.csv and of .*well1\.csv is taken as one/),
    ]);
  });

  test('without a field column cells are drawn, and it says so', async () => {
    const path = join(folder, 'plain.csv');
    writeFileSync(path, 'protein,p_a,p_b,note\nP,0.5,0.5,x\nP,0.25,0.75,y\n');
    const { table, fieldsUnknown } = await proteinsOfFiles([path]);
    expect(fieldsUnknown).toBe(true);
    expect(table.proteins[0]).toMatchObject({ cells: 2, fields: null, bootstrap: { unit: 'cell' }, label: null });
    expect(table.proteins[0]?.softCounts).toEqual([0.75, 1.25]);
  });

  test('the written table has one row a protein and says what its intervals assume', async () => {
    const { table } = await proteinsOfFiles([await writePredictions('p.csv', planted())]);
    const path = join(folder, 'proteins.csv');
    await writeProteinTable(path, table);
    const [header, ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n');
    expect(lines).toHaveLength(12);
    expect(header).toContain(
      'protein,cells,fields,label,predicted,tied,correct,prior,bootstrap_unit,soft_count_nucleus',
    );
    expect(header).toContain('"bootstrap_high_er, ""rough"""');
    await writeProteinTable(join(folder, 'proteins.parquet'), table);
    const metadata = await parquetMetadataAsync(await asyncBufferFromFile(join(folder, 'proteins.parquet')));
    expect(JSON.stringify(metadata.key_value_metadata)).toContain(
      'assuming independent cells and calibrated posteriors',
    );
  });
});

describe('bad tables', () => {
  const bad: [string, string, string, RegExp][] = [
    ['no classes', 'cell,protein\nc,P\n', 'table-invalid', /p_<class>/],
    ['no protein', 'cell,p_a\nc,1\n', 'table-invalid', /expected protein/],
    ['no number', 'protein,p_a,p_b\nP,0.5,x\n', 'table-invalid', /line 2.*'x'.*p_b/],
    ['an empty probability', 'protein,p_a,p_b\nP,0.5,0.5\nP,1,\n', 'table-invalid', /line 3.*''.*p_b/],
    ['not a distribution', 'protein,p_a,p_b\nP,0.5,0.1\n', 'table-invalid', /line 2.*sum to 0\.6/],
    ['negative', 'protein,p_a,p_b\nP,-0.5,1.5\n', 'table-invalid', /line 2.*-0\.5/],
    ['two labels', 'protein,label,p_a,p_b\nYFG1,a,1,0\nYFG1,b,1,0\n', 'labels-invalid', /YFG1.*'a'.*'b'/],
    ['a label that is no class', 'protein,label,p_a,p_b\nYFG1,z,1,0\n', 'class-unknown', /YFG1.*'z'/],
    ['a table of counts that do not add up', 'protein,cells,prior,soft_count_a\nP,5,1,4\n', 'table-invalid', /5 cells/],
    ['a table of negative counts', 'protein,cells,prior,soft_count_a\nP,-1,1,4\n', 'table-invalid', /-1/],
    ['a table without cells', 'protein,prior,soft_count_a\nP,1,4\n', 'table-invalid', /no column 'cells'/],
  ];
  test.each(bad)('%s', async (_, text, code, message) => {
    const path = join(folder, 'bad.csv');
    writeFileSync(path, text);
    await expect(proteinsOfFiles([path])).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  test('files of two models', async () => {
    writeFileSync(join(folder, 'a.csv'), 'protein,p_a,p_b\nP,1,0\n');
    writeFileSync(join(folder, 'b.csv'), 'protein,p_a,p_c\nP,1,0\n');
    writeFileSync(join(folder, 'c.csv'), 'protein,p_a,p_b,p_c\nP,1,0,0\n');
    const [a, b, c] = ['a', 'b', 'c'].map((name) => join(folder, `${name}.csv`)) as [string, string, string];
    await expect(proteinsOfFiles([a, b])).rejects.toMatchObject({
      code: 'table-invalid',
      message: expect.stringMatching(/no class 'b'/),
    });
    await expect(proteinsOfFiles([a, c])).rejects.toMatchObject({
      code: 'table-invalid',
      message: expect.stringMatching(/class 'c'/),
    });
  });
});
