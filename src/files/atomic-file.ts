import { type FileHandle, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DeepYeastError, fileError } from '../errors';
import { replace } from './replace';
import { claimTemporaryName, flushFolder, releaseTemporaryName } from './temporary';

/** Small writes are gathered up to this many bytes. */
const bufferBytes = 1 << 18;

/**
 * A file that appears at its path whole or not at all: written under a temporary name in the same folder, flushed,
 * renamed. Any failure, `abort` and the end of the process remove the temporary file and leave an older file at the
 * path as it was. A full disk is `disk-full`, everything else `io-error`.
 */
export class AtomicFile {
  readonly path: string;
  private readonly temporary: string;
  private handle: FileHandle | undefined;
  private readonly buffer = Buffer.allocUnsafe(bufferBytes);
  private buffered = 0;

  private constructor(path: string, temporary: string, handle: FileHandle) {
    this.path = path;
    this.temporary = temporary;
    this.handle = handle;
  }

  static async create(path: string): Promise<AtomicFile> {
    const temporary = claimTemporaryName(path);
    try {
      return new AtomicFile(path, temporary, await open(temporary, 'wx'));
    } catch (error) {
      releaseTemporaryName(temporary);
      throw fileError('create', path, error);
    }
  }

  /** Appends. Calls are awaited one after the other; the chunk may be reused after that. */
  async write(chunk: string | Uint8Array): Promise<void> {
    this.openHandle();
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk, 'utf8') : chunk;
    if (this.buffered + bytes.length > bufferBytes) await this.orRemove('write', () => this.flushBuffer());
    if (bytes.length > bufferBytes) {
      await this.orRemove('write', () => writeAll(this.openHandle(), bytes));
    } else {
      this.buffer.set(bytes, this.buffered);
      this.buffered += bytes.length;
    }
  }

  /** Replaces bytes already written, from `position` on. */
  async overwrite(bytes: Uint8Array, position: number): Promise<void> {
    await this.orRemove('write', async () => {
      await this.flushBuffer();
      await writeAll(this.openHandle(), bytes, position);
    });
  }

  /** Flushes to disk and moves the file to its path. */
  async commit(): Promise<void> {
    await this.orRemove('write', async () => {
      await this.flushBuffer();
      const handle = this.openHandle();
      await handle.sync();
      this.handle = undefined;
      await handle.close();
      await replace(this.temporary, this.path);
      releaseTemporaryName(this.temporary);
      await flushFolder(dirname(this.path));
    });
  }

  /** Removes the temporary file; nothing happens after a commit, a failure or an earlier abort. */
  async abort(): Promise<void> {
    const handle = this.handle;
    this.handle = undefined;
    if (!handle) return;
    await handle.close().catch(() => {});
    await this.remove();
  }

  private openHandle(): FileHandle {
    if (!this.handle) throw new DeepYeastError('closed', `${this.path} was already committed or aborted`);
    return this.handle;
  }

  private async flushBuffer(): Promise<void> {
    const length = this.buffered;
    this.buffered = 0;
    await writeAll(this.openHandle(), this.buffer.subarray(0, length));
  }

  private async orRemove(action: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const handle = this.handle;
      this.handle = undefined;
      await handle?.close().catch(() => {});
      await this.remove();
      throw fileError(action, this.path, error);
    }
  }

  private async remove(): Promise<void> {
    await rm(this.temporary, { force: true }).catch(() => {});
    releaseTemporaryName(this.temporary);
  }
}

/** Writes a whole file atomically: see AtomicFile. */
export async function writeFileAtomically(path: string, data: string | Uint8Array): Promise<void> {
  const file = await AtomicFile.create(path);
  await file.write(data);
  await file.commit();
}

/** One write may be cut short (a full disk says so only at the next one), hence the loop. */
async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number | null = null): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const at = position === null ? null : position + done;
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, at);
    done += bytesWritten;
  }
}
