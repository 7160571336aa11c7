import { mkdir, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { DeepYeastError, fileError } from '../errors';
import { AtomicFile, writeFileAtomically } from '../files/atomic-file';
import { formatCsvRow } from '../files/csv';
import { npyHeader } from '../files/npy';
import { requireNothingAt } from '../files/output-folder';
import { replace } from '../files/replace';
import { claimTemporaryName, flushFolder, makeFolder, releaseTemporaryName } from '../files/temporary';
import { type Cell, cellColumns, columnOf, Dataset, type DatasetDescription, datasetFiles } from './dataset';

export interface DatasetWriterOptions extends DatasetDescription {
  /** Width and height of the crops in pixels. */
  size: number;
  /** Columns of cells.csv after the known ones. */
  extraColumns?: readonly string[];
}

/** Bytes kept for the header of images.npy, whose cell count is known only at the end. */
const headerBytes = 128;

/**
 * Makes a dataset folder, cell by cell. Everything is written into a temporary folder beside `path`, which is renamed
 * by `commit`: nothing half-written is ever found at `path`, and a failure or `abort` leaves the disk as it was.
 */
export class DatasetWriter {
  readonly path: string;
  private readonly options: DatasetWriterOptions;
  private readonly columns: readonly string[];
  private readonly temporary: string;
  private readonly images: AtomicFile;
  private readonly cells: AtomicFile;
  private readonly removeParents: () => Promise<void>;
  private rows = 0;
  private ended = false;

  private constructor(
    path: string,
    options: DatasetWriterOptions,
    temporary: string,
    images: AtomicFile,
    cells: AtomicFile,
    removeParents: () => Promise<void>,
  ) {
    this.path = path;
    this.options = options;
    this.columns = columnsOf(options);
    this.temporary = temporary;
    this.images = images;
    this.cells = cells;
    this.removeParents = removeParents;
  }

  /** Throws `output-exists` where `path` is anything but missing or an empty folder, `io-error`, `disk-full`. */
  static async create(path: string, options: DatasetWriterOptions): Promise<DatasetWriter> {
    await requireNothingAt(path);
    const temporary = claimTemporaryName(resolve(path));
    let removeParents = async () => {};
    try {
      removeParents = await makeFolder(dirname(temporary));
      await mkdir(temporary);
      const images = await AtomicFile.create(join(temporary, datasetFiles.images));
      await images.write(npyHeader('|u1', [0, options.size, options.size, options.channels.length], headerBytes));
      const cells = await AtomicFile.create(join(temporary, datasetFiles.cells));
      await cells.write(formatCsvRow(columnsOf(options)));
      return new DatasetWriter(path, options, temporary, images, cells, removeParents);
    } catch (error) {
      await rm(temporary, { recursive: true, force: true }).catch(() => {});
      releaseTemporaryName(temporary);
      await removeParents();
      throw fileError('create', path, error);
    }
  }

  /** Cells written so far. */
  get count(): number {
    return this.rows;
  }

  /** Adds a cell; `image` is [size, size, channels]. Calls are awaited one after the other. */
  async append(image: Uint8Array, cell: Cell): Promise<void> {
    this.requireOpen();
    const { size, channels, classes } = this.options;
    if (image.length !== size * size * channels.length) {
      throw new DeepYeastError(
        'invalid-argument',
        `cell ${cell.cell}: the image has ${image.length} values, expected ${size} x ${size} x ${channels.length}`,
      );
    }
    if (!Number.isInteger(cell.label) || cell.label < -1 || cell.label >= classes.length) {
      throw new DeepYeastError(
        'labels-invalid',
        `cell ${cell.cell}: found label ${cell.label}, expected 0 to ${classes.length - 1}, or -1 for none`,
      );
    }
    const row = this.columns.map((name) => (name === 'label' && cell.label === -1 ? '' : columnOf(cell, name)));
    await this.orAbort(async () => {
      await this.images.write(image);
      await this.cells.write(formatCsvRow(row));
    });
    this.rows++;
  }

  /** Adds a text file to the folder, beside the dataset's own. */
  async addFile(name: string, text: string): Promise<void> {
    this.requireOpen();
    await this.orAbort(() => writeFileAtomically(join(this.temporary, name), text));
  }

  /**
   * Writes dataset.json, flushes, moves the folder to its path and opens it. `changes` replaces fields of the
   * description that are known only now. A dataset of no cells is `dataset-invalid`.
   */
  async commit(changes: Partial<DatasetDescription> = {}): Promise<Dataset> {
    this.requireOpen();
    await this.orAbort(async () => {
      if (this.rows === 0) throw new DeepYeastError('dataset-invalid', `${this.path} would hold no cells`);
      const { classes, channels, size, normalization, provenance, cellDiameter } = { ...this.options, ...changes };
      await this.images.overwrite(npyHeader('|u1', [this.rows, size, size, channels.length], headerBytes), 0);
      await this.images.commit();
      await this.cells.commit();
      const description: DatasetDescription = {
        ...{ classes, channels, normalization, provenance },
        ...(cellDiameter !== undefined && { cellDiameter }),
      };
      await writeFileAtomically(
        join(this.temporary, datasetFiles.description),
        `${JSON.stringify(description, null, 2)}\n`,
      );
      await requireNothingAt(this.path);
      await replace(this.temporary, resolve(this.path));
      await flushFolder(dirname(this.temporary));
    });
    this.ended = true;
    releaseTemporaryName(this.temporary);
    return Dataset.open(this.path);
  }

  /** Removes everything written; nothing happens after a commit, a failure or an earlier abort. */
  async abort(): Promise<void> {
    if (this.ended) return;
    this.ended = true;
    await this.images.abort();
    await this.cells.abort();
    await rm(this.temporary, { recursive: true, force: true }).catch(() => {});
    releaseTemporaryName(this.temporary);
    await this.removeParents();
  }

  private requireOpen(): void {
    if (this.ended) throw new DeepYeastError('closed', `the dataset ${this.path} was already committed or aborted`);
  }

  private async orAbort(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      await this.abort();
      throw fileError('write', this.path, error);
    }
  }
}

function columnsOf(options: DatasetWriterOptions): string[] {
  const extra = (options.extraColumns ?? []).filter((name) => !(cellColumns as readonly string[]).includes(name));
  return [...cellColumns, ...extra];
}
