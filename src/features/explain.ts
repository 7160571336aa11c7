/** What the units of a network respond to, layer by layer: the paper's Figure 3 and Supplementary Figures 3 and 4. */
import { join } from 'node:path';
import type { Cell, Dataset } from '../data/dataset';
import { cropGrid, encodePng } from '../data/picture';
import { DeepYeastError } from '../errors';
import { median } from '../evaluation/metrics';
import { writeFileAtomically } from '../files/atomic-file';
import { writeRecords } from '../files/record-table';
import { writeFolder } from '../files/write-together';
import type { BatchOptions, Network } from '../network/network';
import { matchClasses } from '../prediction/class-match';
import { type RuleOptions, requireModelRule } from '../prediction/rule-match';
import { type StrongestCorrelation, strongestCorrelations } from './correlation';
import { type Embedding, embed } from './embedding';
import { planFeatures, summariseActivations } from './extraction';
import { type GaborCorrelation, gaborCorrelations } from './gabor';
import { cropsOf, featureNames } from './layer-features';
import { type NamedFeatureMatrix, selectRows } from './matrix';
import { labelEntropy, type UnitInformation, unitInformation } from './mutual-information';
import { nearestPoints } from './neighbours';
import { receptiveField } from './receptive-field';
import { stratifiedSample } from './sample';
import { type TopPatch, TopPatches } from './top-patches';

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

/** A layer in numbers. Medians and maxima are over units, of the better summary in a convolution. */
export interface LayerSummary {
  layer: string;
  units: number;
  constantUnits: number;
  /** Pixels of a unit's patch; the crop's size for dense layers. */
  receptiveField: number;
  medianInformation: number | null;
  maximumInformation: number | null;
  medianPermuted: number | null;
  medianOneAgainstRest: number | null;
  maximumOneAgainstRest: number | null;
  medianClassicCorrelation: number | null;
  medianGaborCorrelation: number | null;
  purity: Embedding['purity'] | null;
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

/** Everything found out about one layer. */
interface LayerFindings {
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

/** Rows of a sheet of patches: the units that say most of the class. */
const sheetUnits = 24;
const patchSide = 48;
/** Neighbours that neighbours.csv lists for a cell. */
const listedNeighbours = 5;

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
    const explanation: Explanation = {
      cells: cells.length,
      embeddedCells: embedded.length,
      classEntropy: labelEntropy(labels, network.classes.length),
      seed,
      layers: findings.map((found) => summarise(network, found)),
      classic: classicRows ? summariseClassic(network, classicRows, labels, seed) : null,
    };
    await writeFindings(study, findings, folder);
    if (classicRows) {
      const information = unitInformation(classicRows, labels, network.classes, { seed });
      await writeRecords(
        join(folder, 'classic.csv'),
        information.map(({ unit, ...rest }) => ({ feature: unit, ...informationRecord(rest) })),
      );
    }
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

interface Study {
  network: Network;
  dataset: Dataset;
  /** Positions in the dataset. */
  cells: Uint32Array;
  labels: Uint32Array;
  /** Positions in `cells`. */
  embedded: Uint32Array;
  classic: NamedFeatureMatrix | undefined;
  options: ExplainOptions;
}

async function explainLayer(study: Study, layer: string, done: number, layers: number): Promise<LayerFindings> {
  const { network, dataset, cells, labels, embedded, classic, options } = study;
  const { seed = 0, signal, onProgress } = options;
  const total = layers * cells.length;
  const last = layer === network.layerNames.at(-1);
  // The last layer has neither normalization nor ReLU: its output is the logits.
  const plan = planFeatures(network, { layer, summary: 'both', stage: last ? 'linear' : 'activated' });
  const columns = plan.shape[0] as number;
  const units = plan.activation.at(-1) as number;
  const perCell = plan.activation.reduce((product, length) => product * length, 1);
  const values = new Float32Array(cells.length * columns);
  const top = new TopPatches(network.topology, layer, plan.activation, options.patches ?? 9);
  for await (const { start, pixels } of cropsOf(dataset, cells, signal)) {
    for await (const batch of network.activations(pixels, layer, { ...options, stage: plan.stage })) {
      const first = start + batch.start;
      values.set(summariseActivations(batch.values, plan), first * columns);
      for (let i = 0; i < batch.count; i++) {
        top.add(cells[first + i] as number, batch.values.subarray(i * perCell, (i + 1) * perCell));
      }
      onProgress?.(done * cells.length + first + batch.count, total, layer);
    }
  }
  const features: NamedFeatureMatrix = { rows: cells.length, columns, names: featureNames(plan), values };
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
    patches: top.result(),
    features: maxima,
  };
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

/** Of a convolution's two summaries the one that says more of the class, unit by unit. */
function betterSummaries({ information, units }: Pick<LayerFindings, 'information' | 'units'>): UnitInformation[] {
  return Array.from({ length: units }, (_, u) => {
    const first = information[u] as UnitInformation;
    const second = information[u + units];
    return second && second.information > first.information ? second : first;
  });
}

const largest = (values: readonly number[]) => (values.length === 0 ? null : Math.max(...values));

function informationSummary(units: readonly UnitInformation[]) {
  const of = (pick: (unit: UnitInformation) => number) => units.map(pick);
  return {
    units: units.length,
    constantUnits: units.filter(({ constant }) => constant).length,
    medianInformation: median(of((unit) => unit.information)).value,
    maximumInformation: largest(of((unit) => unit.information)),
    medianPermuted: median(of((unit) => unit.permuted)).value,
    medianOneAgainstRest: median(of((unit) => unit.oneAgainstRest)).value,
    maximumOneAgainstRest: largest(of((unit) => unit.oneAgainstRest)),
  };
}

function summarise(network: Network, found: LayerFindings): LayerSummary {
  const absolute = (rows: readonly { correlation: number | null }[] | null) =>
    median((rows ?? []).map(({ correlation }) => correlation && Math.abs(correlation))).value;
  return {
    layer: found.layer,
    receptiveField: receptiveField(network.topology, found.layer)?.size ?? network.topology.imageSize,
    ...informationSummary(betterSummaries(found)),
    medianClassicCorrelation: absolute(found.correlations),
    medianGaborCorrelation: absolute(found.gabor),
    purity: found.embedding.purity,
  };
}

function summariseClassic(network: Network, classic: NamedFeatureMatrix, labels: Uint32Array, seed: number) {
  const information = unitInformation(classic, labels, network.classes, { seed });
  return {
    layer: 'classic',
    receptiveField: network.topology.imageSize,
    ...informationSummary(information),
  };
}

function informationRecord(found: Omit<UnitInformation, 'unit'>) {
  return {
    constant: found.constant,
    information: found.information,
    permuted: found.permuted,
    one_against_rest: found.oneAgainstRest,
    best_class: found.bestClass,
    permuted_one_against_rest: found.permutedOneAgainstRest,
  };
}

async function writeFindings(study: Study, findings: readonly LayerFindings[], out: string): Promise<void> {
  const { network, dataset, cells, labels, embedded } = study;
  const table = await dataset.table();
  const named = (cell: number) => table[cell] as Cell;
  const className = (cell: number) => dataset.classes[dataset.labels[cell] as number] as string;
  await writeRecords(
    join(out, 'units.csv'),
    findings.flatMap(({ layer, units, information, correlations, gabor }) =>
      information.map((found, i) => {
        const match = correlations?.[i];
        // The filters are compared with a unit's whole map: once, beside its maximum.
        const filter = i < units ? gabor?.[i] : undefined;
        return {
          layer,
          unit: i % units,
          summary: information.length === units ? 'value' : i < units ? 'maximum' : 'mean',
          ...informationRecord(found),
          classic_feature: match?.feature ?? null,
          classic_correlation: match?.correlation ?? null,
          classic_permuted: match?.permuted ?? null,
          gabor_channel: filter?.channel ?? null,
          gabor_wavelength: filter?.wavelength ?? null,
          gabor_angle: filter?.angleDegrees ?? null,
          gabor_correlation: filter?.correlation ?? null,
          gabor_permuted: filter?.permuted ?? null,
        };
      }),
    ),
  );
  const embeddedCells = Uint32Array.from(embedded, (at) => cells[at] as number);
  await writeRecords(
    join(out, 'embeddings.csv'),
    findings.flatMap(({ layer, embedding }) =>
      Array.from(embedded, (at, i) => ({
        layer,
        cell: named(cells[at] as number).cell,
        position: cells[at] as number,
        class: network.classes[labels[at] as number] as string,
        tsne_x: embedding.tsne[2 * i] as number,
        tsne_y: embedding.tsne[2 * i + 1] as number,
        umap_x: embedding.umap?.[2 * i] ?? null,
        umap_y: embedding.umap?.[2 * i + 1] ?? null,
      })),
    ),
  );
  const hidden = findings.filter(({ layer }) => layer !== network.layerNames.at(-1)).at(-1) ?? findings.at(-1);
  if (hidden) await writeNeighbours(hidden, embeddedCells, named, className, out);
  await writeRecords(
    join(out, 'patches.csv'),
    findings.flatMap(({ layer, patches }) =>
      patches.map(({ unit, rank, cell, value, patch }) => ({
        layer,
        unit,
        rank,
        cell: named(cell).cell,
        class: className(cell),
        value,
        ...patch,
      })),
    ),
  );
  for (const found of findings) await writeSheet(dataset, found, out);
}

/** The nearest images of every embedded cell (Figure 3c), in the picture and among the features. */
async function writeNeighbours(
  { layer, embedding, features }: LayerFindings,
  cells: Uint32Array,
  named: (cell: number) => Cell,
  className: (cell: number) => string,
  out: string,
): Promise<void> {
  const count = Math.min(listedNeighbours, cells.length - 1);
  const spaces = {
    tsne: { count: cells.length, dimensions: 2, values: embedding.tsne },
    features: { count: cells.length, dimensions: features.columns, values: features.values },
  };
  const rows = Object.entries(spaces).flatMap(([space, points]) =>
    Array.from(cells, (cell, i) =>
      nearestPoints(points, i, count).map((other, rank) => ({
        layer,
        space,
        cell: named(cell).cell,
        class: className(cell),
        rank: rank + 1,
        neighbour: named(cells[other] as number).cell,
        neighbour_class: className(cells[other] as number),
      })),
    ).flat(),
  );
  await writeRecords(join(out, 'neighbours.csv'), rows);
}

async function writeSheet(dataset: Dataset, found: LayerFindings, out: string): Promise<void> {
  const better = betterSummaries(found);
  const units = [...better.keys()]
    .filter((unit) => !better[unit]?.constant)
    .sort((a, b) => (better[b]?.information ?? 0) - (better[a]?.information ?? 0) || a - b)
    .slice(0, sheetUnits);
  const chosen = units.map((unit) => found.patches.filter((patch) => patch.unit === unit));
  const positions = Uint32Array.from(new Set(chosen.flat().map(({ cell }) => cell))).sort();
  const images = await dataset.readImages(positions);
  const bytes = dataset.size * dataset.size * dataset.channels.length;
  const cropOf = new Map(Array.from(positions, (cell, i) => [cell, images.subarray(i * bytes, (i + 1) * bytes)]));
  const picture = cropGrid(
    chosen.map((row) => row.map(({ cell, patch }) => ({ crop: cropOf.get(cell) as Uint8Array, part: patch }))),
    { size: dataset.size, channels: dataset.channels.length, side: patchSide },
  );
  await writeFileAtomically(join(out, `patches_${found.layer}.png`), await encodePng(picture));
}
