// What every contestant speaks on its standard streams: first a line of JSON that introduces it ({name, version,
// device}), then for each request line a line of results, or {"error"}, or {"unsupported"}.
//
// Requests: {mode: "inference", batch, repeats, images, result}: the posteriors of the `batch` cells in the file
// `images`, computed `repeats` times, the last ones saved as float32 in the file `result`. Result: {seconds: one number
// a repetition}.
// {mode: "training", batch, repeats, images, labels, rate, result}: `repeats` steps from the shared model on consecutive
// batches, the weights after the last saved in the order of the model file's parameters. Result: {seconds: one number a
// step (or the mean of all), losses}.
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** Answers requests with the mode's function. */
export async function serve(introduction, modes) {
  console.log(JSON.stringify(introduction));
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line);
    try {
      const run = modes[request.mode];
      console.log(JSON.stringify(run ? await run(request) : { unsupported: true }));
    } catch (error) {
      console.log(JSON.stringify({ error: String(error) }));
    }
  }
}

/** Seconds that `body` takes. */
export async function timed(body) {
  const start = process.hrtime.bigint();
  await body();
  return Number(process.hrtime.bigint() - start) / 1e9;
}

/** Seconds of each of `repeats` runs of `body`. */
export async function timedEach(repeats, body) {
  const seconds = [];
  for (let i = 0; i < repeats; i++) seconds.push(await timed(() => body(i)));
  return seconds;
}

export function cells(path) {
  return new Uint8Array(readFileSync(path));
}

export function save(path, values) {
  writeFileSync(path, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}
