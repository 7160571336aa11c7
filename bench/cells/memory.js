#!/usr/bin/env node
// Resident memory of `deepyeast cells` while a plate goes through: `node bench/cells/memory.js [FIELDS]` (1000). Prints
// the peak up to each tenth of the fields, which must not grow, and fields a second. Linux only.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makePlate } from './plate.js';

const fields = Number(process.argv[2] ?? 1000);
const folder = mkdtempSync(join(tmpdir(), 'deepyeast-bench-cells-'));
const program = join(import.meta.dirname, '../../dist/cli/main.js');
try {
  const plate = makePlate(folder, { fields });
  const out = join(folder, 'out');
  const options = ['--channels', 'rfp=ch3,gfp=ch1', '--out', out, '--threads', '2'];
  const begin = performance.now();
  const child = spawn(process.execPath, [program, 'cells', plate, ...options], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const peaks = [];
  const look = setInterval(() => {
    let done = 0;
    let peak = 0;
    try {
      done = readFileSync(`${out}.unfinished/fields.jsonl`, 'utf8').split('\n').length - 1;
      peak = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
    } catch {
      return;
    }
    if (peak > 0) peaks[Math.min(9, Math.floor((10 * done) / fields))] = Math.round(peak);
  }, 200);
  const status = await new Promise((resolve) => child.on('close', resolve));
  clearInterval(look);
  const seconds = (performance.now() - begin) / 1000;
  if (status !== 0) throw new Error(`cells ended with status ${status}`);
  console.log(
    JSON.stringify({ fields, peakMegabytesByTenth: peaks, fieldsPerSecond: Number((fields / seconds).toFixed(2)) }),
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
