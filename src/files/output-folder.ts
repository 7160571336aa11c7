import { mkdir, rmdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fileError } from '../errors';

/** A folder made for results. */
export interface OutputFolder {
  path: string;
  /** Removes the folders that were made for it, as far as they are empty: the disk is as it was. */
  undo(): Promise<void>;
}

/** Makes a folder and its parents where they are missing. Throws `io-error` or `disk-full`. */
export async function makeOutputFolder(path: string): Promise<OutputFolder> {
  const folder = resolve(path);
  let first: string | undefined;
  try {
    first = await mkdir(folder, { recursive: true });
  } catch (error) {
    throw fileError('create the folder', path, error);
  }
  return {
    path: folder,
    async undo() {
      if (first === undefined) return;
      for (let made = folder; made.length >= first.length; made = dirname(made)) {
        try {
          await rmdir(made);
        } catch {
          // Somebody has put a file there meanwhile: it stays.
          return;
        }
      }
    },
  };
}
