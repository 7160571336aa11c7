// One contestant: its process, the requests it answers, and what it measured.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export class Contestant {
  /** Images per second by measurement, one a counted round. */
  rates = new Map();
  /** Images per second in the warm-up, by measurement. */
  warmUp = new Map();
  /** Why it failed, by measurement. */
  failures = new Map();
  /** Measurements that it takes no part in. */
  cannot = new Set();

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

  /** Largest resident size of its process so far, MB; undefined where the system does not say. */
  peakMemory() {
    try {
      const status = readFileSync(`/proc/${this.child.pid}/status`, 'utf8');
      return Number(/VmHWM:\s+(\d+)/.exec(status)[1]) / 1024;
    } catch {
      return undefined;
    }
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
