import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { fileError } from '../errors';

/** SHA-256 of a file's bytes in hexadecimal: says which model made a result. Throws `io-error`. */
export async function fileDigest(path: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  } catch (error) {
    throw fileError('read', path, error);
  }
  return hash.digest('hex');
}
