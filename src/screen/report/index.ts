/**
 * The report of a screen: a folder of static files that opens from the disk. What the page needs at once is in
 * data/screen.js; the cells of each part are in a file of their own, data/parts/PART.js, which is loaded when they are
 * looked at. Memory does not grow with the cells.
 */

import { join } from 'node:path';
import { writeFileAtomically } from '../../files/atomic-file';
import { makeOutputFolder } from '../../files/output-folder';
import { cellSheet, reportPictures, type ScreenPart } from '../results';
import { reportPage, reportScript } from './page';
import { describePart } from './part-data';
import { type PartSummary, type ReportHead, type ReportTables, type ScreenData, screenData } from './screen-data';

export type { ReportHead, ReportTables } from './screen-data';

/** Files of the report, beside those that reportPictures names. */
export const reportFiles = {
  page: 'index.html',
  script: 'page.js',
  screen: 'data/screen.js',
  parts: 'data/parts',
} as const;

/** Files of parts that are written at once. */
const writtenAtOnce = 8;

/** Data as a script: a page that was opened from the disk may not read files in another way. */
export function dataScript(name: string, data: unknown): string {
  return `receive(${JSON.stringify(name)}, ${JSON.stringify(data)});\n`;
}

/**
 * Writes the report of a screen, part by part. The same parts and tables give the same bytes. The page itself is written
 * last: a report without it is not finished, and writing it again replaces every file by the same one.
 */
export class ScreenReportWriter {
  readonly #folder: string;
  readonly #head: ReportHead;
  readonly #parts: PartSummary[] = [];
  /** Files under way, the oldest first: to wait for the disk after each would take most of the time. */
  readonly #writing: Promise<void>[] = [];

  private constructor(folder: string, head: ReportHead) {
    this.#folder = folder;
    this.#head = head;
  }

  /**
   * @param folder of the report; the pictures of the shards lie in it already, as reportPictures says
   * @throws io-error
   */
  static async create(folder: string, head: ReportHead): Promise<ScreenReportWriter> {
    await makeOutputFolder(join(folder, reportFiles.parts));
    return new ScreenReportWriter(folder, head);
  }

  /**
   * Adds a part, in the order of the plan.
   *
   * @param excluded for each cell why it does not count for its protein, '' where it does
   * @throws io-error, disk-full
   */
  async addPart(part: ScreenPart, excluded: readonly string[]): Promise<void> {
    const data = describePart(part, excluded, this.#head.classes.length);
    if (this.#writing.length >= writtenAtOnce) await this.#writing.shift();
    const path = join(this.#folder, reportFiles.parts, `${part.name}.js`);
    const written = writeFileAtomically(path, dataScript(`parts/${part.name}`, data));
    written.catch(() => {}); // it is awaited later
    this.#writing.push(written);
    this.#parts.push({
      name: part.name,
      plate: part.plate,
      well: part.well,
      cells: part.cells.cell.length,
      proteins: [...new Set(part.fields.map(({ protein }) => protein))],
    });
  }

  /** Writes the tables and the page. Throws io-error, disk-full. */
  async finish(tables: ReportTables): Promise<void> {
    await Promise.all(this.#writing);
    const data: ScreenData = {
      ...screenData(this.#head, this.#parts, tables),
      sheet: cellSheet,
      pictures: this.#head.pictures === false ? null : reportPictures,
    };
    await writeFileAtomically(join(this.#folder, reportFiles.screen), dataScript('screen', data));
    await writeFileAtomically(join(this.#folder, reportFiles.script), reportScript());
    await writeFileAtomically(join(this.#folder, reportFiles.page), reportPage(this.#head, tables));
  }

  /** Gives up: waits for the files under way, so that nothing is written afterwards. What is there, stays. */
  async abort(): Promise<void> {
    await Promise.allSettled(this.#writing);
  }
}
