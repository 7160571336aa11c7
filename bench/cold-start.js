// Seconds from the start of node to the first posterior, for a program that loads a model and classifies one cell. The
// first start, which reads the files from disk, is not counted.
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { note } from './note.js';
import { median } from './statistics.js';

const require = createRequire(import.meta.url);

/** Seconds until the program's first output. */
function start(name, environment) {
  return new Promise((resolve, reject) => {
    const program = fileURLToPath(new URL(`contestants/start-${name}.cjs`, import.meta.url));
    const before = process.hrtime.bigint();
    const child = spawn(process.execPath, [program], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
    });
    let messages = '';
    let seconds;
    child.stderr.on('data', (data) => {
      messages += data;
    });
    child.stdout.once('data', () => {
      seconds = Number(process.hrtime.bigint() - before) / 1e9;
    });
    child.on('close', () =>
      seconds === undefined ? reject(new Error(messages.trim().split('\n').at(-1) ?? 'no output')) : resolve(seconds),
    );
  });
}

/** Median seconds by contestant. */
export async function measureColdStart({ quick, threads, only, model }) {
  const environment = { BENCH_MODEL: model, BENCH_THREADS: String(threads) };
  const seconds = {};
  const failures = {};
  const names = ['deepyeast', 'onnxruntime-node'].filter((name) => !only || only.includes(name));
  note('cold start');
  try {
    const { onnxModel } = require('../dist/network/exchange/onnx.js');
    const { readCheckpoint } = require('../dist/network/checkpoint.js');
    const { bytes } = await onnxModel(await readCheckpoint(model), { batchNorm: 'folded' });
    await writeFile(`${model}.onnx`, bytes);
  } catch (error) {
    note(`the ONNX file could not be written: ${error.message}`);
  }
  for (let run = 0; run <= (quick ? 5 : 9); run++) {
    for (const name of names) {
      if (failures[name]) continue;
      try {
        const here = await start(name, environment);
        if (run > 0) seconds[name] = [...(seconds[name] ?? []), here];
      } catch (error) {
        failures[name] = error.message;
        note(`cold start of ${name} failed: ${error.message}`);
      }
    }
  }
  return { seconds: Object.fromEntries(Object.entries(seconds).map(([name, all]) => [name, median(all)])), failures };
}
