/**
 * CellProfiler's own measurements: the CSV file of one kind of object that its module ExportToSpreadsheet writes, joined
 * to the cells of a dataset, so that a laboratory's existing columns serve wherever classic features do.
 */
import { posix } from 'node:path';
import type { Cell, Dataset } from '../data/dataset';
import { imageSizeColumns } from '../data/read-cells';
import { DeepYeastError } from '../errors';
import { optionalNumber, requireNumber } from '../files/number';
import { openTable, type TextRow, type TextTable } from '../files/table-reader';
import {
  type CentreColumns,
  centreColumns,
  folderColumn,
  imageColumns,
  isFileName,
  isMeasurement,
  placeColumns,
  samePlace,
} from './cellprofiler-columns';
import { writeFeatureFolder } from './feature-folder';
import type { NamedFeatureMatrix } from './matrix';

const defaultKeys = ['cell', 'Metadata_cell', 'Metadata_Cell', 'Image_Metadata_cell', 'Image_Metadata_Cell'];

export interface CellProfilerOptions {
  /**
   * Column that names the cell. Default `cell`, `Metadata_cell` or `Metadata_Cell`, whichever there is. A column
   * `FileName_...` is matched with the file names in cells.csv's `source` (of any of a cell's files, and with their
   * folders where the table has PathName_...), any other with its `cell`.
   */
  key?: string | undefined;
  /**
   * Width and height of the images that CellProfiler measured, in pixels. Default: those of the imported images, or the
   * dataset's where it does not say.
   */
  imageSize?: number | undefined;
  /** Cells that the table lacks get the columns' medians instead of being an error. */
  allowMissing?: boolean | undefined;
}

export interface CellProfilerFeatures {
  /** Rows in the order of the dataset. */
  matrix: NamedFeatureMatrix;
  /** Column the cells were joined by. */
  key: string;
  /** Fields that were empty or not finite: they hold the median of their column. */
  filled: number;
  /** Columns that held no number for any cell, left out. */
  dropped: string[];
  /** Cells that the table lacks: their rows hold medians. */
  missing: string[];
}

/**
 * Reads an export and joins it to the cells of a dataset. Where several objects share a name (neighbours in one image),
 * the one nearest to the middle of the image is the cell; rows of two images never are. Fields that are empty or not finite, which CellProfiler writes
 * for what it could not measure, get their column's median over the joined cells.
 * @throws table-invalid, io-error
 */
export async function readCellProfiler(
  path: string,
  dataset: Dataset,
  options: CellProfilerOptions = {},
): Promise<CellProfilerFeatures> {
  const table = await openTable(path);
  const key = options.key ?? defaultKeys.find((name) => table.columns.includes(name));
  if (key === undefined || !table.columns.includes(key)) {
    throw new DeepYeastError(
      'table-invalid',
      `${path} has no column ${key === undefined ? defaultKeys.join(' or ') : `'${key}'`} to join by; name the one that ` +
        `holds the cells' names (--key); it has ${table.columns.slice(0, 8).join(', ')}, ...`,
    );
  }
  const measured = table.columns.filter((name) => name !== key && isMeasurement(name));
  const cells = await namedCells(dataset, key, options.imageSize);
  const { joined, refused } = await join(table, key, measured, cells);
  const missing = cells.all.flatMap(({ name }, row) => (joined[row] === undefined ? [name] : []));
  if (missing.length > 0 && !options.allowMissing) {
    throw new DeepYeastError(
      'table-invalid',
      `${path} has no row for ${missing.length} of ${dataset.count} cells, '${missing[0]}' among them, in column ` +
        `'${key}'${refused === undefined ? '' : ` (${refused})`}; export them, or allow missing cells (--allow-missing)`,
    );
  }
  if (missing.length === dataset.count) {
    throw new DeepYeastError('table-invalid', `${path} has a row for none of the cells of ${dataset.path}`);
  }
  return fill(joined, measured, key, missing);
}

/** As readCellProfiler, written as a folder of features: features.npy, cells.csv, features.json. */
export async function writeCellProfilerFeatures(
  path: string,
  dataset: Dataset,
  out: string,
  options: CellProfilerOptions & { record?: Readonly<Record<string, unknown>> } = {},
): Promise<Omit<CellProfilerFeatures, 'matrix'> & { features: 'cellprofiler'; shape: number[]; names: string[] }> {
  const { matrix, ...found } = await readCellProfiler(path, dataset, options);
  return writeFeatureFolder(out, dataset, matrix.names, [matrix], () => ({
    ...options.record,
    features: 'cellprofiler' as const,
    ...found,
  }));
}

/** A cell as the join sees it. */
interface NamedCell {
  name: string;
  /** Its files, relative to the source. */
  files: string[];
  plate: string;
  well: string;
  field: string;
  /** Of the image that was measured; undefined: not known. */
  width: number | undefined;
  height: number | undefined;
}

interface NamedCells {
  all: NamedCell[];
  /** Rows of the cells with each text of the key's column. */
  rows: Map<string, number[]>;
}

async function namedCells(dataset: Dataset, key: string, imageSize: number | undefined): Promise<NamedCells> {
  const all: NamedCell[] = [];
  const rows = new Map<string, number[]>();
  const sizeOf = await imageSizes(dataset, imageSize);
  let row = 0;
  for await (const cell of dataset.cells()) {
    const files = cell.source.split(';');
    const { plate, well, field } = cell;
    all.push({ name: cell.cell, files, plate, well, field, ...sizeOf(cell, row) });
    for (const text of new Set(isFileName(key) ? files.map((file) => fileName(file)) : [cell.cell])) {
      const found = rows.get(text);
      if (found) found.push(row);
      else rows.set(text, [row]);
    }
    row++;
  }
  return { all, rows };
}

/** The size of the image behind each cell: what was asked for, what the import noted, or what it must have been. */
async function imageSizes(dataset: Dataset, asked: number | undefined) {
  const path = `${dataset.path}/cells.csv`;
  const { provenance } = dataset.description;
  const { command, fit } = (provenance ?? {}) as { command?: unknown; fit?: unknown };
  // An import before the sizes were noted may have cut or padded.
  const unknown = command === 'import' && fit !== undefined && fit !== 'error';
  const noted = imageSizeColumns.every((column) => dataset.extraColumns.includes(column));
  return (cell: Cell, row: number): Pick<NamedCell, 'width' | 'height'> => {
    if (asked !== undefined) return { width: asked, height: asked };
    const [width, height] = imageSizeColumns.map((column) =>
      noted ? optionalNumber(String(cell[column] ?? ''), { path, where: `row ${row + 1}`, column }) : undefined,
    );
    if (width !== undefined && height !== undefined) return { width, height };
    return unknown ? { width: undefined, height: undefined } : { width: dataset.size, height: dataset.size };
  };
}

/** The object of a cell in one image that is nearest to its middle. */
interface NearestObject {
  image: string;
  where: string;
  distance: number | undefined;
  values: Float64Array;
}

/** The measurements of each cell, NaN where there is no number; undefined for cells without a row. */
async function join(
  table: TextTable,
  key: string,
  measured: readonly string[],
  cells: NamedCells,
): Promise<{ joined: (Float64Array | undefined)[]; refused: string | undefined }> {
  const { path, columns } = table;
  const centre = centreColumns(columns);
  const ofImage = imageColumns(columns);
  const places = placeColumns(columns);
  const folder = isFileName(key) && columns.includes(folderColumn(key)) ? folderColumn(key) : undefined;
  const found = new Array<NearestObject | undefined>(cells.all.length).fill(undefined);
  let refused: string | undefined;
  for await (const row of table.rows()) {
    const { where, values } = row;
    const text = values[key] as string;
    const candidates = cells.rows.get(isFileName(key) ? fileName(text) : text) ?? [];
    if (candidates.length === 0) continue; // a cell of another dataset
    const fitting = candidates.filter((cell) => {
      const against = contradiction(cells.all[cell] as NamedCell, values, places, folder, text);
      refused ??= against && `${where} is left out: ${against}`;
      return against === undefined;
    });
    if (fitting.length === 0) continue;
    const [at] = fitting as [number];
    if (fitting.length > 1) {
      throw new DeepYeastError(
        'table-invalid',
        `${path}, ${where}: '${text}' names several cells of the dataset; join by a column that tells them apart (--key), ` +
          `or export ${isFileName(key) ? folderColumn(key) : 'Metadata_Plate, Metadata_Well and Metadata_Field'} as well`,
      );
    }
    const image = JSON.stringify(ofImage.map((column) => values[column]));
    const before = found[at];
    if (before && before.image !== image) {
      throw new DeepYeastError(
        'table-invalid',
        `${path}, ${where}: '${text}' is on ${before.where} already, of another image; join by a column that tells the ` +
          'images apart (--key), or give the table of one plate',
      );
    }
    const cell = cells.all[at] as NamedCell;
    const distance = centre && distanceToMiddle(row, centre, cell, path);
    if (before && (distance === undefined || before.distance === undefined)) {
      throw new DeepYeastError(
        'table-invalid',
        `${path}, ${where}: a second row for '${text}', and no Location_Center_X and _Y to tell which object is in the ` +
          'middle; export them, or one object a cell',
      );
    }
    if (before && (Number.isNaN(distance) || Number.isNaN(before.distance))) {
      throw new DeepYeastError(
        'table-invalid',
        `${path}, ${where}: a second row for '${text}', and nothing says how large the image is that CellProfiler measured, ` +
          'so that its middle is not known; give --image-size',
      );
    }
    if (before && (distance as number) >= (before.distance as number)) continue;
    const numbers = Float64Array.from(measured, (column) => number(values[column] as string, path, where, column));
    found[at] = { image, where, distance, values: numbers };
  }
  return { joined: found.map((object) => object?.values), refused };
}

/** What a row says against its being the cell's: another plate, well, field or folder. */
function contradiction(
  cell: NamedCell,
  values: Readonly<Record<string, string>>,
  places: ReturnType<typeof placeColumns>,
  folder: string | undefined,
  text: string,
): string | undefined {
  for (const { column, cellColumn } of places) {
    const found = values[column] as string;
    if (found.trim() === '' || cell[cellColumn] === '' || samePlace(found, cell[cellColumn])) continue;
    return `its ${column} is '${found}', the ${cellColumn} of '${cell.name}' is '${cell[cellColumn]}'`;
  }
  if (folder === undefined || (values[folder] as string).trim() === '') return undefined;
  const whole = posix.normalize(`${slashes(values[folder] as string)}/${fileName(text)}`);
  // Either may be the longer path: both are relative to something.
  if (cell.files.some((file) => `/${whole}`.endsWith(`/${file}`) || `/${file}`.endsWith(`/${whole}`))) return undefined;
  return `its ${folder} is '${values[folder]}', the source of '${cell.name}' is '${cell.files.join(';')}'`;
}

const slashes = (path: string) => path.replaceAll('\\', '/').replace(/\/+$/, '');
const fileName = (path: string) => posix.basename(slashes(path));

/**
 * How far an object is from the middle of the image; undefined where the table does not say, NaN where nobody knows the
 * image's size. An object outside of the image means that CellProfiler measured another one: `table-invalid`.
 */
function distanceToMiddle(
  { where, values }: TextRow,
  { x, y }: CentreColumns,
  { name, width, height }: NamedCell,
  path: string,
): number | undefined {
  const [left, top] = [x, y].map((column) => number(values[column] as string, path, where, column)) as [number, number];
  if (Number.isNaN(left) || Number.isNaN(top)) return undefined;
  if (width === undefined || height === undefined) return Number.NaN;
  if (left < -0.5 || top < -0.5 || left > width - 0.5 || top > height - 0.5) {
    throw new DeepYeastError(
      'table-invalid',
      `${path}, ${where}: the object of '${name}' is at ${left}, ${top}, outside of an image of ${width} x ${height} ` +
        'pixels; say how large the images are that CellProfiler measured (--image-size)',
    );
  }
  return Math.hypot(left - (width - 1) / 2, top - (height - 1) / 2);
}

/** NaN for an empty field, nan and infinities, and for what float32 cannot hold, which is as good as infinite. */
function number(text: string, path: string, where: string, column: string): number {
  if (/^\s*(?:[-+]?(?:nan|inf|infinity|\d+(?:\.\d*)?e\+?\d{3,}))?\s*$/i.test(text)) return Number.NaN;
  const value = requireNumber(text, { path, where, column });
  return Number.isFinite(Math.fround(value)) ? value : Number.NaN;
}

function fill(
  joined: readonly (Float64Array | undefined)[],
  measured: readonly string[],
  key: string,
  missing: string[],
): CellProfilerFeatures {
  const medians = measured.map((_, column) => {
    const known = joined.flatMap((row) => {
      const value = row?.[column];
      return value === undefined || Number.isNaN(value) ? [] : [value];
    });
    known.sort((a, b) => a - b);
    const half = known.length >> 1;
    if (known.length === 0) return undefined;
    return known.length % 2 === 1 ? known[half] : ((known[half - 1] as number) + (known[half] as number)) / 2;
  });
  const kept = [...measured.keys()].filter((column) => medians[column] !== undefined);
  const values = new Float32Array(joined.length * kept.length);
  let filled = 0;
  for (const [row, found] of joined.entries()) {
    for (const [position, column] of kept.entries()) {
      const value = found?.[column];
      const known = value !== undefined && !Number.isNaN(value);
      if (found && !known) filled++;
      values[row * kept.length + position] = known ? value : (medians[column] as number);
    }
  }
  const names = kept.map((column) => measured[column] as string);
  return {
    matrix: { rows: joined.length, columns: kept.length, names, values },
    key,
    filled,
    dropped: measured.filter((_, column) => medians[column] === undefined),
    missing,
  };
}
