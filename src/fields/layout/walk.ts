/** The files below a folder, and what lies there that is none or cannot be looked at. */

import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { throwIfAborted } from '../../abort';
import { desktopFiles, escaped } from '../../data/source-files';
import { fileError, isPermissionError } from '../../errors';

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

interface Entry {
  name: string;
  kind: 'file' | 'folder' | 'other';
  isLink: boolean;
}

async function* walkFolder(
  root: string,
  folder: string,
  above: readonly string[],
  options: WalkOptions,
): AsyncGenerator<WalkedEntry> {
  throwIfAborted(options.signal);
  const entries = await readFolder(root, folder, options);
  if (!entries) return;
  if (options.isUnit?.(folder, new Set(entries.map(({ name }) => name)))) {
    yield { path: folder, unit: true };
    return;
  }
  for (const entry of entries) {
    if (desktopFiles.test(entry.name)) continue;
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.name.startsWith('.')) {
      options.leftOut(join(root, path), 'hidden');
      continue;
    }
    const kind = entry.kind === 'other' ? await kindOfTarget(join(root, path), options) : entry.kind;
    if (kind === 'file') yield { path };
    else if (kind === 'folder') {
      const real = await realFolder(join(root, path), entry, above, options);
      if (real !== undefined) yield* walkFolder(root, path, [...above, real], options);
    }
  }
}

/** The entries of a folder in order of their names; undefined where it may not be read. */
async function readFolder(root: string, folder: string, options: WalkOptions): Promise<Entry[] | undefined> {
  const path = join(root, folder);
  const entries: Entry[] = [];
  try {
    for (const entry of await readdir(path, { withFileTypes: true, encoding: 'buffer' })) {
      const name = entry.name.toString('utf8');
      if (!Buffer.from(name).equals(entry.name)) {
        options.leftOut(join(path, escaped(entry.name)), 'a name that is not UTF-8');
        continue;
      }
      const kind = entry.isFile() ? 'file' : entry.isDirectory() ? 'folder' : 'other';
      entries.push({ name, kind, isLink: entry.isSymbolicLink() });
    }
  } catch (error) {
    if (folder === '' || !isPermissionError(error)) throw fileError('read', path, error);
    options.unreadable(path, 'permission denied');
    return undefined;
  }
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The path of a folder without links; undefined where it is not to be looked into. */
async function realFolder(
  path: string,
  { name, isLink }: Entry,
  above: readonly string[],
  options: WalkOptions,
): Promise<string | undefined> {
  if (above.length >= mostDepth) {
    options.leftOut(path, `more than ${mostDepth} folders deep`);
    return undefined;
  }
  if (!isLink) return join(above.at(-1) as string, name);
  const real = await realpath(path);
  if (!above.some((upper) => upper === real || upper.startsWith(`${real}/`))) return real;
  options.leftOut(path, 'a link to a folder that holds it');
  return undefined;
}

/** What a link leads to, and what else is neither a file nor a folder. */
async function kindOfTarget(path: string, options: WalkOptions): Promise<'file' | 'folder' | undefined> {
  try {
    const target = await stat(path);
    if (target.isFile()) return 'file';
    if (target.isDirectory()) return 'folder';
    options.leftOut(path, 'neither a file nor a folder');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') options.leftOut(path, 'a link that leads nowhere');
    else if (code === 'ELOOP') options.leftOut(path, 'a link to itself');
    else if (isPermissionError(error)) options.unreadable(path, 'permission denied');
    else throw fileError('read', path, error);
  }
  return undefined;
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
