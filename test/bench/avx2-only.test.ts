// bench/avx2-only: a library whose CPUID instructions are answered as by a processor with AVX2 and nothing later.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../temporary-folder';

const bench = join(__dirname, '../../bench');
const folder = temporaryFolder();

// Plain JavaScript without types.
const load = (file: string) => import(join(bench, file));
const { findCpuid, replaceCpuid } = await load('avx2-only/cpuid-instructions.js');
const { canRestrict, compileModule, restrictOnnxRuntime } = await load('avx2-only/onnxruntime.js');

describe('the instructions of a file', () => {
  /** An ELF file of 4 KB with one loaded segment: the second KB, at address 0x5000. */
  function synthetic(flags: number): Buffer {
    const elf = Buffer.alloc(4096, Buffer.of(0x0f, 0xa2));
    elf.writeBigUInt64LE(64n, 32);
    elf.writeUInt16LE(56, 54);
    elf.writeUInt16LE(1, 56);
    elf.writeUInt32LE(1, 64);
    elf.writeUInt32LE(flags, 64 + 4);
    elf.writeBigUInt64LE(1024n, 64 + 8);
    elf.writeBigUInt64LE(0x5000n, 64 + 16);
    elf.writeBigUInt64LE(1024n, 64 + 32);
    return elf;
  }

  it('are replaced where they are named, and nothing else is', () => {
    const elf = synthetic(5);
    const expected = Buffer.from(elf);
    expected[1024] = 0xce;
    expected[1024 + 0x102] = 0xce;
    replaceCpuid(elf, [0x5000, 0x5102]);
    expect(elf.equals(expected)).toBe(true);
  });

  it.each([
    ['in the middle of one', 5, 0x5001],
    ['behind the code', 5, 0x5400],
    ['in data', 6, 0x5000],
  ])('are refused %s', (_, flags, address) => {
    expect(() => replaceCpuid(synthetic(flags), [address])).toThrow(/no CPUID instruction at 0x5/);
  });
});

describe.skipIf(!canRestrict())('on x86-64 Linux with cc and objdump (skipped elsewhere)', () => {
  let answers = '';
  let probe = '';
  let restricted = '';
  beforeEach(async () => {
    [answers, probe, restricted] = ['answers.node', 'probe.node', 'restricted.node'].map((name) =>
      folder.path(name),
    ) as [string, string, string];
    compileModule(join(bench, 'avx2-only/answer-cpuid.c'), answers);
    compileModule(join(__dirname, 'probe.c'), probe);
    const bytes = readFileSync(probe);
    replaceCpuid(bytes, await findCpuid(probe));
    writeFileSync(restricted, bytes);
  });

  /** Runs JavaScript in which the modules are loaded. */
  const run = (script: string) =>
    spawnSync(process.execPath, [
      '-e',
      `const [answers, probe, restricted] = process.argv.slice(1).map(require); ${script}`,
      ...[answers, probe, restricted],
    ]);

  it('a library is told of AVX2 and nothing later, and is told the truth otherwise', () => {
    const { stdout, stderr } = run(`
      const ask = (library) => [[0, 0], [7, 0], [7, 1]].map((leaf) => [...new Uint32Array(library.cpuid(...leaf))]);
      const count = answers.answers();
      console.log(JSON.stringify({
        ...{ all: ask(probe), none: answers.answers(), left: ask(restricted), one: answers.answers() },
        ...{ count, constant: restricted.constant() },
      }));`);
    const { all, left, ...rest } = JSON.parse(String(stdout) || `"${stderr}"`);
    expect(rest).toEqual({ count: 0, none: 0, one: 1, constant: 0xa20f });
    const [, ebx, , edx] = all[1];
    expect(left).toEqual([all[0], [0, ebx & 0xffff, 0, edx & 0x8000], [0, 0, 0, 0]]);
  });

  it('any other illegal instruction still ends the process', () => {
    expect(run('restricted.cpuid(7, 0); restricted.trap();').signal).toBe('SIGILL');
  });

  it('ONNX Runtime computes so restricted, and takes no part where it is not', {
    timeout: 180_000,
  }, async (context) => {
    const packages = join(bench, 'node_modules');
    if (!existsSync(join(packages, 'onnxruntime-node'))) return context.skip('bench/node_modules is not installed');
    const { Contestant } = await load('contestant.js');
    const model = folder.path('model.safetensors');
    const prepared = spawnSync(process.execPath, [join(bench, 'contestants/prepare.js'), model]);
    expect(prepared.status, String(prepared.stderr)).toBe(0);
    writeFileSync(folder.path('cells'), new Uint8Array(64 * 64 * 2).fill(100));
    const ask = async (environment: Record<string, string>) => {
      const contestant = await Contestant.start({
        ...{ command: process.execPath, file: 'contestants/onnxruntime-node.js' },
        environment: { BENCH_MODEL: model, BENCH_THREADS: '1', ...environment },
      });
      const result = folder.path(contestant.name);
      const answer = await contestant.ask({
        ...{ mode: 'inference', batch: 1, repeats: 1, images: folder.path('cells'), result },
      });
      await contestant.stop();
      return { answer, device: contestant.device, posteriors: answer.error ? [] : floats(result) };
    };
    const unrestricted = await ask({});
    const avx2 = await ask(await restrictOnnxRuntime(folder.path()));
    expect(avx2.device).toMatch(/restricted to AVX2 in [1-9]\d* answers/);
    expect(avx2.posteriors.length).toBe(12);
    for (const [i, p] of avx2.posteriors.entries()) expect(p).toBeCloseTo(unrestricted.posteriors[i]!, 4);

    // The same with the package as it is.
    mkdirSync(folder.path('as-it-is'));
    symlinkSync(packages, folder.path('as-it-is/node_modules'));
    symlinkSync(answers, folder.path('as-it-is/answer-cpuid.node'));
    const { answer } = await ask({ BENCH_AVX2_ONLY: folder.path('as-it-is') });
    expect(answer.error).toMatch(/not restricted to AVX2/);
  });
});

function floats(file: string): number[] {
  const { buffer, byteOffset, length } = readFileSync(file);
  return [...new Float32Array(buffer.slice(byteOffset, byteOffset + length))];
}
