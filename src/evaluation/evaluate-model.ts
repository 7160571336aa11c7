import { join } from 'node:path';
import type { Dataset } from '../data/dataset';
import { writeFileAtomically } from '../files/atomic-file';
import { makeOutputFolder } from '../files/output-folder';
import type { BatchOptions, Network } from '../network/network';
import { matchClasses } from './class-match';
import { predictDataset } from './predict-cells';
import { evaluationColumns, PredictionsWriter } from './predictions-table';
import { Evaluation, type EvaluationOptions, evaluationOptions, type Report } from './report';
import type { RuleOptions } from './rule-match';

export interface EvaluateModelOptions extends EvaluationOptions, RuleOptions, BatchOptions {
  /** Format of the predictions. Default `csv`. */
  format?: 'csv' | 'parquet';
  /** What metrics.json says of the model and the dataset, before the scores. */
  record?: Readonly<Record<string, unknown>>;
  onProgress?: (done: number, total: number) => void;
}

/**
 * Predicts a dataset and scores the predictions: writes metrics.json and predictions.csv (or .parquet) into a folder,
 * each whole or not at all, and returns the scores.
 * @throws class-unknown, labels-invalid, dataset-invalid without labelled cells, disk-full, io-error, invalid-argument
 *   and what predictDataset throws
 */
export async function evaluateModel(
  network: Network,
  dataset: Dataset,
  out: string,
  options: EvaluateModelOptions = {},
): Promise<Report> {
  const { format = 'csv', record = {}, onProgress } = options;
  evaluationOptions(options);
  const classIndex = matchClasses(network.classes, dataset);
  const evaluation = new Evaluation(network.classes);
  const k = network.classes.length;
  const folder = await makeOutputFolder(out);
  let writer: PredictionsWriter | undefined;
  try {
    writer = await PredictionsWriter.create(join(out, `predictions.${format}`), network.classes, {
      format,
      copy: evaluationColumns,
    });
    for await (const { cells, posteriors } of predictDataset(network, dataset, options)) {
      for (const [i, cell] of cells.entries()) {
        evaluation.add(classIndex[cell.label] ?? -1, cell.protein, posteriors, i * k);
        await writer.append(cell, posteriors, i * k, dataset.classes);
      }
      onProgress?.(writer.count, dataset.count);
    }
    const report = evaluation.report(options);
    await writer.commit();
    await writeFileAtomically(join(out, 'metrics.json'), `${JSON.stringify({ ...record, ...report }, null, 2)}\n`);
    return report;
  } catch (error) {
    await writer?.abort();
    await folder.undo();
    throw error;
  }
}
