/** What the units of a network respond to, layer by layer: the paper's Figure 3 and Supplementary Figures 3 and 4. */
import { join } from 'node:path';
import type { Dataset } from '../data/dataset';
import { DeepYeastError } from '../errors';
import { writeFileAtomically } from '../files/atomic-file';
import { writeFolder } from '../files/write-together';
import type { BatchOptions, Network } from '../network/network';
import { matchClasses } from '../prediction/class-match';
import { type RuleOptions, requireModelRule } from '../prediction/rule-match';
import { writeClassicInformation, writeFindings } from './explanation-tables';
import { explainLayer, type LayerFindings } from './layer-study';
import { type LayerSummary, summariseClassic, summariseLayer } from './layer-summary';
import { type NamedFeatureMatrix, selectRows } from './matrix';
import { labelEntropy, unitInformation } from './mutual-information';
import { writePatchSheet } from './patch-sheet';
import { stratifiedSample } from './sample';

export type { LayerSummary } from './layer-summary';

export interface ExplainOptions extends BatchOptions, RuleOptions {
  /** Default: all. */
  layers?: readonly string[];
  /** Cells for information, correlations and patches, class-stratified; default 10,000. */
  cells?: number;
  /** Of these, cells for the embeddings; default 1,000. */
  embeddedCells?: number;
  /** Of these, cells for the correlation with Gabor filters; default 100; 0: none. */
  gaborCells?: number;
  /** Patches a unit; default 9. */
  patches?: number;
  /** Iterations of t-SNE; default 1,000. */
  iterations?: number;
  /** UMAP beside t-SNE; default yes. */
  umap?: boolean;
  /** Classic features of all cells of the dataset, to stand beside the units. */
  classic?: NamedFeatureMatrix;
  seed?: number;
  record?: Readonly<Record<string, unknown>>;
  onProgress?: (done: number, total: number, what: string) => void;
}

/** explain.json */
export interface Explanation {
  cells: number;
  embeddedCells: number;
  /** Entropy of the class over the cells, in bits: the most that a unit can say. */
  classEntropy: number;
  seed: number;
  layers: LayerSummary[];
  /** Information of the classic features, where they were given. */
  classic: Omit<LayerSummary, 'purity' | 'medianClassicCorrelation' | 'medianGaborCorrelation'> | null;
}

/**
 * Explains a network's units on a labelled dataset and writes into a folder: units.csv (information, and the classic
 * feature and Gabor filter that each unit resembles most), embeddings.csv, neighbours.csv (of the last hidden layer),
 * patches.csv, patches_<layer>.png and explain.json.
 *
 * @throws invalid-argument, class-unknown, rule-mismatch, dataset-invalid, aborted, disk-full, io-error
 */
export async function explain(
  network: Network,
  dataset: Dataset,
  out: string,
  options: ExplainOptions = {},
): Promise<Explanation> {
  const { seed = 0, classic } = options;
  requireModelRule(network, dataset, options);
  const layers = requireLayers(network, options.layers);
  if (classic && classic.rows !== dataset.count) {
    throw new DeepYeastError(
      'invalid-argument',
      `found classic features of ${classic.rows} cells, expected the dataset's ${dataset.count}; extract them from it`,
    );
  }
  const index = matchClasses(network.classes, dataset);
  const cells = stratifiedSample(dataset.labels, options.cells ?? 10_000, seed);
  const labels = Uint32Array.from(cells, (cell) => index[dataset.labels[cell] as number] as number);
  const embedded = stratifiedSample(Int32Array.from(labels), options.embeddedCells ?? 1000, seed);
  const classicRows = classic && selectRows(classic, cells);
  return writeFolder(out, async (folder) => {
    const study = { network, dataset, cells, labels, embedded, classic: classicRows, options };
    const findings: LayerFindings[] = [];
    for (const layer of layers) findings.push(await explainLayer(study, layer, findings.length, layers.length));
    const classicInformation = classicRows && unitInformation(classicRows, labels, network.classes, { seed });
    const explanation: Explanation = {
      cells: cells.length,
      embeddedCells: embedded.length,
      classEntropy: labelEntropy(labels, network.classes.length),
      seed,
      layers: findings.map((found) => summariseLayer(network, found)),
      classic: classicInformation ? summariseClassic(network, classicInformation) : null,
    };
    await writeFindings(study, findings, folder);
    for (const found of findings) await writePatchSheet(dataset, found, folder);
    if (classicInformation) await writeClassicInformation(classicInformation, folder);
    const text = JSON.stringify({ ...options.record, ...explanation }, null, 2);
    await writeFileAtomically(join(folder, 'explain.json'), `${text}\n`);
    return explanation;
  });
}

function requireLayers(network: Network, asked: readonly string[] | undefined): readonly string[] {
  const known = network.layerNames;
  const unknown = asked?.find((layer) => !known.includes(layer));
  if (unknown !== undefined) {
    throw new DeepYeastError(
      'invalid-argument',
      `found the layer '${unknown}', expected some of ${known.join(', ')}, between commas`,
    );
  }
  return asked ?? known;
}
