// Loading: importing PNG crops into a dataset, beside what sharp needs to unpack them and do nothing else; reading cells back
// from its packed images; reading micrographs from TIFF.
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { note } from './note.js';
import { median } from './statistics.js';

const require = createRequire(import.meta.url);

/** Files unpacked at once, as many as an import has. */
const concurrency = 8;
/** Pixels of a side of a micrograph. */
const micrograph = 1080;

/** Unpacks files by sharp, a few at a time; files a second. */
async function measureSharp(sharp, files) {
  const before = performance.now();
  const running = [];
  for (const file of files) {
    running.push(readFile(file).then((bytes) => sharp(bytes).raw().toBuffer()));
    if (running.length >= concurrency) await running.shift();
  }
  await Promise.all(running);
  return (1000 * files.length) / (performance.now() - before);
}

/** Planes a second of a micrograph of 16 bits. */
async function measureTiff(path, options) {
  const { openTiff, writeTiff } = require('../dist/files/tiff/index.js');
  const data = Uint16Array.from({ length: micrograph ** 2 }, (_, i) => 300 + ((i * 7919) % 97) + (i % micrograph) / 9);
  await writeTiff(path, [{ width: micrograph, height: micrograph, data }], options);
  const times = [];
  for (let repetition = 0; repetition < 15; repetition++) {
    const before = performance.now();
    const tiff = await openTiff(path);
    await tiff.readPlane(0);
    await tiff.close();
    times.push(performance.now() - before);
  }
  return 1000 / median(times);
}

/** Cells a second, and planes a second. */
export async function measureLoading({ quick, folder }) {
  const { importImages, simulate } = require('../dist/index.js');
  const { loadAddon } = require('../dist/native/index.js');
  const sharp = createRequire(require.resolve('../dist/index.js'))('sharp');
  note('loading');
  const size = 64;
  const count = quick ? 1000 : 4000;
  const screen = join(folder, 'screen');
  const { train: dataset } = await simulate({ out: screen, cells: Math.ceil(count / 0.7), seed: 1 });
  const store = new (loadAddon().ImageStore)(dataset.images);
  const pixels = await store.read(Uint32Array.from({ length: count }, (_, i) => i));
  const crops = join(folder, 'crops');
  const files = [];
  for (const name of ['one', 'two']) await mkdir(join(crops, name), { recursive: true });
  for (let cell = 0; cell < count; cell++) {
    const rgb = new Uint8Array(size * size * 3);
    for (let i = 0; i < size * size; i++) rgb.set(pixels.subarray((cell * size * size + i) * 2).subarray(0, 2), 3 * i);
    const png = await sharp(rgb, { raw: { width: size, height: size, channels: 3 } })
      .png()
      .toBuffer();
    files.push(join(crops, cell % 2 ? 'one' : 'two', `${cell}.png`));
    await writeFile(files.at(-1), png);
  }
  const imports = [];
  const unpacked = [];
  const reads = [];
  for (let run = 0; run < 3; run++) {
    const out = join(folder, 'imported');
    await rm(out, { recursive: true, force: true });
    const before = performance.now();
    const { dataset: imported } = await importImages({ source: crops, out });
    imports.push((1000 * count) / (performance.now() - before));
    if (imported.count !== count) throw new Error(`${imported.count} of ${count} cells were imported`);
    unpacked.push(await measureSharp(sharp, files));
    const indices = Uint32Array.from({ length: count }, (_, i) => (i * 7919) % count); // far apart, each once
    const start = performance.now();
    for (let first = 0; first < count; first += 100) await store.read(indices.subarray(first, first + 100));
    reads.push((1000 * count) / (performance.now() - start));
  }
  store.close();
  return {
    pngImport: median(imports),
    sharpUnpack: median(unpacked),
    packedRead: median(reads),
    tiffPlanes: await measureTiff(join(folder, 'plain.tif'), {}),
    deflatePlanes: await measureTiff(join(folder, 'deflate.tif'), { deflate: true }),
  };
}
