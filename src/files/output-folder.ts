import { resolve } from 'node:path';
import { fileError } from '../errors';
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
