import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { projectRoot } from '../shared-data';
import { writeSmallDataset } from './small-dataset';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'deepyeast-fuzz-'));
  writeSmallDataset(join(folder, 'data'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each([1, 2, 3, 4])('wrong values give the addon no crash and only typed errors (seed %i)', (seed) => {
  const call = join(folder, `call-${seed}`);
  const child = spawnSync(
    process.execPath,
    [
      join(__dirname, 'native-fuzz-child.cjs'),
      join(projectRoot, 'build/Release/deepyeast.node'),
      join(folder, 'data', 'images.npy'),
      call,
      String(seed),
      '3000',
    ],
    { encoding: 'utf8', cwd: folder, timeout: 50_000 },
  );
  const culprit = existsSync(call) ? readFileSync(call, 'utf8') : '';
  expect({ status: child.status, signal: child.signal, stderr: child.stderr, culprit }).toMatchObject({
    status: 0,
    signal: null,
    stderr: '',
  });
  const counts = JSON.parse(child.stdout) as { refused: number; accepted: number; posteriors: number };
  expect(counts.posteriors).toBe(6);
  expect(counts.refused).toBeGreaterThan(2000);
});
