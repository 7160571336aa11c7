/**
 * Outputs of several parts appear together or not at all: they are written into a temporary folder and moved to their
 * places when all are whole. A failure, a full disk, a kill leave nothing, or, within the moment in which files are moved
 * into a folder that holds others, what the next command finishes (leftovers.ts).
 */
import { accessSync, constants, lstatSync, readdirSync, rmSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { DeepYeastError, fileError } from '../errors';
import { finishMoving, obstacles } from './leftovers';
import { replaceSync } from './replace';
import { claimTemporaryName, flushFolder, makeFolder, releaseTemporaryName } from './temporary';

/**
 * Fills a folder: `write` gets the path of a folder to write into, whose contents then are in `out`, beside what is there;
 * files of the same names are replaced.
 *
 * @throws output-exists where a folder is in the place of a file; io-error, disk-full and what `write` throws
 */
export async function writeFolder<Result>(out: string, write: (folder: string) => Promise<Result>): Promise<Result> {
  const target = resolve(out);
  const there = entriesOf(target);
  if (there !== undefined && (there.length > 0 || !mayReplace(target))) {
    return writeBeside(join(target, basename(target)), write);
  }
  return stage(target, target, write, async (staging) => {
    try {
      replaceSync(staging, target); // an empty folder is replaced
      await flushFolder(dirname(target));
    } catch (error) {
      if (!['ENOTEMPTY', 'EEXIST', 'EBUSY'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
      // Somebody wrote into it meanwhile.
      const inside = claimTemporaryName(join(target, basename(target)));
      replaceSync(staging, inside);
      try {
        await moveInto(inside, target);
      } finally {
        releaseTemporaryName(inside);
      }
    }
  });
}

/**
 * The same for files and folders that stand in one folder with others: what `write` puts into its folder appears in the
 * one that holds `path`.
 */
export async function writeBeside<Result>(path: string, write: (folder: string) => Promise<Result>): Promise<Result> {
  const target = resolve(path);
  return stage(target, dirname(target), write, (staging) => moveInto(staging, dirname(target)));
}

/** @param place where the contents of the temporary folder will be, for messages */
async function stage<Result>(
  path: string,
  place: string,
  write: (folder: string) => Promise<Result>,
  commit: (staging: string) => Promise<void>,
): Promise<Result> {
  let removeFolders = async () => {};
  let staging: string | undefined;
  try {
    removeFolders = await makeFolder(dirname(path));
    staging = claimTemporaryName(path);
    await mkdir(staging);
    const result = await write(staging);
    await commit(staging);
    return result;
  } catch (error) {
    if (staging !== undefined) rmSync(staging, { recursive: true, force: true });
    await removeFolders();
    throw staging === undefined ? fileError('write', path, error) : withPlace(error, path, staging, place);
  } finally {
    if (staging !== undefined) releaseTemporaryName(staging);
  }
}

/** The file system's errors as ours; messages name the place that the user does. What else a writer throws is its own. */
function withPlace(error: unknown, path: string, staging: string, place: string): unknown {
  const ours = (error as NodeJS.ErrnoException)?.syscall === undefined ? error : fileError('write', path, error);
  if (!(ours instanceof DeepYeastError) || !ours.message.includes(staging)) return ours;
  return new DeepYeastError(ours.code, ours.message.replaceAll(staging, place), { cause: ours });
}

/** Renames need no room on the disk: once all is written and nothing is in the way, only a kill comes between two. */
async function moveInto(staging: string, target: string): Promise<void> {
  const [obstacle] = obstacles(staging, target);
  if (obstacle !== undefined) {
    throw new DeepYeastError('output-exists', `${obstacle} is in the way: a file where a folder goes, or a folder`);
  }
  await flushFolder(staging);
  const moving = join(target, basename(staging).replace(/\.tmp-(?=[^.]*$)/, '.moving-'));
  replaceSync(staging, moving);
  finishMoving(moving);
  await flushFolder(target);
}

/** Undefined where there is no folder; an error says why a file there is none. */
function entriesOf(path: string): string[] | undefined {
  try {
    return readdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fileError('create the folder', path, error);
  }
}

/** Whether an empty folder can be replaced by a rename: not a mount point, nor in a folder that takes no new ones. */
function mayReplace(path: string): boolean {
  try {
    const found = lstatSync(path);
    if (!found.isDirectory() || found.dev !== statSync(dirname(path)).dev || path === dirname(path)) return false;
    accessSync(dirname(path), constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
