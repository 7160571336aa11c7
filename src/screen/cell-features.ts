/** Features of all cells of a part: classic ones, or those of a layer of the screen's model. */

import type { Dataset } from '../data/dataset';
import { classicFeatureMatrix, classicFeatureNames } from '../features/classic';
import { type FeatureOptions, planFeatures } from '../features/extraction';
import { featureNames, featuresOfCells } from '../features/layer-features';
import type { NamedFeatureMatrix } from '../features/matrix';
import type { Network } from '../network';

export interface CellFeatures {
  /** Of the columns, in order. */
  names: readonly string[];
  compute(
    dataset: Dataset,
    options: { threads?: number | undefined; signal?: AbortSignal | undefined },
  ): Promise<NamedFeatureMatrix>;
}

export const classicCellFeatures = (): CellFeatures => ({
  names: classicFeatureNames().map(({ name }) => name),
  compute: (dataset, { threads, signal }) =>
    classicFeatureMatrix(dataset, { ...(threads !== undefined && { threads }), ...(signal && { signal }) }),
});

/** @throws invalid-argument for a layer that the network does not have */
export function layerCellFeatures(network: Network, layer: Pick<FeatureOptions, 'layer' | 'summary'>): CellFeatures {
  return {
    names: featureNames(planFeatures(network, layer)),
    compute: (dataset, { signal }) => {
      const all = Uint32Array.from({ length: dataset.count }, (_, i) => i);
      return featuresOfCells(network, dataset, all, { ...layer, ...(signal && { signal }), allowRuleMismatch: true });
    },
  };
}
