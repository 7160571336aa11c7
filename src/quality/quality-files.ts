/** `deepyeast quality`: detectors in folders, scores in tables, filtered datasets. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { throwIfAborted } from '../abort';
import { Forest } from '../classifiers/forest';
import { readCellTable, requireSamePlaces, rowsByName } from '../data/cell-join';
import type { Cell, Dataset } from '../data/dataset';
import { DatasetWriter } from '../data/dataset-writer';
import { DeepYeastError, fileError } from '../errors';
import { featuresOfDataset } from '../features/dataset-features';
import { readFeatureCells } from '../features/labelled-features';
import { cropsOf } from '../features/layer-features';
import { writeFileAtomically } from '../files/atomic-file';
import { rounded } from '../files/number';
import { parseJson } from '../files/parse-json';
import { writeRecords } from '../files/record-table';
import { openTable } from '../files/table-reader';
import { writeFolder } from '../files/write-together';
import { argmax } from '../prediction/call';
import { DistinctPredictions, predictedClasses, readPredictions } from '../prediction/predictions-table';
import {
  type FilterCell,
  type FilterReport,
  filterReport,
  type QualityDetector,
  type QualityOptions,
  type QualityScores,
  qualityScores,
  qualityTrainingCells,
  scoreQuality,
  trainQuality,
} from './quality';

/** The files of a detector's folder. */
export const qualityFiles = {
  detector: 'forest.safetensors',
  description: 'quality.json',
  scores: 'scores.csv',
} as const;

export interface TrainQualityFilesOptions extends QualityOptions {
  /** Table with the columns cell and quality (`cell`, or anything else for none); default cells.csv's own column. */
  marks?: string;
  /** Tables of predictions, such as the network's and the forest's: a good cell has to be right in all of them. */
  predictions?: readonly string[];
  /** Good cells of a class; default 100. */
  perClass?: number;
  /** Of the filter that is tried on the other cells; default 0.5. */
  threshold?: number;
  record?: Readonly<Record<string, unknown>>;
}

/** quality.json */
export interface QualityFile extends Omit<QualityDetector, 'forest'> {
  /** Names of the features' columns, in order. */
  features: string[];
  /** Cells that trained it: they leave every score. */
  trainingCells: string[];
  /** The filter on all other cells of the dataset. */
  filter: FilterReport;
}

/**
 * Trains a detector of good cells on features of a dataset, tries it on the cells that had no part in it, and writes
 * forest.safetensors, quality.json and scores.csv into a folder.
 * @param featureFolder of `deepyeast features`, of the same dataset: a layer of the network, or classic features
 * @throws dataset-invalid, invalid-argument with too few marked cells, table-invalid, aborted, io-error, disk-full
 */
export async function trainQualityFiles(
  dataset: Dataset,
  featureFolder: string,
  out: string,
  options: TrainQualityFilesOptions = {},
): Promise<QualityFile> {
  const { predictions = [], perClass = 100, threshold = 0.5, seed = 0, record = {} } = options;
  const features = await featuresOfDataset(featureFolder, dataset);
  const cells = await dataset.table();
  await rowsByName(dataset.path, cells);
  const marks = await readMarks(cells, options.marks);
  if (marks.size === 0) {
    throw new DeepYeastError(
      'invalid-argument',
      `found no mark in ${options.marks ?? 'the column quality of cells.csv'}, expected 'cell' or something else for some cells`,
    );
  }
  const right = await rightCalls(cells, dataset.classes, predictions);
  const candidates = cells.map(
    (cell, i) => marks.get(cell.cell) === 'cell' && right.every((model) => model[i] === true),
  );
  const nonCell = cells.map(({ cell }) => (marks.get(cell) ?? 'cell') !== 'cell');
  const { good, nonCells } = qualityTrainingCells(dataset.labels, candidates, nonCell, { perClass, seed });
  const { forest, ...detector } = await trainQuality(features, good, nonCells, options);
  try {
    const scores = await scoreQuality(forest, features, options);
    const training = new Set([...good, ...nonCells]);
    const rest = [...cells.keys()].filter((i) => !training.has(i));
    // What is planted or marked in the other cells is known to the report alone.
    const reported = (rest.length > 0 ? rest : [...cells.keys()]).map((i): FilterCell => {
      const mark = marks.get((cells[i] as Cell).cell);
      return {
        score: scores[i] as number,
        label: dataset.labels[i] as number,
        good: mark === undefined ? null : mark === 'cell',
        right: right.map((model) => model[i] === true),
      };
    });
    const file: QualityFile = {
      ...detector,
      features: [...features.names],
      trainingCells: [...training].sort((a, b) => a - b).map((i) => (cells[i] as Cell).cell),
      filter: filterReport(reported, dataset.classes, predictions, threshold, seed),
    };
    await writeFolder(out, async (folder) => {
      await forest.save(join(folder, qualityFiles.detector));
      await writeScores(join(folder, qualityFiles.scores), cells, scores);
      const text = JSON.stringify({ ...record, ...file }, null, 2);
      await writeFileAtomically(join(folder, qualityFiles.description), `${text}\n`);
    });
    return file;
  } finally {
    await forest.close();
  }
}

/** What is marked, by cell; unmarked cells are absent. */
async function readMarks(cells: readonly Cell[], path: string | undefined): Promise<Map<string, string>> {
  const marks = new Map<string, string>();
  if (path === undefined) {
    for (const { cell, quality } of cells) {
      if (quality !== undefined && quality !== '') marks.set(cell, String(quality));
    }
  } else {
    const { rows } = await readCellTable(path, ['quality'], 'quality');
    requireSamePlaces(path, rows, cells);
    for (const [cell, { values }] of rows) marks.set(cell, values.quality as string);
  }
  return marks;
}

/**
 * For each table of predictions, whether it calls each cell right.
 * @throws table-invalid where a labelled cell is missing, or a cell is there twice
 */
async function rightCalls(
  cells: readonly Cell[],
  classes: readonly string[],
  paths: readonly string[],
): Promise<boolean[][]> {
  const results: boolean[][] = [];
  for (const path of paths) {
    const table = await openTable(path);
    const names = predictedClasses(table);
    const calls = new Map<string, string>();
    const distinct = new DistinctPredictions();
    for await (const row of readPredictions(table)) {
      distinct.add(path, row);
      calls.set(row.cell, names[argmax(row.posterior)] as string);
    }
    const missing = cells.filter(({ cell, label }) => label >= 0 && !calls.has(cell));
    if (missing.length > 0) {
      throw new DeepYeastError(
        'table-invalid',
        `${path} has no prediction of ${missing.length} labelled cells, '${missing[0]?.cell}' among them; predict the ` +
          'dataset whose cells are filtered',
      );
    }
    results.push(cells.map(({ cell, label }) => label >= 0 && calls.get(cell) === classes[label]));
  }
  return results;
}

async function writeScores(path: string, cells: readonly { cell: string }[], scores: Float32Array): Promise<void> {
  const rows = cells.map(({ cell }, i) => ({ cell, quality: rounded(scores[i] as number, 7) }));
  await writeRecords(path, rows, { columns: ['cell', 'quality'] });
}

export interface ScoredCells {
  cells: number;
  /** Cells with a score below one half. */
  belowHalf: number;
}

/**
 * Scores the cells of a folder of features with a detector and writes a table cell, quality.
 * @throws model-invalid, invalid-argument for other features, aborted, io-error, disk-full
 */
export async function scoreQualityFiles(
  detector: string,
  featureFolder: string,
  out: string,
  options: { threads?: number | undefined; signal?: AbortSignal | undefined } = {},
): Promise<ScoredCells> {
  const { features, cells } = await readFeatureCells(featureFolder);
  await rowsByName(featureFolder, cells);
  const description = await readQualityFile(detector);
  if (description.features.join('\n') !== features.names.join('\n')) {
    throw new DeepYeastError(
      'invalid-argument',
      `${featureFolder} holds ${features.columns} features (${features.names[0]}, ...), expected the detector's ` +
        `${description.features.length} (${description.features[0]}, ...); extract the same layer`,
    );
  }
  const forest = await Forest.load(join(detector, qualityFiles.detector));
  try {
    const scores = await scoreQuality(forest, features, options);
    await writeScores(out, cells, scores);
    return { cells: scores.length, belowHalf: scores.filter((score) => score < 0.5).length };
  } finally {
    await forest.close();
  }
}

/** quality.json of a detector's folder. Throws `io-error`, or `model-invalid` where it is none. */
export async function readQualityFile(folder: string): Promise<QualityFile> {
  const path = join(folder, qualityFiles.description);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw fileError('read', path, error);
  }
  try {
    const file = parseJson(text, path, 'model-invalid') as QualityFile | null;
    if (Array.isArray(file?.features)) return file;
  } catch {
    // Said below.
  }
  throw new DeepYeastError('model-invalid', `${path} is not the description of a quality detector`);
}

/**
 * Writes a dataset with the cells whose score is at least the threshold; no label is read. Cells without a score stay.
 * @throws output-exists, dataset-invalid where no cell is left, aborted, io-error, disk-full
 */
export async function filterDataset(
  dataset: Dataset,
  scores: ReadonlyMap<string, number>,
  out: string,
  options: { threshold?: number; signal?: AbortSignal | undefined } = {},
): Promise<{ kept: Dataset; removed: number; unscored: number }> {
  const { threshold = 0.5, signal } = options;
  const rows = await dataset.table();
  await rowsByName(dataset.path, rows);
  const kept = Uint32Array.from(
    [...rows.keys()].filter((i) => (scores.get((rows[i] as Cell).cell) ?? Number.POSITIVE_INFINITY) >= threshold),
  );
  const { description, size } = dataset;
  const writer = await DatasetWriter.create(out, {
    ...description,
    provenance: { filtered: { from: dataset.path, threshold }, before: description.provenance ?? null },
    size,
    extraColumns: dataset.extraColumns,
  });
  try {
    const bytes = size * size * dataset.channels.length;
    for await (const { start, count, pixels } of cropsOf(dataset, kept, signal)) {
      throwIfAborted(signal);
      for (let i = 0; i < count; i++) {
        await writer.append(pixels.subarray(i * bytes, (i + 1) * bytes), rows[kept[start + i] as number] as Cell);
      }
    }
    const unscored = rows.filter(({ cell }) => !scores.has(cell)).length;
    return { kept: await writer.commit(), removed: rows.length - kept.length, unscored };
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

export interface FilterEvaluationOptions {
  /** Tables of predictions, such as the network's and the forest's, whose accuracy before and after is compared. */
  predictions?: readonly string[];
  /** Table with the columns cell and quality; default cells.csv's own column, where there is one. */
  marks?: string;
  /** Names of cells to leave out: those that trained the detector. */
  trainingCells?: readonly string[];
  /** Default 0.5. */
  threshold?: number;
  seed?: number;
}

/** What a filter does to a dataset, and how well its scores tell the marked cells. */
export interface FilterEvaluation extends FilterReport {
  /** Null where no good cells, or no non-cells, are marked. */
  scores: QualityScores | null;
}

/**
 * What removing the cells of a low score does to a dataset: by class, to the accuracy of models, and against what is
 * marked or planted. Labels and marks are read for this report alone. Cells without a score have no part in it.
 * @throws invalid-argument where no cell has a score, table-invalid, io-error
 */
export async function evaluateFilter(
  dataset: Dataset,
  scores: ReadonlyMap<string, number>,
  options: FilterEvaluationOptions = {},
): Promise<FilterEvaluation> {
  const { predictions = [], trainingCells = [], threshold = 0.5, seed = 0 } = options;
  const cells = await dataset.table();
  await rowsByName(dataset.path, cells);
  const marks = await readMarks(cells, options.marks);
  const right = await rightCalls(cells, dataset.classes, predictions);
  const training = new Set(trainingCells);
  const scored = cells.flatMap(({ cell }, i): FilterCell[] => {
    const score = scores.get(cell);
    if (score === undefined || training.has(cell)) return [];
    const mark = marks.get(cell);
    return [
      {
        score,
        label: dataset.labels[i] as number,
        good: mark === undefined ? null : mark === 'cell',
        right: right.map((model) => model[i] === true),
      },
    ];
  });
  const marked = scored.filter(({ good }) => good !== null);
  const bothKinds = new Set(marked.map(({ good }) => good)).size === 2;
  return {
    ...filterReport(scored, dataset.classes, predictions, threshold, seed),
    scores: bothKinds
      ? qualityScores(
          marked.map(({ score }) => score),
          marked.map(({ good }) => (good ? 1 : 0)),
        )
      : null,
  };
}
