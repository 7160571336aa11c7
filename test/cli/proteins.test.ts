import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from './in-process';

let folder: string;
let first: string;
let second: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cli-proteins-'));
  first = join(folder, 'first.csv');
  second = join(folder, 'second.csv');
  let made = 0;
  const header = 'cell,protein,predicted,label,plate,well,field,p_a,p_b\n';
  const row = (protein: string, i: number, a: number, label: string) =>
    `c${made++},${protein},a,${label},1,${protein},${i % 2},${a},${1 - a}\n`;
  const rows = (protein: string, count: number, a: number, label: string) =>
    Array.from({ length: count }, (_, i) => row(protein, i, a, label)).join('');
  writeFileSync(first, header + rows('P', 12, 0.75, 'a') + rows('Q', 3, 0.25, 'a'));
  writeFileSync(second, header + rows('Q', 2, 0.25, 'a') + rows('R', 4, 0.5, 'b'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('deepyeast proteins', () => {
  test('writes the table to standard output and the accuracy to standard error', async () => {
    const { status, stdout, stderr } = await run('proteins', first, second, '--bootstrap', '20');
    expect(status).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]?.split(',').slice(0, 13)).toEqual([
      ...['protein', 'cells', 'fields', 'label', 'predicted', 'tied', 'correct', 'prior', 'bootstrap_unit'],
      ...['soft_count_a', 'soft_count_b', 'mode_a', 'mode_b'],
    ]);
    expect(lines[1]).toMatch(/^P,12,2,a,a,false,true,1,field,9,3,0\.75,0\.25,/);
    expect(lines[2]).toMatch(/^Q,5,2,a,b,false,false,1,field,1\.25,3\.75,/);
    expect(lines[3]).toMatch(/^R,4,2,b,a,true,false,1,field,2,2,/);
    expect(lines).toHaveLength(4);
    expect(stderr).toContain('proteins: 33.3% right, 1 of 3, 1 of them ties');
    expect(stderr).toContain('proteins of at least 10 cells: 100.0% right, 1 of 1');
  });

  test('tables of parts add up to the table of the whole', async () => {
    const whole = join(folder, 'whole.csv');
    await run('proteins', first, second, '--out', whole, '--bootstrap', '0');
    const parts = [join(folder, 'part1.parquet'), join(folder, 'part2.csv')];
    await run('proteins', first, '--out', parts[0] as string, '--bootstrap', '0');
    await run('proteins', second, '--out', parts[1] as string, '--bootstrap', '0');
    const sum = await run('proteins', ...parts, '--bootstrap', '0');
    const withoutFields = (text: string) => text.replace(/^(Q,5),2?,/m, '$1,,');
    expect(withoutFields(sum.stdout)).toBe(withoutFields(readFileSync(whole, 'utf8')));
  });

  test('--json', async () => {
    const table = JSON.parse((await run('proteins', first, '--json', '--prior', '2')).stdout);
    expect(table).toMatchObject({
      classes: ['a', 'b'],
      prior: 2,
      betaAssumption: 'assuming independent cells and calibrated posteriors',
      all: { count: 2, correct: 1 },
    });
    expect(table.proteins[0].mean[0]).toBeCloseTo(11 / 16, 12);
    const out = join(folder, 'with-json.csv');
    const summary = JSON.parse((await run('proteins', first, '--json', '--out', out)).stdout);
    expect(summary).toMatchObject({ out, proteins: 2, withMinimumCells: { count: 1, correct: 1 } });
    expect(existsSync(out)).toBe(true);
  });

  test('says when the fields are not known', async () => {
    const plain = join(folder, 'plain.csv');
    writeFileSync(plain, 'protein,p_a,p_b\nP,1,0\nP,0,1\n');
    expect((await run('proteins', plain)).stderr).toContain('no predictions name a field');
    expect((await run('proteins', first)).stderr).not.toContain('no predictions name a field');
  });

  test('errors: two labels 3, a bad prior 2, Parquet on standard output 2, a missing file 1', async () => {
    const two = join(folder, 'two.csv');
    writeFileSync(two, 'protein,label,p_a,p_b\nYFG1,a,1,0\nYFG1,b,1,0\n');
    const found = await run('proteins', two, '--out', join(folder, 'none.csv'));
    expect(found.status).toBe(3);
    expect(found.stderr).toMatch(/labels-invalid.*YFG1/);
    expect(existsSync(join(folder, 'none.csv'))).toBe(false);
    expect((await run('proteins', first, '--prior', '0')).status).toBe(2);
    expect((await run('proteins', first, '--format', 'parquet')).status).toBe(2);
    expect((await run('proteins', join(folder, 'nowhere.csv'))).status).toBe(1);
    expect((await run('proteins')).status).toBe(2);
  });
});
