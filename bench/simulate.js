// How fast a screen is drawn and written: crops a second, beside the processor time that they take. With --fields: a plate
// of fields of 1,080 x 1,080 pixels with a few hundred cells each.
//
//   npm run simulate -- [--cells 20000] [--threads 2] [--rounds 3]
//   npm run simulate -- --fields [--cells-per-field 400] [--threads 2] [--rounds 3]
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { simulate, simulatePlate } from '../dist/index.mjs';
import { median } from './statistics.js';

const { values: options } = parseArgs({
  options: {
    cells: { type: 'string', default: '20000' },
    fields: { type: 'boolean', default: false },
    'cells-per-field': { type: 'string', default: '400' },
    threads: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
  },
});
const threads = Number(options.threads);

/** Draws one round; returns how many pieces there are. */
async function draw(out, seed) {
  if (!options.fields) {
    const cells = Number(options.cells);
    await simulate({ out, cells, seed, threads });
    return cells;
  }
  const { fields } = await simulatePlate({
    out,
    seed,
    threads,
    wells: 12,
    cells: Number(options['cells-per-field']),
    diameter: 30,
  });
  return fields;
}

const what = options.fields ? 'fields' : 'crops';
const folder = await mkdtemp(join(tmpdir(), 'deepyeast-simulate-'));
const rates = [];
try {
  for (let round = 0; round < Number(options.rounds); round++) {
    const out = join(folder, String(round));
    const before = process.cpuUsage();
    const start = performance.now();
    const drawn = await draw(out, round);
    const seconds = (performance.now() - start) / 1000;
    const { user, system } = process.cpuUsage(before);
    const busy = (user + system) / 1e6;
    const rate = drawn / seconds;
    rates.push(rate);
    console.log(
      `${rate.toPrecision(3)} ${what}/s, ${((1000 * busy) / drawn).toPrecision(3)} ms of processor time each`,
    );
    await rm(out, { recursive: true });
  }
  console.log(`median ${median(rates).toPrecision(3)} ${what}/s with ${threads} threads`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
