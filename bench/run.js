// deepyeast against its peers: every contestant in a process of its own, the same weights and fresh random cells for
// all, outputs compared in every round, rounds interleaved so that a drift of the machine's speed hits all alike.
//
//   npm run bench -- [--quick] [--rounds 7] [--threads 2] [--json FILE] [--only deepyeast,onnxruntime-node,...]
//
// PyTorch takes part when DEEPYEAST_BENCH_PYTHON names a Python that has torch.
import { spawnSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Contestant } from './contestant.js';
import { absoluteError, median, relativeError } from './statistics.js';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    threads: { type: 'string', default: '2' },
    only: { type: 'string' },
  },
});
const here = fileURLToPath(new URL('.', import.meta.url));
const rounds = options.quick ? 3 : Number(options.rounds);
const imageBytes = 64 * 64 * 2;

/** Batches of `batch` cells, `repeats` of them a round. */
const measurements = [
  { id: 'inference.1', mode: 'inference', batch: 1, repeats: 30 },
  { id: 'inference.32', mode: 'inference', batch: 32, repeats: 3 },
  { id: 'inference.100', mode: 'inference', batch: 100, repeats: 2 },
  { id: 'inference.256', mode: 'inference', batch: 256, repeats: 1 },
  { id: 'training.100', mode: 'training', batch: 100, repeats: 2 },
].filter(({ id }) => !options.quick || !['inference.32', 'inference.256'].includes(id));

/** Posteriors agree within this; losses and weights after the steps, relative to the largest. */
const tolerances = { posterior: 1e-4, loss: 1e-4, weights: 1e-4 };

const python = process.env.DEEPYEAST_BENCH_PYTHON;
const node = (file, environment = {}) => ({ command: process.execPath, file: `contestants/${file}`, environment });
const torch = (variant) => ({
  command: python,
  file: 'contestants/pytorch.py',
  environment: { BENCH_PYTORCH: variant },
});
const entrants = {
  deepyeast: node('deepyeast.js'),
  'onnxruntime-node': node('onnxruntime-node.js'),
  'tfjs-wasm': node('tfjs.js', { BENCH_TFJS: 'wasm' }),
  tfjs: node('tfjs.js', { BENCH_TFJS: 'cpu' }),
  ...(existsSync(join(here, 'node_modules/@tensorflow/tfjs-node'))
    ? { 'tfjs-node': node('tfjs.js', { BENCH_TFJS: 'tensorflow' }) }
    : {}),
  ...(python
    ? {
        'pytorch-float32': torch('float32'),
        'pytorch-float32-compiled': torch('float32-compiled'),
        'pytorch-bfloat16': torch('bfloat16'),
      }
    : {}),
};
/** Below 5 images/s: one image, once, outside the rounds. */
const slow = new Set(['tfjs']);
/** Their arithmetic is coarser than float32: shown, not held to the tolerances. */
const reducedPrecision = new Set(['pytorch-bfloat16']);

function note(message) {
  process.stderr.write(`${message}\n`);
}

function install() {
  if (existsSync(join(here, 'node_modules/onnxruntime-node'))) return;
  note('installing the rivals into bench/node_modules (about 600 MB, a minute or two)');
  const result = spawnSync('npm', ['ci', '--ignore-scripts'], { cwd: here, stdio: ['ignore', 2, 2] });
  if (result.status !== 0) note('some rivals could not be installed: they will be shown as failed');
}

function floats(path) {
  const bytes = readFileSync(path);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

function peakMemory(pid) {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    return 0; // not on this system
  }
}

/** How far a result lies from the reference's; undefined where there is nothing to compare. */
function disagreement(mode, result, reference) {
  if (mode === 'inference') return { posterior: absoluteError(floats(result.file), floats(reference.file)) };
  const loss = relativeError(result.losses, reference.losses);
  if (!existsSync(result.file) || !existsSync(reference.file)) return { loss };
  return { loss, weights: relativeError(floats(result.file), floats(reference.file)) };
}

async function measure(contestant, measurement, folder, counted, repeats = measurement.repeats) {
  const { id, mode, batch } = measurement;
  const file = join(folder, `${contestant.name}.${mode}`);
  await rm(file, { force: true });
  const answer = await contestant.ask({
    mode,
    batch,
    repeats,
    images: join(folder, 'cells'),
    labels: Array.from({ length: batch * repeats }, (_, i) => i % 12),
    rate: 0.01,
    result: file,
  });
  contestant.peakMemory = Math.max(contestant.peakMemory, peakMemory(contestant.child.pid));
  if (answer.unsupported) return undefined;
  if (answer.error) {
    contestant.failures.set(id, answer.error);
    note(`${contestant.name}: ${id} failed: ${answer.error}`);
    return undefined;
  }
  if (counted) contestant.rates.set(id, [...(contestant.rates.get(id) ?? []), (batch * repeats) / answer.seconds]);
  return { ...answer, file };
}

async function race(contestants, folder) {
  const worst = {};
  for (let round = 0; round <= rounds; round++) {
    note(round === 0 ? 'warm-up' : `round ${round} of ${rounds}`);
    for (const measurement of measurements) {
      const { id, mode, batch, repeats } = measurement;
      await writeFile(
        join(folder, 'cells'),
        randomFillSync(new Uint8Array(batch * repeats * imageBytes)).subarray(
          0,
          (mode === 'training' ? repeats : 1) * batch * imageBytes,
        ),
      );
      const results = new Map();
      for (const contestant of contestants) {
        if (contestant.failures.has(id)) continue;
        const result = await measure(contestant, measurement, folder, round > 0);
        if (result) results.set(contestant.name, result);
      }
      const referee = ['pytorch-float32', 'onnxruntime-node', 'deepyeast'].find((name) => results.has(name));
      for (const [name, result] of results) {
        if (name === referee) continue;
        const errors = disagreement(mode, result, results.get(referee));
        for (const [kind, error] of Object.entries(errors)) {
          const key = `${id}.${kind}.${name}`;
          worst[key] = { error: Math.max(error, worst[key]?.error ?? 0), referee };
          if (error <= tolerances[kind] || reducedPrecision.has(name)) continue;
          throw new Error(`${name} and ${referee} disagree in ${id}: ${kind} differs by ${error.toExponential(2)}`);
        }
      }
    }
  }
  return worst;
}

function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows
    .map((row) => row.map((text, i) => (i ? text.padStart(widths[i]) : text.padEnd(widths[i]))).join('  '))
    .join('\n');
}

const folder = await mkdtemp(join(os.tmpdir(), 'deepyeast-bench-'));
try {
  install();
  const model = join(folder, 'model.safetensors');
  const prepared = spawnSync(process.execPath, [join(here, 'contestants/prepare.js'), model], {
    stdio: ['ignore', 2, 2],
  });
  if (prepared.status !== 0) throw new Error('the shared model could not be made: run `npm run build` first');
  if (!python) note('PyTorch is left out: DEEPYEAST_BENCH_PYTHON does not name a Python that has torch');
  const contestants = [];
  for (const [name, { command, file, environment }] of Object.entries(entrants)) {
    if (options.only && !options.only.split(',').includes(name)) continue;
    try {
      const shared = { BENCH_MODEL: model, BENCH_THREADS: options.threads };
      contestants.push(await Contestant.start({ command, file, environment: { ...shared, ...environment } }));
    } catch (error) {
      note(`${name} failed to start: ${error.message}`);
    }
  }
  const racing = contestants.filter(({ name }) => !slow.has(name));
  const agreement = await race(racing, folder);
  for (const contestant of contestants.filter(({ name }) => slow.has(name))) {
    await writeFile(join(folder, 'cells'), randomFillSync(new Uint8Array(imageBytes)));
    await measure(contestant, measurements[0], folder, true, 1);
  }
  for (const contestant of contestants) await contestant.stop();

  const ours = contestants.find(({ name }) => name === 'deepyeast');
  const rivals = contestants.filter((contestant) => contestant !== ours);
  const ratios = {};
  for (const { id } of measurements) {
    for (const { name, rates } of rivals) {
      const [own, other] = [ours?.rates.get(id), rates.get(id)];
      if (!own || !other) continue;
      const worstRound = other.length === own.length ? Math.min(...own.map((rate, i) => rate / other[i])) : null;
      ratios[`${id}.${name}`] = { medians: median(own) / median(other), worstRound };
    }
  }
  const rate = (contestant, id) => {
    const rates = contestant.rates.get(id);
    if (!rates) return contestant.failures.has(id) ? 'failed' : '-';
    return `${median(rates).toPrecision(3)}${slow.has(contestant.name) ? '*' : ''}`;
  };
  const ids = measurements.map(({ id }) => id);
  console.log(`images/s, medians of ${rounds} rounds, ${options.threads} threads (*: one image, once)`);
  console.log(
    table([
      ['', ...ids, 'peak memory MB'],
      ...contestants.map((contestant) => [
        contestant.name,
        ...ids.map((id) => rate(contestant, id)),
        contestant.peakMemory.toFixed(0),
      ]),
    ]),
  );
  console.log('\ndeepyeast against, ratio of medians (worst round)');
  console.log(
    table([
      ['', ...ids],
      ...rivals.map(({ name }) => [
        name,
        ...ids.map((id) => {
          const ratio = ratios[`${id}.${name}`];
          if (!ratio) return '-';
          return `${ratio.medians.toFixed(2)}${ratio.worstRound === null ? '' : ` (${ratio.worstRound.toFixed(2)})`}`;
        }),
      ]),
    ]),
  );
  const result = {
    ratios: Object.fromEntries(Object.entries(ratios).map(([key, { medians }]) => [key, medians])),
    worstRounds: Object.fromEntries(Object.entries(ratios).map(([key, { worstRound }]) => [key, worstRound])),
    imagesPerSecond: Object.fromEntries(contestants.map(({ name, rates }) => [name, Object.fromEntries(rates)])),
    peakMemoryMegabytes: Object.fromEntries(contestants.map(({ name, peakMemory: peak }) => [name, Math.round(peak)])),
    agreement,
    failures: Object.fromEntries(contestants.map(({ name, failures }) => [name, Object.fromEntries(failures)])),
    versions: Object.fromEntries(contestants.map(({ name, version, device }) => [name, { version, device }])),
    machine: {
      cpu: os.cpus()[0]?.model,
      cores: os.cpus().length,
      memoryGigabytes: Math.round(os.totalmem() / 2 ** 30),
      node: process.version,
      threads: Number(options.threads),
    },
    rounds,
  };
  if (options.json) await writeFile(options.json, `${JSON.stringify(result, null, 2)}\n`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
