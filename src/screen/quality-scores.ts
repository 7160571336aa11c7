/** Scores of a detector of non-cells for the cells of a part. */

import { join } from 'node:path';
import { Forest } from '../classifiers/forest';
import type { Dataset } from '../data/dataset';
import { DeepYeastError } from '../errors';
import { summaries } from '../features/extraction';
import type { Network } from '../network';
import { qualityFiles, readQualityFile, scoreQuality } from '../quality';
import { type CellFeatures, classicCellFeatures, layerCellFeatures } from './cell-features';
import type { ScreenFile } from './screen-options';
import { requireUnchanged } from './unchanged-file';

/** A detector that is ready for parts. */
export interface QualityScorer {
  score(dataset: Dataset, options: { threads: number; signal?: AbortSignal | undefined }): Promise<Float32Array>;
  close(): Promise<void>;
}

/**
 * Opens a detector and finds out which features it takes: classic ones, or those of a layer of the screen's model.
 *
 * @throws run-mismatch where it is not the detector of the plan; invalid-argument where the model has no such features
 */
export async function openQuality(
  { path, sha256 }: NonNullable<ScreenFile['quality']>,
  network: Network,
): Promise<QualityScorer> {
  const file = join(path, qualityFiles.detector);
  await requireUnchanged(file, sha256);
  const features = featuresOf((await readQualityFile(path)).features, network, path);
  const forest = await Forest.load(file);
  return {
    score: async (dataset, options) => scoreQuality(forest, await features.compute(dataset, options), options),
    close: () => forest.close(),
  };
}

function featuresOf(names: readonly string[], network: Network, detector: string): CellFeatures {
  const layer = network.layerNames.find((name) => names[0]?.startsWith(`${name}_`));
  const candidates = [
    classicCellFeatures(),
    ...(layer === undefined ? [] : summaries.map((summary) => layerCellFeatures(network, { layer, summary }))),
  ];
  const found = candidates.find(
    (own) => own.names.length === names.length && own.names.every((name, i) => name === names[i]),
  );
  if (found) return found;
  throw new DeepYeastError(
    'invalid-argument',
    `the detector ${detector} was trained on ${names.length} features (${names[0]}, ...), which are neither the classic ones nor those of a layer of the screen's model`,
  );
}
