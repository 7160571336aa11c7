/**
 * Unpacks archives of data. All of an archive is looked at before anything is written: entries outside of the folder,
 * links, devices and more bytes than can be meant refuse it as a whole. Modes and owners are not taken over.
 */
import { createWriteStream } from 'node:fs';
import { mkdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Entry, ZipFile } from 'yauzl';
import { throwIfAborted } from '../abort';
import { DeepYeastError, fileError } from '../errors';
import { makeFolders } from '../files/make-folders';
import { replace } from '../files/replace';
import { claimTemporaryName, releaseTemporaryName } from '../files/temporary';

export interface ExtractOptions {
  signal?: AbortSignal;
  /** Largest number of bytes it may unpack to; default 200 times the archive, at least 1 GiB. */
  mostBytes?: number;
}

const mostEntries = 10_000_000;

/** The folder that an archive unpacks into: its name without the ending. Undefined for what is no archive. */
export function extractedName(name: string): string | undefined {
  return /^(.+?)(?:\.zip|\.tar|\.tar\.gz|\.tgz)$/i.exec(name)?.[1];
}

/**
 * Unpacks a .zip, .tar, .tar.gz or .tgz into a folder that must not exist yet and appears only when all is in it.
 *
 * @returns the number of files
 * @throws archive-unsafe, invalid-argument (no archive by its name), output-exists, aborted, disk-full, io-error
 */
export async function extractArchive(path: string, folder: string, options: ExtractOptions = {}): Promise<number> {
  if (extractedName(path) === undefined) {
    throw new DeepYeastError(
      'invalid-argument',
      `${path} is no archive by its name; expected .zip, .tar, .tar.gz or .tgz`,
    );
  }
  const temporary = claimTemporaryName(folder);
  try {
    if (await exists(folder)) throw new DeepYeastError('output-exists', `${folder} exists already`);
    const { size } = await stat(path);
    const audit = new Audit(path, options.mostBytes ?? Math.max(2 ** 30, 200 * size));
    await mkdir(temporary);
    const unpack = /\.zip$/i.test(path) ? unpackZip : unpackTar;
    await unpack(path, temporary, audit, options.signal);
    await replace(temporary, folder);
    return audit.files;
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
    throw fileError('unpack', path, error);
  } finally {
    releaseTemporaryName(temporary);
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** What an archive may hold. */
class Audit {
  files = 0;
  #bytes = 0;
  #entries = 0;
  readonly #names = new Set<string>();
  readonly #path: string;
  readonly #mostBytes: number;

  constructor(path: string, mostBytes: number) {
    this.#path = path;
    this.#mostBytes = mostBytes;
  }

  unsafe(found: string, cause?: unknown): DeepYeastError {
    return new DeepYeastError('archive-unsafe', `${this.#path} ${found}; nothing was unpacked`, { cause });
  }

  entry(name: string, kind: 'file' | 'folder' | string, bytes: number): void {
    const shown = JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}...` : name);
    if (kind !== 'file' && kind !== 'folder')
      throw this.unsafe(`holds ${shown}, a ${kind}; expected files and folders`);
    const parts = name.split('/');
    if (name === '' || /[\\\0]/.test(name) || name.startsWith('/') || /^[A-Za-z]:/.test(name) || parts.includes('..')) {
      throw this.unsafe(`holds ${shown}, which would be outside of its folder`);
    }
    this.#entries++;
    if (this.#entries > mostEntries) throw this.unsafe(`holds more than ${mostEntries} entries`);
    if (kind === 'folder') return;
    const plain = parts.filter((part) => part !== '' && part !== '.').join('/');
    if (this.#names.has(plain)) throw this.unsafe(`holds ${shown} twice`);
    this.#names.add(plain);
    this.files++;
    this.#bytes += bytes;
    if (this.#bytes > this.#mostBytes) throw this.unsafe(`unpacks to more than ${this.#mostBytes} bytes`);
  }
}

async function unpackTar(path: string, folder: string, audit: Audit, signal?: AbortSignal): Promise<void> {
  const { extract, list } = await import('tar');
  const kinds: Record<string, string> = {
    File: 'file',
    OldFile: 'file',
    ContiguousFile: 'file',
    Directory: 'folder',
    GNUDumpDir: 'folder',
    SymbolicLink: 'symbolic link',
    Link: 'hard link',
  };
  // Errors thrown by a callback of the parser would not reach us: the first one is kept.
  let found: unknown;
  await list({
    file: path,
    strict: true,
    onReadEntry: (entry) => {
      if (found !== undefined) return;
      try {
        throwIfAborted(signal);
        audit.entry(entry.path, kinds[entry.type] ?? `special entry (${entry.type})`, entry.size ?? 0);
      } catch (error) {
        found = error;
      }
    },
  }).catch((cause) => {
    if (found === undefined) found = audit.unsafe(`cannot be read: ${(cause as Error).message}`, cause);
  });
  if (found !== undefined) throw found;
  await extract({
    file: path,
    cwd: folder,
    strict: true,
    filter: (_, entry) => {
      if ('type' in entry) entry.mode = entry.type === 'Directory' ? 0o755 : 0o644;
      return !signal?.aborted;
    },
  });
  throwIfAborted(signal);
}

async function unpackZip(path: string, folder: string, audit: Audit, signal?: AbortSignal): Promise<void> {
  const { open } = await import('yauzl');
  const zip = await new Promise<ZipFile>((resolve, reject) => {
    // strictFileNames: a backslash is refused rather than made a folder.
    open(path, { lazyEntries: true, autoClose: false, strictFileNames: true }, (error, file) =>
      error || !file ? reject(audit.unsafe(`cannot be read: ${error?.message}`, error)) : resolve(file),
    );
  });
  try {
    const entries = await listZip(zip, audit);
    for (const entry of entries) {
      throwIfAborted(signal);
      const target = join(folder, entry.fileName);
      if (entry.fileName.endsWith('/')) {
        makeFolders(target);
        continue;
      }
      makeFolders(dirname(target));
      const content = await new Promise<NodeJS.ReadableStream>((resolve, reject) => {
        zip.openReadStream(entry, (error, stream) =>
          error || !stream ? reject(audit.unsafe(`cannot be read: ${error?.message}`, error)) : resolve(stream),
        );
      });
      await pipeline(content, createWriteStream(target, { flags: 'wx', mode: 0o644 }));
    }
  } finally {
    zip.close();
  }
}

function listZip(zip: ZipFile, audit: Audit): Promise<Entry[]> {
  const entries: Entry[] = [];
  return new Promise((resolve, reject) => {
    zip.on('error', (error: Error) => reject(audit.unsafe(`cannot be read: ${error.message}`, error)));
    zip.on('end', () => resolve(entries));
    zip.on('entry', (entry: Entry) => {
      try {
        audit.entry(entry.fileName, zipKind(entry), entry.uncompressedSize);
        entries.push(entry);
        zip.readEntry();
      } catch (error) {
        reject(error);
      }
    });
    zip.readEntry();
  });
}

/** Unix modes stand in the upper half of the external attributes; zero where the archive was made elsewhere. */
function zipKind(entry: Entry): string {
  const format = (entry.externalFileAttributes >>> 16) & 0o170000;
  if (entry.isEncrypted()) return 'encrypted file';
  if (format === 0o120000) return 'symbolic link';
  if (format !== 0 && format !== 0o100000 && format !== 0o040000) return 'special entry';
  return entry.fileName.endsWith('/') ? 'folder' : 'file';
}
