/**
 * Readers of third parties that make arrays of whatever a length field of a file says run in a process of their own, with
 * bounds on its memory and its time: where V8 ends the process (an array too long to exist, no memory left), that is an
 * error here. The process is started for each file that is read.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { throwIfAborted } from '../abort';
import { DeepYeastError, type ErrorCode } from '../errors';

export interface ProcessLimits {
  /** Bytes of data that the process may hold. */
  bytes: number;
  /** Seconds of processor time. */
  seconds: number;
}

export interface SeparateWork<Request> {
  /** The module that calls `serveParent`, a compiled file; see `compiledModule`. */
  module: string;
  request: Request;
  limits: ProcessLimits;
  /** The error where the process dies; `reason` completes "reading it ...". */
  died(reason: string): DeepYeastError;
  signal?: AbortSignal | undefined;
}

/** What the child sends. */
type Answer<Result> = { value: Result } | { end: true } | { error: { code?: ErrorCode; message: string } };

const mebibyte = 2 ** 20;
/** A file that is read takes no more than this much memory per byte, and this much in any case. */
const bytesPerByte = 64;
const leastBytes = 512 * mebibyte;
const leastSeconds = 10;
const bytesPerSecond = 2 ** 20;

/** Bounds for reading a file of this size: generous for any file that a program wrote to be read. */
export function limitsFor(fileBytes: number): ProcessLimits {
  return {
    bytes: leastBytes + bytesPerByte * fileBytes,
    seconds: leastSeconds + Math.ceil(fileBytes / bytesPerSecond),
  };
}

/**
 * The compiled file of a module that stands beside the caller. Run from TypeScript sources, as the tests are, the one in
 * dist/ serves.
 */
export function compiledModule(folder: string, name: string): string {
  const beside = join(folder, `${name}.js`);
  if (existsSync(beside)) return beside;
  const source = join(__dirname, '..');
  const built = join(source, '..', 'dist', relative(source, folder), `${name}.js`);
  if (`${folder}${sep}`.startsWith(`${source}${sep}`) && existsSync(built)) return built;
  throw new DeepYeastError('io-error', `${beside} is missing: build the package with \`npm run build:ts\``);
}

/** Sets the bounds of the process that takes the shell's place; no memory image is written where it dies. */
const launch = 'ulimit -c 0; ulimit -t "$1"; ulimit -d "$2" 2>/dev/null; shift 2; exec "$@"';

/** The command line that runs another with bounds. Windows has no such shell: V8's own bound on memory must do. */
function bounded(command: readonly [string, ...string[]], seconds: number, megabytes: number): [string, ...string[]] {
  if (process.platform === 'win32') return [...command];
  return ['sh', '-c', launch, 'sh', String(seconds), String(megabytes * 1024), ...command];
}

/**
 * What the other process yields for a request, value by value: it is at most one value ahead. Leaving the loop ends the
 * process.
 *
 * @throws what the other process throws where it is a DeepYeastError, `died(reason)` for anything else; aborted
 */
export async function* inSeparateProcess<Request, Result>(
  work: SeparateWork<Request>,
): AsyncGenerator<Result, void, void> {
  const { limits, signal } = work;
  throwIfAborted(signal);
  const megabytes = Math.ceil(limits.bytes / mebibyte);
  const node = [process.execPath, `--max-old-space-size=${megabytes}`, work.module] as const;
  const [program, ...args] = bounded(node, limits.seconds, megabytes);
  const child = spawn(program, args, {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    serialization: 'advanced',
    env: { ...process.env, ELECTRON_RUN_AS_NODE: '1', NODE_OPTIONS: '' },
  });
  const answers = new Answers<Result>(child, limits);
  const stop = () => child.kill('SIGKILL');
  // Windows bounds no processor time: there the time on the wall counts.
  const timer = process.platform === 'win32' ? setTimeout(stop, limits.seconds * 1000) : undefined;
  signal?.addEventListener('abort', stop);
  try {
    child.send({ request: work.request }, ignoreFailure);
    for (;;) {
      const answer = await answers.next();
      throwIfAborted(signal);
      if (typeof answer === 'string') throw work.died(answer);
      if ('end' in answer) return;
      if ('error' in answer) {
        const { code, message } = answer.error;
        throw code === undefined ? work.died(`ended with: ${message}`) : new DeepYeastError(code, message);
      }
      child.send({ next: true }, ignoreFailure);
      yield answer.value;
    }
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
    stop();
  }
}

/** The exit of the child tells the same. */
const ignoreFailure = () => {};

/** The child's messages in order, and its end as a text. */
class Answers<Result> {
  readonly #queue: (Answer<Result> | string)[] = [];
  #waiting: ((answer: Answer<Result> | string) => void) | undefined;

  constructor(child: ChildProcess, limits: ProcessLimits) {
    child.on('message', (answer) => this.#push(answer as Answer<Result>));
    child.on('error', (error) => this.#push(`could not begin: ${error.message}`));
    child.on('close', (status, signal) => this.#push(endOf(status, signal, limits)));
  }

  next(): Promise<Answer<Result> | string> {
    const first = this.#queue.shift();
    if (first !== undefined) return Promise.resolve(first);
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  #push(answer: Answer<Result> | string): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting) waiting(answer);
    else this.#queue.push(answer);
  }
}

function endOf(status: number | null, signal: NodeJS.Signals | null, { bytes, seconds }: ProcessLimits): string {
  if (signal === 'SIGKILL' || signal === 'SIGXCPU') {
    return `took more than ${seconds} s of processor time, or was ended from outside (${signal})`;
  }
  const how = signal === null ? `status ${status}` : signal;
  return `asks for more than the ${Math.round(bytes / mebibyte)} MiB that a file of this size may take (${how})`;
}

/**
 * The other side: runs `work` for the one request of the parent process and sends what it yields. Interrupts are the
 * parent's business, which ends this process.
 */
export function serveParent<Request, Result>(work: (request: Request) => AsyncIterable<Result>): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  process.on('disconnect', () => process.exit());
  let wanted: (() => void) | undefined;
  const next = () =>
    new Promise<void>((resolve) => {
      wanted = resolve;
    });
  const send = (answer: Answer<Result>) =>
    new Promise<void>((resolve, reject) => {
      process.send?.(answer, undefined, {}, (error) => (error ? reject(error) : resolve()));
    });
  const answer = async (request: Request) => {
    try {
      for await (const value of work(request)) {
        const taken = next();
        await send({ value });
        await taken;
      }
      await send({ end: true });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      await send({ error: { message, ...(error instanceof DeepYeastError && { code: error.code }) } });
    }
  };
  process.on('message', (message: { request: Request } | { next: true }) => {
    if ('next' in message) wanted?.();
    else void answer(message.request);
  });
}
