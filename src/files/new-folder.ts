import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { DeepYeastError, fileError } from '../errors';
import { claimTemporaryName, flushFolder, makeFolder, releaseTemporaryName } from './temporary';

/**
 * A folder that appears at its path whole or not at all: filled under a temporary name beside it, flushed, renamed. Any
 * failure, `abort` and the end of the process remove what was written.
 */
export class NewFolder {
  readonly path: string;
  private readonly temporary: string;
  private readonly removeParents: () => Promise<void>;
  private ended = false;

  private constructor(path: string, temporary: string, removeParents: () => Promise<void>) {
    this.path = path;
    this.temporary = temporary;
    this.removeParents = removeParents;
  }

  /** Throws `output-exists` where `path` is anything but missing or an empty folder, `io-error`, `disk-full`. */
  static async create(path: string): Promise<NewFolder> {
    await requireNothingAt(path);
    const temporary = claimTemporaryName(resolve(path));
    let removeParents = async () => {};
    try {
      removeParents = await makeFolder(dirname(temporary));
      await mkdir(temporary);
      return new NewFolder(path, temporary, removeParents);
    } catch (error) {
      releaseTemporaryName(temporary);
      await removeParents();
      throw fileError('create', path, error);
    }
  }

  /** Where a file of the folder is to be written. */
  file(...names: readonly string[]): string {
    return join(this.temporary, ...names);
  }

  /** Makes a folder inside. */
  async makeFolder(...names: readonly string[]): Promise<void> {
    try {
      await mkdir(this.file(...names), { recursive: true });
    } catch (error) {
      throw fileError('create', join(this.path, ...names), error);
    }
  }

  /** Moves the folder to its path. A failure removes it. */
  async commit(): Promise<void> {
    try {
      await requireNothingAt(this.path);
      await rename(this.temporary, resolve(this.path));
      await flushFolder(dirname(this.temporary));
    } catch (error) {
      await this.abort();
      throw fileError('write', this.path, error);
    }
    this.ended = true;
    releaseTemporaryName(this.temporary);
  }

  /** Removes everything written; nothing happens after a commit, a failure or an earlier abort. */
  async abort(): Promise<void> {
    if (this.ended) return;
    this.ended = true;
    await rm(this.temporary, { recursive: true, force: true }).catch(() => {});
    releaseTemporaryName(this.temporary);
    await this.removeParents();
  }
}

/** A rename replaces an empty folder but nothing else: found out before the work, not after it. */
async function requireNothingAt(path: string): Promise<void> {
  let found: string[];
  try {
    found = await readdir(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') return;
    if (code !== 'ENOTDIR') throw fileError('read', path, error);
    found = [path];
  }
  if (found.length > 0) throw new DeepYeastError('output-exists', `${path} exists and is not an empty folder`);
}
