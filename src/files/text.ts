/** Text files as people have them: UTF-8, or UTF-16 with a byte-order mark (as PowerShell and Excel write it). */

import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { DeepYeastError, type ErrorCode, fileError } from '../errors';

type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be';

/** By the byte-order mark. Without one: UTF-8, but for ASCII in two bytes a character, whose zeros no text in UTF-8 has. */
function encodingOf(bytes: Uint8Array): Encoding {
  const [a, b] = bytes;
  if (a === 0xff && b === 0xfe) return 'utf-16le';
  if (a === 0xfe && b === 0xff) return 'utf-16be';
  if (a !== 0 && a !== undefined && b === 0) return 'utf-16le';
  if (a === 0 && b !== 0 && b !== undefined) return 'utf-16be';
  return 'utf-8';
}

/** Bytes to text, in pieces. The byte-order mark is no part of the text. */
class TextPieces {
  #decoder: InstanceType<typeof TextDecoder> | undefined;
  #encoding: Encoding = 'utf-8';
  #held: Uint8Array = new Uint8Array();
  readonly #path: string;
  readonly #code: ErrorCode;

  constructor(path: string, code: ErrorCode) {
    this.#path = path;
    this.#code = code;
  }

  add(bytes: Uint8Array, last: boolean): string {
    let piece = bytes;
    if (!this.#decoder) {
      // A pipe may begin with a single byte, which does not tell the encoding.
      piece = this.#held.length > 0 ? Buffer.concat([this.#held, bytes]) : bytes;
      if (piece.length < 2 && !last) {
        this.#held = Uint8Array.from(piece);
        return '';
      }
      this.#encoding = encodingOf(piece);
      this.#decoder = new TextDecoder(this.#encoding, { fatal: true });
    }
    try {
      return this.#decoder.decode(piece, { stream: !last });
    } catch (cause) {
      throw new DeepYeastError(
        this.#code,
        `${this.#path} is no text in ${this.#encoding.toUpperCase()}, expected UTF-8: save it with that encoding`,
        { cause },
      );
    }
  }
}

/**
 * Reads a text file whole.
 * @param code of the error where the bytes are no text
 * @throws `code`, io-error
 */
export async function readText(path: string, code: ErrorCode): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw fileError('read', path, error);
  }
  return new TextPieces(path, code).add(bytes, true);
}

/** Streams a text file: see readText. */
export async function* streamText(path: string, code: ErrorCode): AsyncGenerator<string> {
  const pieces = new TextPieces(path, code);
  const file = createReadStream(path);
  try {
    for await (const chunk of file as AsyncIterable<Buffer>) {
      const text = pieces.add(chunk, false);
      if (text !== '') yield text;
    }
  } catch (error) {
    throw fileError('read', path, error);
  } finally {
    file.destroy();
  }
  const rest = pieces.add(new Uint8Array(), true);
  if (rest !== '') yield rest;
}
