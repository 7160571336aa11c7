import { lstatSync, renameSync, rmdirSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';

/** Somebody looks into a file on Windows: what a virus scanner or an indexer has just opened it lets go within moments. */
const held = new Set(['EPERM', 'EACCES', 'EBUSY']);
const attempts = 20;
const milliseconds = 50;

/**
 * Renames as POSIX has it, on every system: a file takes the place of a file, a folder that of an empty folder.
 *
 * @throws the system's error
 */
export async function replace(from: string, to: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await rename(from, to);
      return;
    } catch (error) {
      requireHeld(error, from, to, attempt);
    }
    await wait(milliseconds);
  }
}

/** The same, where nothing else may happen meanwhile. */
export function replaceSync(from: string, to: string): void {
  for (let attempt = 1; ; attempt++) {
    try {
      renameSync(from, to);
      return;
    } catch (error) {
      requireHeld(error, from, to, attempt);
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
  }
}

/** Throws the error where trying again is of no use. */
function requireHeld(error: unknown, from: string, to: string, attempt: number): void {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (process.platform !== 'win32' || !held.has(code) || attempt === attempts) throw error;
  // Windows moves no folder to where one is, empty or not.
  if (isFolder(from) && isFolder(to)) rmdirSync(to);
}

function isFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
