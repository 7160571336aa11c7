/** Field by field into an unfinished dataset: what a plate's cells and a part of a screen have in common. */

import { DeepYeastError } from '../errors';
import { inOrder } from '../in-order';
import { silent } from '../log';
import { loadAddon } from '../native';
import { threadsFromEnvironment } from '../native/threads';
import type { RowOptions } from './cell-rows';
import { type FieldPart, type FieldTask, makeFieldPart, maskOf } from './field-part';
import { type FieldReport, reportField, reportProblem } from './field-results';
import type { Mask } from './label-image';
import type { FieldImages } from './layout';
import { Limiter } from './limiter';
import type { Plate, PlateField } from './plate';
import type { CellsOptions } from './plate-options';
import { readField } from './read-field';
import { type Survey, surveyPlate } from './survey';
import type { UnfinishedDataset } from './unfinished-dataset';

/** Fields whose cells are found at once at most: libuv has four threads for them, and further ones help within a field. */
const mostTogether = 4;

/** Threads that the work may use: as asked for, or else as many as the process may. */
export function threadsOf(options: { threads?: number | undefined }): number {
  return options.threads || threadsFromEnvironment() || loadAddon().machine().threads;
}

/**
 * Surveys a plate as its options ask: see surveyPlate.
 *
 * @param threads of the segmentation
 */
export async function surveyOf(plate: Plate, options: CellsOptions, threads: number): Promise<Survey> {
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

/** What decides the columns of cells.csv. */
export function rowOptions(
  plate: Pick<Plate, 'otherColumns'>,
  options: Pick<CellsOptions, 'channels'>,
  { normalization }: Survey,
): RowOptions {
  const own = normalization.rule === 'percentile' && normalization.per !== 'dataset' && !normalization.ranges;
  return { channels: [...options.channels.keys()], withRanges: own, otherColumns: plate.otherColumns };
}

export interface AppendFieldsOptions {
  options: CellsOptions;
  survey: Survey;
  rows: RowOptions;
  threads: number;
  /** Writes the pictures of a field, before it counts as done. */
  write(field: PlateField, part: FieldPart): Promise<void>;
  /** Fields done of all fields; called with those of an earlier run at the start. */
  onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * Adds the fields that are not yet in a dataset, a few in work at once, in their order. A field that cannot be used is
 * reported and has no cells where `onError` is `skip`.
 *
 * @throws image-invalid for such a field where `onError` is `stop`; what makeFieldPart and the dataset throw
 */
export async function appendFields(
  unfinished: UnfinishedDataset<FieldReport>,
  fields: readonly PlateField[],
  { options, survey, rows, threads, write, onProgress }: AppendFieldsOptions,
): Promise<void> {
  const { log = silent, signal, onError = 'stop' } = options;
  const before = unfinished.reports.length;
  onProgress?.(before, fields.length);
  const together = Math.min(threads, mostTogether);
  const task: FieldTask = {
    ...{ options, survey, rows },
    threads: Math.floor(threads / together),
    computing: new Limiter(together),
  };
  const parts = inOrder(
    fields.slice(before),
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
    onProgress?.(unfinished.reports.length, fields.length);
  }
}
