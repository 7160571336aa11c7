import { type FileHandle, open, readFile } from 'node:fs/promises';
import { fileError } from '../errors';
import { writeFileAtomically } from '../files/atomic-file';
import { parseJson } from '../files/parse-json';
import type { Log } from '../log';
import { type Interval, intervalRow } from './interval';

/** log.jsonl of a run: one JSON object a line, appended and flushed to the disk as the run reports. */
export class LogFile {
  readonly #path: string;
  readonly #handle: FileHandle;

  private constructor(path: string, handle: FileHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  /**
   * Opens a log to go on after iteration `keepUpTo`: lines of later iterations and a torn last line are cut off.
   *
   * @throws io-error, disk-full
   */
  static async open(path: string, keepUpTo: number, log: Log): Promise<LogFile> {
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw fileError('read', path, error);
    });
    const lines = text.split('\n');
    const torn = lines.pop() ?? '';
    const kept = lines.filter((line) => (iterationOf(line) ?? Number.POSITIVE_INFINITY) <= keepUpTo);
    const cut = kept.map((line) => `${line}\n`).join('');
    if (cut !== text) {
      const lost = lines.length - kept.length + (torn === '' ? 0 : 1);
      log('info', `${path}: cut ${lost} lines after iteration ${keepUpTo}, from where the run goes on`);
      await writeFileAtomically(path, cut);
    }
    try {
      return new LogFile(path, await open(path, 'a'));
    } catch (error) {
      throw fileError('open', path, error);
    }
  }

  /**
   * Appends a line and flushes it; when that fails the file is as long as before.
   *
   * @throws disk-full, io-error
   */
  async append(interval: Interval): Promise<void> {
    const bytes = Buffer.from(`${JSON.stringify(intervalRow(interval))}\n`);
    try {
      const { size } = await this.#handle.stat();
      try {
        await this.#handle.appendFile(bytes);
        await this.#handle.datasync();
      } catch (error) {
        await this.#handle.truncate(size).catch(() => {});
        throw error;
      }
    } catch (error) {
      throw fileError('write', this.#path, error);
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/** The iteration of a line, undefined for what is not a line of such a log. */
function iterationOf(line: string): number | undefined {
  try {
    const row = parseJson(line, 'the line', 'run-invalid');
    const iteration = (row as { iteration?: unknown } | null)?.iteration;
    return typeof iteration === 'number' ? iteration : undefined;
  } catch {
    return undefined;
  }
}
