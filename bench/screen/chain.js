#!/usr/bin/env node
// From micrographs to a table of proteins: cells a second of the whole chain, where its time goes, and what shards cost.
//
//   node bench/screen/chain.js [FIELDS] [ROUNDS]     (96 fields of 1080 x 1080 pixels with 400 cells each, 3 rounds)
//
// The model is the 11-layer network with random weights: its speed does not depend on them. Two threads, or two shards of
// one thread at once. Each round runs in turn: no shards; 16 shards, two at a time; `cells` alone; `predict` alone.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os, { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makePlate } from '../cells/plate.js';

const fields = Number(process.argv[2] ?? 96);
const rounds = Number(process.argv[3] ?? 3);
const shards = 16;
const folder = mkdtempSync(join(tmpdir(), 'deepyeast-bench-screen-'));
const program = join(import.meta.dirname, '../../dist/cli/main.js');

function deepyeast(...args) {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  return new Promise((resolve, reject) =>
    child.on('close', (status) => (status === 0 ? resolve() : reject(new Error(`${args[0]}: ${stderr}`)))),
  );
}

async function timed(work) {
  const begin = performance.now();
  await work();
  return (performance.now() - begin) / 1000;
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

try {
  const { Network, Dataset } = await import('../../dist/index.mjs');
  const { compartments } = await import('../../dist/data/compartments.js');
  const plate = makePlate(folder, { fields, fieldsPerWell: 4 });
  const model = join(folder, 'model.safetensors');
  const network = await Network.create({ classes: [...compartments], seed: 1 });
  await network.save(model);
  await network.close();
  const channels = ['--channels', 'rfp=ch3,gfp=ch1'];
  const times = { whole: [], sharded: [], cells: [], predict: [], merge: [] };
  let count = 0;
  for (let round = 0; round < rounds; round++) {
    const at = (name) => join(folder, `${name}-${round}`);
    times.whole.push(
      await timed(() =>
        deepyeast('screen', plate, ...channels, '--model', model, '--out', at('whole'), '--threads', '2'),
      ),
    );
    times.sharded.push(
      await timed(async () => {
        await deepyeast(
          'screen',
          'plan',
          plate,
          ...channels,
          '--model',
          model,
          '--out',
          at('sharded'),
          '--shards',
          String(shards),
          '--threads',
          '2',
        );
        let next = 0;
        const worker = async () => {
          while (next < shards)
            await deepyeast('screen', 'run', at('sharded'), '--shard', String(next++), '--threads', '1');
        };
        await Promise.all([worker(), worker()]);
        await deepyeast('screen', 'merge', at('sharded'));
      }),
    );
    times.cells.push(await timed(() => deepyeast('cells', plate, ...channels, '--out', at('cells'), '--threads', '2')));
    times.predict.push(
      await timed(() =>
        deepyeast(
          'predict',
          at('cells'),
          '--model',
          model,
          '--out',
          at('predictions.parquet'),
          '--threads',
          '2',
          '--allow-rule-mismatch',
        ),
      ),
    );
    times.merge.push(await timed(() => deepyeast('screen', 'merge', at('whole'))));
    count = (await Dataset.open(at('cells'))).count;
    for (const name of readdirSync(folder))
      if (name.endsWith(`-${round}`)) rmSync(join(folder, name), { recursive: true });
  }
  const seconds = Object.fromEntries(
    Object.entries(times).map(([name, values]) => [name, Number(median(values).toFixed(2))]),
  );
  console.log(
    JSON.stringify({
      cpu: os.cpus()[0]?.model,
      node: process.version,
      fields,
      cells: count,
      rounds,
      seconds,
      cellsPerSecond: Math.round(count / seconds.whole),
      overheadOfShards: Number((seconds.sharded / seconds.whole - 1).toFixed(3)),
      shareOfNetwork: Number((seconds.predict / seconds.whole).toFixed(2)),
      shareOfCells: Number((seconds.cells / seconds.whole).toFixed(2)),
    }),
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
