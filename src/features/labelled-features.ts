/** A folder of features with its cells: what a classifier on features trains on and predicts. */
import { join } from 'node:path';
import { type Cell, cellColumns, datasetFiles, parseLabel } from '../data/dataset';
import { DeepYeastError } from '../errors';
import { readCsvRows } from '../files/csv';
import { type NamedFeatureMatrix, readFeatureDescription, readFeatureMatrix } from './matrix';

export interface FeatureCells {
  path: string;
  features: NamedFeatureMatrix;
  /** Class names behind the labels. */
  classes: string[];
  /** The rows of cells.csv; label -1: not labelled. */
  cells: Cell[];
}

/**
 * Reads a folder that `deepyeast features` wrote: features.npy, features.json and cells.csv.
 * @throws dataset-invalid, labels-invalid, table-invalid, io-error
 */
export async function readFeatureCells(path: string): Promise<FeatureCells> {
  const features = await readFeatureMatrix(path);
  const { classes } = await readFeatureDescription(path);
  if (!Array.isArray(classes) || !classes.every((name) => typeof name === 'string')) {
    throw new DeepYeastError('dataset-invalid', `${path}/features.json lists no classes; extract the features again`);
  }
  const table = join(path, datasetFiles.cells);
  const nothing = Object.fromEntries(cellColumns.map((name) => [name, '']));
  const cells: Cell[] = [];
  for await (const { line, values } of readCsvRows(table)) {
    cells.push({ ...nothing, ...values, label: parseLabel(values.label ?? '', classes, table, line) } as Cell);
  }
  if (cells.length !== features.rows) {
    throw new DeepYeastError(
      'dataset-invalid',
      `${table} has ${cells.length} rows, expected ${features.rows} as features.npy has; extract the features again`,
    );
  }
  return { path, features, classes, cells };
}

/** The labelled rows alone. @throws labels-invalid where there is none */
export function labelledRows({ path, features, cells }: FeatureCells): {
  features: NamedFeatureMatrix;
  labels: Int32Array;
} {
  const rows = cells.flatMap(({ label }, row) => (label >= 0 ? [row] : []));
  if (rows.length === 0) throw new DeepYeastError('labels-invalid', `${path} has no labelled cell; expected some`);
  const { columns, names } = features;
  const labels = Int32Array.from(rows, (row) => (cells[row] as Cell).label);
  if (rows.length === cells.length) return { features, labels };
  const values = new Float32Array(rows.length * columns);
  for (const [i, row] of rows.entries()) {
    values.set(features.values.subarray(row * columns, (row + 1) * columns), i * columns);
  }
  return { features: { rows: rows.length, columns, names, values }, labels };
}

/**
 * The same cells with their labels as positions in the classes of another set: what was trained on them. A cell of a class
 * that they lack counts as not labelled.
 */
export function withClasses(source: FeatureCells, classes: readonly string[]): FeatureCells {
  const position = source.classes.map((name) => classes.indexOf(name));
  const cells = source.cells.map((cell) => ({
    ...cell,
    label: cell.label < 0 ? -1 : (position[cell.label] as number),
  }));
  return { ...source, classes: [...classes], cells };
}
