/** The files below a folder, and what lies there that is none or cannot be looked at. */

import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { DeepYeastError, fileError } from '../../errors';

export interface WalkOptions {
  /** What was passed over, by its path and the reason. */
  leftOut(path: string, reason: string): void;
  /** A folder or file that could not be looked at: a fault of the file system, not of an image. */
  unreadable(path: string, reason: string): void;
  /** Whether a folder is taken as a whole (a Zarr store) instead of being looked into. Its names are given. */
  isUnit?(path: string, names: ReadonlySet<string>): boolean;
  signal?: AbortSignal;
}

export interface WalkedEntry {
  /** Relative to the source, with `/`. '' for the source itself. */
  path: string;
  /** A folder that isUnit took. */
  unit?: true;
}

/** Folders below each other. */
const mostDepth = 64;

/**
 * Files in order of their names, depth first. Symbolic links are followed, except into a folder that holds them; hidden
 * files (.DS_Store) and folders are passed over and told.
 */
export async function* walk(root: string, options: WalkOptions): AsyncGenerator<WalkedEntry> {
  yield* walkFolder(root, '', [await realpath(root)], options);
}

async function* walkFolder(
  root: string,
  folder: string,
  above: readonly string[],
  options: WalkOptions,
): AsyncGenerator<WalkedEntry> {
  options.signal?.throwIfAborted();
  let entries: Dirent[];
  try {
    entries = await readdir(join(root, folder), { withFileTypes: true });
  } catch (error) {
    if (folder === '') throw fileError('read', root, error);
    options.unreadable(join(root, folder), reasonOf(error));
    return;
  }
  if (options.isUnit?.(folder, new Set(entries.map((entry) => entry.name)))) {
    yield { path: folder, unit: true };
    return;
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.name.startsWith('.')) {
      options.leftOut(join(root, path), 'hidden');
      continue;
    }
    const kind = await kindOf(join(root, path), entry, options);
    if (kind === 'file') yield { path };
    else if (kind === 'folder') {
      if (above.length >= mostDepth) {
        options.leftOut(join(root, path), `more than ${mostDepth} folders deep`);
        continue;
      }
      let real = join(above.at(-1) as string, entry.name);
      if (entry.isSymbolicLink()) {
        real = await realpath(join(root, path));
        if (above.some((upper) => upper === real || upper.startsWith(`${real}/`))) {
          options.leftOut(join(root, path), 'a link to a folder that holds it');
          continue;
        }
      }
      yield* walkFolder(root, path, [...above, real], options);
    }
  }
}

async function kindOf(path: string, entry: Dirent, options: WalkOptions): Promise<'file' | 'folder' | undefined> {
  if (entry.isFile() && !isMisread(entry.name)) return 'file';
  if (entry.isDirectory() && !isMisread(entry.name)) return 'folder';
  try {
    const target = await stat(path);
    if (target.isFile()) return 'file';
    if (target.isDirectory()) return 'folder';
    options.leftOut(path, 'neither a file nor a folder');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && isMisread(entry.name)) options.leftOut(path, 'a name that is not UTF-8');
    else if (code === 'ENOENT') options.leftOut(path, 'a broken link');
    else if (code === 'ELOOP') options.leftOut(path, 'a link to itself');
    else options.unreadable(path, reasonOf(error));
  }
  return undefined;
}

/** Whether a name may have lost bytes that are not UTF-8. */
function isMisread(name: string): boolean {
  return name.includes('\ufffd');
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EMFILE' || code === 'ENFILE') {
    throw new DeepYeastError('io-error', `cannot list the fields: too many open files (${message})`, { cause: error });
  }
  return code === 'EACCES' || code === 'EPERM' ? 'permission denied' : message;
}

/** The folder of a source and, where the source is one file, the file's name in it. */
export async function openSource(source: string): Promise<{ root: string; file?: string }> {
  try {
    const entry = await stat(source);
    if (entry.isDirectory()) return { root: source };
    return { root: dirname(source), file: basename(source) };
  } catch (error) {
    throw fileError('read', source, error);
  }
}
