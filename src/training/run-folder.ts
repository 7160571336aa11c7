import { access, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DeepYeastError, fileError } from '../errors';
import { writeFileAtomically } from '../files/atomic-file';
import { readJsonFileIfPresent } from '../files/json';
import { makeFolders } from '../files/make-folders';
import { flushFolder } from '../files/temporary';
import { loadAddon } from '../native';
import type { NativeFileLock, NativeTopology } from '../native/addon';
import { bestModelFile, lastModelFile } from '../network/checkpoint';
import type { DatasetIdentity } from './dataset-identity';
import { parseRecipe, type Recipe } from './recipe';

/** The files of a run folder. */
export const runFiles = {
  /** What the run is: RunDescription. */
  description: 'recipe.json',
  log: 'log.jsonl',
  best: bestModelFile,
  last: lastModelFile,
  /** Locked while a process trains here; stays behind, empty. */
  lock: 'lock',
} as const;

/** recipe.json: everything that decides how a run ends. Two runs of equal descriptions end with equal bytes. */
export interface RunDescription {
  recipe: Recipe;
  seed: number;
  classes: string[];
  topology: NativeTopology;
  /** Mini-batches between two reports, null: an epoch. Part of it, since the best model is picked at reports. */
  reportEvery: number | null;
  training: DatasetIdentity;
  validation: DatasetIdentity | null;
  /** SHA-256 of the model file that is learned from; absent: none. */
  teacher?: string;
}

/**
 * The description of the run in a folder, undefined where no run has begun.
 *
 * @throws run-invalid, io-error
 */
export async function readRunDescription(folder: string): Promise<RunDescription | undefined> {
  const path = join(folder, runFiles.description);
  const found = await readJsonFileIfPresent(path, 'the description of the run', 'run-invalid');
  if (found === undefined) return undefined;
  try {
    const description = found as RunDescription;
    return { ...description, recipe: parseRecipe(description.recipe, path) };
  } catch (cause) {
    if (cause instanceof DeepYeastError && cause.code === 'run-invalid') throw cause;
    throw new DeepYeastError('run-invalid', `${path} is not the description of a run: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** A run folder, locked for this process. */
export class RunFolder {
  readonly path: string;
  readonly #locks: readonly NativeFileLock[];

  private constructor(path: string, locks: readonly NativeFileLock[]) {
    this.path = path;
    this.#locks = locks;
  }

  /**
   * Makes the folder where it is missing, locks it, and removes temporary files that a killed process left. The lock is
   * the operating system's: it goes with the process, however it dies. It is on the folder itself, from which it cannot be
   * deleted, and on the file `lock`, for file systems that lock files only.
   *
   * @param options.resume whether a run may already be there
   * @throws run-locked, run-exists, io-error
   */
  static async open(path: string, options: { resume: boolean }): Promise<RunFolder> {
    const locks: NativeFileLock[] = [];
    try {
      // A folder in use stays as it is: nothing but the lock is touched before it is ours.
      if (makeFolders(path) !== undefined) await flushFolder(dirname(path));
      for (const acquire of [() => lockFolder(path), () => loadAddon().lockFile(join(path, runFiles.lock))]) {
        const lock = acquire();
        if (lock === null) throw new DeepYeastError('run-locked', `${path} is in use: another training runs in it`);
        if (lock !== undefined) locks.push(lock);
      }
    } catch (error) {
      for (const lock of locks) lock.release();
      throw fileError('make the run folder', path, error);
    }
    const folder = new RunFolder(path, locks);
    try {
      const entries = await readdir(path);
      const run = [runFiles.description, runFiles.log, runFiles.last, runFiles.best].filter((name) =>
        entries.includes(name),
      );
      if (run.length > 0 && !options.resume) {
        throw new DeepYeastError(
          'run-exists',
          `${path} already holds a run (${run.join(', ')}); expected a new folder`,
        );
      }
      const ours = Object.values(runFiles).map((name) => `${name}.tmp-`);
      for (const name of entries) {
        if (ours.some((prefix) => name.startsWith(prefix))) await rm(join(path, name), { force: true });
      }
      return folder;
    } catch (error) {
      folder.close();
      throw fileError('read the run folder', path, error);
    }
  }

  file(name: keyof typeof runFiles): string {
    return join(this.path, runFiles[name]);
  }

  async has(name: keyof typeof runFiles): Promise<boolean> {
    return access(this.file(name)).then(
      () => true,
      () => false,
    );
  }

  /**
   * Writes recipe.json for a new run; for one that goes on, checks that it is the same.
   *
   * @throws run-mismatch, naming what differs; run-invalid; disk-full; io-error
   */
  async describe(description: RunDescription): Promise<void> {
    const present = await readRunDescription(this.path);
    if (present !== undefined) {
      const differing = differences(description, present, '');
      if (differing.length === 0) return;
      throw new DeepYeastError(
        'run-mismatch',
        `${this.path} cannot go on: ${differing.slice(0, 6).join('; ')}${differing.length > 6 ? '; ...' : ''}`,
      );
    }
    for (const name of ['last', 'best', 'log'] as const) {
      if (await this.has(name)) {
        throw new DeepYeastError(
          'run-invalid',
          `${this.path} holds ${runFiles[name]} but no ${runFiles.description}, by which a run that goes on is checked`,
        );
      }
    }
    await writeFileAtomically(this.file('description'), `${JSON.stringify(description, null, 2)}\n`);
  }

  /** Gives the folder free. */
  close(): void {
    for (const lock of this.#locks) lock.release();
  }
}

/** Null: it is locked; undefined: this file system (NFS, say) locks no folders. */
function lockFolder(path: string): NativeFileLock | null | undefined {
  try {
    return loadAddon().lockFile(path);
  } catch {
    return undefined;
  }
}

/** The leaves in which two JSON values differ, in words. */
function differences(now: unknown, before: unknown, path: string): string[] {
  if (isPlainObject(now) && isPlainObject(before)) {
    const keys = [...new Set([...Object.keys(now), ...Object.keys(before)])];
    return keys.flatMap((key) => differences(now[key], before[key], path === '' ? key : `${path}.${key}`));
  }
  const [found, expected] = [JSON.stringify(now), JSON.stringify(before)];
  if (found === expected) return [];
  const shown = (text: string | undefined) =>
    text === undefined ? 'absent' : text.length > 60 ? `${text.slice(0, 60)}...` : text;
  return [`${path} is ${shown(found)}, in the run ${shown(expected)}`];
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
