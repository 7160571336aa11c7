/**
 * A dataset that grows field by field in a folder beside its path and survives the death of the process: the folder holds
 * what it is made from (job.json), the images and rows so far, and a journal with a line for every field that is in them.
 * What a killed process wrote beyond the last line of the journal is cut off, so that the finished dataset has the same
 * bytes however often the work was stopped.
 */

import { type FileHandle, open, readdir, readFile, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Dataset, type DatasetDescription, datasetFiles } from '../data/dataset';
import { DeepYeastError, fileError } from '../errors';
import { writeFileAtomically } from '../files/atomic-file';
import { formatCsvRow } from '../files/csv';
import { makeFolders } from '../files/make-folders';
import { npyHeader } from '../files/npy';
import { requireNothingAt } from '../files/output-folder';
import { parseJson } from '../files/parse-json';
import { replace } from '../files/replace';
import { flushFolder, makeFolder } from '../files/temporary';
import { loadAddon } from '../native';
import type { NativeFileLock } from '../native/addon';

/** Bytes kept for the header of images.npy, whose cell count is known only at the end. */
const headerBytes = 128;

const files = { job: 'job.json', journal: 'fields.jsonl', lock: 'lock', dataset: 'dataset' } as const;

/** What decides the bytes of the dataset, as JSON. */
export type Job = Readonly<Record<string, unknown>>;

/** A line of the journal. */
export interface JournalEntry<Report> {
  /** Of all fields so far, this one's among them. */
  cells: number;
  imageBytes: number;
  tableBytes: number;
  /** Whatever the caller keeps of a field. */
  report: Report;
}

/** What the folder of an unfinished dataset is called. */
export function unfinishedFolder(out: string): string {
  return `${resolve(out)}.unfinished`;
}

export interface Layout {
  /** Width and height of the crops. */
  size: number;
  channels: readonly string[];
  columns: readonly string[];
}

export class UnfinishedDataset<Report> {
  /** The fields that are in it, in order. */
  readonly reports: Report[];
  readonly #out: string;
  readonly #folder: string;
  readonly #layout: Layout;
  readonly #lock: NativeFileLock;
  /** Removes the folders above that were made for it, as far as they are empty. */
  readonly #removeParents: () => Promise<void>;
  readonly #images: FileHandle;
  readonly #table: FileHandle;
  readonly #journal: FileHandle;
  #state: { cells: number; imageBytes: number; tableBytes: number };
  #open = true;

  private constructor(
    out: string,
    layout: Layout,
    { lock, removeParents }: LockedFolder,
    handles: { images: FileHandle; table: FileHandle; journal: FileHandle },
    entries: readonly JournalEntry<Report>[],
    state: { cells: number; imageBytes: number; tableBytes: number },
  ) {
    this.#out = out;
    this.#folder = unfinishedFolder(out);
    this.#layout = layout;
    this.#lock = lock;
    this.#removeParents = removeParents;
    this.#images = handles.images;
    this.#table = handles.table;
    this.#journal = handles.journal;
    this.reports = entries.map(({ report }) => report);
    this.#state = state;
  }

  /**
   * Begins a dataset at `out`, or goes on with the one that was begun there with the same job.
   *
   * @param describe gives the job and the layout; called once the folder is locked, with the job that is there already
   * @throws output-exists; run-locked where another process works on it; run-mismatch where it is another job's; io-error
   */
  static async open<Report>(
    out: string,
    describe: (earlier: Job | undefined) => Promise<{ job: Job; layout: Layout }>,
  ): Promise<UnfinishedDataset<Report>> {
    await requireNothingAt(out);
    const folder = unfinishedFolder(out);
    const locked = await lockFolder(folder, out);
    const opened: FileHandle[] = [];
    let begun = false;
    try {
      const earlier = await readJob(folder);
      begun = earlier !== undefined;
      const { job, layout } = await describe(earlier);
      if (earlier === undefined) await beginFiles(folder, job, layout);
      else requireSameJob(folder, job, earlier);
      begun = true;
      const dataset = join(folder, files.dataset);
      const openFile = async (path: string, flags: string) => {
        const handle = await open(path, flags);
        opened.push(handle);
        return handle;
      };
      const journal = await openFile(join(folder, files.journal), 'a+');
      const images = await openFile(join(dataset, datasetFiles.images), 'r+');
      const table = await openFile(join(dataset, datasetFiles.cells), 'r+');
      const tableHeader = Buffer.byteLength(formatCsvRow([...layout.columns]));
      const entries = await readJournal<Report>(journal, join(folder, files.journal));
      const last = entries.at(-1);
      const state = {
        cells: last?.cells ?? 0,
        imageBytes: last?.imageBytes ?? headerBytes,
        tableBytes: last?.tableBytes ?? tableHeader,
      };
      await cutOff(images, state.imageBytes, join(dataset, datasetFiles.images));
      await cutOff(table, state.tableBytes, join(dataset, datasetFiles.cells));
      return new UnfinishedDataset(out, layout, locked, { images, table, journal }, entries, state);
    } catch (error) {
      for (const handle of opened) await handle.close().catch(() => {});
      // A folder in which nothing was begun is not left behind.
      if (!begun) await rm(folder, { recursive: true, force: true }).catch(() => {});
      locked.lock.release();
      if (!begun) await locked.removeParents();
      throw fileError('begin the dataset in', folder, error);
    }
  }

  get cells(): number {
    return this.#state.cells;
  }

  /**
   * Adds the cells of the next field. When the promise resolves they are on the disk.
   *
   * @param crops [cells, size, size, channels]
   * @param rows lines of cells.csv, one a cell
   */
  async append(crops: Uint8Array, rows: readonly string[], report: Report): Promise<void> {
    const { size, channels } = this.#layout;
    if (crops.length !== rows.length * size * size * channels.length) {
      throw new DeepYeastError('invalid-argument', `found ${rows.length} rows for ${crops.length} bytes of crops`);
    }
    try {
      const table = Buffer.from(rows.join(''), 'utf8');
      const { cells, imageBytes, tableBytes } = this.#state;
      await Promise.all([writeAt(this.#images, crops, imageBytes), writeAt(this.#table, table, tableBytes)]);
      if (rows.length > 0) await Promise.all([this.#images.datasync(), this.#table.datasync()]);
      const entry: JournalEntry<Report> = {
        cells: cells + rows.length,
        imageBytes: imageBytes + crops.length,
        tableBytes: tableBytes + table.length,
        report,
      };
      await this.#journal.appendFile(`${JSON.stringify(entry)}\n`);
      this.#state = entry;
      this.reports.push(report);
    } catch (error) {
      throw fileError('write', this.#folder, error);
    }
  }

  /**
   * Writes what is missing, moves the dataset to its path and removes the folder.
   *
   * @param texts files that lie beside the dataset's own, by name
   * @throws dataset-invalid for a dataset without cells; output-exists; io-error; disk-full
   */
  async finish(description: DatasetDescription, texts: Readonly<Record<string, string>>): Promise<Dataset> {
    const { size, channels } = this.#layout;
    const dataset = join(this.#folder, files.dataset);
    if (this.#state.cells === 0) {
      throw new DeepYeastError('dataset-invalid', `${this.#out} would hold no cells`);
    }
    try {
      const header = npyHeader('|u1', [this.#state.cells, size, size, channels.length], headerBytes);
      await writeAt(this.#images, header, 0);
      await this.#images.sync();
      await this.#table.sync();
      for (const [name, text] of Object.entries(texts)) await writeFileAtomically(join(dataset, name), text);
      await writeFileAtomically(join(dataset, datasetFiles.description), `${JSON.stringify(description, null, 2)}\n`);
      await this.close();
      await requireNothingAt(this.#out);
      await replace(dataset, resolve(this.#out));
      await flushFolder(dirname(resolve(this.#out)));
      await rm(this.#folder, { recursive: true, force: true });
    } catch (error) {
      throw fileError('write', this.#folder, error);
    }
    return Dataset.open(this.#out);
  }

  /** Leaves the folder as it is, for a later run. */
  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    for (const handle of [this.#images, this.#table, this.#journal]) await handle.close().catch(() => {});
    this.#lock.release();
  }

  /** Removes the folder and all that is in it. */
  async discard(): Promise<void> {
    await this.close();
    await rm(this.#folder, { recursive: true, force: true }).catch(() => {});
    await this.#removeParents();
  }
}

interface LockedFolder {
  lock: NativeFileLock;
  removeParents: () => Promise<void>;
}

async function lockFolder(folder: string, out: string): Promise<LockedFolder> {
  let lock: NativeFileLock | null;
  let removeParents = async () => {};
  try {
    removeParents = await makeFolder(dirname(folder));
    if (makeFolders(folder) !== undefined) await flushFolder(dirname(folder));
    lock = loadAddon().lockFile(join(folder, files.lock));
  } catch (error) {
    throw fileError('make the folder', folder, error);
  }
  if (lock === null) {
    throw new DeepYeastError('run-locked', `${out} is being made by another process, in ${folder}`);
  }
  return { lock, removeParents };
}

async function readJob(folder: string): Promise<Job | undefined> {
  const path = join(folder, files.job);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fileError('read', path, error);
  }
  try {
    const job = parseJson(text, path, 'run-invalid');
    if (typeof job === 'object' && job !== null && !Array.isArray(job)) return job as Job;
  } catch {
    // Answered below.
  }
  throw new DeepYeastError('run-invalid', `${path} does not describe an unfinished dataset: remove ${folder}`);
}

/** The job is written last: a folder without one holds nothing that counts. */
async function beginFiles(folder: string, job: Job, layout: Layout): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name !== files.lock) await rm(join(folder, name), { recursive: true, force: true });
  }
  const dataset = join(folder, files.dataset);
  makeFolders(dataset);
  const header = npyHeader('|u1', [0, layout.size, layout.size, layout.channels.length], headerBytes);
  await writeFileAtomically(join(dataset, datasetFiles.images), header);
  await writeFileAtomically(join(dataset, datasetFiles.cells), formatCsvRow([...layout.columns]));
  await writeFileAtomically(join(folder, files.journal), '');
  await writeFileAtomically(join(folder, files.job), `${JSON.stringify(job, null, 2)}\n`);
}

function requireSameJob(folder: string, job: Job, earlier: Job): void {
  // As it comes back from the file: undefined is left out there.
  const now = JSON.parse(JSON.stringify(job)) as Job;
  const keys = [...new Set([...Object.keys(now), ...Object.keys(earlier)])];
  const differing = keys.filter((key) => !isDeepStrictEqual(now[key], earlier[key]));
  if (differing.length === 0) return;
  const shown = (value: unknown) => {
    const text = JSON.stringify(value) ?? 'absent';
    return text.length > 80 ? `${text.slice(0, 80)}...` : text;
  };
  throw new DeepYeastError(
    'run-mismatch',
    `${folder} is unfinished work with other options: ${differing
      .slice(0, 4)
      .map((key) => `${key} is ${shown(now[key])}, there ${shown(earlier[key])}`)
      .join('; ')}; repeat those to go on, or remove that folder to begin anew`,
  );
}

/** The whole lines of the journal; what a killed process left of a line is cut off. */
async function readJournal<Report>(journal: FileHandle, path: string): Promise<JournalEntry<Report>[]> {
  const text = (await journal.readFile()).toString('utf8');
  const end = text.lastIndexOf('\n') + 1;
  await journal.truncate(Buffer.byteLength(text.slice(0, end)));
  return text
    .slice(0, end)
    .split('\n')
    .slice(0, -1)
    .map((line, index) => {
      try {
        const entry = JSON.parse(line) as JournalEntry<Report>;
        if ([entry.cells, entry.imageBytes, entry.tableBytes].every(Number.isSafeInteger)) return entry;
      } catch {
        // Answered below.
      }
      throw new DeepYeastError(
        'run-invalid',
        `${path}, line ${index + 1} is damaged: remove ${dirname(path)} to begin anew`,
      );
    });
}

async function cutOff(handle: FileHandle, length: number, path: string): Promise<void> {
  const { size } = await handle.stat();
  if (size < length) {
    throw new DeepYeastError(
      'run-invalid',
      `${path} has ${size} bytes, expected at least ${length} by its journal: remove ${dirname(dirname(path))} to begin anew`,
    );
  }
  await handle.truncate(length);
}

/** One write may be cut short, hence the loop. */
async function writeAt(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
