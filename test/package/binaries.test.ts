// What each binary that `npm run prebuilds -- --all` made asks of its system, read off its bytes. One that was not made is
// skipped; that of this platform is tested as it is packed, in packed.test.ts.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectRoot } from '../shared-data';
import { readLoadCommands } from './mach-o';
import { readImports } from './portable-executable';

const { platforms } = require('../../scripts/platforms.js') as {
  platforms: { name: string; os: string; cpu: string; libc?: string; path: string }[];
};
const entries = ['napi_register_module_v1', 'node_api_module_get_api_version_v1'];
const pathOf = (platform: { path: string }) => join(projectRoot, platform.path);
const made = (os: string, libc?: string) =>
  platforms
    .filter((platform) => platform.os === os && platform.libc === libc && existsSync(pathOf(platform)))
    .map((platform) => ({ ...platform, file: pathOf(platform) }));

test('every platform has a name, a folder and a file of its own', () => {
  expect(new Set(platforms.map(({ name }) => name)).size).toBe(platforms.length);
  expect(new Set(platforms.map(({ path }) => path)).size).toBe(platforms.length);
});

const read = (file: string, ...options: string[]) =>
  execFileSync('readelf', ['--wide', ...options, file], { encoding: 'utf8' });

function readElf(file: string) {
  const symbols = [...read(file, '--dyn-syms').matchAll(/^ *\d+: .*$/gm)].map(([line]) => line.trim().split(/\s+/));
  const named = (undefinedOnes: boolean) =>
    symbols.filter((row) => (row[6] === 'UND') === undefinedOnes && row[7] !== undefined).map((row) => row[7]!);
  return {
    processor: /Machine: +(.+)/.exec(read(file, '--file-header'))![1],
    libraries: [...read(file, '--dynamic').matchAll(/NEEDED.*\[(.+?)\]/g)].map((match) => match[1]!),
    glibc: [...read(file, '--version-info').matchAll(/Name: GLIBC_(\d+)\.(\d+)/g)].map(
      ([, major, minor]) => Number(major) * 1000 + Number(minor),
    ),
    undefinedSymbols: named(true),
    exportedSymbols: named(false),
  };
}

const elfProcessors: Record<string, RegExp> = { x64: /X86-64/, arm64: /AArch64/ };

describe.each(made('linux', 'glibc'))('$name', ({ file, cpu }) => {
  test('asks for glibc 2.28 or older, and has its own libstdc++', () => {
    const { processor, libraries, glibc } = readElf(file);
    expect(processor).toMatch(elfProcessors[cpu]!);
    expect(glibc).not.toHaveLength(0);
    expect(Math.max(...glibc)).toBeLessThanOrEqual(2028);
    expect(libraries.filter((name) => /stdc\+\+|c\+\+/.test(name))).toEqual([]);
  });
});

describe.each(made('linux', 'musl'))('$name', ({ file, cpu }) => {
  test('asks for the C library and nothing else', () => {
    const { processor, libraries, glibc } = readElf(file);
    expect(processor).toMatch(elfProcessors[cpu]!);
    // musl's loader takes this name for itself.
    expect(libraries).toEqual(['libc.so']);
    expect(glibc).toEqual([]);
  });

  test('takes nothing of C++ from the process, and exports its entry only', () => {
    const { undefinedSymbols, exportedSymbols } = readElf(file);
    expect(
      undefinedSymbols.filter((name) => name.startsWith('_Z') || /^__cxa_(?!finalize|atexit|thread)/.test(name)),
    ).toEqual([]);
    expect(exportedSymbols.filter((name) => !entries.includes(name))).toEqual([]);
  });
});

describe.each(made('darwin'))('$name', ({ file, cpu }) => {
  test('asks for macOS 11 and its system library alone', () => {
    const { processor, leastVersion, libraries } = readLoadCommands(readFileSync(file));
    expect(processor).toBe(cpu);
    expect(leastVersion).toBe('11.0');
    expect(libraries).toEqual(['/usr/lib/libSystem.B.dylib']);
  });

  test('takes Node-API from the process and nothing of C++, and exports its entry', () => {
    const { undefinedSymbols, exportedSymbols } = readLoadCommands(readFileSync(file));
    expect(undefinedSymbols.filter((name) => /^_napi_/.test(name)).length).toBeGreaterThan(20);
    expect(undefinedSymbols.filter((name) => /^__Z|^___cxa_(?!atexit|finalize)/.test(name))).toEqual([]);
    expect(exportedSymbols).toEqual(expect.arrayContaining(entries.map((name) => `_${name}`)));
  });
});

describe.each(made('win32'))('$name', ({ file }) => {
  test("asks for DLLs that every Windows has, and for no run time of GCC's", () => {
    const { machine, libraries } = readImports(readFileSync(file));
    expect(machine).toBe(0x8664);
    expect(libraries.map((name) => name.toLowerCase()).sort()).toEqual(['kernel32.dll', 'msvcrt.dll']);
  });

  test('takes Node-API from the program at first use, whatever its name, and exports its entry only', () => {
    const bytes = readFileSync(file);
    const { libraries, exports } = readImports(bytes);
    const text = bytes.toString('latin1');
    expect(libraries.filter((name) => /node/i.test(name))).toEqual([]);
    expect(text).toMatch(/\0node\.exe\0/i);
    expect(new Set(text.match(/\bnapi_[a-z_]+\0/g)).size).toBeGreaterThan(20);
    expect(exports.sort()).toEqual(entries);
  });
});
