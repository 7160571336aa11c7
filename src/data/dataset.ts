import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DeepYeastError, fileError } from '../errors';
import { readCsvColumns, readCsvRows } from '../files/csv';
import { readNpyHeader } from '../files/npy';
import { parseNumber } from '../files/number';
import { parseJson } from '../files/parse-json';
import { type Normalization, parseNormalization } from './normalization';

export { type Normalization, sameNormalization } from './normalization';

/** The files of a dataset folder. */
export const datasetFiles = { images: 'images.npy', cells: 'cells.csv', description: 'dataset.json' } as const;

/** The columns that import writes; a dataset made by hand needs `cell` and `label`, the others default to ''. */
export const cellColumns = ['cell', 'label', 'protein', 'plate', 'well', 'field', 'x', 'y', 'source'] as const;

/** One row of cells.csv. Unknown columns are kept under their own names. */
export interface Cell {
  /** Name of the cell. */
  cell: string;
  /** Index of its class, -1: unlabelled (an empty field in the file). */
  label: number;
  /** The tagged strain; '' where it is not known. */
  protein: string;
  plate: string;
  well: string;
  field: string;
  x: string;
  y: string;
  /** Where the pixels came from. */
  source: string;
  [extra: string]: string | number;
}

/** A column of a cell's row, '' where it has none: own fields only, since a column may be named `constructor`. */
export function columnOf(cell: Cell, column: string): string | number {
  return Object.hasOwn(cell, column) ? (cell[column] ?? '') : '';
}

/** dataset.json. */
export interface DatasetDescription {
  /** Class names; a label is an index into them. */
  classes: string[];
  /** Channel names, in the order of the images' last axis. */
  channels: string[];
  normalization: Normalization;
  /** How the dataset was made; free form. */
  provenance: unknown;
  /** Pixels of a typical cell in the crops: median diameter of the circles as large as the cells, where it is known. */
  cellDiameter?: number;
}

/** Images in a .npy file, read by position: what NativeImageStore takes. */
export interface DatasetImages {
  path: string;
  /** Bytes before the first image. */
  offset: number;
  count: number;
  /** Width and height in pixels. */
  size: number;
  channels: number;
}

/**
 * A dataset folder: images.npy (uint8 [cells, size, size, channels]), cells.csv, dataset.json. Only labels and counts
 * are held in memory: images are read by position, cells.csv is streamed.
 */
export class Dataset {
  readonly path: string;
  readonly images: DatasetImages;
  readonly description: DatasetDescription;
  /** Class of each cell, -1: unlabelled. */
  readonly labels: Int32Array;
  /** Columns of cells.csv beyond the known ones. */
  readonly extraColumns: readonly string[];

  private constructor(
    path: string,
    images: DatasetImages,
    description: DatasetDescription,
    labels: Int32Array,
    extraColumns: readonly string[],
  ) {
    this.path = path;
    this.images = images;
    this.description = description;
    this.labels = labels;
    this.extraColumns = extraColumns;
  }

  /**
   * Opens and validates a dataset folder: dtype, shape and length of images.npy, rows and labels of cells.csv, classes
   * and channels of dataset.json. Throws `dataset-invalid`, `images-truncated`, `labels-invalid`, `table-invalid` or
   * `io-error`.
   */
  static async open(path: string): Promise<Dataset> {
    const description = await readDescription(path);
    const images = await readImagesHeader(join(path, datasetFiles.images), description.channels);
    const cells = join(path, datasetFiles.cells);
    const columns = await readCsvColumns(cells);
    for (const required of ['cell', 'label']) {
      if (!columns.includes(required)) {
        throw new DeepYeastError(
          'dataset-invalid',
          `${cells} has no column "${required}" (found ${columns.join(', ')}), expected at least cell and label`,
        );
      }
    }
    const labels = new Int32Array(images.count);
    let rows = 0;
    for await (const { line, values } of readCsvRows(cells)) {
      if (rows < images.count) labels[rows] = parseLabel(values.label as string, description.classes, cells, line);
      rows++;
    }
    if (rows !== images.count) throw rowCountMismatch(cells, rows, images);
    const known = new Set<string>(cellColumns);
    return new Dataset(
      path,
      images,
      description,
      labels,
      columns.filter((name) => !known.has(name)),
    );
  }

  /** Number of cells. */
  get count(): number {
    return this.images.count;
  }

  /** Width and height of the crops in pixels. */
  get size(): number {
    return this.images.size;
  }

  get channels(): readonly string[] {
    return this.description.channels;
  }

  get classes(): readonly string[] {
    return this.description.classes;
  }

  get normalization(): Normalization {
    return this.description.normalization;
  }

  /** Streams the rows of cells.csv in the order of the images. */
  async *cells(): AsyncGenerator<Cell> {
    const path = join(this.path, datasetFiles.cells);
    let row = 0;
    for await (const { values } of readCsvRows(path)) {
      if (row >= this.count) throw rowCountMismatch(path, row + 1, this.images);
      yield { ...emptyCell, ...values, label: this.labels[row] as number } as Cell;
      row++;
    }
    if (row !== this.count) throw rowCountMismatch(path, row, this.images);
  }

  /** All rows of cells.csv. */
  async table(): Promise<Cell[]> {
    const rows: Cell[] = [];
    for await (const cell of this.cells()) rows.push(cell);
    return rows;
  }

  /**
   * Reads images by position, one after the other: [indices.length, size, size, channels]. For small uses; the network
   * reads through the native image store. Throws `images-truncated` where the file has become shorter.
   */
  async readImages(indices: Uint32Array): Promise<Uint8Array> {
    const { path, offset, count, size, channels } = this.images;
    const bytes = size * size * channels;
    for (const index of indices) {
      if (index >= count) {
        throw new DeepYeastError('invalid-argument', `image ${index} does not exist: ${path} holds ${count}`);
      }
    }
    const images = new Uint8Array(indices.length * bytes);
    try {
      const handle = await open(path, 'r');
      try {
        for (let first = 0; first < indices.length; ) {
          // Neighbours in the file are read at once.
          let end = first + 1;
          while (end < indices.length && indices[end] === (indices[end - 1] as number) + 1) end++;
          const index = indices[first] as number;
          const position = offset + index * bytes;
          const target = images.subarray(first * bytes, end * bytes);
          for (let done = 0; done < target.length; ) {
            const { bytesRead } = await handle.read(target, done, target.length - done, position + done);
            if (bytesRead === 0) {
              throw new DeepYeastError(
                'images-truncated',
                `${path} ends before image ${index + Math.floor(done / bytes)}`,
              );
            }
            done += bytesRead;
          }
          first = end;
        }
      } finally {
        await handle.close();
      }
    } catch (error) {
      throw fileError('read', path, error);
    }
    return images;
  }
}

const emptyCell: Cell = { cell: '', label: -1, protein: '', plate: '', well: '', field: '', x: '', y: '', source: '' };

/** Reads and checks the dataset.json of a dataset folder. Throws `dataset-invalid`, `io-error`. */
export async function readDescription(folder: string): Promise<DatasetDescription> {
  const path = join(folder, datasetFiles.description);
  const example = '{"classes": ["nucleus", "vacuole"], "channels": ["rfp", "gfp"]}';
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new DeepYeastError(
        'dataset-invalid',
        `${path} is missing: a dataset folder holds images.npy, cells.csv and dataset.json, at least ${example}`,
        { cause: error },
      );
    }
    throw fileError('read', path, error);
  }
  const json = parseJson(text, path, 'dataset-invalid');
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new DeepYeastError('dataset-invalid', `${path} holds no JSON object, expected at least ${example}`);
  }
  const fields = json as Record<string, unknown>;
  const names = (key: string, least: number): string[] => {
    const value = fields[key];
    const valid =
      Array.isArray(value) &&
      value.length >= least &&
      value.every((name) => typeof name === 'string' && name !== '') &&
      new Set(value).size === value.length;
    if (!valid) {
      throw new DeepYeastError('dataset-invalid', `${path}: "${key}" must list distinct names, as in ${example}`);
    }
    return value as string[];
  };
  // No classes: a dataset without labels, to predict on.
  const classes = names('classes', 0);
  const channels = names('channels', 1);
  const { cellDiameter } = fields;
  if (cellDiameter !== undefined && !(typeof cellDiameter === 'number' && cellDiameter > 0 && cellDiameter < 1e6)) {
    throw new DeepYeastError('dataset-invalid', `${path}: "cellDiameter" must be a number of pixels above 0`);
  }
  return {
    classes,
    channels,
    normalization: parseNormalization(fields.normalization, channels.length, path),
    provenance: fields.provenance ?? null,
    ...(cellDiameter !== undefined && { cellDiameter }),
  };
}

async function readImagesHeader(path: string, channels: readonly string[]): Promise<DatasetImages> {
  const { dtype, fortranOrder, shape, dataOffset, fileSize } = await readNpyHeader(path);
  const invalid = (what: string) => new DeepYeastError('dataset-invalid', `${path} ${what}`);
  if (!/^[|<>=]?u1$/.test(dtype)) {
    throw invalid(
      `holds values of type ${dtype}, expected |u1 (uint8): import the images, or save them .astype(uint8)`,
    );
  }
  if (fortranOrder) throw invalid('is in Fortran order, expected C order: save numpy.ascontiguousarray(images)');
  const [count, height, width, depth] = shape as [number, number, number, number];
  if (shape.length !== 4 || height !== width) {
    throw invalid(`has the shape (${shape.join(', ')}), expected (cells, size, size, channels)`);
  }
  if (count === 0) throw invalid('holds no images: a dataset needs at least one cell');
  if (height === 0) throw invalid('holds images of no pixels');
  if (depth !== channels.length) {
    throw invalid(`has ${depth} channels, but dataset.json names ${channels.length}: ${channels.join(', ')}`);
  }
  // In BigInt: a lying header may hold any numbers.
  const expected = BigInt(dataOffset) + shape.reduce((product, length) => product * BigInt(length), 1n);
  if (BigInt(fileSize) < expected) {
    throw new DeepYeastError('images-truncated', `${path} has ${fileSize} bytes, expected ${expected} by its header`);
  }
  if (BigInt(fileSize) > expected) {
    throw invalid(`has ${fileSize} bytes, but its header (${shape.join(', ')}) describes ${expected}: write it again`);
  }
  return { path, offset: dataOffset, count, size: height, channels: depth };
}

/** '3', or '3.0' as pandas writes a column in which a value is missing; '' and '-1' are unlabelled. */
export function parseLabel(text: string, classes: readonly string[], path: string, line: number): number {
  if (text === '' || text === '-1' || text === '-1.0') return -1;
  const label = /^\d{1,9}(\.0*)?$/.test(text) ? (parseNumber(text) as number) : Number.NaN;
  if (!(label < classes.length)) {
    const most = classes.length - 1;
    const expected =
      most < 0 ? 'nothing (dataset.json lists no classes)' : `0 to ${most} as dataset.json lists, or nothing`;
    throw new DeepYeastError('labels-invalid', `${path}, line ${line}: found label "${text}", expected ${expected}`);
  }
  return label;
}

function rowCountMismatch(path: string, rows: number, images: DatasetImages): DeepYeastError {
  const found = rows > images.count ? `at least ${rows}` : `${rows}`;
  return new DeepYeastError(
    'dataset-invalid',
    `${path} has ${found} rows, expected ${images.count} as ${images.path} has images`,
  );
}
