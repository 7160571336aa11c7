/**
 * Which process made a temporary file, as part of its name: number, machine and start. A number alone would do for a
 * single machine that never reuses one; folders are shared by machines and containers, which count for themselves.
 */

import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { crc32 } from 'node:zlib';
import { parseWholeNumber } from './number';

/** Read when the first file is written: a start does not wait for it. */
let own: { machine: string; start: string } | undefined;

function ofThisProcess(): { machine: string; start: string } {
  own ??= { machine: machineMark(), start: startOf(process.pid) ?? '0' };
  return own;
}

/** `PID-MACHINE-START` of this process. */
export function processMark(): string {
  const { machine, start } = ofThisProcess();
  return `${process.pid}-${machine}-${start}`;
}

/** `PID-MACHINE-START` within a name. */
export const processMarkPattern = String.raw`(\d+)-([0-9a-z]+)-([0-9a-z]+)`;

/** Whether the process of a mark lives: undefined where that cannot be known here, since it is of another machine. */
export function isAlive(pid: number, machine: string, start: string): boolean | undefined {
  const mine = ofThisProcess();
  if (machine !== mine.machine) return undefined;
  if (pid === process.pid) return start === mine.start;
  if (!exists(pid)) return false;
  // The number may have been given to another process since.
  const now = startOf(pid);
  return now === undefined || now === start;
}

export function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** Processes of two containers have the same numbers: what tells them apart is part of the machine. */
function machineMark(): string {
  let namespace = '';
  try {
    namespace = readlinkSync('/proc/self/ns/pid');
  } catch {
    // Not Linux.
  }
  return crc32(`${hostname()}\0${namespace}`).toString(36);
}

/** When a process started, in ticks since the machine did; undefined where the system does not say. */
function startOf(pid: number): string | undefined {
  try {
    // The name, in parentheses, may hold anything: what follows is counted from its end.
    const status = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const ticks = status.slice(status.lastIndexOf(')') + 2).split(' ')[19];
    return ticks === undefined ? undefined : parseWholeNumber(ticks)?.toString(36);
  } catch {
    return undefined;
  }
}
