/**
 * Downloads one file from one of several mirrors. What has come so far is kept as NAME.part, so that a dropped connection
 * or a stopped process costs nothing but the time until the next attempt; the file appears under its own name only after its
 * size and hash were checked.
 */

import { createHash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { type FileHandle, lstat, open, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { throwIfAborted } from '../abort';
import { DeepYeastError, fileError } from '../errors';
import { writeFileAtomically } from '../files/atomic-file';
import { parseWholeNumber } from '../files/number';
import { parseJson } from '../files/parse-json';
import { replace } from '../files/replace';
import { flushFolder } from '../files/temporary';
import { type Log, silent } from '../log';
import type { RegistryFile } from './registry';
import { WebClient, type WebResponse } from './web-client';

export interface FetchOptions {
  signal?: AbortSignal;
  log?: Log;
  /** Called with the bytes there are and their number in all, where it is known. */
  onProgress?: (name: string, done: number, total: number | undefined) => void;
  /** Attempts at one mirror that bring nothing new before the next one is tried; default 5. */
  attempts?: number;
  /** Milliseconds before the second attempt, doubled for each further one; default 1000. */
  retryDelayMs?: number;
  /** Milliseconds without a byte after which a connection is given up; default 30,000. */
  stallMs?: number;
}

export interface FetchedFile {
  name: string;
  path: string;
  bytes: number;
  md5: string;
  sha256: string;
  /** What was checked against the registry; null: neither hash is registered. */
  verified: 'md5' | 'sha256' | null;
  /** It was there already, whole. */
  present: boolean;
}

interface Hashes {
  md5: string;
  sha256: string;
}

/** What is known of a NAME.part: only the same version of a file may be continued. */
interface PartState {
  url: string;
  validator?: string;
}

/** A mirror that does not have the file, or another one: the next mirror is tried. */
class MirrorFailure extends Error {
  constructor(
    readonly code: 'download-failed' | 'download-mismatch',
    message: string,
  ) {
    super(message);
  }
}

/** A connection that may go better next time. */
class ConnectionFailure extends Error {}

/**
 * @param folder an existing folder that gets the file
 * @throws download-failed, download-mismatch, output-exists (another file of this name), aborted, disk-full, io-error
 */
export async function fetchFile(file: RegistryFile, folder: string, options: FetchOptions = {}): Promise<FetchedFile> {
  const path = join(folder, file.name);
  const present = await fileSize(path);
  if (present !== undefined) return requirePresent(file, path, present);
  const client = new WebClient(options.stallMs ?? 30_000);
  const failures: { url: string; failure: MirrorFailure }[] = [];
  try {
    for (const url of file.urls) {
      try {
        return await new Transfer(file, path, url, client, options).run();
      } catch (failure) {
        if (!(failure instanceof MirrorFailure)) throw failure;
        failures.push({ url, failure });
        options.log?.('warn', `${url}: ${failure.message}`);
      }
    }
  } finally {
    await client.close();
  }
  const mismatch = failures.some(({ failure }) => failure.code === 'download-mismatch');
  throw new DeepYeastError(
    mismatch ? 'download-mismatch' : 'download-failed',
    `${file.name} could not be downloaded: ${failures.map(({ url, failure }) => `${url}: ${failure.message}`).join('; ')}`,
  );
}

async function requirePresent(file: RegistryFile, path: string, bytes: number): Promise<FetchedFile> {
  const hashes = await hashFile(path);
  const wrong =
    (file.size !== undefined && file.size !== bytes ? `${bytes} bytes, expected ${file.size}` : undefined) ??
    wrongHash(file, hashes);
  if (wrong !== undefined) {
    throw new DeepYeastError('output-exists', `${path} is another file than the registered one: ${wrong}`);
  }
  return { name: file.name, path, bytes, ...hashes, verified: checkedHash(file), present: true };
}

/** One file from one mirror. */
class Transfer {
  readonly #file: RegistryFile;
  readonly #path: string;
  readonly #part: string;
  readonly #url: string;
  readonly #client: WebClient;
  readonly #options: FetchOptions;
  readonly #log: Log;

  constructor(file: RegistryFile, path: string, url: string, client: WebClient, options: FetchOptions) {
    this.#file = file;
    this.#path = path;
    this.#part = `${path}.part`;
    this.#url = url;
    this.#client = client;
    this.#options = options;
    this.#log = options.log ?? silent;
  }

  async run(): Promise<FetchedFile> {
    const { attempts = 5, retryDelayMs = 1000, signal } = this.#options;
    await this.#requirePlainPart();
    let fruitless = 0;
    let most = (await fileSize(this.#part)) ?? 0;
    for (;;) {
      throwIfAborted(signal);
      try {
        const resumed = await this.#receive();
        const hashes = await hashFile(this.#part);
        const wrong = await this.#wrong(hashes);
        if (wrong === undefined) return await this.#finish(hashes);
        await this.#discard();
        // What an earlier run left may have been of another version: once more from the start.
        if (!resumed)
          throw new MirrorFailure('download-mismatch', `sent another file than the registered one: ${wrong}`);
        this.#log('warn', `${this.#file.name}: what was there before does not fit (${wrong}); starting again`);
      } catch (error) {
        throwIfAborted(signal);
        if (!(error instanceof ConnectionFailure)) throw error;
        const after = (await fileSize(this.#part)) ?? 0;
        fruitless = after > most ? 1 : fruitless + 1;
        most = Math.max(most, after);
        if (fruitless >= attempts) throw new MirrorFailure('download-failed', error.message);
        this.#log('info', `${this.#file.name}: ${error.message}; going on at byte ${after}`);
        await sleep(retryDelayMs * 2 ** (fruitless - 1), undefined, signal ? { signal } : {}).catch(() => {});
      }
    }
  }

  /** What is left of an earlier run is a file: a link, a pipe or a folder of that name is somebody else's. */
  async #requirePlainPart(): Promise<void> {
    for (const path of [this.#part, this.#statePath]) {
      const status = await lstat(path).catch(() => undefined);
      if (status === undefined || status.isFile()) continue;
      const kind = status.isSymbolicLink() ? 'a symbolic link' : 'no file';
      throw new DeepYeastError('output-exists', `${path} is ${kind}; remove it: the download is kept under this name`);
    }
  }

  /** One request. Returns whether it went on from bytes that were there before. */
  async #receive(): Promise<boolean> {
    const known = (await fileSize(this.#part)) ?? 0;
    const state = await this.#readState();
    const hashed = this.#file.md5 !== undefined || this.#file.sha256 !== undefined;
    const same = state?.url === this.#url && state.validator !== undefined;
    // Without a hash only the server's word (If-Range) tells that both halves are of one file.
    const resume = known > 0 && (hashed || same) && !(this.#file.size !== undefined && known > this.#file.size);
    if (resume && known === this.#file.size) return true;
    const headers: Record<string, string> = {};
    if (resume) {
      headers.range = `bytes=${known}-`;
      if (same && state.validator !== undefined) headers['if-range'] = state.validator;
    }
    const response = await this.#connect(headers);
    let begin = 0;
    if (response.status === 206 && resume) {
      const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(String(response.headers['content-range']));
      if (!range || parseWholeNumber(range[1] as string) !== known) {
        response.dismiss();
        await this.#discard();
        throw new ConnectionFailure('the server sent another range than it was asked for');
      }
      begin = known;
    } else if (response.status === 416 && resume) {
      response.dismiss();
      // Nothing is left to send: the hash tells whether that is so.
      const whole = /^bytes \*\/(\d+)$/.exec(String(response.headers['content-range']));
      if (whole && parseWholeNumber(whole[1] as string) === known) return true;
      await this.#discard();
      throw new ConnectionFailure('the server has no such range');
    } else if (response.status !== 200) {
      response.dismiss();
      this.#refuse(response.status);
    }
    const rest = contentLength(response);
    const total = this.#file.size ?? (rest === undefined ? undefined : begin + rest);
    if (rest !== undefined && total !== undefined && begin + rest !== total) {
      response.dismiss();
      throw new MirrorFailure('download-mismatch', `says it has ${begin + rest} bytes; expected ${total}`);
    }
    await this.#writeState({ url: this.#url, ...validatorOf(response) });
    await this.#save(response, begin, total);
    return begin > 0;
  }

  async #connect(headers: Record<string, string>): Promise<WebResponse> {
    try {
      return await this.#client.get(this.#url, headers, this.#options.signal);
    } catch (error) {
      throw new ConnectionFailure(reasonOf(error));
    }
  }

  #refuse(status: number): never {
    const message = `answered with status ${status}`;
    if (status >= 500 || status === 408 || status === 425 || status === 429) throw new ConnectionFailure(message);
    throw new MirrorFailure('download-failed', message);
  }

  async #save(response: WebResponse, begin: number, total: number | undefined): Promise<void> {
    let handle: FileHandle;
    try {
      // A link in the place of NAME.part would have its target overwritten.
      const { O_CREAT, O_NOFOLLOW, O_RDWR, O_TRUNC, O_WRONLY } = constants;
      handle = await open(this.#part, (begin > 0 ? O_RDWR : O_WRONLY | O_CREAT | O_TRUNC) | O_NOFOLLOW, 0o666);
    } catch (error) {
      response.dismiss();
      throw fileError('write', this.#part, error);
    }
    let done = begin;
    const { onProgress, signal } = this.#options;
    try {
      const body = response.body[Symbol.asyncIterator]();
      for (;;) {
        throwIfAborted(signal);
        const next = await body.next().catch((error) => {
          throw new ConnectionFailure(reasonOf(error));
        });
        if (next.done) break;
        if (total !== undefined && done + next.value.length > total) {
          throw new MirrorFailure('download-mismatch', `sends more than the ${total} bytes that were expected`);
        }
        await writeAll(handle, next.value, done).catch((error) => {
          throw fileError('write', this.#part, error);
        });
        done += next.value.length;
        onProgress?.(this.#file.name, done, total);
      }
      await handle.sync();
    } catch (error) {
      response.dismiss();
      throw error;
    } finally {
      await handle.close();
    }
    if (total !== undefined && done < total) {
      throw new ConnectionFailure(`the connection ended after ${done} of ${total} bytes`);
    }
  }

  async #wrong(hashes: Hashes): Promise<string | undefined> {
    const bytes = (await fileSize(this.#part)) ?? 0;
    if (this.#file.size !== undefined && bytes !== this.#file.size) {
      return `${bytes} bytes, expected ${this.#file.size}`;
    }
    return wrongHash(this.#file, hashes);
  }

  async #finish(hashes: Hashes): Promise<FetchedFile> {
    try {
      await replace(this.#part, this.#path);
      await flushFolder(dirname(this.#path));
      await rm(this.#statePath, { force: true });
    } catch (error) {
      throw fileError('write', this.#path, error);
    }
    const bytes = (await fileSize(this.#path)) ?? 0;
    const { name } = this.#file;
    return { name, path: this.#path, bytes, ...hashes, verified: checkedHash(this.#file), present: false };
  }

  get #statePath(): string {
    return `${this.#part}.json`;
  }

  async #discard(): Promise<void> {
    await rm(this.#part, { force: true });
    await rm(this.#statePath, { force: true });
  }

  async #readState(): Promise<PartState | undefined> {
    try {
      const state = parseJson(await readFile(this.#statePath, 'utf8'), this.#statePath, 'io-error') as PartState;
      return typeof state?.url === 'string' ? state : undefined;
    } catch {
      // Gone or broken: then nothing is known of what is there.
      return undefined;
    }
  }

  async #writeState(state: PartState): Promise<void> {
    await writeFileAtomically(this.#statePath, JSON.stringify(state));
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    done += (await handle.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}

function contentLength({ headers }: WebResponse): number | undefined {
  const text = headers['content-length'];
  return typeof text === 'string' ? parseWholeNumber(text) : undefined;
}

/** What If-Range takes: a strong entity tag, or a date. */
function validatorOf({ headers }: WebResponse): { validator?: string } {
  const { etag, 'last-modified': modified } = headers;
  if (typeof etag === 'string' && !etag.startsWith('W/')) return { validator: etag };
  return typeof modified === 'string' ? { validator: modified } : {};
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return [code, message || String(error)].filter((part) => part !== undefined).join(': ');
}

async function fileSize(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fileError('read', path, error);
  }
}

async function hashFile(path: string): Promise<Hashes> {
  const [md5, sha256] = [createHash('md5'), createHash('sha256')];
  try {
    for await (const chunk of createReadStream(path)) {
      md5.update(chunk as Buffer);
      sha256.update(chunk as Buffer);
    }
  } catch (error) {
    throw fileError('read', path, error);
  }
  return { md5: md5.digest('hex'), sha256: sha256.digest('hex') };
}

function wrongHash(file: RegistryFile, found: Hashes): string | undefined {
  for (const kind of ['sha256', 'md5'] as const) {
    const expected = file[kind];
    if (expected !== undefined && expected !== found[kind]) return `${kind} ${found[kind]}, expected ${expected}`;
  }
  return undefined;
}

function checkedHash(file: RegistryFile): 'md5' | 'sha256' | null {
  return file.sha256 !== undefined ? 'sha256' : file.md5 !== undefined ? 'md5' : null;
}
