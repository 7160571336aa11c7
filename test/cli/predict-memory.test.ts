import { spawnSync } from 'node:child_process';
import { createWriteStream, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { npyHeader } from '../../src/files/npy';
import { openParquet } from '../../src/files/parquet';
import { RandomStream } from '../../src/random';
import { program } from '../command-line';
import { smallNetwork, smallSize } from '../small-model';

// Resident sizes are compared at their peak, in a process whose JavaScript heap is held small: without that V8 lets
// garbage pile up for as long as there is memory, and the comparison would measure its patience.
const heap = ['--max-old-space-size=32', '--max-semi-space-size=2'];
/** What 30 times as many cells may add. Their images alone are 30 MB, their rows as objects about as much. */
const marginMebibytes = 20;
const small = 2_000;
const large = 60_000;

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'predict-memory-'));
  const network = await smallNetwork(['a', 'b', 'c']);
  await network.save(join(folder, 'model.safetensors'));
  await network.close();
  const report = "require('fs').writeSync(2, 'peak ' + process.resourceUsage().maxRSS)";
  writeFileSync(join(folder, 'peak.cjs'), `process.on('exit', () => ${report});`);
  await writeDataset(join(folder, String(small)), small);
  await writeDataset(join(folder, String(large)), large);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Noise crops, the same hundred over and over. */
async function writeDataset(path: string, cells: number): Promise<void> {
  mkdirSync(path);
  const noise = new RandomStream(1, 'simulation', 0, 0);
  const hundred = Uint8Array.from({ length: 100 * smallSize ** 2 * 2 }, (_, i) => 256 * noise.uniform(i));
  const images = createWriteStream(join(path, 'images.npy'));
  images.write(npyHeader('|u1', [cells, smallSize, smallSize, 2]));
  for (let i = 0; i < cells; i += 100) images.write(hundred);
  images.end();
  await finished(images);
  const rows = Array.from(
    { length: cells },
    (_, i) => `plate1/A${i % 96}-${i},${i % 3},P${i % 96},plate1,A${i % 96},1`,
  );
  writeFileSync(join(path, 'cells.csv'), ['cell,label,protein,plate,well,field', ...rows, ''].join('\n'));
  writeFileSync(join(path, 'dataset.json'), JSON.stringify({ classes: ['a', 'b', 'c'], channels: ['rfp', 'gfp'] }));
}

/** Peak resident size of a prediction, in MiB. */
function peak(cells: number, out: string): number {
  const predict = ['predict', '--model', join(folder, 'model.safetensors'), join(folder, String(cells)), '--out', out];
  const { stderr, status } = spawnSync(
    process.execPath,
    [...heap, '--require', join(folder, 'peak.cjs'), program, ...predict, '--threads', '1'],
    { encoding: 'utf8' },
  );
  expect(status, stderr).toBe(0);
  return Number(/peak (\d+)/.exec(stderr)?.[1]) / 1024;
}

test.each(['csv', 'parquet'])('predict to %s needs no more memory for 60,000 cells than for 2,000', async (ending) => {
  const out = join(folder, `p.${ending}`);
  const few = peak(small, out);
  const many = peak(large, out);
  if (ending === 'parquet') expect((await openParquet(out)).count).toBe(large);
  expect(few).toBeGreaterThan(40);
  expect(many - few).toBeLessThan(marginMebibytes);
});
