import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { closest } from 'fastest-levenshtein';
import { DeepYeastError } from '../errors';
import { makeOutputFolder } from '../files/output-folder';
import { extractArchive, extractedName } from './extract';
import { type FetchedFile, type FetchOptions, fetchFile } from './fetch-file';
import { publicRegistry, type Registry, type RegistryEntry } from './registry';

export interface DownloadOptions extends FetchOptions {
  /** Default: the public DeepYeast data and weights. */
  registry?: Registry;
  /** Unpack archives that the registry says to unpack; default yes. */
  extract?: boolean;
  /** Hashes of the entry's one file, in place of the registry's. */
  md5?: string;
  sha256?: string;
}

export interface DownloadedFile extends FetchedFile {
  /** Folder it was unpacked into, and the files in it where that happened now. */
  extracted?: { folder: string; files?: number };
}

export interface Download {
  name: string;
  folder: string;
  entry: RegistryEntry;
  files: DownloadedFile[];
}

/**
 * Downloads an entry of a registry into a folder. What is there already is checked and not downloaded again; what was
 * begun is continued.
 *
 * @throws invalid-argument (an unknown entry), download-failed, download-mismatch, archive-unsafe, output-exists, aborted,
 *   disk-full, io-error
 */
export async function download(name: string, folder: string, options: DownloadOptions = {}): Promise<Download> {
  const { registry = publicRegistry, extract = true, md5, sha256, ...fetching } = options;
  const entry = Object.hasOwn(registry, name) ? registry[name] : undefined;
  if (entry === undefined) {
    const names = Object.keys(registry);
    const hint =
      names.length > 0 ? `did you mean "${closest(name, names)}"? There are ${names.join(', ')}` : 'it is empty';
    throw new DeepYeastError('invalid-argument', `the registry has no entry "${name}"; ${hint}`);
  }
  if ((md5 ?? sha256) !== undefined && entry.files.length !== 1) {
    throw new DeepYeastError(
      'invalid-argument',
      `a hash was given, but ${name} has ${entry.files.length} files; expected an entry of one file`,
    );
  }
  const output = await makeOutputFolder(folder);
  const files: DownloadedFile[] = [];
  try {
    for (const registered of entry.files) {
      const file = { ...registered, ...(md5 !== undefined && { md5 }), ...(sha256 !== undefined && { sha256 }) };
      const fetched: DownloadedFile = await fetchFile(file, output.path, fetching);
      const target = extractedName(file.name);
      if (extract && file.extract && target !== undefined) {
        const into = join(output.path, target);
        fetched.extracted = { folder: into };
        // A folder appears only when all is in it, so one that is there is whole.
        if (!(await isFolder(into))) {
          fetched.extracted.files = await extractArchive(fetched.path, into, fetching);
        }
      }
      files.push(fetched);
    }
  } catch (error) {
    await output.undo();
    throw error;
  }
  return { name, folder: output.path, entry, files };
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (status) => status.isDirectory(),
    () => false,
  );
}
