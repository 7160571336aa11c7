/** One part of a screen: its cells are cut, then predicted. Whatever was done before is not done again. */

import { stat } from 'node:fs/promises';
import { Dataset } from '../data/dataset';
import { fileError } from '../errors';
import { appendFields, rowOptions } from '../fields/append-fields';
import { rowColumns } from '../fields/cell-rows';
import { type FieldReport, formatFields, typicalDiameter } from '../fields/field-results';
import type { CellsOptions } from '../fields/plate-options';
import { UnfinishedDataset, unfinishedFolder } from '../fields/unfinished-dataset';
import { writeFileAtomically } from '../files/atomic-file';
import { parseNumber, rounded } from '../files/number';
import { removeFile } from '../files/remove-file';
import type { Network } from '../network';
import { predictCells } from '../prediction';
import { isPartDone, partFiles, readCutFields, writePart } from './part-files';
import type { PlannedPart } from './parts';
import { fieldPicture, writeCellSheets, writeFieldPicture } from './pictures';
import type { PlannedScreen } from './plan';
import type { QualityScorer } from './quality-scores';
import type { PartCells } from './results';

/** What all parts of a shard share. */
export interface PartWork {
  planned: PlannedScreen;
  options: CellsOptions;
  network: Network;
  quality: QualityScorer | undefined;
  threads: number;
}

/**
 * Makes a part: cells/PART, parts/PART.npy and, last of all, parts/PART.json, with the pictures of the report.
 *
 * @param onFields called with the fields of the part that are done
 * @throws image-invalid where a field cannot be used and the screen stops at such; run-locked where another process makes
 *   this part; run-mismatch; io-error; disk-full; aborted
 */
export async function makePart(part: PlannedPart, work: PartWork, onFields: (done: number) => void): Promise<void> {
  const { folder, plan } = work.planned;
  if (await isPartDone(folder, part.name, plan.job)) return onFields(part.count);
  const reports = (await cutBefore(part, work)) ?? (await cutPart(part, work, onFields));
  onFields(part.count);
  const paths = partFiles(folder, part.name);
  const kept = reports.reduce((sum, report) => sum + (report.kept ?? 0), 0);
  const classes = work.network.classes.length;
  const { cells, posteriors } =
    kept > 0 ? await predictPart(await Dataset.open(paths.cells), part, work) : nothing(work);
  await writePart(folder, part.name, { job: plan.job, fields: reports, cells }, posteriors, classes);
  await removeFile(paths.fields);
}

/** The reports of a part whose cells an earlier run has cut; undefined where they are not. */
async function cutBefore(
  { name }: PlannedPart,
  { planned: { folder, plan } }: PartWork,
): Promise<FieldReport[] | undefined> {
  const reports = await readCutFields(folder, name, plan.job);
  // They are written just before the dataset gets its name.
  return reports && !(await exists(unfinishedFolder(partFiles(folder, name).cells))) ? reports : undefined;
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw fileError('read', path, error);
  }
}

/** Cuts the cells of a part's fields into its dataset. */
async function cutPart(part: PlannedPart, work: PartWork, onFields: (done: number) => void): Promise<FieldReport[]> {
  const { planned, options, threads } = work;
  const { folder, plan, screen } = planned;
  const { survey } = plan;
  const paths = partFiles(folder, part.name);
  const rows = rowOptions(plan, options, survey);
  const unfinished = await UnfinishedDataset.open<FieldReport>(paths.cells, async () => ({
    job: { job: plan.job, part: part.name },
    layout: { size: options.size ?? 64, channels: rows.channels, columns: rowColumns(rows) },
  }));
  try {
    const fields = plan.fields.slice(part.first, part.first + part.count);
    const positions = new Map(fields.map(({ images }, index) => [images.key, index]));
    await appendFields(unfinished, fields, {
      ...{ options, survey, rows, threads },
      write: async (field, found) => {
        if (!screen.pictures) return;
        const index = positions.get(field.images.key) as number;
        await writeFieldPicture(fieldPicture(folder, part.name, index), found);
      },
      onProgress: onFields,
    });
    const { reports } = unfinished;
    await writeFileAtomically(paths.fields, JSON.stringify({ job: plan.job, fields: reports }));
    if (unfinished.cells === 0) {
      await unfinished.discard();
      return reports;
    }
    const cellDiameter = typicalDiameter(reports.filter(({ problem }) => problem === undefined));
    await unfinished.finish(
      {
        classes: plan.classes,
        channels: [...rows.channels],
        normalization: survey.normalization,
        ...(cellDiameter !== undefined && { cellDiameter }),
        provenance: { command: 'screen', job: plan.job, part: part.name },
      },
      { 'fields.csv': formatFields(reports) },
    );
    return reports;
  } finally {
    await unfinished.close();
  }
}

function nothing({ quality }: PartWork): { cells: PartCells; posteriors: Float32Array } {
  return {
    cells: { cell: [], x: [], y: [], flags: [], ...(quality && { quality: [] }) },
    posteriors: new Float32Array(0),
  };
}

async function predictPart(
  dataset: Dataset,
  part: PlannedPart,
  { planned: { folder, screen }, options, network, quality, threads }: PartWork,
): Promise<{ cells: PartCells; posteriors: Float32Array }> {
  const { signal } = options;
  const cells: PartCells = { cell: [], x: [], y: [], flags: [] };
  const posteriors = new Float32Array(dataset.count * network.classes.length);
  const running = { allowRuleMismatch: screen.allowRuleMismatch, ...(signal && { signal }) };
  for await (const batch of predictCells(network, dataset, running)) {
    posteriors.set(batch.posteriors, cells.cell.length * network.classes.length);
    for (const { cell, x, y, flags = '' } of batch.cells) {
      cells.cell.push(cell);
      cells.x.push(parseNumber(x) ?? Number.NaN);
      cells.y.push(parseNumber(y) ?? Number.NaN);
      cells.flags.push(String(flags));
    }
  }
  if (quality)
    cells.quality = Array.from(await quality.score(dataset, { threads, signal }), (score) => rounded(score, 7));
  if (screen.pictures) await writeCellSheets(folder, part.name, dataset);
  return { cells, posteriors };
}
