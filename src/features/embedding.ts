/** Two-dimensional pictures of a layer (the paper's Figure 3b): t-SNE and UMAP of the same cells. */
import type { FeatureMatrix } from './matrix';
import { neighbourPurity } from './neighbours';
import { tsne } from './tsne';
import { umap } from './umap';

export interface EmbeddingOptions {
  seed?: number;
  /** Of t-SNE; default 30, less where there are too few cells. */
  perplexity?: number;
  /** Of t-SNE; default 1000. */
  iterations?: number;
  /** Principal components that both start from; default 50. */
  components?: number;
  /** Leave UMAP out. */
  umap?: boolean;
  signal?: AbortSignal | undefined;
}

export interface Embedding {
  /** [cells, 2] each. */
  tsne: Float64Array;
  umap: Float64Array | null;
  perplexity: number;
  /** Kullback-Leibler divergence of t-SNE's, in nats. */
  divergence: number;
  /** Share of a cell's ten nearest neighbours in its class: among the features, and in each picture. */
  purity: { features: number; tsne: number; umap: number | null };
}

const neighboursOfPurity = 10;

/**
 * Embeds cells by their features: PCA to 50 dimensions, then t-SNE and UMAP, a pure function of features and seed.
 * @param labels class of each row, for the purity only
 * @throws invalid-argument with too few cells, aborted
 */
export async function embed(
  features: FeatureMatrix,
  labels: ArrayLike<number>,
  options: EmbeddingOptions = {},
): Promise<Embedding> {
  const { rows, columns, values } = features;
  const { seed = 0, components = 50, signal, iterations = 1000 } = options;
  const perplexity = options.perplexity ?? Math.min(30, Math.max(1, Math.floor((rows - 1) / 3)));
  const { principalComponents } = await import('./pca.js'); // on first use: it loads a library of matrices
  const { scores, count } = principalComponents(features, components);
  const { positions, divergence } = await tsne(scores, rows, count, { perplexity, iterations, seed, signal });
  const map = options.umap === false || rows <= 15 ? null : await umap(scores, rows, count, { seed, signal });
  const purity = (points: ArrayLike<number>, dimensions: number) =>
    neighbourPurity({ count: rows, dimensions, values: points }, labels, Math.min(neighboursOfPurity, rows - 1));
  return {
    tsne: positions,
    umap: map,
    perplexity,
    divergence,
    purity: { features: purity(values, columns), tsne: purity(positions, 2), umap: map && purity(map, 2) },
  };
}
