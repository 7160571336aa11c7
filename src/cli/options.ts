/** What the commands share: options, number parsing, and the context (output, log, cancellation) they run in. */

import { type Command, InvalidArgumentError, Option } from 'commander';
import { DeepYeastError } from '../errors';
import { parseNumber } from '../files/number';
import { type Log, type LogLevel, logLevels } from '../log';
import { jsonLine, plainText } from './plain-text';
import { Progress, type ProgressOptions } from './progress';

/** What a command line runs in; the process's own streams and variables, or a test's. */
export interface Environment {
  stdout: NodeJS.WritableStream & { isTTY?: boolean };
  stderr: NodeJS.WritableStream & { isTTY?: boolean; columns?: number };
  variables: NodeJS.ProcessEnv;
  signal: AbortSignal;
  /** Exit status of the command that ran. */
  status: number;
}

/** What a command gets beside its arguments and options. */
export interface CommandContext {
  /** Fires on the first SIGINT, SIGTERM or SIGHUP, and when nobody reads stdout any more. */
  readonly signal: AbortSignal;
  /** Whether --json was given. */
  readonly json: boolean;
  /** Messages of the library, to stderr, by DEEPYEAST_LOG. */
  readonly log: Log;
  /** Writes text for people to stdout and waits while the reader is slow. Control characters are written out. */
  print(text: string): Promise<void>;
  /** The same for data for programs, which are as they are unless stdout is a terminal. */
  printData(text: string): Promise<void>;
  /** Writes one line of JSON to stdout. */
  printJson(value: unknown): Promise<void>;
  /** Writes a line to stderr, for people: nothing with --json. */
  say(line: string): void;
  /** A progress bar on stderr. */
  progress(options: Omit<ProgressOptions, 'stream'>, initial?: number): Progress;
}

const environments = new WeakMap<Command, Environment>();

/** Gives a program its environment; its commands find it through their root. */
export function setEnvironment(program: Command, environment: Environment): void {
  environments.set(program, environment);
}

/**
 * Wraps a command's work for commander's `.action`: `work(context, options, ...arguments)`, whose result is the exit
 * status (0 where it returns nothing).
 */
export function withContext<Options extends object, Arguments extends readonly (string | string[])[] = []>(
  work: (context: CommandContext, options: Options, ...args: Arguments) => Promise<number | void>,
): (...args: unknown[]) => Promise<void> {
  return async (...all) => {
    const command = all.pop() as Command;
    const options = all.pop() as Options & { json?: boolean };
    let root = command;
    while (root.parent) root = root.parent;
    const environment = environments.get(root);
    if (!environment) throw new Error('setEnvironment was not called for this program');
    const { context, end } = createContext(environment, options.json === true);
    try {
      environment.status = (await work(context, options, ...(all as unknown as Arguments))) ?? 0;
    } finally {
      end();
    }
  };
}

/** The context, and what takes a progress bar off the line on which an error is to be printed. */
function createContext(environment: Environment, json: boolean): { context: CommandContext; end: () => void } {
  const { stdout, stderr, signal } = environment;
  const threshold = logLevels.indexOf(logLevel(environment.variables));
  let bar: Progress | undefined;
  const writeLine = (line: string) => {
    bar?.clear();
    stderr.write(`${plainText(line)}\n`);
  };
  const write = (text: string) =>
    new Promise<void>((resolve) => {
      // Nobody reads any more: the signal has fired or is about to.
      if ((stdout as { destroyed?: boolean }).destroyed || stdout.write(text)) return resolve();
      const done = () => {
        stdout.off('drain', done);
        stdout.off('close', done);
        stdout.off('error', done);
        resolve();
      };
      stdout.on('drain', done).on('close', done).on('error', done);
    });
  const context: CommandContext = {
    signal,
    json,
    log: (level, message) => {
      if (logLevels.indexOf(level) <= threshold) writeLine(level === 'info' ? message : `${level}: ${message}`);
    },
    print: (text) => write(plainText(text)),
    printData: (text) => write(stdout.isTTY ? plainText(text) : text),
    printJson: (value) => write(jsonLine(value)),
    say: (line) => {
      if (!json) writeLine(line);
    },
    progress: (options, initial) => {
      bar = new Progress({ ...options, stream: stderr }, initial);
      return bar;
    },
  };
  return { context, end: () => bar?.clear() };
}

function logLevel(variables: NodeJS.ProcessEnv): LogLevel {
  const value = variables.DEEPYEAST_LOG;
  if (value === undefined || value === '') return 'info';
  if ((logLevels as readonly string[]).includes(value)) return value as LogLevel;
  throw new DeepYeastError('invalid-argument', `DEEPYEAST_LOG is "${value}", expected one of ${logLevels.join(', ')}`);
}

/** --json */
export function jsonOption(): Option {
  return new Option('--json', 'print the result (or the error) as JSON on stdout');
}

/** --threads, or DEEPYEAST_THREADS; undefined: as many as the process may use. */
export function threadsOption(): Option {
  return new Option('--threads <count>', 'threads to compute with (default: as many as the process may use)')
    .env('DEEPYEAST_THREADS')
    .argParser(wholeNumber(1, 1024));
}

/** --seed */
export function seedOption(initial = 0): Option {
  return new Option('--seed <number>', 'seed of all random choices')
    .default(initial)
    .argParser(wholeNumber(0, Number.MAX_SAFE_INTEGER));
}

/** --device */
export function deviceOption(): Option {
  return new Option('--device <name>', 'where to compute; cuda never falls back to the CPU')
    .choices(['auto', 'cpu', 'cuda'])
    .default('auto');
}

/** --precision */
export function precisionOption(): Option {
  return new Option('--precision <type>', 'what CUDA multiplies in (default: tf32)').choices([
    'float32',
    'tf32',
    'bfloat16',
  ]);
}

/** Parser of a whole number within bounds, for Option.argParser. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^[+-]?\d+$/.test(text) ? (parseNumber(text) ?? Number.NaN) : Number.NaN;
    if (!Number.isSafeInteger(value) || value < least || value > most) {
      throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`);
    }
    return value;
  };
}

/** Parser of a number within bounds, for Option.argParser. */
export function realNumber(least: number, most = Number.MAX_VALUE): (text: string) => number {
  return (text) => {
    const value = parseNumber(text) ?? Number.NaN;
    if (!(value >= least && value <= most)) {
      const bounds = most === Number.MAX_VALUE ? `of at least ${least}` : `from ${least} to ${most}`;
      throw new InvalidArgumentError(`Expected a number ${bounds}.`);
    }
    return value;
  };
}

/** Parser of names between commas, for Option.argParser. */
export function nameList(text: string): string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.includes('')) throw new InvalidArgumentError('Expected names between commas.');
  if (new Set(names).size !== names.length) throw new InvalidArgumentError('Expected each name once.');
  return names;
}

/** Adds examples below the command's help. */
export function addExamples(command: Command, ...lines: string[]): Command {
  return command.addHelpText(
    'after',
    `\n${lines.length > 1 ? 'Examples' : 'Example'}:\n${lines.map((line) => `  ${line}`).join('\n')}`,
  );
}
