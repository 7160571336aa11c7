import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Network } from '../../src/index';
import { runCommand } from '../command-line';

describe('deepyeast demo --quick', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'deepyeast-demo-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('scores held-out proteins and names the files it wrote, metrics.json last', async () => {
    const out = join(folder, 'demo');
    const { status, stdout, stderr } = runCommand(['demo', '--quick', '--seed', '2', '--out', out]);
    expect({ status, stderr }).toMatchObject({ status: 0 });
    expect(stdout).toMatch(/^held-out cells +\d+\.\d% right, \d+ of \d+$/m);
    expect(stdout).toMatch(/^held-out proteins +\d+\.\d% right, \d+ of \d+$/m);
    expect(stdout).toMatch(/^brightness alone +\d+\.\d% of the cells right/m);
    expect(stdout).toMatch(/^hardest classes +\S/m);
    expect(stdout).toMatch(/^training +\d+ cells\/s$/m);

    const named = stdout
      .split('\n')
      .filter((line) => line.includes(out))
      .map((line) => line.slice(line.indexOf(out)));
    expect(named).toEqual(
      ['results/report/index.html', 'preview.png', 'confusion.csv', 'model.safetensors', 'metrics.json'].map((name) =>
        join(out, name),
      ),
    );
    for (const path of named) expect(existsSync(path), path).toBe(true);
    const written = named.map((path) => statSync(path).mtimeMs);
    expect(Math.max(...written)).toBe(written.at(-1));

    const metrics = JSON.parse(readFileSync(join(out, 'metrics.json'), 'utf8'));
    expect(metrics.cells.count).toBeGreaterThanOrEqual(500);
    expect(metrics.proteins.count).toBeGreaterThanOrEqual(36);
    expect(metrics.classes).toHaveLength(12);
    expect(metrics.intensityBaseline.cells).toBe(metrics.cells.count);
    // The plate's one bad well is found, by whatever network; what so short a training says of its proteins is no matter.
    const [planted] = readFileSync(join(out, 'plate/wells.csv'), 'utf8').match(/^plate01,\w+,.*,out-of-focus$/m) ?? [];
    expect(metrics.plate).toMatchObject({ fields: 12, proteins: { count: 12 } });
    expect(metrics.plate.flagged).toEqual([
      { plate: 'plate01', well: planted?.split(',')[1], flags: ['out-of-focus'] },
    ]);
    expect(metrics.intensityBaseline.accuracy).toBeLessThan(0.35);
    for (const { name, count } of metrics.proteins.classes) expect(count, name).toBeGreaterThanOrEqual(3);
    const rows = readFileSync(join(out, 'confusion.csv'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => line.split(','));
    const counts = rows.slice(1).map((row) => row.slice(1).map(Number));
    expect(counts).toEqual(metrics.confusion.counts);
    expect((await sharp(join(out, 'preview.png')).metadata()).format).toBe('png');

    const network = await Network.load(join(out, 'model.safetensors'));
    expect(network.classes).toEqual(rows[0]!.slice(1));
    expect(network.layerNames).toHaveLength(11);
    await network.close();
  });

  test('refuses a folder that holds something', () => {
    const { status, stderr } = runCommand(['demo', '--quick', '--out', join(folder, 'demo')]);
    expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining('error [output-exists]: ') });
  });
});
