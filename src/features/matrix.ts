/** Features of cells as one table in memory: what the analyses work on. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DeepYeastError, fileError } from '../errors';
import { readJsonFile } from '../files/json';
import { parseNpyHeader } from '../files/npy';

/** Features of cells, one row a cell; all values finite. */
export interface FeatureMatrix {
  /** [rows, columns] */
  readonly values: Float32Array;
  /** Cells. */
  readonly rows: number;
  /** Features. */
  readonly columns: number;
  /** Of the features, [columns], where they are known. */
  readonly names?: readonly string[];
}

/** Features of cells whose names are known. */
export interface NamedFeatureMatrix extends FeatureMatrix {
  readonly names: readonly string[];
}

/** One feature of every cell. */
export function featureColumn({ rows, columns, values }: FeatureMatrix, column: number): Float64Array {
  return Float64Array.from({ length: rows }, (_, row) => values[row * columns + column] as number);
}

/** The chosen rows, in the given order. */
export function selectRows<Matrix extends FeatureMatrix>(matrix: Matrix, rows: ArrayLike<number>): Matrix {
  const { columns } = matrix;
  const values = new Float32Array(rows.length * columns);
  for (let i = 0; i < rows.length; i++) {
    const start = (rows[i] as number) * columns;
    values.set(matrix.values.subarray(start, start + columns), i * columns);
  }
  return { ...matrix, rows: rows.length, values };
}

/** features.json of such a folder. Throws dataset-invalid, io-error. */
export async function readFeatureDescription(folder: string): Promise<Record<string, unknown>> {
  const path = join(folder, 'features.json');
  const value = await readJsonFile(path, 'the description of the features', 'dataset-invalid');
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new DeepYeastError('dataset-invalid', `${path} holds no JSON object; extract the features again`);
}

/**
 * Reads a folder that `deepyeast features` wrote: features.npy (float32, [cells, features]) and the names in
 * features.json where it lists them.
 * @throws dataset-invalid, io-error
 */
export async function readFeatureMatrix(folder: string): Promise<NamedFeatureMatrix> {
  const path = join(folder, 'features.npy');
  let bytes: Buffer;
  let description: Record<string, unknown>;
  try {
    bytes = await readFile(path);
    description = await readFeatureDescription(folder);
  } catch (error) {
    throw fileError('read', folder, error);
  }
  const { dtype, shape, dataOffset, fortranOrder } = parseNpyHeader(bytes, path);
  const [rows = 0, columns = 0] = shape;
  if (dtype !== '<f4' || shape.length !== 2 || fortranOrder || bytes.length !== dataOffset + 4 * rows * columns) {
    throw new DeepYeastError(
      'dataset-invalid',
      `${path} is ${dtype} [${shape.join(', ')}] in ${bytes.length} bytes, expected <f4 [cells, features] as ` +
        '`deepyeast features` writes it (any summary but maps)',
    );
  }
  const values = new Float32Array(Uint8Array.from(bytes.subarray(dataOffset)).buffer);
  const { names, layer } = description;
  const listed = Array.isArray(names) && names.every((name) => typeof name === 'string') ? names : undefined;
  if (names !== undefined && listed?.length !== columns) {
    throw new DeepYeastError(
      'dataset-invalid',
      `features.json in ${folder} lists ${listed?.length ?? 'no'} names, expected one for each of the ${columns} columns of ` +
        'features.npy; extract the features again',
    );
  }
  const fallback = () => Array.from({ length: columns }, (_, c) => `${typeof layer === 'string' ? layer : 'f'}_${c}`);
  return { rows, columns, names: listed ?? fallback(), values };
}
