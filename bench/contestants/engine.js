// deepyeast's engine without JavaScript: hands the requests on to the C++ program of native/test/bench/contestant.cc.
import { spawn } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { readModel } from './model-file.js';
import { serve } from './protocol.js';

const { version } = createRequire(import.meta.url)('../../package.json');
const program = fileURLToPath(new URL('../../build/native/test/engine_contestant', import.meta.url));
const weights = `${process.env.BENCH_MODEL}.raw`;
const file = openSync(weights, 'w');
const { tensors, scale } = readModel(process.env.BENCH_MODEL);
for (const [name, { values }] of [...tensors, ['scale', { values: Float32Array.of(scale) }]]) {
  writeSync(file, `${name} ${values.length}\n`);
  writeSync(file, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}
closeSync(file);
const child = spawn(program, [weights, process.env.BENCH_THREADS], { stdio: ['pipe', 'pipe', 'inherit'] });
const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
const { value: device, done } = await lines.next();
if (done) throw new Error('the C++ program did not start');

await serve(
  { name: 'deepyeast-engine', version, device },
  {
    async inference({ batch, repeats, images, result }) {
      child.stdin.write(`${batch} ${repeats} ${images} ${result}\n`);
      const { value } = await lines.next();
      return { seconds: value.split(' ').map(Number) };
    },
  },
);
child.stdin.end();
