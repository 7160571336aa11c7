// Every layer by itself, as it runs inside an inference pass, by the C++ program of native/test/bench/bench.cc.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { note } from './note.js';

const program = fileURLToPath(new URL('../build/native/test/kernel_bench', import.meta.url));

/**
 * {peak, batches: {batch: [{layer, milliseconds, gigaflops, share}]}}: GFLOP/s effective, which counts the multiply-adds
 * of the plain algorithm; share of the multiply-add peak measured in the same run, which Winograd's may exceed.
 */
export function measureLayers({ threads }) {
  const batches = {};
  let peak;
  for (const batch of [1, 32]) {
    note(`layers at batch ${batch}`);
    const { stdout, status, error } = spawnSync(
      program,
      ['--inference', '--batch', String(batch), '--threads', String(threads)],
      { encoding: 'utf8' },
    );
    if (status !== 0) return { failure: error?.message ?? `kernel_bench ended with ${status}` };
    peak = Math.max(peak ?? 0, Number(/^peak +([\d.]+) GFLOP/m.exec(stdout)[1]));
    batches[batch] = [...stdout.matchAll(/^(\w+) +in turn +([\d.]+) ms .*? ([\d.]+) GFLOP\/s/gm)].map(
      ([, layer, milliseconds, gigaflops]) => ({
        layer,
        milliseconds: Number(milliseconds),
        gigaflops: Number(gigaflops),
      }),
    );
  }
  for (const layers of Object.values(batches)) for (const layer of layers) layer.share = layer.gigaflops / peak;
  return { peak, batches };
}
