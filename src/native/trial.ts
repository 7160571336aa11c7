/**
 * The first time that a binary is to run on a machine it runs in a child process: an instruction that the processor or
 * the hypervisor does not have, or a C library that does not match, would kill the process that tries it. The verdict is
 * kept in the cache folder, one small file for (binary, processor flags, libc), so that later starts only read it.
 */

import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { makeFolders } from '../files/make-folders';
import type { Machine } from './machine';

export interface Verdict {
  /** Absent where the binary runs. */
  reason?: string;
  /** remembered: of an earlier trial; tried: of a trial now; unknown: no trial was possible. */
  from: 'remembered' | 'tried' | 'unknown';
  /** Where it is kept. */
  path?: string;
}

/** Loads the binary and lets it compute: wide instructions are only met there. What throws here throws in the parent too. */
const script = `
  const addon = require(process.argv[1]);
  const topology = {
    imageSize: 8, channels: 2, blocks: [[16]], dense: [16], classes: 2,
    dropout: 0, normalizationEpsilon: 1e-5, normalizationMomentum: 0.1,
  };
  (async () => {
    const network = new addon.Network({ topology, seed: 0, threads: 1, device: 'cpu' });
    await network.forward({ pixels: new Uint8Array(8 * 8 * 2) });
    await network.close();
  })().catch(() => {});
`;

/** More than a loaded machine needs. */
const patience = 60_000;

/**
 * Where the verdict on a binary is kept. One that was written or replaced since counts as another: a start does not wait
 * for its bytes to be read. DEEPYEAST_ISA is part of it: it is the way around a set that crashes.
 */
export function verdictPath(cache: string, binary: string, machine: Machine, isa = ''): string {
  const { size, ino, ctimeNs } = statSync(binary, { bigint: true });
  const file = checksum(ino, ctimeNs);
  const place = checksum(machine.processor, machine.libc, isa);
  return join(cache, 'addon-trials', `${size}-${file}-${place}.json`);
}

/** Enough to tell files and machines apart. */
const checksum = (...parts: unknown[]) => crc32(parts.join('\0')).toString(16).padStart(8, '0');

/** What an earlier trial found; undefined where there was none. */
export function rememberedVerdict(file: string): Verdict | undefined {
  const kept = readVerdict(file);
  return kept && { ...kept, from: 'remembered', path: file };
}

/**
 * Runs the binary in a child process and keeps the verdict in `file`. Where it cannot be stored nothing is tried (each
 * start would wait for it) and the verdict is unknown.
 */
export function tryNow(path: string, file: string, variables: NodeJS.ProcessEnv): Verdict {
  if (!mayStore(file)) return { from: 'unknown' };
  const { spawnSync } = require('node:child_process') as typeof import('node:child_process');
  const child = spawnSync(process.execPath, ['-e', script, path], {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: patience,
    killSignal: 'SIGKILL',
    // Electron is Node.js with this variable; options for this process are none of the child's business.
    env: { ...variables, ELECTRON_RUN_AS_NODE: '1', NODE_OPTIONS: '' },
  });
  // No child could be made, it took too long, or something else ended it: nothing is known of the binary.
  if (child.error || child.signal === 'SIGKILL' || child.signal === 'SIGTERM') return { from: 'unknown' };
  const crash = crashOf(child);
  if (crash !== undefined) {
    const lacking = crash.illegal ? ' (an instruction that this processor lacks)' : '';
    const reason = `it crashed with ${crash.name} when it was tried${lacking}`;
    return store(file, { reason, from: 'tried', path: file }, path);
  }
  // An error of loading (a missing library, say) is no crash: loading here gives it as an exception, and since it may be
  // mended any time it is not remembered.
  if (child.status !== 0) return { from: 'tried' };
  return store(file, { from: 'tried', path: file }, path);
}

/** Windows has no signals: the status is the number of the exception. */
const leastException = 0xc0000000;
const illegalInstruction = 0xc000001d;

function crashOf(child: { signal: string | null; status: number | null }) {
  const { signal, status } = child;
  if (signal !== null) return { name: signal, illegal: signal === 'SIGILL' };
  if (process.platform !== 'win32' || status === null || status < leastException) return undefined;
  return { name: `exception 0x${status.toString(16)}`, illegal: status === illegalInstruction };
}

function readVerdict(file: string): { reason?: string } | undefined {
  try {
    const { works, reason } = JSON.parse(readFileSync(file, 'utf8')) as { works: unknown; reason: unknown };
    if (works === true) return {};
    return typeof reason === 'string' ? { reason } : undefined;
  } catch {
    return undefined; // there is none, or it is damaged
  }
}

function mayStore(file: string): boolean {
  const probe = `${file}.${process.pid}.probe`;
  try {
    makeFolders(dirname(file));
    writeFileSync(probe, '');
    rmSync(probe);
    return true;
  } catch {
    return false;
  }
}

function store(file: string, verdict: Verdict, binary: string): Verdict {
  const { reason } = verdict;
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    const content = { works: reason === undefined, ...(reason !== undefined && { reason }), binary };
    writeFileSync(temporary, `${JSON.stringify(content)}\n`);
    renameSync(temporary, file);
  } catch {
    rmSync(temporary, { force: true });
  }
  return verdict;
}
