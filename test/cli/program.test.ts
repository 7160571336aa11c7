import { Writable } from 'node:stream';
import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import {
  addExamples,
  type Environment,
  jsonOption,
  nameList,
  realNumber,
  setEnvironment,
  wholeNumber,
  withContext,
} from '../../src/cli/options';
import { createProgram, runCommandLine } from '../../src/cli/program';
import { DeepYeastError, errorTable, exitStatus } from '../../src/errors';

class Sink extends Writable {
  text = '';
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

function environment(variables: NodeJS.ProcessEnv = {}) {
  const [stdout, stderr] = [new Sink(), new Sink()];
  return { stdout, stderr, variables, signal: new AbortController().signal, status: 0 } satisfies Environment;
}

async function run(...argv: string[]) {
  const io = environment();
  const status = await runCommandLine(argv, io);
  return { status, stdout: io.stdout.text, stderr: io.stderr.text };
}

test('help goes to stdout, with every command', async () => {
  const { status, stdout, stderr } = await run('--help');
  expect([status, stderr]).toEqual([0, '']);
  for (const name of [
    'import',
    'split',
    'train',
    'predict',
    'evaluate',
    'proteins',
    'features',
    'doctor',
    'demo',
    'simulate',
  ]) {
    expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
  }
});

test('every command has a help with an example that names it', async () => {
  const names = (await createProgram([], environment())).commands.map((command) => command.name());
  expect(names.length).toBeGreaterThanOrEqual(10);
  for (const name of names) {
    const { status, stdout } = await run(name, '--help');
    expect(status).toBe(0);
    expect(stdout, name).toMatch(new RegExp(`Examples?:\\n[\\s\\S]*  deepyeast ${name}\\b`));
  }
});

test('--version', async () => {
  expect((await run('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});

describe('wrong usage ends with 2 and says what to do, on stderr', () => {
  test.each([
    [[], /Usage: deepyeast/],
    [['bogus'], /unknown command 'bogus'/],
    [['split', 'x', '--out', 'y', '--bogus'], /unknown option '--bogus'/],
    [['split', '--out', 'y'], /missing required argument 'dataset'/],
    [['split', 'x'], /required option '--out <folder>'/],
    [['split', 'x', '--out', 'y', '--by', 'moon'], /Allowed choices are protein, field, cell/],
    [['split', 'x', '--out', 'y', '--seed', '-1'], /Expected a whole number from 0/],
    [['split', 'x', '--out', 'y', '--into', 'a'], /Expected NAME=SHARE between commas/],
    [['split', 'x', '--out', 'y', '--into', 'a=0.5,a=0.5'], /"a" is there twice/],
    [['import', 'x', '--out', 'y', '--size', '0'], /Expected a whole number from 1 to 4096/],
    [['import', 'x', '--out', 'y', '--channels', 'a,a'], /1 to 8 different names/],
    [['import', 'x', '--out', 'y', '--range', '5,1'], /lower number first/],
    [['import', 'x', '--out', 'y', '--percentiles', '5'], /Expected two numbers/],
    [['import', 'x', 'z', '--out', 'y'], /too many arguments/],
  ])('%j', async (argv, message) => {
    const { status, stdout, stderr } = await run(...argv);
    expect([status, stdout]).toEqual([exitStatus.usage, '']);
    expect(stderr).toMatch(message);
  });

  test.each([
    [['--per', 'field', '--bit-depth', '12'], /options of several rules \(percentile, bit-depth\)/],
    [['--normalization', 'none', '--floor', '3'], /several rules \(none, percentile\)/],
    [['--normalization', 'range'], /no range for the channel rfp/],
    [['--range', 'gfp=0,1'], /no range for the channel rfp/],
    [['--normalization', 'bit-depth'], /--bit-depth 14/],
    [['--percentiles', '50,20'], /0 <= low < high <= 100/],
  ])('rules: %j', async (argv, message) => {
    const { status, stderr } = await run('import', '.', '--out', 'never', ...argv);
    expect([status, stderr]).toEqual([exitStatus.usage, expect.stringMatching(message)]);
    expect(stderr).toContain('error [invalid-argument]');
  });

  test('as JSON on stdout with --json', async () => {
    const { status, stdout, stderr } = await run('split', 'x', '--json');
    expect([status, stderr]).toEqual([exitStatus.usage, '']);
    expect(JSON.parse(stdout)).toEqual({
      error: {
        code: 'usage',
        message: "required option '--out <folder>' not specified",
        remedy: expect.stringContaining('--help'),
      },
    });
  });
});

describe('errors', () => {
  test('code, message and remedy on stderr, the exit status of the table', async () => {
    const { status, stdout, stderr } = await run('split', '/no/such/dataset', '--out', 'never');
    expect([status, stdout]).toEqual([exitStatus.data, '']);
    expect(stderr).toMatch(/^error \[dataset-invalid\]: \/no\/such\/dataset/);
    expect(stderr).toContain(errorTable['dataset-invalid'].remedy);
  });

  test('as JSON on stdout with --json', async () => {
    const { status, stdout, stderr } = await run('split', '/no/such/dataset', '--out', 'never', '--json');
    expect([status, stderr]).toEqual([exitStatus.data, '']);
    const { error } = JSON.parse(stdout);
    expect(error).toMatchObject({ code: 'dataset-invalid', remedy: errorTable['dataset-invalid'].remedy });
  });
});

/** A program of one command that does `work`. */
async function runWork(io: Environment, work: Parameters<typeof withContext>[0], ...argv: string[]): Promise<number> {
  const program = new Command('test').exitOverride();
  setEnvironment(program, io);
  program.command('work').addOption(jsonOption()).action(withContext(work));
  await program.parseAsync(['work', ...argv], { from: 'user' });
  return io.status;
}

describe('the context of a command', () => {
  test('data goes to stdout, messages to stderr by DEEPYEAST_LOG', async () => {
    for (const [level, expected] of [
      ['error', 'error: e\n'],
      ['warn', 'error: e\nwarn: w\n'],
      ['', 'error: e\nwarn: w\ni\n'],
      ['debug', 'error: e\nwarn: w\ni\ndebug: d\n'],
    ] as const) {
      const io = environment({ DEEPYEAST_LOG: level });
      await runWork(io, async ({ log, print, printJson }) => {
        log('error', 'e');
        log('warn', 'w');
        log('info', 'i');
        log('debug', 'd');
        await print('text\n');
        await printJson({ a: 1 });
      });
      expect(io.stderr.text).toBe(expected);
      expect(io.stdout.text).toBe('text\n{"a":1}\n');
    }
  });

  test('another DEEPYEAST_LOG is an error', async () => {
    const working = runWork(environment({ DEEPYEAST_LOG: 'loud' }), async () => {});
    await expect(working).rejects.toMatchObject({ code: 'invalid-argument', message: expect.stringContaining('loud') });
  });

  test('what people read is left out with --json', async () => {
    const [plain, json] = [environment(), environment()];
    await runWork(plain, async ({ say }) => say('hello'));
    await runWork(json, async ({ say }) => say('hello'), '--json');
    expect([plain.stderr.text, json.stderr.text]).toEqual(['hello\n', '']);
  });

  test('the status is what the command returns', async () => {
    expect(await runWork(environment(), async () => 5)).toBe(5);
    expect(await runWork(environment(), async () => {})).toBe(0);
  });

  test('printing waits for a slow reader', async () => {
    const io = environment();
    let written = 0;
    const slow = new Writable({
      highWaterMark: 10,
      write(chunk, _encoding, done) {
        setTimeout(() => {
          written += chunk.length;
          done();
        }, 1);
      },
    });
    await runWork({ ...io, stdout: slow }, async ({ print }) => {
      for (let line = 1; line <= 20; line++) {
        await print('0123456789\n');
        expect(line * 11 - written).toBeLessThanOrEqual(22);
      }
    });
  });
});

test('an error of the addon or the system is told like ours; a defect with its trace', async () => {
  const cases: [Error, number, RegExp][] = [
    [Object.assign(new Error('gone'), { code: 'closed' }), 1, /^error \[closed\]: gone\n/],
    [Object.assign(new Error('EIO'), { code: 'EIO', syscall: 'read' }), 1, /^error \[io-error\]: EIO\n/],
    [new DeepYeastError('model-invalid', 'bad'), 3, /^error \[model-invalid\]: bad\n/],
    [new TypeError('undefined is not'), 1, /^error \[unexpected\]: undefined is not\nTypeError[\s\S]*please report/],
  ];
  for (const [error, status, message] of cases) {
    const io = environment();
    const throwing = new Proxy(io, {
      get: (target, key) => {
        // The first thing that every command's context needs.
        if (key === 'variables') throw error;
        return Reflect.get(target, key);
      },
    });
    expect(await runCommandLine(['split', 'x', '--out', 'y'], throwing)).toBe(status);
    expect(io.stderr.text).toMatch(message);
  }
});

describe('parsers of option values', () => {
  test('whole numbers', () => {
    const parse = wholeNumber(1, 100);
    expect([parse('1'), parse('+7'), parse('100')]).toEqual([1, 7, 100]);
    for (const text of ['0', '101', '1.5', '', ' ', 'x', '1e1', '0x10', '99999999999999999999'])
      expect(() => parse(text)).toThrow();
  });

  test('numbers', () => {
    const parse = realNumber(0, 1);
    expect([parse('0'), parse('0.5'), parse('1e-3')]).toEqual([0, 0.5, 1e-3]);
    for (const text of ['-0.1', '1.1', '', ' ', 'x', 'NaN', 'Infinity']) expect(() => parse(text)).toThrow();
    expect(() => realNumber(0)('Infinity')).toThrow(/at least 0/);
  });

  test('names', () => {
    expect(nameList('a, b,c')).toEqual(['a', 'b', 'c']);
    for (const text of ['', 'a,,b', 'a,a']) expect(() => nameList(text)).toThrow();
  });
});

test('examples are shown below the options', () => {
  const command = addExamples(new Command('x'), 'deepyeast x 1', 'deepyeast x 2');
  let help = '';
  command.configureOutput({
    writeOut: (text) => {
      help += text;
    },
  });
  command.outputHelp();
  expect(help).toMatch(/\nExamples:\n {2}deepyeast x 1\n {2}deepyeast x 2\n$/);
});
