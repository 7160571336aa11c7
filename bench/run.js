// deepyeast against its peers.
//
//   npm run bench -- [--quick] [--rounds 7] [--threads 2] [--json FILE] [--only deepyeast,onnxruntime-node,...]
//                    [--modes race,memory,cold-start,layers,loading]
//   npm run bench -- scaling [--quick] [--json FILE]
//   npm run bench -- table FILE       the tables of a result as Markdown
//
// PyTorch and tfjs-node take part when DEEPYEAST_BENCH_PYTHON names a Python that has torch and tensorflow-cpu.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { judge } from './bars.js';
import { measureColdStart } from './cold-start.js';
import { install } from './install.js';
import { measureLayers } from './layers.js';
import { measureLoading } from './loading.js';
import { measureMemory } from './memory.js';
import { note } from './note.js';
import { race } from './race.js';
import { markdownOf, text } from './tables.js';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    threads: { type: 'string', default: '2' },
    only: { type: 'string' },
    modes: { type: 'string' },
  },
});
const [command = 'compare', file] = positionals;
const quick = options.quick;
const threads = Number(options.threads);
const rounds = Number(options.rounds ?? (quick ? 2 : 7));
const only = options.only?.split(',');
const modes = options.modes?.split(',');

const machine = {
  cpu: os.cpus()[0]?.model,
  cores: os.cpus().length,
  memoryGigabytes: Math.round(os.totalmem() / 2 ** 30),
  node: process.version,
  threads,
};

async function save(result) {
  if (!options.json) return;
  await mkdir(dirname(options.json), { recursive: true });
  await writeFile(options.json, `${JSON.stringify(result, null, 2)}\n`);
}

/** The shared model, in the folder. */
function makeModel(folder) {
  const model = join(folder, 'model.safetensors');
  const program = fileURLToPath(new URL('contestants/prepare.js', import.meta.url));
  const prepared = spawnSync(process.execPath, [program, model], { stdio: ['ignore', 2, 2] });
  if (prepared.status !== 0) throw new Error('the shared model could not be made: run `npm run build` first');
  return model;
}

async function compare(folder) {
  const wanted = (mode) => !modes || modes.includes(mode);
  note(`this takes about ${quick ? 8 : 32} minutes on two cores; leave the machine alone meanwhile`);
  const context = { quick, rounds, threads, only, folder, model: makeModel(folder) };
  const empty = {
    ratios: {},
    worstRounds: {},
    imagesPerSecond: {},
    once: [],
    failures: {},
    agreement: {},
    versions: {},
  };
  const result = { ...(wanted('race') ? await race(context) : empty), machine, rounds, command: process.argv.slice(2) };
  // A mode that fails leaves its figures out, and its bars unmet.
  const add = async (mode, measure) => {
    if (!wanted(mode)) return;
    try {
      await measure();
    } catch (error) {
      note(`${mode} failed: ${error.message}`);
      result.failures[mode] = error.message;
    }
  };
  await add('memory', async () => {
    const { megabytes, failures } = await measureMemory(context);
    result.memoryMegabytes = megabytes;
    if (Object.keys(failures).length > 0) result.failures.memory = failures;
  });
  await add('cold-start', async () => {
    const { seconds, failures } = await measureColdStart(context);
    result.coldStartSeconds = seconds;
    if (Object.keys(failures).length > 0) result.failures['cold start'] = failures;
  });
  await add('layers', async () => {
    const { failure, ...layers } = measureLayers(context);
    if (failure) throw new Error(failure);
    result.layers = layers;
  });
  await add('loading', async () => {
    result.loading = await measureLoading(context);
  });
  result.bars = judge(result);
  await save(result);
  console.log(text(result));
}

async function scale(folder) {
  const { measureScaling, scalingText } = await import('./scaling.js');
  note(`this takes about ${quick ? 2 : 8} minutes on two cores`);
  const scaling = await measureScaling({ quick, threads, folder });
  await save({ scaling, machine });
  console.log(scalingText(scaling));
}

if (command === 'table' && file) {
  console.log(markdownOf(JSON.parse(readFileSync(file, 'utf8'))));
} else if (command === 'compare' || command === 'scaling') {
  const folder = await mkdtemp(join(os.tmpdir(), 'deepyeast-bench-'));
  const tidy = () => rm(folder, { recursive: true, force: true });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => tidy().finally(() => process.exit(130)));
  try {
    install();
    await (command === 'scaling' ? scale(folder) : compare(folder));
  } finally {
    await tidy();
  }
} else {
  note(
    'usage: npm run bench -- [scaling | table FILE] [--quick] [--rounds N] [--threads N] [--json FILE] [--only NAMES]',
  );
  process.exitCode = 2;
}
