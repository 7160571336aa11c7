// Random forests against scikit-learn's and npm's ml-random-forest: the same made cells and settings for all, every
// contestant in a process of its own, seeds in turn so that a drift of the machine's speed hits all alike.
//
//   npm run forest -- [--rows 8000] [--columns 435] [--trees 20] [--seeds 5] [--threads 2] [--json FILE]
//   npm run forest -- --paper            # 65,000 x 435 and 500 trees; scikit-learn grows --rival-trees of them
//
// scikit-learn takes part when DEEPYEAST_BENCH_PYTHON names a Python that has it. ml-random-forest is measured apart, on
// 400 x 30 and 10 trees, which it can bear.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Contestant } from './contestant.js';
import { normals, uniforms } from './forest/random.js';
import { median } from './statistics.js';

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '8000' },
    columns: { type: 'string', default: '435' },
    trees: { type: 'string', default: '20' },
    seeds: { type: 'string', default: '5' },
    threads: { type: 'string', default: '2' },
    paper: { type: 'boolean', default: false },
    'rival-trees': { type: 'string', default: '4' },
    json: { type: 'string' },
  },
});
const here = fileURLToPath(new URL('.', import.meta.url));
const classes = 12;
const testRows = 4000;
const python = process.env.DEEPYEAST_BENCH_PYTHON;
const folder = await mkdtemp(join(os.tmpdir(), 'deepyeast-forest-'));

/**
 * Made cells: twelve classes that differ in thirty hidden traits, which the columns mix and blur, as the features of a
 * family do; a fifth of the columns is noise. Training rows, then test rows.
 */
async function makeCells(name, rows, columns, seed) {
  const traits = 30;
  const normal = normals(seed);
  const uniform = uniforms(seed + 1000);
  const centres = Float64Array.from({ length: classes * traits }, () => 0.9 * normal());
  const mixing = Float64Array.from({ length: columns * traits }, (_, i) =>
    Math.floor(i / traits) % 5 === 0 || uniform() > 0.2 ? 0 : normal(),
  );
  const all = rows + testRows;
  const values = new Float32Array(all * columns);
  const labels = new Int32Array(all);
  const hidden = new Float64Array(traits);
  for (let row = 0; row < all; row++) {
    const label = Math.min(classes - 1, Math.floor(classes * uniform() ** 1.5)); // some classes are rare
    labels[row] = label;
    for (let t = 0; t < traits; t++) hidden[t] = centres[label * traits + t] + normal();
    for (let c = 0; c < columns; c++) {
      let value = 1.5 * normal();
      for (let t = 0; t < traits; t++) value += mixing[c * traits + t] * hidden[t];
      values[row * columns + c] = value;
    }
  }
  const files = { values: join(folder, `${name}.values`), labels: join(folder, `${name}.labels`) };
  await writeFile(files.values, new Uint8Array(values.buffer));
  await writeFile(files.labels, new Uint8Array(labels.buffer));
  return { ...files, rows, testRows, columns, classes };
}

async function start(name) {
  const entrants = {
    deepyeast: { command: process.execPath, file: 'forest/deepyeast.js' },
    'scikit-learn': { command: python, file: 'forest/scikit-learn.py' },
    'ml-random-forest': { command: process.execPath, file: 'forest/ml-random-forest.js' },
  };
  return Contestant.start({ ...entrants[name], environment: {} });
}

/** Each contestant in turn for every seed: trees a second and accuracy on the test rows. */
async function race(title, size, contestants, seeds) {
  console.log(`\n${title}`);
  const processes = new Map();
  for (const { name } of contestants) processes.set(name, await start(name));
  const results = new Map(contestants.map(({ name }) => [name, []]));
  for (let seed = 0; seed < seeds; seed++) {
    const cells = await makeCells(`cells-${seed}`, size.rows, size.columns, seed);
    for (const { name, trees } of contestants) {
      const request = { mode: 'forest', ...cells, ...size, trees, seed, threads: Number(options.threads) };
      const answer = await processes.get(name).ask(request);
      if (answer.error) throw new Error(`${name}: ${answer.error}`);
      results.get(name).push({ ...answer, rate: trees / answer.seconds });
      process.stderr.write(`${name}, seed ${seed}: ${JSON.stringify(answer)}\n`);
    }
    await rm(cells.values);
    await rm(cells.labels);
  }
  const rows = contestants.map(({ name, trees }) => {
    const runs = results.get(name);
    const mean = (field) => runs.reduce((sum, run) => sum + run[field], 0) / runs.length;
    return {
      contestant: `${name} ${processes.get(name).version}`,
      trees,
      treesPerSecond: median(runs.map(({ rate }) => rate)),
      seconds: median(runs.map(({ seconds }) => seconds)),
      accuracy: mean('accuracy'),
      peakMegabytes: Math.max(...runs.map(({ megabytes }) => megabytes)),
    };
  });
  for (const child of processes.values()) await child.stop();
  const [ours] = rows;
  for (const [i, row] of rows.entries()) {
    row.ratio = ours.treesPerSecond / row.treesPerSecond;
    const rates = results.get(contestants[i].name);
    row.worstRatio = Math.min(...results.get('deepyeast').map(({ rate }, seed) => rate / rates[seed].rate));
  }
  const columns = [
    'contestant',
    'trees',
    'trees/s',
    'seconds',
    'accuracy',
    'peak MB',
    'ours is faster by (worst seed)',
  ];
  const lines = rows.map((row) => [
    row.contestant,
    row.trees,
    row.treesPerSecond.toPrecision(3),
    row.seconds.toPrecision(3),
    `${(100 * row.accuracy).toFixed(2)}%`,
    row.peakMegabytes.toFixed(0),
    row === ours ? '' : `${row.ratio.toFixed(1)} (${row.worstRatio.toFixed(1)})`,
  ]);
  for (const line of [columns, ...lines]) {
    console.log(line.map((text, i) => (i === 0 ? String(text).padEnd(26) : String(text).padStart(10))).join(''));
  }
  return { title, ...size, seeds, threads: Number(options.threads), rows };
}

try {
  if (!existsSync(join(here, 'node_modules/ml-random-forest'))) {
    spawnSync('npm', ['ci', '--ignore-scripts'], { cwd: here, stdio: ['ignore', 2, 2] });
  }
  const rows = options.paper ? 65_000 : Number(options.rows);
  const trees = options.paper ? 500 : Number(options.trees);
  const columns = Number(options.columns);
  const size = { rows, columns, featuresPerSplit: Math.min(100, columns), leafSize: 1 };
  const main = [{ name: 'deepyeast', trees }];
  if (python) main.push({ name: 'scikit-learn', trees: options.paper ? Number(options['rival-trees']) : trees });
  const races = [
    await race(
      `${rows} x ${columns}, ${classes} classes, ${size.featuresPerSplit} features a split, leaves of 1`,
      size,
      main,
      options.paper ? 1 : Number(options.seeds),
    ),
  ];
  if (!options.paper) {
    const small = { rows: 400, columns: 30, featuresPerSplit: 10, leafSize: 1 };
    races.push(
      await race(
        `${small.rows} x ${small.columns}, ${classes} classes, 10 features (ml-random-forest draws them once a tree)`,
        small,
        [
          { name: 'deepyeast', trees: 10 },
          { name: 'ml-random-forest', trees: 10 },
        ],
        Number(options.seeds),
      ),
    );
  }
  if (options.json) {
    const machine = { cpu: os.cpus()[0]?.model, cores: os.availableParallelism(), node: process.version };
    await writeFile(options.json, `${JSON.stringify({ machine, date: new Date().toISOString(), races }, null, 2)}\n`);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
