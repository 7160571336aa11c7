#!/usr/bin/env node
// Time and memory of `deepyeast screen merge` for a screen of many shards: `node bench/screen/merge.js [SHARDS] [CELLS]`
// (1000 shards of 1000 cells each). The parts are made up: names, places and posteriors of cells, no pixels. The first
// merge, and the same again with the files in memory; bars: 60 s and 500 MB. Linux only.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os, { tmpdir } from 'node:os';
import { join } from 'node:path';

const require = createRequire(import.meta.url);
const dist = join(import.meta.dirname, '../../dist');
const { writePart } = require(join(dist, 'screen/part-files.js'));
const { compartments } = require(join(dist, 'data/compartments.js'));
const { packageVersion } = require(join(dist, 'package-version.js'));

const shards = Number(process.argv[2] ?? 1000);
const cells = Number(process.argv[3] ?? 1000);
const folder = mkdtempSync(join(tmpdir(), 'deepyeast-bench-merge-'));
const digest = (value) => createHash('sha256').update(JSON.stringify(value)).digest('hex');
const classes = [...compartments];

/** A plate has 384 wells of 4 fields, a part is a well, a shard a part. */
async function makeScreen(results) {
  for (const name of ['parts', 'shards', 'cells']) mkdirSync(join(results, name), { recursive: true });
  const job = digest('made');
  const fields = [];
  const parts = [];
  let state = 1;
  const draw = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  for (let shard = 0; shard < shards; shard++) {
    const plate = `plate${Math.floor(shard / 384) + 1}`;
    const place = shard % 384;
    const well = `${String.fromCharCode(65 + Math.floor(place / 24))}${String((place % 24) + 1).padStart(2, '0')}`;
    const name = `${plate}_${well}`;
    const own = Array.from({ length: 4 }, (_, i) => ({
      key: `${plate}/${well}/${i + 1}`,
      plate,
      well,
      field: String(i + 1),
    }));
    parts.push({ name, first: fields.length, count: 4 });
    fields.push(
      ...own.map((images) => ({
        images: { ...images, channels: {}, markerPath: '' },
        protein: `protein${shard % 500}`,
        label: -1,
        source: `${name}.tif`,
        others: {},
      })),
    );
    const counts = own.map((_, i) => Math.floor((cells * (i + 1)) / 4) - Math.floor((cells * i) / 4));
    const posteriors = new Float32Array(cells * classes.length);
    const called = shard % classes.length;
    for (let cell = 0; cell < cells; cell++) {
      const first = 0.5 + 0.5 * draw();
      const rest = (1 - first) / (classes.length - 1);
      for (let c = 0; c < classes.length; c++) posteriors[cell * classes.length + c] = c === called ? first : rest;
    }
    await writePart(
      results,
      name,
      {
        job,
        fields: own.map((report, i) => ({
          ...report,
          source: `${name}.tif`,
          cells: counts[i],
          kept: counts[i],
          focus: 5,
          background: 500,
          covered: 0.2,
          saturated: 0,
        })),
        cells: {
          cell: own.flatMap(({ key }, i) => Array.from({ length: counts[i] }, (_, n) => `${key}/${n + 1}`)),
          x: Array.from({ length: cells }, () => Math.round(108000 * draw()) / 100),
          y: Array.from({ length: cells }, () => Math.round(108000 * draw()) / 100),
          flags: Array.from({ length: cells }, () => (draw() < 0.2 ? 'overlapped' : '')),
        },
      },
      posteriors,
      classes.length,
    );
  }
  const dealt = parts.map((_, first) => ({ first, count: 1 }));
  const plan = digest([job, dealt]);
  for (const shard of dealt.keys())
    writeFileSync(join(results, 'shards', `${shard}.json`), JSON.stringify({ plan, shard }));
  const survey = { width: 1080, height: 1080, normalization: { rule: 'none' } };
  writeFileSync(
    join(results, 'plan.json'),
    JSON.stringify({
      format: 1,
      job,
      plan,
      classes: [],
      otherColumns: [],
      survey,
      shards: dealt,
      parts,
      problems: [],
      fields,
    }),
  );
  writeFileSync(
    join(results, 'screen.json'),
    JSON.stringify({
      format: 1,
      deepyeast: packageVersion(),
      model: { path: '', sha256: digest('model'), classes },
      exclude: ['overlapped'],
      onError: 'skip',
      pictures: true,
      cells: {
        sources: [],
        channels: [
          ['rfp', '1'],
          ['gfp', '2'],
        ],
        size: 64,
      },
    }),
  );
}

function merge(results) {
  const begin = performance.now();
  const child = spawn(process.execPath, [join(dist, 'cli/main.js'), 'screen', 'merge', results], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let peak = 0;
  let stderr = '';
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  const look = setInterval(() => {
    try {
      peak = Math.max(
        peak,
        Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0) / 1024,
      );
    } catch {
      // It has ended.
    }
  }, 50);
  return new Promise((resolve, reject) =>
    child.on('close', (status) => {
      clearInterval(look);
      if (status !== 0) reject(new Error(stderr));
      else
        resolve({ seconds: Number(((performance.now() - begin) / 1000).toFixed(1)), peakMegabytes: Math.round(peak) });
    }),
  );
}

try {
  const results = join(folder, 'results');
  await makeScreen(results);
  const runs = [await merge(results), await merge(results)];
  console.log(JSON.stringify({ cpu: os.cpus()[0]?.model, shards, cells: shards * cells, runs }));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
