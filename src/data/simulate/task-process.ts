/**
 * A process that does pieces of work one after another. The simulator draws in processes and not in worker threads,
 * since Node.js 20 aborts now and then when a worker thread ends while V8 still compiles for it.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { DeepYeastError, type ErrorCode } from '../../errors';

/** What the parent sends: first the data that all tasks share, then tasks. */
type Order<Data, Task> = { data: Data } | { task: Task };
/** What the child sends for every task. */
type Answer<Result> = { result: Result } | { error: { code?: ErrorCode; message: string } };

/** The parent's side: one process, whose answers come in the order of its work. */
export class TaskProcess<Task, Result> {
  readonly #child: ChildProcess;
  readonly #waiting: { resolve: (result: Result) => void; reject: (error: unknown) => void }[] = [];
  #failure: unknown;

  /** Tasks it has yet to do. */
  get load(): number {
    return this.#waiting.length;
  }

  /** @param module the compiled file that calls `serveTasks` */
  constructor(module: string, data: unknown) {
    this.#child = fork(module, {
      execArgv: [],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: { ...process.env, ELECTRON_RUN_AS_NODE: '1', NODE_OPTIONS: '' },
    });
    this.#child.on('message', (answer: Answer<Result>) => {
      const first = this.#waiting.shift();
      if ('error' in answer) first?.reject(asThrown(answer.error));
      else first?.resolve(answer.result);
    });
    this.#child.on('error', (error) => this.#fail(error));
    this.#child.on('exit', (status, signal) => this.#fail(endedEarly(status, signal)));
    this.#send({ data });
  }

  do(task: Task): Promise<Result> {
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#send({ task });
    });
  }

  /** Ends the process, in the middle of a task if need be, and waits until it is gone. */
  async end(): Promise<void> {
    const { pid, exitCode, signalCode } = this.#child;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await gone;
  }

  #send(order: Order<unknown, Task>): void {
    // Where sending fails the process has ended, and its exit tells more.
    this.#child.send(order, () => {});
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}

function asThrown({ code, message }: { code?: ErrorCode; message: string }): Error {
  return code === undefined ? new Error(message) : new DeepYeastError(code, message);
}

function endedEarly(status: number | null, signal: NodeJS.Signals | null): DeepYeastError {
  const how = signal === null ? `status ${status}` : signal;
  return new DeepYeastError(
    'io-error',
    `a process of the simulator ended with ${how}; where memory is short, draw with fewer threads`,
  );
}

/**
 * The child's side: `begin` is called once with the shared data, what it returns does every task. Interrupts are the
 * parent's business, which ends this process; it ends too where the parent is gone.
 */
export function serveTasks<Data, Task, Result>(begin: (data: Data) => (task: Task) => Result): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  process.on('disconnect', () => process.exit());
  let work: ((task: Task) => Result) | undefined;
  const answer = (task: Task): Answer<Result> => {
    try {
      return { result: (work as (task: Task) => Result)(task) };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return { error: { message, ...(error instanceof DeepYeastError && { code: error.code }) } };
    }
  };
  process.on('message', (order: Order<Data, Task>) => {
    if ('data' in order) work = begin(order.data);
    // Where sending fails the parent is gone.
    else process.send?.(answer(order.task), undefined, {}, () => {});
  });
}
