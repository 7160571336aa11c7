import { rm } from 'node:fs/promises';
import { fileError } from '../errors';

/** Removes a file if it is there. Throws `io-error`. */
export async function removeFile(path: string): Promise<void> {
  try {
    await rm(path, { force: true });
  } catch (error) {
    throw fileError('remove', path, error);
  }
}
