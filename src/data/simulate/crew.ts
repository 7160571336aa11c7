/** The threads that draw a screen. What they draw does not depend on their number. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { throwIfAborted } from '../../abort';
import { DeepYeastError } from '../../errors';
import { type ScreenData, ScreenPainter } from './painter';
import { drawStretch, type Stretch } from './stretch';

/** Crops in one piece of work: some 50 ms. */
const stretchLength = 64;
/** Drawn stretches that wait for the writer, per thread. */
const ahead = 4;

/** Draws all crops of a screen and yields them in order. One thread: here, with pauses for the event loop. */
export async function* drawScreen(
  screen: ScreenData,
  threads: number,
  signal?: AbortSignal,
): AsyncGenerator<Stretch, void, void> {
  const total = screen.protein.length;
  const starts = Array.from({ length: Math.ceil(total / stretchLength) }, (_, i) => i * stretchLength);
  const lengthAt = (start: number) => Math.min(stretchLength, total - start);
  if (threads <= 1 || starts.length <= 1) {
    const painter = new ScreenPainter(screen);
    for (const start of starts) {
      throwIfAborted(signal);
      yield drawStretch(painter, start, lengthAt(start));
      await setImmediate();
    }
    return;
  }
  const crew = Array.from({ length: Math.min(threads, starts.length) }, () => new Drawer(screen));
  try {
    // In the order of the screen.
    const pending: Promise<Stretch>[] = [];
    let next = 0;
    // A drawn stretch makes room for the next, on the thread that has least to do: one shares its core with the writer.
    const send = () => {
      const start = starts[next];
      if (start === undefined) return;
      const free = crew.reduce((best, drawer) => (drawer.load < best.load ? drawer : best));
      const work = free.draw(start, lengthAt(start));
      // It is awaited in its turn; until then a failure must not count as unhandled.
      work.catch(() => {});
      pending.push(work);
      next++;
    };
    for (let i = 0; i < ahead * crew.length; i++) send();
    while (pending.length > 0) {
      throwIfAborted(signal);
      yield await (pending.shift() as Promise<Stretch>);
      send();
    }
  } finally {
    await Promise.all(crew.map((drawer) => drawer.end()));
  }
}

/** The compiled thread's file. Run from TypeScript sources, as the tests are, the one in dist/ serves. */
function workerFile(): string {
  const beside = join(__dirname, 'worker.js');
  if (existsSync(beside)) return beside;
  const built = join(__dirname, '../../../dist/data/simulate/worker.js');
  if (existsSync(built)) return built;
  throw new DeepYeastError('io-error', `${beside} is missing: build the package with \`npm run build:ts\``);
}

/** One thread, whose answers come in the order of its work. */
class Drawer {
  readonly #worker: Worker;
  readonly #waiting: { resolve: (stretch: Stretch) => void; reject: (error: unknown) => void }[] = [];
  #failure: unknown;

  /** Stretches it has yet to draw. */
  get load(): number {
    return this.#waiting.length;
  }

  constructor(screen: ScreenData) {
    this.#worker = new Worker(workerFile(), { workerData: screen });
    this.#worker.on('message', (stretch: Stretch) => this.#waiting.shift()?.resolve(stretch));
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', () => this.#fail(new Error('a thread of the simulator ended')));
  }

  draw(start: number, count: number): Promise<Stretch> {
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#worker.postMessage({ start, count });
    });
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}
