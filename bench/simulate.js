// How fast a screen is drawn and written: crops a second, beside the processor time that they take.
//
//   npm run simulate -- [--cells 20000] [--threads 2] [--rounds 3]
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { simulate } from '../dist/index.mjs';
import { median } from './statistics.js';

const { values: options } = parseArgs({
  options: {
    cells: { type: 'string', default: '20000' },
    threads: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
  },
});
const cells = Number(options.cells);
const folder = await mkdtemp(join(tmpdir(), 'deepyeast-simulate-'));
const rates = [];
try {
  for (let round = 0; round < Number(options.rounds); round++) {
    const out = join(folder, String(round));
    const before = process.cpuUsage();
    const start = performance.now();
    await simulate({ out, cells, seed: round, threads: Number(options.threads) });
    const seconds = (performance.now() - start) / 1000;
    const { user, system } = process.cpuUsage(before);
    const busy = (user + system) / 1e6;
    rates.push(cells / seconds);
    console.log(
      `${(cells / seconds).toFixed(0)} crops/s, ${((1000 * busy) / cells).toFixed(2)} ms of processor time each`,
    );
    await rm(out, { recursive: true });
  }
  console.log(`median ${median(rates).toFixed(0)} crops/s with ${options.threads} threads`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
