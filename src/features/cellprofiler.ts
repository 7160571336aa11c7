/**
 * CellProfiler's own measurements: the CSV file of one kind of object that its module ExportToSpreadsheet writes, joined
 * to the cells of a dataset, so that a laboratory's existing columns serve wherever classic features do.
 */
import { basename } from 'node:path';
import type { Dataset } from '../data/dataset';
import { DeepYeastError } from '../errors';
import { openTable, type TextRow } from '../files/table-reader';
import { writeFeatureFolder } from './feature-folder';
import type { NamedFeatureMatrix } from './matrix';

/** Columns that tell where a row comes from and are no measurements. */
const bookkeeping =
  /^(ImageNumber|ObjectNumber|Metadata_|FileName_|PathName_|URL_|Parent_|Number_Object_Number|ExecutionTime_|Group_|MD5Digest_|ModuleError_|Frame_|Series_|Scaling_|Height_|Width_)/;
const defaultKeys = ['cell', 'Metadata_cell', 'Metadata_Cell'];
const centreColumns = [
  ['Location_Center_X', 'Location_Center_Y'],
  ['AreaShape_Center_X', 'AreaShape_Center_Y'],
] as const;

export interface CellProfilerOptions {
  /**
   * Column that names the cell. Default `cell`, `Metadata_cell` or `Metadata_Cell`, whichever there is. A column
   * `FileName_...` is matched with the file names in cells.csv's `source`, any other with its `cell`.
   */
  key?: string | undefined;
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
 * Reads an export and joins it to the cells of a dataset. Where several objects share a name (neighbours in one crop),
 * the one nearest to the middle of the crop is the cell. Fields that are empty or not finite, which CellProfiler writes
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
  const measured = table.columns.filter((name) => name !== key && !bookkeeping.test(name));
  const cells = await namesOfCells(dataset, key);
  const joined = await join(table.rows(), path, key, measured, cells, dataset.size);
  const missing = cells.names.filter((_, row) => joined[row] === undefined);
  if (missing.length > 0 && !options.allowMissing) {
    throw new DeepYeastError(
      'table-invalid',
      `${path} has no row for ${missing.length} of ${dataset.count} cells, '${missing[0]}' among them, in column ` +
        `'${key}'; export them, or allow missing cells (--allow-missing)`,
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

interface CellNames {
  names: string[];
  /** Row of each name; -1 where several cells have it. */
  rows: Map<string, number>;
}

async function namesOfCells(dataset: Dataset, key: string): Promise<CellNames> {
  const bySource = key.startsWith('FileName_');
  const names: string[] = [];
  const rows = new Map<string, number>();
  for await (const { cell, source } of dataset.cells()) {
    const name = bySource ? basename(source) : cell;
    rows.set(name, rows.has(name) ? -1 : names.length);
    names.push(name);
  }
  return { names, rows };
}

/** The measurements of each cell, NaN where there is no number; undefined for cells without a row. */
async function join(
  rows: AsyncIterable<TextRow>,
  path: string,
  key: string,
  measured: readonly string[],
  cells: CellNames,
  size: number,
): Promise<(Float64Array | undefined)[]> {
  const joined = new Array<Float64Array | undefined>(cells.names.length).fill(undefined);
  const distances = new Float64Array(cells.names.length).fill(Number.POSITIVE_INFINITY);
  for await (const { where, values } of rows) {
    const name = values[key] as string;
    const row = cells.rows.get(key.startsWith('FileName_') ? basename(name) : name);
    if (row === undefined) continue; // a cell of another dataset
    if (row < 0) {
      throw new DeepYeastError(
        'table-invalid',
        `${path}, ${where}: '${name}' names several cells of the dataset; join by a column that tells them apart (--key)`,
      );
    }
    const distance = distanceToMiddle(values, size);
    if (joined[row] !== undefined && distance === undefined) {
      throw new DeepYeastError(
        'table-invalid',
        `${path}, ${where}: a second row for '${name}', and no Location_Center_X and _Y to tell which object is in the ` +
          'middle; export them, or one object a cell',
      );
    }
    if (joined[row] !== undefined && (distance as number) >= (distances[row] as number)) continue;
    distances[row] = distance ?? Number.POSITIVE_INFINITY;
    joined[row] = Float64Array.from(measured, (column) => number(values[column] as string, path, where, column));
  }
  return joined;
}

function distanceToMiddle(values: Record<string, string>, size: number): number | undefined {
  for (const [x, y] of centreColumns) {
    if (!values[x] || !values[y]) continue;
    const distance = Math.hypot(Number(values[x]) - (size - 1) / 2, Number(values[y]) - (size - 1) / 2);
    if (Number.isFinite(distance)) return distance;
  }
  return undefined;
}

/** NaN for an empty field, nan and infinities. */
function number(text: string, path: string, where: string, column: string): number {
  if (/^\s*([-+]?(nan|inf|infinity))?\s*$/i.test(text)) return Number.NaN;
  const value = Number(text);
  if (Number.isNaN(value)) {
    throw new DeepYeastError(
      'table-invalid',
      `${path}, ${where}: found '${text}' in column '${column}', expected a number; leave the column out of the export`,
    );
  }
  // What float32 cannot hold is as good as infinite.
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
