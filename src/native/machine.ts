import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { cpus } from 'node:os';

/** What decides whether a binary runs on this machine, beside the platform. */
export interface Machine {
  /** Tells processors of other features apart; not to be read. */
  processor: string;
  /** Tells C libraries apart; not to be read. */
  libc: string;
}

/** Reads it afresh: a virtual machine may have moved to another processor, a package may have been updated. */
export function readMachine(): Machine {
  return {
    processor: featureBits() ?? processorFlags()?.join(' ') ?? cpus()[0]?.model ?? 'unknown',
    libc: libcFile() ?? libcName() ?? 'none',
  };
}

/** "glibc 2.36", "musl 1.2.5"; null outside Linux. Takes up to 20 ms. */
export function libcName(): string | null {
  const { familySync, versionSync } = require('detect-libc') as typeof import('detect-libc');
  const family = familySync();
  const version = family === null ? null : versionSync();
  return family === null ? null : version === null ? family : `${family} ${version}`;
}

/** The C library that this process has mapped: file, size and time. Undefined outside Linux, or if linked statically. */
function libcFile(): string | undefined {
  try {
    const maps = readFileSync('/proc/self/maps', 'latin1');
    const path = /\s(\/\S*\/(?:libc[.-]|ld-musl-)\S*)$/m.exec(maps)?.[1];
    if (path === undefined) return undefined;
    const { size, mtimeMs } = statSync(path);
    return `${path} ${size} ${mtimeMs}`;
  } catch {
    return undefined;
  }
}

/** Linux's list of all feature bits as it is matched against kernel modules: read at once, unlike /proc/cpuinfo. */
function featureBits(): string | undefined {
  try {
    return readFileSync('/sys/devices/system/cpu/modalias', 'latin1').trim() || undefined;
  } catch {
    return undefined;
  }
}

/**
 * The first processor's instruction set flags as Linux names them; undefined elsewhere. Takes up to 20 ms: the kernel
 * measures clock frequencies for the same file.
 */
export function processorFlags(): string[] | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    const file = openSync('/proc/cpuinfo', 'r');
    try {
      const start = Buffer.alloc(16384);
      const length = readSync(file, start, 0, start.length, 0);
      return /^(?:flags|Features)\s*:\s*(.+)$/m.exec(start.toString('latin1', 0, length))?.[1]?.split(' ');
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined;
  }
}
