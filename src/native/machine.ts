import { closeSync, openSync, readSync } from 'node:fs';
import { cpus } from 'node:os';
import { familySync, versionSync } from 'detect-libc';

/** What decides whether a binary runs on this machine, beside the platform. */
export interface Machine {
  /** Instruction set flags as Linux lists them; elsewhere the processor's name. */
  flags: string;
  /** "glibc 2.36", "musl 1.2.5"; null outside Linux. */
  libc: string | null;
}

/** Reads it afresh: a virtual machine may have moved to another processor. */
export function readMachine(): Machine {
  const family = familySync();
  const version = family === null ? null : versionSync();
  return {
    flags: linuxFlags() ?? cpus()[0]?.model ?? 'unknown',
    libc: family === null ? null : version === null ? family : `${family} ${version}`,
  };
}

/** The first processor's flags. All of /proc/cpuinfo would take milliseconds where there are many. */
function linuxFlags(): string | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    const file = openSync('/proc/cpuinfo', 'r');
    try {
      const start = Buffer.alloc(16384);
      const length = readSync(file, start, 0, start.length, 0);
      return /^(?:flags|Features)\s*:\s*(.+)$/m.exec(start.toString('latin1', 0, length))?.[1];
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined;
  }
}
