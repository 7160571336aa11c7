/** From the fields of view of a plate to a dataset of cells: deepyeast cells. */

import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { throwIfAborted } from '../abort';
import type { Dataset } from '../data/dataset';
import { describeNormalization, type Normalization } from '../data/normalization';
import { DeepYeastError } from '../errors';
import { makeOutputFolder, type OutputFolder } from '../files/output-folder';
import { inOrder } from '../in-order';
import { silent } from '../log';
import { loadAddon } from '../native';
import { threadsFromEnvironment } from '../native/threads';
import { packageVersion } from '../package-version';
import { formatRows, type RowOptions, rowColumns } from './cell-rows';
import { cellsOfField, type FieldCells } from './field-cells';
import {
  type FieldReport,
  formatFields,
  formatSkipped,
  reportField,
  reportProblem,
  type SkippedField,
  skippedFields,
  typicalDiameter,
} from './field-results';
import type { Mask } from './label-image';
import type { FieldImages } from './layout';
import { Limiter } from './limiter';
import { fieldNames } from './mask-names';
import { readMask, writeMask } from './masks';
import { writeOverlay } from './overlay';
import type { Plane } from './plane';
import { describeOptions, type Plate, type PlateField, readPlate } from './plate';
import { type CellsOptions, checkOptions } from './plate-options';
import { readField } from './read-field';
import { type Survey, surveyPlate } from './survey';
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

/** Everything that one field needs beside its own images; the same for all fields of a plate. */
export interface FieldTask {
  options: CellsOptions;
  survey: Survey;
  rows: RowOptions;
  /** Threads that one field may use. */
  threads: number;
  /** Fields whose cells are found at once: each takes some 60 MB meanwhile. */
  computing: Limiter;
}

/** A field's part of a dataset. */
export interface FieldPart {
  result: FieldCells;
  marker: Plane;
  /** Lines of cells.csv, one a cell that has a crop. */
  rows: string[];
  /** Crop pixels a field pixel. */
  scale: number;
}

/**
 * Makes one field's part of a dataset: reads its images, finds its cells (or reads its mask), measures and cuts them. The
 * part depends on the images and the task alone, not on other fields or on threads.
 *
 * @throws image-invalid where the images cannot be used; io-error, aborted
 */
export async function makeFieldPart(field: PlateField, task: FieldTask): Promise<FieldPart> {
  const { options, survey } = task;
  const { width, height, normalization } = survey;
  const planes = await readField(field.images, {
    size: { width, height },
    ...(options.z !== undefined && { z: options.z }),
  });
  throwIfAborted(options.signal);
  const [marker] = Object.values(planes) as [Plane];
  requireEightBit(planes, normalization, options, field);
  const scale = scaleOf(field.images, options, survey);
  const mask = await maskOf(field, options, { width, height });
  const result = await task.computing.run(() =>
    cellsOfField(planes, {
      ...(mask && { mask }),
      diameter: survey.diameter,
      buds: options.buds,
      size: options.size ?? 64,
      scale,
      normalization,
      drop: options.drop ?? [],
      threads: task.threads,
      signal: options.signal,
      name: field.source,
    }),
  );
  return { result, marker, rows: formatRows(result, { ...field, field: field.images }, task.rows), scale };
}

function maskOf(
  { mask }: PlateField,
  { masksPattern, t, z }: CellsOptions,
  size: { width: number; height: number },
): Promise<Mask> | undefined {
  if (mask === undefined) return undefined;
  return readMask(mask, size, { name: masksPattern, t, z: typeof z === 'number' ? z : undefined });
}

/** `auto` decides for all fields alike: bytes taken as they are and bytes stretched do not go together. */
function requireEightBit(
  planes: { [role: string]: Plane },
  normalization: Normalization,
  options: CellsOptions,
  field: PlateField,
): void {
  const automatic = options.normalization === undefined || options.normalization === 'auto';
  const eightBit = Object.values(planes).every(({ data }) => data instanceof Uint8Array);
  if (!automatic || normalization.rule === 'none' || !eightBit) return;
  throw new DeepYeastError(
    'image-invalid',
    `${field.source}: has 8-bit samples, expected more as in other fields: name the rule for all of them (--normalization)`,
  );
}

/** Crop pixels a field pixel. */
function scaleOf(images: FieldImages, options: CellsOptions, survey: Survey): number {
  const { pixelSize, cellDiameter, diameter } = options;
  if (pixelSize !== undefined) {
    const own = options.fieldPixelSize ?? images.pixelSize;
    if (own === undefined) {
      throw new DeepYeastError(
        'invalid-argument',
        `the files of ${images.key} do not say how large a pixel is: give it with --field-pixel-size`,
      );
    }
    return own / pixelSize;
  }
  if (cellDiameter === undefined) return 1;
  const typical = typeof diameter === 'number' ? diameter : survey.medianDiameter;
  if (typical === undefined) {
    throw new DeepYeastError(
      'invalid-argument',
      'found no cell in the surveyed fields, by which the scale of the crops would be known: give --diameter',
    );
  }
  return cellDiameter / typical;
}

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
    onProgress?.(before, plate.fields.length);
    const together = Math.min(threads, mostTogether);
    const task: FieldTask = {
      ...{ options, survey, rows },
      threads: Math.floor(threads / together),
      computing: new Limiter(together),
    };
    const parts = inOrder(
      plate.fields.slice(before),
      together + 1, // reading and writing overlap with computing
      async (field): Promise<{ crops: Uint8Array; rows: string[]; report: FieldReport; notes: string[] }> => {
        try {
          const part = await makeFieldPart(field, task);
          await write(field, part);
          const { result } = part;
          return {
            crops: result.crops,
            rows: part.rows,
            report: reportField(field, result, part.scale),
            notes: result.warnings,
          };
        } catch (error) {
          if (onError === 'stop' || !(error instanceof DeepYeastError) || error.code !== 'image-invalid') throw error;
          return { crops: new Uint8Array(0), rows: [], report: reportProblem(field, error.message), notes: [] };
        }
      },
      signal,
    );
    for await (const { crops, rows: lines, report, notes } of parts) {
      for (const note of notes) log('warn', note);
      if (report.problem !== undefined) log('warn', `skipped: ${report.problem}`);
      await unfinished.append(crops, lines, report);
      onProgress?.(unfinished.reports.length, plate.fields.length);
    }
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

/** Fields whose cells are found at once at most: libuv has four threads for them, and further ones help within a field. */
const mostTogether = 4;

function threadsOf(options: CellsOptions): number {
  return options.threads || threadsFromEnvironment() || loadAddon().machine().threads;
}

async function surveyOf(plate: Plate, options: CellsOptions, threads: number): Promise<Survey> {
  const fields = new Map(plate.fields.map((field) => [field.images.key, field]));
  const { z, signal, diameter = 'auto', buds, cellDiameter } = options;
  const measured = options.masksFrom === undefined ? diameter === 'auto' : cellDiameter !== undefined;
  return surveyPlate(
    plate.fields.map(({ images }) => images),
    {
      imageSize: plate.imageSize,
      stopOnError: (options.onError ?? 'stop') === 'stop',
      normalization: options.normalization ?? 'auto',
      cells: { diameter, buds, threads, signal },
      measured,
      read: (field) =>
        readField(field, { ...(z !== undefined && { z }), ...(plate.imageSize && { size: plate.imageSize }) }),
      ...(options.masksFrom !== undefined && {
        mask: async (field: FieldImages, size: { width: number; height: number }): Promise<Mask | undefined> =>
          maskOf(fields.get(field.key) as PlateField, options, size),
      }),
      signal,
    },
  );
}

function rowOptions(plate: Plate, options: CellsOptions, { normalization }: Survey): RowOptions {
  const own = normalization.rule === 'percentile' && normalization.per !== 'dataset' && !normalization.ranges;
  return { channels: [...options.channels.keys()], withRanges: own, otherColumns: plate.otherColumns };
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
