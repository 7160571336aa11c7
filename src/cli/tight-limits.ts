/**
 * Where the shell allows little memory or few threads (`ulimit -v`, `ulimit -u`), Node.js itself may have to give up, and
 * does so without a word. There the command runs in a child process, whose death is an error that says why.
 */

import { readFileSync } from 'node:fs';
import { DeepYeastError, exitStatus } from '../errors';
import { parseWholeNumber } from '../files/number';

/** Set for the child. */
const mark = 'DEEPYEAST_UNDER_LIMITS';
/** Processes and threads of a user below which a command may lack some. */
const fewThreads = 256;

/** The limits of this process that are tight, in words; undefined where there are none, or the system does not say. */
export function tightLimits(table = readLimits()): string | undefined {
  const found: string[] = [];
  // "Max address space         1048576000           unlimited            bytes"
  const soft = (name: string) =>
    parseWholeNumber(new RegExp(`^${name} +(\\d+) `, 'm').exec(table)?.[1] ?? '') ?? Number.NaN;
  const bytes = soft('Max address space');
  if (bytes > 0) found.push(`${Math.round(bytes / 2 ** 20)} MiB of address space (ulimit -v)`);
  const threads = soft('Max processes');
  if (threads < fewThreads) found.push(`${threads} processes and threads (ulimit -u)`);
  return found.length > 0 ? found.join(' and ') : undefined;
}

function readLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8');
  } catch {
    return '';
  }
}

/** Runs this very command line in a child process where the limits are tight; undefined: it is to run here. */
export async function runUnderLimits(): Promise<number | undefined> {
  if (process.env[mark] !== undefined) return undefined;
  const limits = tightLimits();
  if (limits === undefined) return undefined;
  const { spawn } = await import('node:child_process');
  return new Promise((resolve) => {
    const command = [...process.execArgv, ...process.argv.slice(1)];
    const child = spawn(process.execPath, command, { stdio: 'inherit', env: { ...process.env, [mark]: '1' } });
    const fail = (what: string) => {
      const { message, code, remedy } = new DeepYeastError('out-of-memory', `${what}; this shell allows ${limits}`);
      process.stderr.write(`error [${code}]: ${message}\n${remedy}\n`);
      resolve(exitStatus.failure);
    };
    // Ctrl-C reaches the child by itself.
    process.on('SIGINT', () => {});
    for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
    child.on('error', (error) => fail(`the command could not be started (${error.message})`));
    child.on('exit', (status, signal) => {
      if (status !== null && status < 128) resolve(status);
      else if (signal === 'SIGKILL' || signal === 'SIGINT' || signal === 'SIGTERM') resolve(exitStatus.failure);
      else if (status === exitStatus.interrupted || status === exitStatus.terminated || status === exitStatus.hungUp) {
        resolve(status);
      } else fail(`the command lacked memory or threads and was ended (${signal ?? `status ${status}`})`);
    });
  });
}
