import { readFile } from 'node:fs/promises';
import { DeepYeastError, type ErrorCode, fileError } from '../errors';

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

/** The same for a text that was read; `path` is for the message. */
export function parseJson(text: string, path: string, code: ErrorCode): unknown {
  try {
    return JSON.parse(text.replace(/^\ufeff/, ''));
  } catch (cause) {
    throw new DeepYeastError(code, `${path} is not JSON: ${(cause as Error).message}`, { cause });
  }
}
