import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { DeepYeastError, fileError } from '../errors';

/** A file of up to this many bytes is read at once. */
const smallFile = 1 << 18;
/** Bytes read ahead for small requests in a larger file. */
const windowBytes = 1 << 16;

/** What of a path is the file's own fault; anything else (permissions, too many open files) is the environment's. */
const faultsOfThePath: Record<string, string> = {
  ENOENT: 'the file is missing',
  ENOTDIR: 'the file is missing: a part of its path is no folder',
  EISDIR: 'is a folder, expected a file',
  ELOOP: 'is a symbolic link that leads back to itself',
  ENXIO: 'is a pipe, a socket or a device, expected a file',
  ENAMETOOLONG: 'the file is missing: its path is too long',
};

/**
 * Reads parts of a file of known length. A request beyond the end throws an Error that says so, without the path; the
 * buffer that `read` returns may be shared with later calls and must not be changed.
 */
export class RandomAccessFile {
  readonly length: number;
  private handle: FileHandle | undefined;
  private window: Buffer;
  private windowStart = 0;

  private constructor(handle: FileHandle | undefined, length: number, window: Buffer) {
    this.handle = handle;
    this.length = length;
    this.window = window;
  }

  /**
   * @throws image-invalid where the path leads to no regular file; io-error where the file is there but cannot be read
   */
  static async open(path: string): Promise<RandomAccessFile> {
    let handle: FileHandle | undefined;
    try {
      // A named pipe would otherwise wait for its writer.
      handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
      const status = await handle.stat();
      if (status.isDirectory()) throw new DeepYeastError('image-invalid', `${path}: ${faultsOfThePath.EISDIR}`);
      if (!status.isFile()) throw new DeepYeastError('image-invalid', `${path}: ${faultsOfThePath.ENXIO}`);
      const { size } = status;
      if (size > smallFile) return new RandomAccessFile(handle, size, Buffer.alloc(0));
      const bytes = Buffer.allocUnsafeSlow(size);
      await fill(handle, bytes, 0);
      await handle.close();
      return new RandomAccessFile(undefined, size, bytes);
    } catch (error) {
      await handle?.close().catch(() => {});
      const fault = faultsOfThePath[(error as NodeJS.ErrnoException).code ?? ''];
      if (fault !== undefined) throw new DeepYeastError('image-invalid', `${path}: ${fault}`, { cause: error });
      throw fileError('read', path, error);
    }
  }

  /** The same over bytes in memory. */
  static of(bytes: Uint8Array): RandomAccessFile {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return new RandomAccessFile(undefined, bytes.length, buffer);
  }

  async read(position: number, length: number): Promise<Buffer> {
    this.requireInside(position, length);
    const within = position - this.windowStart;
    if (within >= 0 && within + length <= this.window.length) return this.window.subarray(within, within + length);
    if (length > windowBytes) {
      const bytes = Buffer.allocUnsafeSlow(length);
      await fill(this.openHandle(), bytes, position);
      return bytes;
    }
    const window = Buffer.allocUnsafeSlow(Math.min(windowBytes, this.length - position));
    await fill(this.openHandle(), window, position);
    this.window = window;
    this.windowStart = position;
    return window.subarray(0, length);
  }

  /** Fills `target` with the bytes from `position` on. */
  async readInto(target: Uint8Array, position: number): Promise<void> {
    this.requireInside(position, target.length);
    if (this.handle) await fill(this.handle, target, position);
    else target.set(await this.read(position, target.length));
  }

  async close(): Promise<void> {
    const { handle } = this;
    this.handle = undefined;
    await handle?.close();
  }

  private openHandle(): FileHandle {
    if (!this.handle) throw new DeepYeastError('closed', 'the file was already closed');
    return this.handle;
  }

  private requireInside(position: number, length: number): void {
    if (!(position >= 0 && length >= 0 && position + length <= this.length)) {
      throw new Error(`is damaged or cut short: it points to byte ${position + length} of ${this.length}`);
    }
  }
}

/** One read may return less than asked for. */
async function fill(handle: FileHandle, target: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < target.length) {
    const { bytesRead } = await handle.read(target, done, target.length - done, position + done);
    if (bytesRead === 0) throw new Error(`was cut short while it was read: it ends at byte ${position + done}`);
    done += bytesRead;
  }
}
