// Loading: importing PNG crops into a dataset, and reading cells back from its packed images.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { note } from './note.js';
import { median } from './statistics.js';

const require = createRequire(import.meta.url);

/** Cells a second. */
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
  for (const name of ['one', 'two']) await mkdir(join(crops, name), { recursive: true });
  for (let cell = 0; cell < count; cell++) {
    const rgb = new Uint8Array(size * size * 3);
    for (let i = 0; i < size * size; i++) rgb.set(pixels.subarray((cell * size * size + i) * 2).subarray(0, 2), 3 * i);
    const png = await sharp(rgb, { raw: { width: size, height: size, channels: 3 } })
      .png()
      .toBuffer();
    await writeFile(join(crops, cell % 2 ? 'one' : 'two', `${cell}.png`), png);
  }
  const imports = [];
  const reads = [];
  for (let run = 0; run < 3; run++) {
    const out = join(folder, 'imported');
    await rm(out, { recursive: true, force: true });
    const before = performance.now();
    const { dataset: imported } = await importImages({ source: crops, out });
    imports.push((1000 * count) / (performance.now() - before));
    if (imported.count !== count) throw new Error(`${imported.count} of ${count} cells were imported`);
    const indices = Uint32Array.from({ length: count }, (_, i) => (i * 7919) % count); // far apart, each once
    const start = performance.now();
    for (let first = 0; first < count; first += 100) await store.read(indices.subarray(first, first + 100));
    reads.push((1000 * count) / (performance.now() - start));
  }
  store.close();
  return { pngImport: median(imports), packedRead: median(reads) };
}
