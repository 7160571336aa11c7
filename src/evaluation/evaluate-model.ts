import { join } from 'node:path';
import { writeFileAtomically } from '../files/atomic-file';
import type { TableWriterOptions } from '../files/table-writer';
import { writeFolder } from '../files/write-together';
import type { BatchOptions, Network } from '../network/network';
import { type CellSource, describeSource, requireDistinctCells } from '../prediction/cell-source';
import { matchClasses } from '../prediction/class-match';
import { predictCells } from '../prediction/predict-cells';
import { evaluationColumns, PredictionsWriter } from '../prediction/predictions-table';
import type { RuleOptions } from '../prediction/rule-match';
import { Evaluation, type EvaluationOptions, evaluationOptions, type Report } from './report';

export interface EvaluateModelOptions extends EvaluationOptions, RuleOptions, BatchOptions {
  /** For predictions.csv; see TableWriterOptions. */
  table?: Pick<TableWriterOptions, 'csvSafe' | 'onCsvSafe'>;
  /** Format of the predictions. Default `csv`. */
  format?: 'csv' | 'parquet';
  /** What metrics.json says of the model and the dataset, before the scores. */
  record?: Readonly<Record<string, unknown>>;
  onProgress?: (done: number, total: number) => void;
}

/**
 * Predicts a dataset, or images with labels, and scores the predictions: writes metrics.json and predictions.csv (or .parquet) into a folder,
 * each whole or not at all, and returns the scores.
 * @throws class-unknown, labels-invalid, dataset-invalid without labelled cells, disk-full, io-error, invalid-argument
 *   and what predictCells throws
 */
export async function evaluateModel(
  network: Network,
  source: CellSource,
  out: string,
  options: EvaluateModelOptions = {},
): Promise<Report> {
  const { format = 'csv', record = {}, onProgress } = options;
  evaluationOptions(options);
  const description = describeSource(source);
  const { classes, count } = description;
  const classIndex = matchClasses(network.classes, description);
  await requireDistinctCells([source]);
  const evaluation = new Evaluation(network.classes);
  const k = network.classes.length;
  return writeFolder(out, async (folder) => {
    const writer = await PredictionsWriter.create(join(folder, `predictions.${format}`), network.classes, {
      ...options.table,
      format,
      copy: evaluationColumns,
    });
    try {
      for await (const { cells, posteriors } of predictCells(network, source, options)) {
        for (const [i, cell] of cells.entries()) {
          evaluation.add(classIndex[cell.label] ?? -1, cell.protein, posteriors, i * k);
          await writer.append(cell, posteriors, i * k, classes);
        }
        onProgress?.(writer.count, count);
      }
      const report = evaluation.report(options);
      await writer.commit();
      await writeFileAtomically(join(folder, 'metrics.json'), `${JSON.stringify({ ...record, ...report }, null, 2)}\n`);
      return report;
    } catch (error) {
      await writer.abort();
      throw error;
    }
  });
}
