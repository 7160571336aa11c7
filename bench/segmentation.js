// From fields of view to a dataset of cells: fields a second and memory, beside the same steps in scikit-image. Each contestant
// runs in a process of its own; they take turns on the same plate, so that a drift of the machine's speed hits all alike.
//
//   npm run segmentation -- [--wells 8] [--rounds 5] [--threads 2] [--json FILE]
//   npm run segmentation -- --plate FOLDER [--channels rfp=ch3,gfp=ch1]    # a Harmony folder of one's own
//   npm run segmentation -- --memory 1000                                  # peak memory over so many fields
//
// scikit-image takes part when DEEPYEAST_BENCH_PYTHON names a Python that has it (and scipy and tifffile).
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Contestant } from './contestant.js';
import { note } from './note.js';
import { median } from './statistics.js';

const { values: options } = parseArgs({
  options: {
    wells: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '5' },
    threads: { type: 'string', default: '2' },
    diameter: { type: 'string', default: '20' },
    plate: { type: 'string' },
    channels: { type: 'string', default: 'rfp=ch3,gfp=ch1' },
    memory: { type: 'string' },
    json: { type: 'string' },
  },
});
const here = fileURLToPath(new URL('.', import.meta.url));
const folder = await mkdtemp(join(os.tmpdir(), 'deepyeast-segmentation-'));
const channels = Object.fromEntries(options.channels.split(',').map((pair) => pair.split('=')));
const diameter = Number(options.diameter);
const python = process.env.DEEPYEAST_BENCH_PYTHON;

function simulatePlate() {
  note(`simulating ${options.wells} wells`);
  const plate = join(folder, 'plate');
  const command = ['simulate', '--fields', '--out', plate, '--wells', options.wells, '--seed', '1', '--noise', '0.25'];
  const done = spawnSync(
    process.execPath,
    [join(here, '../dist/cli/main.js'), ...command, '--diameter', options.diameter],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
  if (done.status !== 0) throw new Error('the plate could not be simulated');
  return join(plate, 'Images');
}

/** The plate's fields again and again under the names of other fields: links, until there are `count`. */
async function repeated(plate, count) {
  const names = (await readdir(plate)).filter((name) => name.endsWith('.tiff'));
  const several = join(folder, 'several');
  await mkdir(several);
  const fields = [...new Set(names.map((name) => name.slice(0, 12)))];
  for (let i = 0; i < count; i++) {
    const from = fields[i % fields.length];
    const to = `r${String(1 + (i % 16)).padStart(2, '0')}c${String(1 + (Math.floor(i / 16) % 24)).padStart(2, '0')}f${String(1 + Math.floor(i / 384)).padStart(2, '0')}p01`;
    for (const name of names.filter((n) => n.startsWith(from)))
      await symlink(join(plate, name), join(several, name.replace(from, to)));
  }
  return several;
}

const entrants = { deepyeast: { command: process.execPath, file: 'segmentation/deepyeast.js' } };
if (python && !options.memory) entrants['scikit-image'] = { command: python, file: 'segmentation/scikit-image.py' };

try {
  let plate = options.plate ? resolve(options.plate) : simulatePlate();
  if (options.memory) plate = await repeated(plate, Number(options.memory));
  const rounds = options.memory ? 1 : Number(options.rounds);
  const contestants = new Map();
  for (const [name, entrant] of Object.entries(entrants)) {
    contestants.set(name, await Contestant.start({ ...entrant, environment: { OMP_NUM_THREADS: '1' } }));
  }
  const rates = new Map([...contestants.keys()].map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, contestant] of contestants) {
      const out = join(folder, `${name}-${round}`);
      const answer = await contestant.ask({
        mode: 'plate',
        plate,
        out,
        channels,
        diameter,
        threads: Number(options.threads),
      });
      if (answer.error) throw new Error(`${name}: ${answer.error}`);
      note(`${name}, round ${round}: ${JSON.stringify(answer)}`);
      rates.get(name).push(answer.fields / answer.seconds);
    }
  }
  const rows = [...contestants].map(([name, contestant]) => ({
    contestant: `${name} ${contestant.version}`,
    fieldsPerSecond: median(rates.get(name)),
    peakMegabytes: contestant.peakMemory(),
    ratio: median(rates.get('deepyeast')) / median(rates.get(name)),
    worstRatio: Math.min(...rates.get('deepyeast').map((rate, i) => rate / rates.get(name)[i])),
  }));
  for (const contestant of contestants.values()) await contestant.stop();
  for (const row of rows) {
    const ratio =
      row === rows[0]
        ? ''
        : `, deepyeast ${row.ratio.toFixed(1)} times as fast (worst round ${row.worstRatio.toFixed(1)})`;
    console.log(
      `${row.contestant}: ${row.fieldsPerSecond.toFixed(2)} fields/s, peak ${row.peakMegabytes?.toFixed(0)} MB${ratio}`,
    );
  }
  if (options.json)
    await writeFile(options.json, `${JSON.stringify({ threads: Number(options.threads), rounds, rows }, null, 1)}\n`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
