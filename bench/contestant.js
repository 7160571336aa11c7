// One contestant: its process, the requests it answers, and what it measured.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export class Contestant {
  /** Images per second by measurement, one a counted round; undefined entries are failures. */
  rates = new Map();
  /** Why it failed, by measurement. */
  failures = new Map();
  /** Largest resident size of its process, MB. */
  peakMemory = 0;

  /** Starts `command file`; resolves once it has introduced itself. */
  static async start({ command, file, environment }) {
    const started = process.hrtime.bigint();
    const child = spawn(command, [fileURLToPath(new URL(file, import.meta.url))], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
    });
    let messages = '';
    child.stderr.on('data', (data) => {
      messages = (messages + data).slice(-2000);
    });
    const contestant = new Contestant();
    contestant.child = child;
    contestant.lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const first = await contestant.#line();
    if (first === undefined) throw new Error(messages.trim().split('\n').at(-1) || 'it ended without a word');
    Object.assign(contestant, JSON.parse(first));
    contestant.start = Number(process.hrtime.bigint() - started) / 1e9;
    return contestant;
  }

  /** Sends a request; resolves to its result, {unsupported} or {error}. */
  async ask(request) {
    if (this.child.exitCode !== null) return { error: 'its process ended' };
    this.child.stdin.write(`${JSON.stringify(request)}\n`);
    const line = await this.#line();
    return line === undefined ? { error: 'its process ended' } : JSON.parse(line);
  }

  stop() {
    this.child.stdin.end();
    return new Promise((resolve) => (this.child.exitCode === null ? this.child.once('exit', resolve) : resolve()));
  }

  /** The next line that is JSON: some libraries greet on standard output. */
  async #line() {
    for (;;) {
      const { value, done } = await this.lines.next();
      if (done) return undefined;
      if (value.startsWith('{')) return value;
    }
  }
}
