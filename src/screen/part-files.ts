/** parts/PART.json and parts/PART.npy: what was found in a part of a screen, on the disk. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DeepYeastError, fileError } from '../errors';
import type { FieldReport } from '../fields/field-results';
import type { PlateField } from '../fields/plate';
import { writeFileAtomically } from '../files/atomic-file';
import { parseNpyHeader, writeNpy } from '../files/npy';
import { parseJson } from '../files/parse-json';
import type { PartCells, PartField, ScreenPart } from './results';
import { screenFiles } from './results';

/** parts/PART.json. It is written last: a part that has one is done. */
interface PartFile {
  job: string;
  fields: FieldReport[];
  cells: PartCells;
}

export function partFiles(folder: string, name: string) {
  const stem = join(folder, screenFiles.parts, name);
  return {
    /** A dataset, where the part has cells. */
    cells: join(folder, screenFiles.cells, name),
    posteriors: `${stem}.npy`,
    /** What was told of the fields, between the cells and their posteriors. */
    fields: `${stem}.fields.json`,
    done: `${stem}.json`,
  };
}

/** Writes the posteriors, and then that the part is done. */
export async function writePart(
  folder: string,
  name: string,
  file: PartFile,
  posteriors: Float32Array,
  classes: number,
): Promise<void> {
  const paths = partFiles(folder, name);
  const bytes = new Uint8Array(posteriors.buffer, posteriors.byteOffset, posteriors.byteLength);
  await writeNpy(paths.posteriors, '<f4', [posteriors.length / classes, classes], bytes);
  await writeFileAtomically(paths.done, JSON.stringify(file));
}

/** Whether a part is done, by the job that is asked about. Throws as readPart for a damaged file. */
export async function isPartDone(folder: string, name: string, job: string): Promise<boolean> {
  const { done } = partFiles(folder, name);
  const file = await readJson(done);
  return file !== undefined && requireJob(file, job, done) !== undefined;
}

/**
 * Reads a part that is done.
 *
 * @param fields of the plan, those of the part
 * @param classes of the model
 * @returns undefined where it is not done
 * @throws run-mismatch where it was made by another job, run-invalid where its files are damaged, io-error
 */
export async function readPart(
  folder: string,
  name: string,
  {
    job,
    fields,
    classes,
    labels,
  }: { job: string; fields: readonly PlateField[]; classes: number; labels: readonly string[] },
): Promise<ScreenPart | undefined> {
  const paths = partFiles(folder, name);
  const found = await readJson(paths.done);
  if (found === undefined) return undefined;
  const file = requireJob(found, job, paths.done);
  const { cells } = file;
  const count = cells.cell?.length ?? -1;
  const columns = [cells.cell, cells.x, cells.y, cells.flags, cells.quality ?? cells.x];
  const kept = file.fields.reduce((sum, report) => sum + (report.kept ?? 0), 0);
  const posteriors = await readPosteriors(paths.posteriors, classes);
  if (
    !columns.every((column) => Array.isArray(column) && column.length === count) ||
    kept !== count ||
    file.fields.length !== fields.length ||
    posteriors.length !== count * classes
  ) {
    throw damaged(paths.done);
  }
  const first = fields[0] as PlateField;
  return {
    name,
    plate: first.images.plate,
    well: first.images.well,
    fields: file.fields.map((report, index): PartField => {
      const { protein, label } = fields[index] as PlateField;
      return { ...report, protein, class: labels[label] ?? null };
    }),
    cells,
    posteriors,
  };
}

async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fileError('read', path, error);
  }
  return parseJson(text, path, 'run-invalid');
}

function requireJob(file: unknown, job: string, path: string): PartFile {
  const { job: own, fields, cells } = (file ?? {}) as Partial<PartFile>;
  if (typeof own !== 'string' || !Array.isArray(fields) || typeof cells !== 'object' || cells === null)
    throw damaged(path);
  if (own === job) return file as PartFile;
  throw new DeepYeastError(
    'run-mismatch',
    `${path} was made by another screen (other options, images or version): give each screen a folder of its own`,
  );
}

async function readPosteriors(path: string, classes: number): Promise<Float32Array> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw fileError('read', path, error);
  }
  const { dtype, shape, fortranOrder, dataOffset } = parseNpyHeader(bytes, path);
  const length = (shape[0] ?? 0) * classes;
  if (
    dtype !== '<f4' ||
    fortranOrder ||
    shape.length !== 2 ||
    shape[1] !== classes ||
    bytes.length !== dataOffset + 4 * length
  ) {
    throw damaged(path);
  }
  // A copy: the values begin at any multiple of 64 within a buffer that Node may share.
  return new Float32Array(Uint8Array.prototype.slice.call(bytes, dataOffset).buffer);
}

function damaged(path: string): DeepYeastError {
  return new DeepYeastError(
    'run-invalid',
    `${path} is damaged: remove it and run its shard again (\`deepyeast screen run\`, or \`--resume\`)`,
  );
}

/** What was told of the fields of a part whose cells are cut and not yet predicted; undefined where they are not. */
export async function readCutFields(folder: string, name: string, job: string): Promise<FieldReport[] | undefined> {
  const { fields } = partFiles(folder, name);
  const found = await readJson(fields);
  return found === undefined ? undefined : requireJob({ cells: {}, ...(found as object) }, job, fields).fields;
}
