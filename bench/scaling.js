// How deepyeast's cost grows: with the batch, the image size, the threads, and the number of cells in a dataset. The cost
// a cell must be flat from some batch on, and memory bounded.
import { randomFillSync } from 'node:crypto';
import { mkdir, open, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { note } from './note.js';
import { median } from './statistics.js';
import { table } from './tables.js';

const require = createRequire(import.meta.url);
const { Dataset, Network } = require('../dist/index.js');

const classes = Array.from({ length: 12 }, (_, i) => `class ${i}`);

/** Median milliseconds a cell over at least a second of predictions. */
async function cost(network, batch) {
  const { imageSize, channels } = network.topology;
  const cells = randomFillSync(new Uint8Array(batch * imageSize * imageSize * channels));
  await network.predict(cells, { batchSize: batch });
  const times = [];
  for (let total = 0; total < 1500 || times.length < 3; ) {
    const start = performance.now();
    await network.predict(cells, { batchSize: batch });
    times.push(performance.now() - start);
    total += times.at(-1);
  }
  return median(times) / batch;
}

async function using(options, body) {
  const network = await Network.create({ classes, seed: 1, ...options });
  try {
    return await body(network);
  } finally {
    await network.close();
  }
}

/** A dataset folder of `count` black cells; its images take no space on most disks. */
async function blackCells(folder, count) {
  await mkdir(folder);
  const header = `{'descr': '|u1', 'fortran_order': False, 'shape': (${count}, 64, 64, 2), }`;
  const length = Math.ceil((10 + header.length + 1) / 64) * 64 - 10;
  const start = Buffer.alloc(10 + length, ' ');
  start.write('\x93NUMPY\x01\x00', 'latin1');
  start.writeUInt16LE(length, 8);
  start.write(header, 10);
  start.write('\n', 10 + length - 1);
  const images = await open(join(folder, 'images.npy'), 'w');
  await images.write(start);
  await images.truncate(start.length + count * 64 * 64 * 2);
  await images.close();
  const cells = await open(join(folder, 'cells.csv'), 'w');
  await cells.write('cell,label\n');
  for (let first = 0; first < count; first += 10000) {
    const rows = Array.from({ length: Math.min(10000, count - first) }, (_, i) => `${first + i},${(first + i) % 12}\n`);
    await cells.write(rows.join(''));
  }
  await cells.close();
  await writeFile(join(folder, 'dataset.json'), JSON.stringify({ classes, channels: ['red', 'green'] }));
}

export async function measureScaling({ quick, threads, folder }) {
  const rows = { batch: [], imageSize: [], threads: [], dataset: [] };
  await using({ threads }, async (network) => {
    for (const batch of quick ? [1, 8, 100] : [1, 2, 4, 8, 16, 32, 64, 100, 256, 1000]) {
      note(`scaling: batch ${batch}`);
      rows.batch.push({ batch, milliseconds: await cost(network, batch) });
    }
  });
  for (const imageSize of quick ? [48, 64] : [32, 48, 64, 72, 96, 128]) {
    note(`scaling: images of ${imageSize} pixels`);
    const milliseconds = await using({ threads, imageSize }, (network) => cost(network, 32));
    rows.imageSize.push({ imageSize, milliseconds, nanosecondsPerPixel: (milliseconds * 1e6) / imageSize ** 2 });
  }
  for (let count = 1; count <= threads; count++) {
    note(`scaling: ${count} threads`);
    rows.threads.push({
      threads: count,
      milliseconds: await using({ threads: count }, (network) => cost(network, 100)),
    });
  }
  // A small network, so that a million cells take minutes: what is measured is reading, batches and tables.
  const blocks = [[8], [8], [8]];
  for (const cells of quick ? [10_000, 100_000] : [10_000, 100_000, 1_000_000]) {
    note(`scaling: a dataset of ${cells} cells`);
    const path = join(folder, `black-${cells}`);
    await blackCells(path, cells);
    const row = await using({ threads, blocks, dense: [16] }, async (network) => {
      const dataset = await Dataset.open(path);
      const start = performance.now();
      let seen = 0;
      let resident = 0;
      for await (const { count } of network.predictBatches(dataset, { batchSize: 256 })) {
        seen += count;
        resident = Math.max(resident, process.memoryUsage.rss());
      }
      const milliseconds = (performance.now() - start) / cells;
      if (seen !== cells) throw new Error(`${seen} of ${cells} cells were predicted`);
      return { cells, milliseconds, residentMegabytes: Math.round(resident / 2 ** 20) };
    });
    rows.dataset.push(row);
    await rm(path, { recursive: true });
  }
  return rows;
}

export function scalingText(rows) {
  const number = (value) => value.toPrecision(3);
  return [
    'inference, milliseconds a cell by batch',
    table([['batch', 'ms'], ...rows.batch.map(({ batch, milliseconds }) => [String(batch), number(milliseconds)])]),
    '\nby image size, batch 32',
    table([
      ['size', 'ms', 'ns a pixel'],
      ...rows.imageSize.map((row) => [
        String(row.imageSize),
        number(row.milliseconds),
        number(row.nanosecondsPerPixel),
      ]),
    ]),
    '\nby threads, batch 100',
    table([['threads', 'ms'], ...rows.threads.map((row) => [String(row.threads), number(row.milliseconds)])]),
    '\nby cells in images.npy, a network of three convolutions of 8 channels (reading and batches weigh most)',
    table([
      ['cells', 'ms', 'resident MB'],
      ...rows.dataset.map((row) => [String(row.cells), number(row.milliseconds), String(row.residentMegabytes)]),
    ]),
  ].join('\n');
}
