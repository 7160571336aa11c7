import { readFile } from 'node:fs/promises';
import { type DeepYeastError, type ErrorCode, fileError } from '../errors';
import { parseJson } from './parse-json';

/**
 * Reads a JSON file that people write; a byte order mark is passed over.
 *
 * @param what for messages, such as `the registry`
 * @param code of the error where the file is not JSON
 * @throws `code`, io-error
 */
export async function readJsonFile(path: string, what: string, code: ErrorCode): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw fileError(`read ${what}`, path, error);
  }
  return parseJson(text, path, code);
}

/** As readJsonFile; undefined where there is no such file. */
export async function readJsonFileIfPresent(path: string, what: string, code: ErrorCode): Promise<unknown> {
  try {
    return await readJsonFile(path, what, code);
  } catch (error) {
    if (((error as DeepYeastError).cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return undefined;
    throw error;
  }
}
