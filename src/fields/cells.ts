/** From the fields of view of a plate to a dataset of cells: deepyeast cells. */

import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Dataset } from '../data/dataset';
import { describeNormalization } from '../data/normalization';
import { DeepYeastError } from '../errors';
import { makeOutputFolder, type OutputFolder } from '../files/output-folder';
import { silent } from '../log';
import { packageVersion } from '../package-version';
import { appendFields, rowOptions, surveyOf, threadsOf } from './append-fields';
import { type RowOptions, rowColumns } from './cell-rows';
import type { FieldPart } from './field-part';
import {
  type FieldReport,
  formatFields,
  formatSkipped,
  type SkippedField,
  skippedFields,
  typicalDiameter,
} from './field-results';
import { fieldNames } from './mask-names';
import { writeMask } from './masks';
import { writeOverlay } from './overlay';
import { describeOptions, type Plate, type PlateField, readPlate } from './plate';
import { type CellsOptions, checkOptions } from './plate-options';
import type { Survey } from './survey';
import { type Job, UnfinishedDataset, unfinishedFolder } from './unfinished-dataset';
import { writeZarrLabels } from './zarr-labels';

export interface CellsResult {
  dataset: Dataset;
  /** Fields whose cells are in the dataset. */
  fields: number;
  skipped: SkippedField[];
  /** Fields in which no cell was found. */
  empty: number;
  /** Pixels of a typical cell in the fields; undefined where no cell was found in the surveyed ones. */
  diameter: number | undefined;
  /** Cells with each flag, those among them that were dropped. */
  cells: number;
}

/** The tables of fields in the dataset's folder. */
export const fieldsFile = 'fields.csv';
export const skippedFieldsFile = 'skipped.csv';

/**
 * Makes a dataset of the cells of one or more plates, one row a cell, field by field in the order of plate, well and field.
 * Memory does not grow with the number of fields. Work that was stopped, by an error, the signal or the death of the
 * process, goes on where it stopped when it is started again with the same options: what is done lies in OUT.unfinished
 * until then. The dataset's bytes depend neither on that nor on the number of threads.
 *
 * @throws image-invalid for a field that cannot be used (unless onError is `skip`), with its path and the reason;
 *   invalid-argument; labels-invalid; table-invalid; output-exists; run-locked; run-mismatch; dataset-invalid where there
 *   are no cells; io-error; disk-full; aborted
 */
export async function cellsOfPlates(options: CellsOptions): Promise<CellsResult> {
  const { log = silent, signal, onError = 'stop', onProgress } = options;
  checkOptions(options);
  const plate = await readPlate(options, { signal, log });
  const [problem] = plate.problems;
  if (problem && onError === 'stop') {
    throw new DeepYeastError('image-invalid', `${problem.path}: ${problem.reason}`);
  }
  if (plate.fields.length === 0) throw noneLeft(skippedFields(plate.problems, []));
  for (const { path, reason } of plate.problems) log('warn', `skipped: ${path}: ${reason}`);

  const threads = threadsOf(options);
  let prepared: { survey: Survey; rows: RowOptions } | undefined;
  const unfinished = await UnfinishedDataset.open<FieldReport>(options.out, async (earlier) => {
    const described = await describeOptions(options);
    const survey = (earlier?.survey as Survey | undefined) ?? (await surveyOf(plate, options, threads));
    const rows = rowOptions(plate, options, survey);
    prepared = { survey, rows };
    const job: Job = {
      deepyeast: packageVersion(),
      fields: plate.fields.length,
      plate: plate.digest,
      ...described,
      normalization: options.normalization ?? 'auto',
      masks: options.masks && resolve(options.masks),
      overlays: options.overlays && resolve(options.overlays),
      zarrLabels: options.zarrLabels,
      survey,
    };
    return { job, layout: { size: options.size ?? 64, channels: rows.channels, columns: rowColumns(rows) } };
  });
  const { survey, rows } = prepared as unknown as { survey: Survey; rows: RowOptions };
  log('info', `intensities: ${describeNormalization(survey.normalization)}`);
  if (survey.diameter !== undefined) log('info', `cells of ${survey.diameter.toFixed(1)} pixels in diameter`);

  const folders: OutputFolder[] = [];
  const before = unfinished.reports.length;
  try {
    if (before > 0) log('info', `goes on after ${before} of ${plate.fields.length} fields`);
    const write = await pictureWriter(plate, options, folders);
    await appendFields(unfinished, plate.fields, { options, survey, rows, threads, write, onProgress });
    return await finish(unfinished, plate, options, survey, rows);
  } catch (error) {
    const worthless = unfinished.reports.every((report) => report.problem !== undefined);
    if (worthless || (error as DeepYeastError).code === 'dataset-invalid') {
      await unfinished.discard();
      for (const folder of folders.reverse()) await folder.undo();
    } else {
      await unfinished.close();
      log(
        'info',
        `${unfinished.reports.length} of ${plate.fields.length} fields are done and kept in ${unfinishedFolder(options.out)}: the same command goes on`,
      );
    }
    throw error;
  }
}

/** Writes the mask and the overlay of a field, where they are asked for. */
async function pictureWriter(
  plate: Plate,
  options: CellsOptions,
  folders: OutputFolder[],
): Promise<(field: PlateField, part: FieldPart) => Promise<void>> {
  const names = fieldNames(plate.fields.map(({ images }) => images));
  const pathIn = (folder: string, { images }: PlateField, ending: string) =>
    join(folder, `${names.get(images.key) as string}${ending}`);
  for (const [folder, ending] of [
    [options.masks, maskEnding],
    [options.overlays, overlayEnding],
  ] as const) {
    if (folder === undefined) continue;
    const needed = new Set(plate.fields.map((field) => dirname(pathIn(folder, field, ending))));
    for (const path of needed) {
      folders.push(await makeOutputFolder(path));
      await removeLeftovers(path, ending);
    }
  }
  return async (field, { result, marker }) => {
    const { labels, cells, width, height } = result;
    // The numbers of another program's mask stay: cells.csv refers to them.
    const numbers = Uint32Array.from([0, ...cells.map(({ number }) => number)]);
    const numbered = field.mask === undefined ? labels : labels.map((label) => numbers[label] as number);
    const image = { width, height, labels: numbered };
    if (options.masks !== undefined) await writeMask(pathIn(options.masks, field, maskEnding), image);
    if (options.zarrLabels !== undefined) await writeZarrLabels(field.images.markerPath, options.zarrLabels, image);
    if (options.overlays !== undefined) {
      await writeOverlay(pathIn(options.overlays, field, overlayEnding), marker, labels, cells);
    }
  };
}

const maskEnding = '_mask.tiff';
const overlayEnding = '_overlay.png';

/** Temporary files that a killed process left among the masks. */
async function removeLeftovers(folder: string, ending: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.includes(`${ending}.tmp-`)) await rm(join(folder, name), { force: true });
  }
}

async function finish(
  unfinished: UnfinishedDataset<FieldReport>,
  plate: Plate,
  options: CellsOptions,
  survey: Survey,
  rows: RowOptions,
): Promise<CellsResult> {
  const { log = silent, out } = options;
  const { reports } = unfinished;
  const skipped = skippedFields(plate.problems, reports);
  const used = reports.filter(({ problem }) => problem === undefined);
  if (used.length === 0) throw noneLeft(skipped);
  const empty = used.filter(({ cells }) => cells === 0);
  const cells = used.reduce((sum, report) => sum + (report.cells ?? 0), 0);
  if (unfinished.cells === 0) {
    throw new DeepYeastError(
      'dataset-invalid',
      `found no cell in ${used.length} fields${cells > 0 ? ` that was not dropped (${cells} were)` : ''}: look at the overlays (--overlays), and give the diameter of a cell (--diameter)`,
    );
  }
  const described = await describeOptions(options);
  const cellDiameter = typicalDiameter(used);
  const dataset = await unfinished.finish(
    {
      classes: plate.classes,
      channels: [...rows.channels],
      normalization: survey.normalization,
      ...(cellDiameter !== undefined && { cellDiameter }),
      provenance: {
        command: 'cells',
        sources: options.sources.map((source) => basename(resolve(source))),
        ...described,
        fields: used.length,
        survey,
        ...(rows.withRanges ? { ranges: 'cells.csv: low_ and high_ of each channel' } : {}),
      },
    },
    {
      [fieldsFile]: formatFields(reports),
      ...(skipped.length > 0 ? { [skippedFieldsFile]: formatSkipped(skipped) } : {}),
    },
  );
  if (empty.length > 0)
    log('warn', `${empty.length} fields hold no cells, ${empty[0]?.key} for one: see ${out}/${fieldsFile}`);
  if (skipped.length > 0) log('warn', `${skipped.length} fields skipped, see ${out}/${skippedFieldsFile}`);
  return {
    dataset,
    fields: used.length,
    skipped,
    empty: empty.length,
    diameter: survey.diameter ?? survey.medianDiameter,
    cells,
  };
}

function noneLeft(skipped: readonly SkippedField[]): DeepYeastError {
  const [first] = skipped;
  return new DeepYeastError(
    'image-invalid',
    `none of the ${skipped.length} fields can be used; the first: ${first?.path}: ${first?.reason}`,
  );
}
