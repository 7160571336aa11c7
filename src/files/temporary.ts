import { rmSync } from 'node:fs';
import { type FileHandle, open, rmdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { clearLeftovers } from './leftovers';
import { makeFolders } from './make-folders';
import { processMark } from './process-mark';

/** Temporary files and folders that exist now; whatever is left when the process exits is removed. */
const pending = new Set<string>();

function removePending(): void {
  for (const path of pending) rmSync(path, { recursive: true, force: true });
}

/**
 * A name beside `path`, on the same file system, for what will be renamed to `path`; removed at exit until released. What
 * dead processes left in this folder is cleared first.
 */
export function claimTemporaryName(path: string): string {
  const { randomBytes } = require('node:crypto') as typeof import('node:crypto'); // on first use: it takes a while to load
  clearFolder(dirname(path));
  const name = `${path}.tmp-${processMark()}-${randomBytes(4).toString('hex')}`;
  if (pending.size === 0) process.on('exit', removePending);
  pending.add(name);
  return name;
}

/** Folders that were cleared in this process. */
const cleared = new Set<string>();

function clearFolder(folder: string): void {
  const path = resolve(folder);
  if (cleared.has(path)) return;
  cleared.add(path);
  clearLeftovers(path);
}

/** The temporary name has been renamed or removed. */
export function releaseTemporaryName(name: string): void {
  pending.delete(name);
  if (pending.size === 0) process.off('exit', removePending);
}

/** Makes a rename in this folder durable. Not every system lets a folder be opened or flushed: there it is left to it. */
export async function flushFolder(folder: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(folder, 'r');
    await handle.sync();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'EISDIR' && code !== 'EPERM' && code !== 'EACCES' && code !== 'EINVAL' && code !== 'ENOTSUP') {
      throw error;
    }
  } finally {
    await handle?.close();
  }
}

/**
 * Makes a folder and those above it. Returns what takes away again the ones that were made, as far as they are empty: a
 * failure leaves the disk as it was.
 */
export async function makeFolder(path: string): Promise<() => Promise<void>> {
  const folder = resolve(path);
  const uppermost = makeFolders(folder);
  return async () => {
    if (uppermost === undefined) return;
    try {
      for (let made = folder; made.length >= uppermost.length; made = dirname(made)) await rmdir(made);
    } catch {
      // Somebody put something there meanwhile: it is theirs now.
    }
  };
}
