// What every contestant speaks on its standard streams: first a line of JSON that introduces it, then for each request
// line {"mode", "batch", "repeats"} a line {"seconds"} or {"error"}.
import { createInterface } from 'node:readline';

/** Answers requests with the mode's function, which returns the seconds that `repeats` batches took. */
export async function serve(introduction, modes) {
  console.log(JSON.stringify(introduction));
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line);
    try {
      const run = modes[request.mode];
      if (!run) throw new Error(`no mode ${request.mode}`);
      console.log(JSON.stringify({ seconds: await run(request) }));
    } catch (error) {
      console.log(JSON.stringify({ error: String(error) }));
    }
  }
}
