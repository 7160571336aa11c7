/** Scores of a detector of non-cells for the cells of a part. */

import { join } from 'node:path';
import { Forest } from '../classifiers/forest';
import type { Dataset } from '../data/dataset';
import { DeepYeastError } from '../errors';
import { classicFeatureMatrix, classicFeatureNames } from '../features/classic';
import { type FeatureOptions, planFeatures, summaries } from '../features/extraction';
import { featureNames, featuresOfCells } from '../features/layer-features';
import type { NamedFeatureMatrix } from '../features/matrix';
import { fileDigest } from '../files/digest';
import type { Network } from '../network';
import { qualityFiles, readQualityFile, scoreQuality } from '../quality';
import type { ScreenFile } from './screen-options';

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
  if ((await fileDigest(file)) !== sha256) {
    throw new DeepYeastError('run-mismatch', `${file} has changed since the screen was planned: plan it again`);
  }
  const { features } = await readQualityFile(path);
  const compute = featuresOf(features, network, path);
  const forest = await Forest.load(file);
  return {
    score: async (dataset, options) => scoreQuality(forest, await compute(dataset, options), options),
    close: () => forest.close(),
  };
}

function featuresOf(
  names: readonly string[],
  network: Network,
  detector: string,
): (dataset: Dataset, options: { threads: number; signal?: AbortSignal | undefined }) => Promise<NamedFeatureMatrix> {
  const same = (others: readonly string[]) =>
    others.length === names.length && others.every((name, i) => name === names[i]);
  if (same(classicFeatureNames().map(({ name }) => name)))
    return (dataset, options) => classicFeatureMatrix(dataset, options);
  const layer = network.layerNames.find((name) => names[0]?.startsWith(`${name}_`));
  for (const summary of layer === undefined ? [] : summaries) {
    const options: FeatureOptions = { layer: layer as string, summary };
    if (!same(featureNames(planFeatures(network, options)))) continue;
    return (dataset, { signal }) => {
      const all = Uint32Array.from({ length: dataset.count }, (_, i) => i);
      return featuresOfCells(network, dataset, all, { ...options, ...(signal && { signal }), allowRuleMismatch: true });
    };
  }
  throw new DeepYeastError(
    'invalid-argument',
    `the detector ${detector} was trained on ${names.length} features (${names[0]}, ...), which are neither the classic ones nor those of a layer of the screen's model`,
  );
}
