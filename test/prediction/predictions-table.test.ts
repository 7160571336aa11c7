import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Cell } from '../../src/data/dataset';
import { openTable } from '../../src/files/table-reader';
import { fieldKey, PredictionsWriter, predictedClasses, readPredictions } from '../../src/prediction/predictions-table';
import { RandomStream } from '../../src/random';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'predictions-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const empty: Cell = { cell: '', label: -1, protein: '', plate: '', well: '', field: '', x: '', y: '', source: '' };
const noise = new RandomStream(9, 'simulation', 0, 0);
const posteriors = Float32Array.from({ length: 40 }, (_, i) => {
  const first = noise.uniform(i >> 1);
  return i % 2 === 0 ? first : 1 - first;
});

describe('predictions', () => {
  test('have the columns cell, protein, predicted and one for each class, by its name as it is', async () => {
    const path = join(folder, 'p.csv');
    const writer = await PredictionsWriter.create(path, ['cell periphery', 'a,b']);
    await writer.append({ ...empty, cell: 'c,1', protein: 'P' }, Float32Array.of(0.25, 0.75, 0.5, 0.5), 0);
    await writer.append({ ...empty, cell: 'c2', protein: 'P' }, Float32Array.of(0.25, 0.75, 0.5, 0.5), 2);
    await writer.commit();
    expect(readFileSync(path, 'utf8')).toBe(
      'cell,protein,predicted,p_cell periphery,"p_a,b"\n"c,1",P,"a,b",0.25,0.75\nc2,P,cell periphery,0.5,0.5\n',
    );
  });

  test.each(['csv', 'parquet'])('lose no bit of a float32 in %s', async (ending) => {
    const path = join(folder, `p.${ending}`);
    const writer = await PredictionsWriter.create(path, ['a', 'b']);
    for (let i = 0; i < 20; i++) await writer.append({ ...empty, protein: 'P' }, posteriors, 2 * i);
    await writer.commit();
    const found: number[] = [];
    for await (const cell of readPredictions(await openTable(path))) found.push(...cell.posterior);
    expect(Float32Array.from(found)).toEqual(posteriors);
  });

  test('carry copied columns, the label as a class name', async () => {
    const path = join(folder, 'p.csv');
    const writer = await PredictionsWriter.create(path, ['a', 'b'], {
      copy: ['label', 'well', 'quality'],
    });
    await writer.append({ ...empty, cell: 'c', label: 1, well: 'A1', quality: 'debris' }, posteriors, 0, [
      'zero',
      'one',
    ]);
    await writer.append({ ...empty, cell: 'd' }, posteriors, 2);
    await writer.commit();
    const table = await openTable(path);
    expect(table.columns).toEqual(['cell', 'protein', 'predicted', 'label', 'well', 'quality', 'p_a', 'p_b']);
    expect(predictedClasses(table)).toEqual(['a', 'b']);
    const rows: (string | undefined)[][] = [];
    for await (const { values } of table.rows()) rows.push([values.label, values.well, values.quality]);
    expect(rows).toEqual([
      ['one', 'A1', 'debris'],
      ['', '', ''],
    ]);
  });

  test.each(['p_value', 'predicted', 'cell'])('a copied column named %s is refused', async (name) => {
    await expect(PredictionsWriter.create(join(folder, 'p.csv'), ['a'], { copy: [name] })).rejects.toMatchObject({
      code: 'invalid-argument',
    });
  });
});

test('fields are told apart by plate and well, or else by protein', () => {
  const where = { protein: 'P', plate: '1', well: 'A1', field: '2' };
  expect(fieldKey({ ...where, protein: 'Q' })).toBe(fieldKey(where));
  expect(fieldKey({ ...where, well: 'A2' })).not.toBe(fieldKey(where));
  expect(fieldKey({ ...where, field: '3' })).not.toBe(fieldKey(where));
  const unplaced = { protein: 'P', plate: '', well: '', field: '2' };
  expect(fieldKey(unplaced)).not.toBe(fieldKey({ ...unplaced, protein: 'Q' }));
  expect(fieldKey({ ...where, field: '' })).toBe('');
});
