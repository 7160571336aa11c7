/** parts/PART.json and parts/PART.npy: what was found in a part of a screen, on the disk. */

import { join } from 'node:path';
import { DeepYeastError } from '../errors';
import type { FieldReport } from '../fields/field-results';
import type { PlateField } from '../fields/plate';
import { writeFileAtomically } from '../files/atomic-file';
import { readFloats, writeFloats } from '../files/float32-npy';
import { readJsonFileIfPresent } from '../files/json';
import type { PlannedPart } from './parts';
import type { PlannedScreen } from './plan';
import { type PartCells, type PartField, type ScreenPart, screenFiles } from './results';

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
  await writeFloats(paths.posteriors, [posteriors.length / classes, classes], [posteriors]);
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
 * @returns undefined where it is not done
 * @throws run-mismatch where it was made by another job, run-invalid where its files are damaged, io-error
 */
export async function readPart(
  { folder, screen, plan }: Pick<PlannedScreen, 'folder' | 'screen' | 'plan'>,
  { name, first, count: fieldCount }: PlannedPart,
): Promise<ScreenPart | undefined> {
  const fields = plan.fields.slice(first, first + fieldCount);
  const classes = screen.model.classes.length;
  const paths = partFiles(folder, name);
  const found = await readJson(paths.done);
  if (found === undefined) return undefined;
  const file = requireJob(found, plan.job, paths.done);
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
  const { plate, well } = (fields[0] as PlateField).images;
  return {
    name,
    plate,
    well,
    fields: file.fields.map((report, index): PartField => {
      const { protein, label } = fields[index] as PlateField;
      return { ...report, protein, class: plan.classes[label] ?? null };
    }),
    cells,
    posteriors,
  };
}

const readJson = (path: string) => readJsonFileIfPresent(path, 'the part', 'run-invalid');

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
  const { shape, values } = await readFloats(path).catch((error: DeepYeastError) => {
    throw error.code === 'dataset-invalid' ? damaged(path) : error;
  });
  if (shape.length !== 2 || shape[1] !== classes) throw damaged(path);
  return values;
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
