/** `deepyeast compare`: two tables of predictions in, tables and a gallery of mistakes out. */
import { join } from 'node:path';
import { readCellTable, requireSamePlaces, rowsByName } from '../data/cell-join';
import type { Cell, Dataset } from '../data/dataset';
import { type CropTile, cropGrid, encodePng } from '../data/picture';
import { DeepYeastError } from '../errors';
import { writeFileAtomically } from '../files/atomic-file';
import { writeRecords } from '../files/record-table';
import { numberField } from '../files/table-reader';
import type { TableWriterOptions } from '../files/table-writer';
import { writeFolder } from '../files/write-together';
import { readPredictionTable } from '../prediction/labelled-predictions';
import {
  type CompareOptions,
  type Comparison,
  compareModels,
  type MistakeCause,
  mistakeCauses,
  type PlantedCell,
  scoreCauses,
} from './comparison';

export interface CompareFilesOptions extends Omit<CompareOptions, 'quality'> {
  /** Names of the two models; default `first` and `second`. */
  names?: readonly [string, string];
  /** Table with the columns cell and quality, as `deepyeast quality score` writes it. */
  quality?: string;
  /** For mistakes.csv and suspects.csv; see TableWriterOptions. */
  table?: Pick<TableWriterOptions, 'csvSafe' | 'onCsvSafe'>;
  /** The dataset behind the tables: for the gallery, and for what the simulator planted. */
  dataset?: Dataset;
}

/** comparison.json: the comparison without its mistakes, and the rules against the planted causes. */
export type ComparisonFile = Omit<Comparison, 'mistakes'> & {
  mistakes: number;
  /** Row: planted cause; column: the rule's. Null where nothing was planted. */
  planted: Record<MistakeCause, Record<MistakeCause, number>> | null;
};

/** Mistakes shown of each cause. */
const galleryRows = 12;
const gallerySide = 96;

/**
 * Compares two tables of predictions and writes comparison.json, mistakes.csv, suspects.csv and, with a dataset,
 * mistakes.png: a column for each cause (technical; heterogeneity or label; model error), the surest mistakes first.
 * @throws table-invalid, invalid-argument, io-error, disk-full
 */
export async function compareFiles(
  first: string,
  second: string,
  out: string,
  options: CompareFilesOptions = {},
): Promise<ComparisonFile> {
  const { names = ['first', 'second'], quality, dataset } = options;
  const comparison = compareModels(
    await readPredictionTable(first, names[0]),
    await readPredictionTable(second, names[1]),
    { ...options, ...(quality === undefined ? {} : { quality: await readQuality(quality) }) } as CompareOptions,
  );
  const { mistakes, ...rest } = comparison;
  // Joined by their names below: found out before anything is written.
  if (dataset) await rowsByName(dataset.path, dataset.cells());
  const truth = dataset && (await plantedCells(dataset));
  const file: ComparisonFile = {
    ...rest,
    mistakes: mistakes.length,
    planted: truth ? scoreCauses(mistakes, truth) : null,
  };
  await writeFolder(out, async (folder) => {
    await writeRecords(
      join(folder, 'mistakes.csv'),
      mistakes.map((mistake) => ({
        cell: mistake.cell,
        protein: mistake.protein,
        true: mistake.true,
        wrong_in: mistake.wrongIn,
        predicted: mistake.first.predicted,
        posterior: mistake.first.posterior,
        rank_of_true: mistake.first.rankOfTrue,
        protein_posterior: mistake.first.proteinPosterior,
        predicted_second: mistake.second.predicted,
        posterior_second: mistake.second.posterior,
        rank_of_true_second: mistake.second.rankOfTrue,
        protein_posterior_second: mistake.second.proteinPosterior,
        quality: mistake.quality,
        cause: mistake.cause,
      })),
      { ...options.table, ...(mistakes.length === 0 && { columns: ['cell'] }) },
    );
    await writeRecords(
      join(folder, 'suspects.csv'),
      comparison.suspects.map((row) => ({
        protein: row.protein,
        cells: row.cells,
        label: row.label,
        predicted: row.predicted,
        predicted_mean: row.predictedMean,
        label_mean: row.labelMean,
      })),
      { ...options.table, ...(comparison.suspects.length === 0 && { columns: ['protein'] }) },
    );
    if (dataset) await writeGallery(dataset, comparison, join(folder, 'mistakes.png'));
    await writeFileAtomically(join(folder, 'comparison.json'), `${JSON.stringify(file, null, 2)}\n`);
  });
  return file;
}

/**
 * Scores by cell, from a table with the columns cell and quality: the probability of a good cell.
 * @param cells whose scores they are, where they are known: plate, well and field must be theirs
 * @throws table-invalid for a score that is no number from 0 to 1, a missing column or a cell that is there twice
 */
export async function readQuality(path: string, cells: readonly Cell[] = []): Promise<Map<string, number>> {
  const { table, rows } = await readCellTable(path, ['quality'], 'quality');
  requireSamePlaces(path, rows, cells);
  return new Map(
    [...rows].map(([cell, row]) => {
      const score = numberField(table, row, 'quality');
      if (score >= 0 && score <= 1) return [cell, score];
      throw new DeepYeastError(
        'table-invalid',
        `${path}, ${row.where}: found the quality ${score}, expected 0 (no cell) to 1 (a good one)`,
      );
    }),
  );
}

/** What the simulator planted, by cell; undefined for a dataset that was not simulated. */
async function plantedCells(dataset: Dataset): Promise<Map<string, PlantedCell> | undefined> {
  if (!['quality', 'looks', 'truth'].every((column) => dataset.extraColumns.includes(column))) return undefined;
  const planted = new Map<string, PlantedCell>();
  for await (const { cell, label, quality, looks, truth } of dataset.cells()) {
    planted.set(cell, {
      quality: String(quality ?? ''),
      looks: String(looks ?? ''),
      truth: String(truth ?? ''),
      label: dataset.classes[label] ?? '',
    });
  }
  return planted;
}

async function writeGallery(dataset: Dataset, { mistakes }: Comparison, path: string): Promise<void> {
  const position = await rowsByName(dataset.path, dataset.cells());
  const columns = mistakeCauses.map((cause) =>
    mistakes
      .filter((mistake) => mistake.cause === cause && position.has(mistake.cell))
      .sort((a, b) => b.first.posterior - a.first.posterior)
      .slice(0, galleryRows)
      .map(({ cell }) => position.get(cell) as number),
  );
  const cells = Uint32Array.from(new Set(columns.flat())).sort();
  const images = await dataset.readImages(cells);
  const bytes = dataset.size * dataset.size * dataset.channels.length;
  const crops = new Map(Array.from(cells, (cell, i) => [cell, images.subarray(i * bytes, (i + 1) * bytes)]));
  const rows = Math.max(1, ...columns.map((column) => column.length));
  const tiles = Array.from({ length: rows }, (_, r) =>
    columns.map((column): CropTile | undefined => {
      const cell = column[r];
      return cell === undefined ? undefined : { crop: crops.get(cell) as Uint8Array };
    }),
  );
  const grid = { size: dataset.size, channels: dataset.channels.length, side: gallerySide };
  await writeFileAtomically(path, await encodePng(cropGrid(tiles, grid)));
}
