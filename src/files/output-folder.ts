import { readdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { DeepYeastError, fileError } from '../errors';
import { makeFolder } from './temporary';

/** A folder made for results. */
export interface OutputFolder {
  path: string;
  /** Removes the folders that were made for it, as far as they are empty: the disk is as it was. */
  undo(): Promise<void>;
}

/** Makes a folder and its parents where they are missing. Throws `io-error` or `disk-full`. */
export async function makeOutputFolder(path: string): Promise<OutputFolder> {
  const folder = resolve(path);
  try {
    return { path: folder, undo: await makeFolder(folder) };
  } catch (error) {
    throw fileError('create the folder', path, error);
  }
}

/**
 * A rename replaces an empty folder but nothing else: found out before the work, not after it.
 *
 * @throws output-exists, io-error
 */
export async function requireNothingAt(path: string): Promise<void> {
  let found: string[];
  try {
    found = await readdir(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') return;
    if (code !== 'ENOTDIR') throw fileError('read', path, error);
    found = [path];
  }
  if (found.length > 0) throw new DeepYeastError('output-exists', `${path} exists and is not an empty folder`);
}
