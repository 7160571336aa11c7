/** Pieces of work done by several processes, their results taken in order and the same for any number of processes. */
import { setImmediate } from 'node:timers/promises';
import { throwIfAborted } from '../../abort';
import { TaskProcess } from './task-process';

export interface Workshop<Task, Result> {
  /** The compiled module of a process, which calls `serveTasks`. */
  readonly module: () => string;
  /** What every process is given when it starts. */
  readonly data: unknown;
  /** Does a task in this process; called once before the first. */
  readonly here: () => (task: Task) => Result;
  /** Results that may wait to be taken, per process. */
  readonly ahead: number;
}

/**
 * Does all tasks in as many processes as `threads` and yields their results in order. One thread: in this process, with
 * pauses for the event loop.
 */
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
  const module = workshop.module();
  const crew = Array.from(
    { length: Math.min(threads, tasks.length) },
    () => new TaskProcess<Task, Result>(module, workshop.data),
  );
  try {
    // In the order of the tasks.
    const pending: Promise<Result>[] = [];
    let next = 0;
    // A finished task makes room for the next, in the process that has least to do: one shares its core with this one.
    const send = () => {
      if (next >= tasks.length) return;
      const free = crew.reduce((best, member) => (member.load < best.load ? member : best));
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
    await Promise.all(crew.map((member) => member.end()));
  }
}
