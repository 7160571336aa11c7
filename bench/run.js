// deepyeast against its peers: every contestant in a process of its own, rounds interleaved so that a drift of the
// machine's speed hits all alike, medians and ratios at the end.
//
//   npm run bench -- [--rounds 7] [--quick] [--json FILE] [--threads 2]
//
// PyTorch takes part when DEEPYEAST_BENCH_PYTHON names a Python that has torch.
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import os from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    threads: { type: 'string', default: '2' },
  },
});
const rounds = options.quick ? 3 : Number(options.rounds);

/** What is measured: batches of `batch` images, `repeats` of them a round. */
const measurements = [
  { id: 'inference.1', mode: 'inference', batch: 1, repeats: 20 },
  { id: 'inference.100', mode: 'inference', batch: 100, repeats: 1 },
  { id: 'training.100', mode: 'training', batch: 100, repeats: 1 },
];

const python = process.env.DEEPYEAST_BENCH_PYTHON;
const contestants = [
  { command: process.execPath, file: 'contestants/deepyeast.js' },
  ...(python ? [{ command: python, file: 'contestants/pytorch.py' }] : []),
];
if (!python) console.error('PyTorch is left out: DEEPYEAST_BENCH_PYTHON does not name a Python that has torch');

class Contestant {
  static async start({ command, file }) {
    const child = spawn(command, [fileURLToPath(new URL(file, import.meta.url))], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, DEEPYEAST_THREADS: options.threads },
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const first = await lines.next();
    if (first.done) throw new Error(`${file} ended before it introduced itself`);
    return Object.assign(new Contestant(), JSON.parse(first.value), { child, lines, times: {} });
  }

  /** Images per second of one round. */
  async measure({ id, mode, batch, repeats }, counted) {
    this.child.stdin.write(`${JSON.stringify({ mode, batch, repeats })}\n`);
    const { value, done } = await this.lines.next();
    const { seconds, error } = done ? { error: 'it ended' } : JSON.parse(value);
    if (error) console.error(`${this.name}: ${id} failed: ${error}`);
    else if (counted) this.times[id] = [...(this.times[id] ?? []), (batch * repeats) / seconds];
  }

  async stop() {
    this.child.stdin.end();
    await this.lines.return?.();
  }
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const running = [];
for (const contestant of contestants) {
  try {
    running.push(await Contestant.start(contestant));
  } catch (error) {
    console.error(`${contestant.file} failed: ${error.message}`);
  }
}
for (let round = 0; round <= rounds; round++) {
  console.error(round === 0 ? 'warm-up' : `round ${round} of ${rounds}`);
  for (const measurement of measurements) {
    for (const contestant of running) await contestant.measure(measurement, round > 0);
  }
}
for (const contestant of running) await contestant.stop();

const [ours, ...rivals] = running;
const ratios = {};
const figures = {};
for (const { id } of measurements) {
  figures[id] = {};
  for (const { name, times } of running) {
    if (times[id]) figures[id][name] = { median: median(times[id]), rounds: times[id] };
  }
  for (const { name, times } of rivals) {
    if (!times[id] || !ours.times[id]) continue;
    ratios[`${id}.${name}`] = {
      medians: median(ours.times[id]) / median(times[id]),
      worstRound: Math.min(...ours.times[id].map((own, i) => own / times[id][i])),
    };
  }
}
const rows = measurements.map(({ id }) => [
  id,
  ...running.map(({ name }) => figures[id][name]?.median.toFixed(1) ?? 'failed'),
  ...rivals.map(({ name }) => {
    const ratio = ratios[`${id}.${name}`];
    return ratio ? `${ratio.medians.toFixed(2)} (worst ${ratio.worstRound.toFixed(2)})` : '-';
  }),
]);
console.log('images/s, medians; ratios of medians and the worst round last');
console.table([['', ...running.map(({ name }) => name), ...rivals.map(({ name }) => `against ${name}`)], ...rows]);
const result = {
  ratios,
  figures,
  machine: {
    cpu: os.cpus()[0]?.model,
    cores: os.cpus().length,
    node: process.version,
    threads: Number(options.threads),
  },
  versions: Object.fromEntries(running.map(({ name, version, device }) => [name, { version, device }])),
  rounds,
};
if (options.json) await writeFile(options.json, `${JSON.stringify(result, null, 2)}\n`);
