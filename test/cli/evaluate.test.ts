import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fileDigest } from '../../src/files/digest';
import { madeCells, smallNetwork, writeMadeDataset } from '../small-model';
import { run } from './in-process';

const classes = ['nucleus', 'vacuole', 'er'];
let folder: string;
let data: string;
let runFolder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cli-evaluate-'));
  data = join(folder, 'data');
  writeMadeDataset(data, madeCells(120, 3), classes);
  runFolder = join(folder, 'run');
  mkdirSync(runFolder);
  const network = await smallNetwork(classes);
  await network.save(join(runFolder, 'best.safetensors'));
  await network.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('deepyeast evaluate', () => {
  test('takes the best model of a run, prints a summary and writes the folder', async () => {
    const out = join(folder, 'results');
    const found = await run('evaluate', '--model', runFolder, '--data', data, '--out', out, '--minimum-cells', '9');
    expect(found.stderr).toContain('metrics.json');
    expect(found.status).toBe(0);
    expect(found.stdout).toMatch(/^cells: [\d.]+% right \([\d.]+% to [\d.]+%\), \d+ of 120$/m);
    expect(found.stdout).toMatch(/^proteins of at least 9 cells: - right, 0 of 0$/m);
    expect(found.stdout).toMatch(/^vacuole +[\d.]+% +[\d.-]+%? +40$/m);
    expect(readdirSync(out).sort()).toEqual(['metrics.json', 'predictions.csv']);
    const metrics = JSON.parse(readFileSync(join(out, 'metrics.json'), 'utf8'));
    const best = join(runFolder, 'best.safetensors');
    expect(metrics.model).toEqual({ path: best, sha256: await fileDigest(best) });
    expect(metrics.data).toEqual({ path: data, cells: 120 });
    expect(metrics.cells.count).toBe(120);
    expect(metrics.classes.map((row: { name: string }) => row.name)).toEqual(classes);
    expect(metrics.proteins.count).toBe(15);
    expect(metrics.bootstrap.replicates).toBe(1000);
  });

  test('--json prints what metrics.json holds; the same seed gives the same', async () => {
    const out = join(folder, 'json');
    const argv = ['evaluate', '--model', runFolder, '--data', data, '--out', out, '--json', '--seed', '3'];
    const first = await run(...argv, '--bootstrap', '50');
    expect(first.stderr).not.toContain('metrics.json');
    expect(JSON.parse(first.stdout)).toEqual(JSON.parse(readFileSync(join(out, 'metrics.json'), 'utf8')));
    expect((await run(...argv, '--bootstrap', '50', '--threads', '2')).stdout).toBe(first.stdout);
  });

  test('a class that the model does not know: status 3, and no folder', async () => {
    const other = join(folder, 'other');
    writeMadeDataset(other, madeCells(9, 3), ['nucleus', 'bud neck', 'er']);
    const out = join(folder, 'none');
    const found = await run('evaluate', '--model', runFolder, '--data', other, '--out', out);
    expect(found.status).toBe(3);
    expect(found.stderr).toMatch(/error \[class-unknown\].*'bud neck'/);
    expect(existsSync(out)).toBe(false);
    const json = await run('evaluate', '--model', runFolder, '--data', other, '--out', out, '--json');
    expect(JSON.parse(json.stdout).error.code).toBe('class-unknown');
  });

  test('another intensity rule: status 3 until it is allowed', async () => {
    const other = join(folder, 'other-rule');
    writeMadeDataset(other, madeCells(9, 3), classes, { normalization: { rule: 'bit-depth', bits: 14 } });
    const argv = ['evaluate', '--model', runFolder, '--data', other, '--out', join(folder, 'rule')];
    const found = await run(...argv);
    expect(found.status).toBe(3);
    expect(found.stderr).toMatch(/rule-mismatch.*bit depth 14.*none/);
    expect((await run(...argv, '--allow-rule-mismatch')).status).toBe(0);
  });

  test('wrong usage: status 2', async () => {
    expect((await run('evaluate', '--model', runFolder)).status).toBe(2);
    const argv = ['evaluate', '--model', runFolder, '--data', data, '--out', folder];
    expect((await run(...argv, '--minimum-cells', 'x')).status).toBe(2);
    expect((await run(...argv, '--format', 'xlsx')).status).toBe(2);
  });

  test.each(['evaluate', 'predict', 'proteins', 'features'])('%s --help shows an example', async (command) => {
    const { status, stdout } = await run(command, '--help');
    expect(status).toBe(0);
    expect(stdout).toContain(`deepyeast ${command} `);
    expect(stdout).toMatch(/Examples?:/);
    expect(stdout).toContain('--json');
  });
});
