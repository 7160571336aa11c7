/** One layer's units on a sample of cells: their features, and everything that the analyses find out about them. */
import type { Dataset } from '../data/dataset';
import type { BatchOptions, Network } from '../network/network';
import { type StrongestCorrelation, strongestCorrelations } from './correlation';
import { type Embedding, embed } from './embedding';
import { type FeaturePlan, planFeatures, summariseActivations } from './extraction';
import { type GaborCorrelation, gaborCorrelations } from './gabor';
import { cropsOf, featureNames } from './layer-features';
import { type NamedFeatureMatrix, selectRows } from './matrix';
import { type UnitInformation, unitInformation } from './mutual-information';
import { stratifiedSample } from './sample';
import { type TopPatch, TopPatches } from './top-patches';

/** The network, and the cells that its layers are studied on. */
export interface Study {
  network: Network;
  dataset: Dataset;
  /** Positions in the dataset. */
  cells: Uint32Array;
  labels: Uint32Array;
  /** Positions in `cells`. */
  embedded: Uint32Array;
  classic: NamedFeatureMatrix | undefined;
  options: StudyOptions;
}

/** What ExplainOptions says of one layer; see there for the defaults. */
export interface StudyOptions extends BatchOptions {
  gaborCells?: number;
  patches?: number;
  iterations?: number;
  umap?: boolean;
  seed?: number;
  onProgress?: (done: number, total: number, what: string) => void;
}

/** Everything found out about one layer. */
export interface LayerFindings {
  layer: string;
  units: number;
  information: UnitInformation[];
  correlations: StrongestCorrelation[] | null;
  gabor: GaborCorrelation[] | null;
  embedding: Embedding;
  patches: TopPatch[];
  /** The features that the embedding is made of, of the embedded cells. */
  features: NamedFeatureMatrix;
}

/** Of a convolution's two summaries the one that says more of the class, unit by unit. */
export function betterSummaries({
  information,
  units,
}: Pick<LayerFindings, 'information' | 'units'>): UnitInformation[] {
  return Array.from({ length: units }, (_, u) => {
    const first = information[u] as UnitInformation;
    const second = information[u + units];
    return second && second.information > first.information ? second : first;
  });
}

/**
 * Measures one layer of a study.
 * @param done layers measured before, of `layers`: for the progress
 * @throws images-truncated, aborted, closed
 */
export async function explainLayer(study: Study, layer: string, done: number, layers: number): Promise<LayerFindings> {
  const { network, dataset, labels, embedded, classic, options } = study;
  const { seed = 0, signal } = options;
  const last = layer === network.layerNames.at(-1);
  // The last layer has neither normalization nor ReLU: its output is the logits.
  const plan = planFeatures(network, { layer, summary: 'both', stage: last ? 'linear' : 'activated' });
  const units = plan.activation.at(-1) as number;
  const { features, patches } = await readLayer(study, plan, (cells) =>
    options.onProgress?.(done * study.cells.length + cells, layers * study.cells.length, layer),
  );
  // A convolution's embedding and neighbours use the maxima alone.
  const maxima = firstColumns(selectRows(features, embedded), units);
  const embeddedLabels = Uint32Array.from(embedded, (at) => labels[at] as number);
  const gaborCells = options.gaborCells ?? 100;
  const gabor =
    plan.summary === null || gaborCells === 0
      ? null
      : await gaborCorrelations(network, dataset, gaborSample(study, gaborCells), [layer], options);
  return {
    layer,
    units,
    information: unitInformation(features, labels, network.classes, { seed }),
    correlations: classic ? strongestCorrelations(features, classic, { seed }) : null,
    gabor: gabor?.get(layer) ?? null,
    embedding: await embed(maxima, embeddedLabels, {
      seed,
      signal,
      ...(options.iterations !== undefined && { iterations: options.iterations }),
      ...(options.umap !== undefined && { umap: options.umap }),
    }),
    patches,
    features: maxima,
  };
}

/** One pass of the cells through the network: the layer's features of every cell, and the patches that excite its units. */
async function readLayer(
  { network, dataset, cells, options }: Study,
  plan: FeaturePlan,
  onProgress: (cells: number) => void,
): Promise<{ features: NamedFeatureMatrix; patches: TopPatch[] }> {
  const { layer, stage } = plan;
  const columns = plan.shape[0] as number;
  const perCell = plan.activation.reduce((product, length) => product * length, 1);
  const values = new Float32Array(cells.length * columns);
  const top = new TopPatches(network.topology, layer, plan.activation, options.patches ?? 9);
  for await (const { start, pixels } of cropsOf(dataset, cells, options.signal)) {
    for await (const batch of network.activations(pixels, layer, { ...options, stage })) {
      const first = start + batch.start;
      values.set(summariseActivations(batch.values, plan), first * columns);
      for (let i = 0; i < batch.count; i++) {
        top.add(cells[first + i] as number, batch.values.subarray(i * perCell, (i + 1) * perCell));
      }
      onProgress(first + batch.count);
    }
  }
  return { features: { rows: cells.length, columns, names: featureNames(plan), values }, patches: top.result() };
}

function gaborSample({ cells, labels }: Study, count: number): Uint32Array {
  const chosen = stratifiedSample(Int32Array.from(labels), Math.max(2, count), 0);
  return Uint32Array.from(chosen, (at) => cells[at] as number);
}

function firstColumns(matrix: NamedFeatureMatrix, columns: number): NamedFeatureMatrix {
  if (columns === matrix.columns) return matrix;
  const values = new Float32Array(matrix.rows * columns);
  for (let row = 0; row < matrix.rows; row++) {
    const start = row * matrix.columns;
    values.set(matrix.values.subarray(start, start + columns), row * columns);
  }
  return { rows: matrix.rows, columns, names: matrix.names.slice(0, columns), values };
}
