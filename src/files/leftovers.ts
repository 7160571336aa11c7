/**
 * What a killed process leaves: temporary files and folders, which nobody will ever finish, and folders whose contents it
 * was moving to their places, all of them whole, when it died. The next process that writes into the same folder removes
 * the former and ends the moving of the latter.
 */

import { lstatSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseWholeNumber } from './number';
import { exists, isAlive, processMarkPattern } from './process-mark';
import { replaceSync } from './replace';

const temporaryName = new RegExp(`\\.(tmp|moving)-${processMarkPattern}-[0-9a-f]{8}$`);
/** Of the addon, which writes checkpoints: its names say no machine. */
const nativeName = /\.tmp-(\d+)-native-\d+$/;
/** After this long without a change, the file of a process that cannot be asked is taken for a dead one's. */
const forgottenMilliseconds = 7 * 24 * 3600 * 1000;
const nativeMilliseconds = 3600 * 1000;

/** Clears a folder; what cannot be read or removed stays as it is. */
export function clearLeftovers(folder: string): void {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return;
  }
  for (const name of names) {
    const kind = leftover(folder, name);
    if (kind === undefined) continue;
    try {
      if (kind === 'moving') finishMoving(join(folder, name));
      else rmSync(join(folder, name), { recursive: true, force: true });
    } catch {
      // Somebody else is at it, or it is not ours to remove.
    }
  }
}

function leftover(folder: string, name: string): 'tmp' | 'moving' | undefined {
  const found = temporaryName.exec(name);
  if (found) {
    const [, kind, pid, machine, start] = found as unknown as [string, 'tmp' | 'moving', string, string, string];
    const alive =
      isAlive(parseWholeNumber(pid) ?? 0, machine, start) ?? changedWithin(join(folder, name), forgottenMilliseconds);
    return alive ? undefined : kind;
  }
  const native = nativeName.exec(name);
  if (
    !native ||
    exists(parseWholeNumber(native[1] as string) ?? 0) ||
    changedWithin(join(folder, name), nativeMilliseconds)
  )
    return undefined;
  return 'tmp';
}

function changedWithin(path: string, milliseconds: number): boolean {
  try {
    return Date.now() - lstatSync(path).mtimeMs < milliseconds;
  } catch {
    return true;
  }
}

/**
 * Moves all that is in a folder to the folder that holds it, and removes it. A file replaces the file of its name; a
 * folder that is there gets the contents of its like.
 */
export function finishMoving(folder: string): void {
  moveContents(folder, dirname(folder));
}

function moveContents(from: string, to: string): void {
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory() && isFolder(target)) moveContents(source, target);
    else replaceSync(source, target);
  }
  rmdirSync(from);
}

/** Names of what stands in the way of such a move: a folder where a file goes, or the other way round. */
export function obstacles(from: string, to: string): string[] {
  const found: string[] = [];
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    const there = lstatSync(target, { throwIfNoEntry: false });
    if (there === undefined) continue;
    if (entry.isDirectory() !== isFolder(target)) found.push(target);
    else if (entry.isDirectory()) found.push(...obstacles(source, target));
  }
  return found;
}

function isFolder(path: string): boolean {
  try {
    return lstatSync(path).isDirectory();
  } catch {
    return false;
  }
}
