// Peak resident size of whole processes, each started afresh for one kind of work.
import { randomFillSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Contestant } from './contestant.js';
import { entrants } from './entrants.js';
import { note } from './note.js';

const imageBytes = 64 * 64 * 2;

/** `fromFile`: deepyeast reads the cells as it reads datasets; a rival would need tens of gigabytes for one such batch. */
const kinds = {
  'inference.100': { request: { mode: 'inference', batch: 100, repeats: 3 } },
  'inference.10000': { request: { mode: 'inference', batch: 10000, repeats: 1, fromFile: true }, only: ['deepyeast'] },
  'training.100': { request: { mode: 'training', batch: 100, repeats: 3, fresh: true, rate: 0.01 } },
};
const measured = ['deepyeast', 'onnxruntime-node', 'tfjs-wasm', 'tfjs-node', 'pytorch-float32', 'pytorch-bfloat16'];

/** MB by kind of work and contestant. */
export async function measureMemory({ quick, threads, only, model, folder }) {
  const megabytes = {};
  const failures = {};
  for (const [kind, { request, only: these }] of Object.entries(kinds)) {
    note(`memory: ${kind}`);
    const images = join(folder, 'memory-cells');
    const count = request.batch * (request.mode === 'training' ? request.repeats : 1);
    await writeFile(images, randomFillSync(new Uint8Array(count * imageBytes)));
    const labels = Array.from({ length: count }, (_, i) => i % 12);
    megabytes[kind] = {};
    for (const [name, entrant] of Object.entries(entrants({ quick }))) {
      if (!(these ?? (quick ? ['deepyeast'] : measured)).includes(name) || (only && !only.includes(name))) continue;
      try {
        const environment = { BENCH_MODEL: model, BENCH_THREADS: String(threads), ...entrant.environment };
        const contestant = await Contestant.start({ ...entrant, environment });
        const answer = await contestant.ask({ ...request, images, labels, result: join(folder, 'memory-result') });
        const peak = contestant.peakMemory();
        await contestant.stop();
        if (answer.error) throw new Error(answer.error);
        if (!answer.unsupported && peak !== undefined) megabytes[kind][name] = Math.round(peak);
      } catch (error) {
        failures[`${kind}.${name}`] = error.message;
        note(`memory: ${kind} of ${name} failed: ${error.message}`);
      }
    }
  }
  return { megabytes, failures };
}
