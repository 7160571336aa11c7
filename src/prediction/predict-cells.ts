import { type Cell, Dataset } from '../data/dataset';
import type { BatchOptions, Network } from '../network/network';
import { type CellSource, openImages, pipelined, withCells } from './cell-source';
import { type RuleOptions, requireModelRule } from './rule-match';

/** Consecutive cells. */
export interface PredictedCells {
  cells: Cell[];
  /** [cells, classes] */
  posteriors: Float32Array;
}

/**
 * Class posteriors with their cells, in order, batch by batch. Memory does not grow with the number of cells of a
 * dataset; images are read, cut and normalized by the model's own rule while the network works on the batch before.
 * @throws rule-mismatch, model-mismatch, images-truncated, image-invalid, dataset-invalid, aborted, closed
 */
export async function* predictCells(
  network: Network,
  source: CellSource,
  options: BatchOptions & RuleOptions = {},
): AsyncGenerator<PredictedCells> {
  if (source instanceof Dataset) {
    requireModelRule(network, source, options);
    for await (const { cells, batch } of withCells(source, network.predictBatches(source, options))) {
      yield { cells, posteriors: batch.posteriors };
    }
    return;
  }
  const { batches } = await openImages(network, source, options);
  yield* pipelined(batches(), async ({ cells, pixels }) => {
    const { posteriors } = await network.predict(pixels, options);
    return { cells, posteriors };
  });
}
