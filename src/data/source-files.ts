/** The files below a folder of images, and everything there that is not taken: it is counted and named, never passed over. */

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DeepYeastError, fileError, isPermissionError } from '../errors';

/** Why something below the source is no image to import. */
const reasons = {
  broken: ['link that leads nowhere', 'links that lead nowhere'],
  encoding: ['name that is not UTF-8', 'names that are not UTF-8'],
  forbidden: ['entry that may not be read', 'entries that may not be read'],
  deeper: ['folder deeper than the pattern', 'folders deeper than the pattern'],
  hidden: ['hidden entry', 'hidden entries'],
  special: ['entry that is no file', 'entries that are no files'],
} as const;
type Reason = keyof typeof reasons;

/** Names that desktops leave in every folder. */
export const desktopFiles = /^(\.DS_Store|\._.*|\.directory|Thumbs\.db|desktop\.ini)$/;

export interface SourceFiles {
  /** Paths relative to the source, in order of their names, `/` between folders. */
  paths: string[];
  /** What was left out and why, one line a reason, for people. */
  warnings: string[];
}

/**
 * Lists the files at most `depth` folders below a source. Links are followed. What cannot be taken becomes a warning with
 * its count and an example; what says nothing of a file but of the machine (too many open files, a failing disk) throws.
 * @throws io-error
 */
export async function listSourceFiles(source: string, depth: number): Promise<SourceFiles> {
  const paths: string[] = [];
  const left = new Map<Reason, string[]>();
  const leave = (reason: Reason, path: string) => {
    const found = left.get(reason);
    if (found) found.push(path);
    else left.set(reason, [path]);
  };

  async function walk(folder: string, levels: number): Promise<void> {
    let entries: Buffer[];
    try {
      entries = await readdir(join(source, folder), { encoding: 'buffer' });
    } catch (error) {
      if (folder === '' || !isPermissionError(error)) throw fileError('read', join(source, folder), error);
      leave('forbidden', `${folder}/`);
      return;
    }
    const names: string[] = [];
    for (const bytes of entries) {
      const name = bytes.toString('utf8');
      if (Buffer.from(name).equals(bytes)) names.push(name);
      else leave('encoding', join(folder, escaped(bytes)));
    }
    for (const name of names.sort()) {
      const path = folder === '' ? name : `${folder}/${name}`;
      if (desktopFiles.test(name)) continue;
      if (name.startsWith('.')) {
        leave('hidden', path);
        continue;
      }
      let entry: Awaited<ReturnType<typeof stat>>;
      try {
        entry = await stat(join(source, path));
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        // ENOENT of a name that was just listed: a link without its target (or a file removed meanwhile).
        if (code === 'ENOENT' || code === 'ELOOP' || code === 'ENOTDIR') leave('broken', path);
        else if (isPermissionError(error)) leave('forbidden', path);
        else throw fileError('read', join(source, path), error);
        continue;
      }
      if (entry.isFile()) paths.push(path);
      else if (!entry.isDirectory()) leave('special', path);
      else if (levels > 0) await walk(path, levels - 1);
      else leave('deeper', `${path}/`);
    }
  }

  await walk('', depth);
  const warnings = [...left].map(([reason, found]) => {
    const [one, several] = reasons[reason];
    return `${found.length} ${found.length === 1 ? one : several} in ${source} left out: ${shorten(found)}`;
  });
  return { paths, warnings };
}

/** Throws `invalid-argument` or `io-error` unless a path is a folder. */
export async function requireFolder(path: string): Promise<void> {
  try {
    if ((await stat(path)).isDirectory()) return;
  } catch (error) {
    throw fileError('read', path, error);
  }
  throw new DeepYeastError('invalid-argument', `${path} is a file, expected the folder of the images`);
}

/** A name in another encoding, its bytes beyond ASCII as \xe4. */
export function escaped(bytes: Buffer): string {
  return Array.from(bytes, (byte) =>
    byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`,
  ).join('');
}

/** The first names of a list, and how many more there are. */
export function shorten(names: readonly string[]): string {
  return names.length <= 5 ? names.join(', ') : `${names.slice(0, 5).join(', ')} and ${names.length - 5} more`;
}
