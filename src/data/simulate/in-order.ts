/** Pieces of work done by several threads, their results taken in order. What they are does not depend on the threads. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { throwIfAborted } from '../../abort';
import { DeepYeastError } from '../../errors';

export interface Workshop<Task, Result> {
  /** The compiled file of a thread, relative to this folder: it answers every message (a task) with its result. */
  readonly file: string;
  /** What every thread is given when it starts. */
  readonly data: unknown;
  /** Does a task on this thread; called once before the first. */
  readonly here: () => (task: Task) => Result;
  /** Results that may wait to be taken, per thread. */
  readonly ahead: number;
}

/** Does all tasks and yields their results in order. One thread: here, with pauses for the event loop. */
export async function* workInOrder<Task, Result>(
  tasks: readonly Task[],
  workshop: Workshop<Task, Result>,
  threads: number,
  signal?: AbortSignal,
): AsyncGenerator<Result, void, void> {
  if (threads <= 1 || tasks.length <= 1) {
    const work = workshop.here();
    for (const task of tasks) {
      throwIfAborted(signal);
      yield work(task);
      await setImmediate();
    }
    return;
  }
  const file = workerFile(workshop.file);
  const crew = Array.from(
    { length: Math.min(threads, tasks.length) },
    () => new Hand<Task, Result>(file, workshop.data),
  );
  try {
    // In the order of the tasks.
    const pending: Promise<Result>[] = [];
    let next = 0;
    // A finished task makes room for the next, on the thread that has least to do: one shares its core with this one.
    const send = () => {
      if (next >= tasks.length) return;
      const free = crew.reduce((best, hand) => (hand.load < best.load ? hand : best));
      const work = free.do(tasks[next] as Task);
      // It is awaited in its turn; until then a failure must not count as unhandled.
      work.catch(() => {});
      pending.push(work);
      next++;
    };
    for (let i = 0; i < workshop.ahead * crew.length; i++) send();
    while (pending.length > 0) {
      throwIfAborted(signal);
      yield await (pending.shift() as Promise<Result>);
      send();
    }
  } finally {
    await Promise.all(crew.map((hand) => hand.end()));
  }
}

/** The compiled thread's file. Run from TypeScript sources, as the tests are, the one in dist/ serves. */
function workerFile(name: string): string {
  const beside = join(__dirname, name);
  if (existsSync(beside)) return beside;
  const built = join(__dirname, '../../../dist/data/simulate', name);
  if (existsSync(built)) return built;
  throw new DeepYeastError('io-error', `${beside} is missing: build the package with \`npm run build:ts\``);
}

/** One thread, whose answers come in the order of its work. */
class Hand<Task, Result> {
  readonly #worker: Worker;
  readonly #waiting: { resolve: (result: Result) => void; reject: (error: unknown) => void }[] = [];
  #failure: unknown;

  /** Tasks it has yet to do. */
  get load(): number {
    return this.#waiting.length;
  }

  constructor(file: string, data: unknown) {
    this.#worker = new Worker(file, { workerData: data });
    this.#worker.on('message', (result: Result) => this.#waiting.shift()?.resolve(result));
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', () => this.#fail(new Error('a thread of the simulator ended')));
  }

  do(task: Task): Promise<Result> {
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#worker.postMessage(task);
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
