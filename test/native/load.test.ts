// What may be in a package folder, and what the loader makes of it. The binaries that crash or lack a library are
// compiled here.
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { DeepYeastError } from '../../src/errors';
import { misfit, neededGlibc } from '../../src/native/fit';
import { findAddon } from '../../src/native/load';
import { libcName, processorFlags, readMachine } from '../../src/native/machine';
import { verdictPath } from '../../src/native/trial';
import { projectRoot } from '../shared-data';
import { temporaryFolder } from '../temporary-folder';

const folder = temporaryFolder();
const working = join(projectRoot, 'build/Release/deepyeast.node');
const prebuiltName = `prebuilds/${process.platform}-${process.arch}/deepyeast.node`;
const linux = process.platform === 'linux';

/** Puts a file into the package folder `package` of this test. */
function put(name: string, make: (path: string) => void): string {
  const path = folder.path('package', name);
  mkdirSync(dirname(path), { recursive: true });
  make(path);
  return path;
}
const putWorking = (name: string) => put(name, (path) => copyFileSync(working, path));
function putCompiled(name: string, source: string, ...options: string[]): string {
  return put(name, (path) => {
    const file = folder.path('addon.c');
    writeFileSync(file, source);
    execFileSync('cc', ['-shared', '-fPIC', '-o', path, file, ...options]);
  });
}
const crashing = '__attribute__((constructor)) static void begin(void) { __builtin_trap(); }';
const find = (variables: NodeJS.ProcessEnv = {}) =>
  findAddon(folder.path('package'), { ...process.env, DEEPYEAST_CACHE: folder.path('cache'), ...variables });
function failure(variables?: NodeJS.ProcessEnv): DeepYeastError {
  try {
    find(variables);
  } catch (error) {
    return error as DeepYeastError;
  }
  return expect.fail('an addon was loaded');
}

describe('the loader', () => {
  test('prefers what was built here, tries it once and remembers', () => {
    const built = putWorking('build/Release/deepyeast.node');
    putWorking(prebuiltName);
    expect(find()).toMatchObject({ path: built, origin: 'built', assurance: 'tried', refused: [] });
    expect(find()).toMatchObject({ path: built, assurance: 'remembered' });
    const kept = readdirSync(folder.path('cache/addon-trials'));
    expect(kept).toEqual([expect.stringMatching(/^\d+-[0-9a-f]{8}-[0-9a-f]{8}\.json$/)]);
    writeFileSync(folder.path('cache/addon-trials', kept[0]!), '{"works": tr');
    expect(find()).toMatchObject({ assurance: 'tried' });
    expect(find()).toMatchObject({ assurance: 'remembered' });
  });

  test('keeps a verdict for each binary, processor, C library and chosen instruction set', async () => {
    const binary = working;
    const machine = readMachine();
    const bytes = readFileSync(working);
    const longer = folder.path('longer.node');
    writeFileSync(longer, Buffer.concat([bytes, Buffer.from('!')]));
    const damaged = folder.path('damaged.node');
    bytes.writeUInt8(bytes.readUInt8(5000) ^ 1, 5000);
    writeFileSync(damaged, bytes);
    const paths = [
      verdictPath('cache', binary, machine),
      verdictPath('cache', longer, machine),
      verdictPath('cache', damaged, machine),
      verdictPath('cache', binary, { ...machine, processor: `${machine.processor} more` }),
      verdictPath('cache', binary, { ...machine, libc: 'glibc 9.9' }),
      verdictPath('cache', binary, machine, 'portable'),
    ];
    expect(new Set(paths).size).toBe(paths.length);
    expect(verdictPath('cache', binary, machine)).toBe(paths[0]);
    await pause(50); // a file's times are those of the system's last tick
    bytes.writeUInt8(bytes.readUInt8(5000) ^ 2, 5000);
    writeFileSync(damaged, bytes);
    expect(paths).not.toContain(verdictPath('cache', damaged, machine));
  });

  test('checks flags and libc where the verdict cannot be stored', () => {
    putWorking(prebuiltName);
    writeFileSync(folder.path('file'), '');
    expect(find({ DEEPYEAST_CACHE: folder.path('file/cache') })).toMatchObject({
      origin: 'prebuilt',
      assurance: 'checked',
      refused: [],
    });
  });

  test.runIf(linux)('checks them where no folder can be made either', () => {
    putWorking(prebuiltName);
    expect(find({ DEEPYEAST_CACHE: '/proc/nowhere/cache' })).toMatchObject({ assurance: 'checked' });
  });

  test('can be told to skip the trial', () => {
    putWorking(prebuiltName);
    expect(find({ DEEPYEAST_SKIP_TRIAL: '1' })).toMatchObject({ assurance: 'skipped' });
    expect(() => readdirSync(folder.path('cache'))).toThrow();
    expect(find({ DEEPYEAST_SKIP_TRIAL: '0' })).toMatchObject({ assurance: 'tried' });
  });

  test('an instruction set that there is not is no reason against the addon', () => {
    putWorking(prebuiltName);
    expect(find({ DEEPYEAST_ISA: 'mmx' })).toMatchObject({ assurance: 'tried' });
  });

  test('takes the addon of the package that npm installs for this platform', () => {
    for (const name of linux ? ['linux', 'linuxmusl'] : [process.platform]) {
      put(`node_modules/@deepyeast/${name}-${process.arch}/package.json`, (path) => writeFileSync(path, '{}'));
    }
    const tagged = (name: string, tag: string) =>
      putWorking(`node_modules/@deepyeast/${name}/${prebuiltName.replace('.node', `${tag}.node`)}`);
    // That of the other C library may be there as well.
    if (linux) tagged(`linuxmusl-${process.arch}`, '.musl');
    const path = tagged(`${process.platform}-${process.arch}`, linux ? '.glibc' : '');
    expect(find()).toMatchObject({ path, origin: 'prebuilt', assurance: 'tried' });
    const built = putWorking('build/Release/deepyeast.node');
    expect(find()).toMatchObject({ path: built, origin: 'built' });
  });

  test('an empty package: every place, why nothing is there, what to do', () => {
    putWorking('prebuilds/sunos-sparc/deepyeast.node');
    const error = failure();
    expect(error.code).toBe('addon-missing');
    const lines = error.message.split('\n');
    expect(lines[0]).toContain(`${process.platform} ${process.arch}`);
    expect(lines[1]).toContain(
      `${folder.path('package/build/Release/deepyeast.node')}: it was not built on this machine`,
    );
    expect(lines[2]).toMatch(/prebuilds\/\S+: the package holds prebuilt addons only for sunos-sparc$/);
    expect(lines[3]).toBe('What can be done:');
    expect(error.message).toContain('npm rebuild deepyeast');
  });

  test.runIf(linux)('a damaged file is refused before it is loaded', () => {
    const broken = put(prebuiltName, (path) => writeFileSync(path, readFileSync(working).subarray(0, 40)));
    expect(failure().message).toContain(`${broken}: it is no library`);
  });
});

describe.runIf(linux && spawnSync('cc', ['--version']).status === 0)('a binary that', () => {
  test('crashes kills a child and not this process, is remembered, and the next one is taken', () => {
    const path = putCompiled('build/Release/deepyeast.node', crashing);
    expect(failure().message).toMatch(/deepyeast\.node: it crashed with SIG(ILL|TRAP) when it was tried/);
    expect(failure().message).toContain('at an earlier start (delete ');
    expect(failure().message).toContain('DEEPYEAST_ISA=portable');
    const prebuilt = putWorking(prebuiltName);
    const { refused, ...found } = find();
    expect(found).toMatchObject({ path: prebuilt, origin: 'prebuilt', assurance: 'tried' });
    expect(refused).toEqual([{ path, reason: expect.stringContaining('crashed') }]);
  });

  test('lacks a library is not remembered: the library may come', () => {
    const library = putCompiled('libmissing.so', 'int missing(void) { return 1; }');
    const addon = putCompiled(
      'build/Release/deepyeast.node',
      'int missing(void); int use(void) { return missing(); }',
      '-Wl,--no-as-needed',
      `-L${dirname(library)}`,
      '-lmissing',
    );
    rmSync(library);
    for (let start = 0; start < 2; start++) {
      const { message } = failure();
      expect(message).toContain(`${addon}: libmissing.so: cannot open shared object file`);
      expect(message).toContain('install the library');
    }
    expect(readdirSync(folder.path('cache/addon-trials'))).toEqual([]);
  });

  test('is no addon says so', () => {
    putCompiled('build/Release/deepyeast.node', 'int nothing;');
    expect(failure().message).toMatch(/deepyeast\.node: .*(self-register|not a native|undefined symbol)/i);
  });
});

describe.runIf(linux)('whether a binary fits a machine', () => {
  const binary = readFileSync(working);
  const flags = process.arch === 'x64' ? ['fpu', 'sse', 'sse2', 'avx2'] : ['fp', 'asimd'];
  const newest = neededGlibc(binary)!;

  test('is read off its needs and the machine', () => {
    expect(misfit(binary, { flags, libc: 'glibc 2.28' })).toBeUndefined();
    expect(misfit(binary, { flags, libc: 'glibc 2.2' })).toBe(
      `it needs glibc ${newest.join('.')}, this system has 2.2`,
    );
    expect(misfit(binary, { flags, libc: 'musl 1.2.5' })).toMatch(/needs glibc .*, this system has musl/);
    expect(misfit(binary, { flags: flags.slice(0, 1), libc: 'glibc 2.28' })).toMatch(/needs the instruction set/);
    expect(misfit(binary, { flags: ['other'], libc: 'glibc 2.28' })).toBeUndefined();
    expect(misfit(binary, { flags: undefined, libc: null })).toBeUndefined();
  });

  test('with another processor or no library at all', () => {
    const other = Buffer.from(binary);
    other.writeUInt16LE(process.arch === 'x64' ? 183 : 62, 18);
    expect(misfit(other, { flags, libc: 'glibc 2.36' })).toMatch(/^it is for (arm64|x64), this process is/);
    expect(misfit(Buffer.from('not a library'), { flags, libc: 'glibc 2.36' })).toMatch(/no library/);
  });

  test('this one fits this machine', () => {
    expect(misfit(binary, { flags: processorFlags(), libc: libcName() })).toBeUndefined();
    expect(processorFlags()).toContain(process.arch === 'x64' ? 'sse2' : 'asimd');
  });
});
