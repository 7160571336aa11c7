/**
 * The journal: labels.jsonl, a line of JSON for everything that people said, in order. A line is on the disk before
 * anybody is told that it is saved. Lines are only ever added; a last line that was torn by the end of the process or
 * of the disk is taken away when the journal is opened again, since nobody was told that it is saved.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { DeepYeastError, fileError } from '../errors';
import { makeFolders } from '../files/make-folders';
import { flushFolder } from '../files/temporary';
import { loadAddon } from '../native';
import type { NativeFileLock } from '../native/addon';
import type { Answer } from './protocol';

/** Name of the file in the workbench's folder. */
export const journalFile = 'labels.jsonl';

/** What a line says; `sequence`, `when` and `who` are added when it is written. */
export type JournalWork =
  /** The first line: which cells the rows are of, and the classes that the dataset has. */
  | { do: 'open'; dataset: string; cells: number; digest: string; classes: readonly string[] }
  | { do: 'answers'; operations: readonly { cells: readonly number[]; answer: Answer }[] }
  | { do: 'undo' }
  | { do: 'redo' }
  | { do: 'add'; name: string }
  | { do: 'rename'; class: number; name: string }
  | { do: 'merge'; class: number; into: number };

export type JournalLine = JournalWork & {
  /** Counts lines, from 1. */
  sequence: number;
  /** UTC, ISO 8601. */
  when: string;
  who: string;
  /** Of the request that it answers; '' for the workbench's own lines. */
  client: string;
  request: string;
};

/** Bytes read at once when a journal is opened. */
const chunkBytes = 1 << 20;

/** The lines of a journal file, a torn last one left out. Throws `table-invalid`, `io-error`. */
export async function* readJournal(path: string): AsyncGenerator<{ line: JournalLine; end: number }> {
  let handle: FileHandle;
  try {
    handle = await open(path, 'r');
  } catch (error) {
    throw fileError('read', path, error);
  }
  try {
    let rest = Buffer.alloc(0);
    let start = 0;
    let number = 0;
    const chunk = Buffer.alloc(chunkBytes);
    for (;;) {
      const { bytesRead } = await handle.read(chunk, 0, chunkBytes, null);
      if (bytesRead === 0) return;
      rest = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
      let from = 0;
      for (let end = rest.indexOf(10, from); end >= 0; end = rest.indexOf(10, from)) {
        number++;
        yield { line: parseLine(rest.toString('utf8', from, end), path, number), end: start + end + 1 };
        from = end + 1;
      }
      rest = rest.subarray(from);
      start += from;
    }
  } catch (error) {
    throw fileError('read', path, error);
  } finally {
    await handle.close();
  }
}

function parseLine(text: string, path: string, number: number): JournalLine {
  let line: unknown;
  try {
    line = JSON.parse(text);
  } catch {
    line = undefined;
  }
  const { sequence, do: work } = (line ?? {}) as { sequence?: unknown; do?: unknown };
  if (sequence === number && typeof work === 'string') return line as JournalLine;
  throw new DeepYeastError(
    'table-invalid',
    `${path}, line ${number}: found ${text.slice(0, 80)}, expected a line of a workbench's journal with the sequence ` +
      `number ${number}; restore the file from a copy, or take away this line and those behind it`,
  );
}

/** A journal open for writing, locked for this process. */
export class Journal {
  readonly path: string;
  readonly #handle: FileHandle;
  readonly #lock: NativeFileLock;
  readonly #who: string;
  #length: number;
  #sequence: number;
  /** A write that failed may have left bytes behind the last whole line. */
  #torn = false;

  private constructor(path: string, handle: FileHandle, lock: NativeFileLock, who: string, at: [number, number]) {
    this.path = path;
    this.#handle = handle;
    this.#lock = lock;
    this.#who = who;
    [this.#length, this.#sequence] = at;
  }

  /**
   * Opens or begins the journal of a folder, and hands over the lines that it holds one by one.
   * @throws run-locked where another workbench has it, table-invalid, disk-full, io-error
   */
  static async open(folder: string, who: string, take: (line: JournalLine) => void): Promise<Journal> {
    const path = join(folder, journalFile);
    let lock: NativeFileLock | undefined;
    let handle: FileHandle | undefined;
    try {
      makeFolders(folder);
      lock = loadAddon().lockFile(join(folder, 'lock')) ?? undefined;
      if (!lock) throw new DeepYeastError('run-locked', `${folder} is in use: another workbench has it open`);
      // Made where it is missing, never cut.
      handle = await open(path, 'a+');
      let length = 0;
      let sequence = 0;
      for await (const { line, end } of readJournal(path)) {
        take(line);
        length = end;
        sequence = line.sequence;
      }
      if ((await handle.stat()).size > length) {
        await handle.truncate(length);
        await handle.sync();
      }
      await flushFolder(folder);
      return new Journal(path, handle, lock, who, [length, sequence]);
    } catch (error) {
      await handle?.close();
      lock?.release();
      throw fileError('open', path, error);
    }
  }

  /** Of the last line. */
  get sequence(): number {
    return this.#sequence;
  }

  /**
   * Adds a line and waits until it is on the disk; calls are awaited one after the other.
   * @throws disk-full, io-error: then the journal is as it was
   */
  async append(work: JournalWork, client = '', request = ''): Promise<JournalLine> {
    const head = { sequence: this.#sequence + 1, when: new Date().toISOString(), who: this.#who, client, request };
    const line: JournalLine = { ...head, ...work };
    const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
    try {
      if (this.#torn) await this.#mend();
      this.#torn = true;
      for (let done = 0; done < bytes.length; ) done += (await this.#handle.write(bytes, done)).bytesWritten;
      await this.#handle.datasync();
      this.#torn = false;
    } catch (error) {
      // Where this fails too, it is tried again before the next line.
      await this.#mend().catch(() => {});
      throw fileError('write', this.path, error);
    }
    this.#length += bytes.length;
    this.#sequence = line.sequence;
    return line;
  }

  async #mend(): Promise<void> {
    await this.#handle.truncate(this.#length);
    await this.#handle.datasync();
    this.#torn = false;
  }

  async close(): Promise<void> {
    await this.#handle.close();
    this.#lock.release();
  }
}
