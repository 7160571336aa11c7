/** Transfer to new compartments: learning curves of all methods, and the new classes' t-SNE (the paper's Figure 4). */
import { join } from 'node:path';
import { forestClassifier, logisticClassifier } from '../classifiers/classifier';
import { DeepYeastError } from '../errors';
import { type Embedding, embed } from '../features/embedding';
import { featuresOfCells } from '../features/layer-features';
import { type FeatureMatrix, type NamedFeatureMatrix, selectRows } from '../features/matrix';
import { stratifiedSample } from '../features/sample';
import { writeFileAtomically } from '../files/atomic-file';
import { writeRecords } from '../files/record-table';
import { writeFolder } from '../files/write-together';
import type { BatchOptions, Network } from '../network/network';
import { requireModelRule } from '../prediction/rule-match';
import type { FineTuneOptions } from './fine-tuning';
import { fineTuningCurve } from './fine-tuning-curve';
import {
  type CurvePoint,
  type FeatureSet,
  type LearningCurveOptions,
  learningCurve,
  type TransferLabels,
} from './learning-curve';
import { forEachPart, type Part, parts, type TransferData } from './transfer-data';

export type { TransferData } from './transfer-data';

/** A t-SNE of so few cells or fewer says nothing. */
const fewestEmbedded = 16;

export interface TransferOptions extends LearningCurveOptions, Omit<BatchOptions, 'signal'> {
  /** Layer whose outputs are the network's features; default fc1. */
  layer?: string;
  /** Classic features of all cells of the three parts, to learn from as well. */
  classic?: { training: NamedFeatureMatrix; validation: NamedFeatureMatrix; test: NamedFeatureMatrix };
  /** Fine-tune the network too: its options, and fewer sizes or draws where time is short. */
  fineTuning?: FineTuneOptions & { sizes?: readonly number[]; draws?: number };
  /** Cells in the t-SNE; default 1,000; 0: none. */
  embeddedCells?: number;
  record?: Readonly<Record<string, unknown>>;
}

/** transfer.json */
export interface TransferReport {
  classes: string[];
  layer: string;
  draws: number;
  seed: number;
  cells: { training: number; validation: number; test: number };
  curve: CurvePoint[];
  /** Ten-nearest-neighbour class purity of the test cells, by the layer and in its t-SNE. */
  purity: { features: number; tsne: number } | null;
}

/**
 * Learns new compartments from few cells and writes transfer.json, learning-curve.csv and embedding.csv into a folder.
 * Draws are nested and the same for every method.
 * @throws invalid-argument, rule-mismatch, dataset-invalid, aborted, io-error, disk-full
 */
export async function transfer(
  network: Network,
  data: TransferData,
  out: string,
  options: TransferOptions = {},
): Promise<TransferReport> {
  const { layer = 'fc1', seed = 0, draws = 10, signal, embeddedCells = 1000 } = options;
  const rows = forEachPart((part) => labelledCells(network, data, part, options.classic));
  const labels: TransferLabels = {
    classes: data.training.classes,
    ...forEachPart((part) => Int32Array.from(rows[part], (cell) => data[part].labels[cell] as number)),
  };
  const sets = await featureSets(network, data, rows, layer, options);
  const curve = await learningCurve(sets, labels, [forestClassifier(), logisticClassifier()], options);
  if (options.fineTuning) curve.push(...(await fineTuningCurve(network, data, rows, labels, options, seed, draws)));
  const picture = await embedTestCells((sets[0] as FeatureSet).test, labels.test, embeddedCells, { seed, signal });
  const report: TransferReport = {
    classes: [...labels.classes],
    layer,
    draws,
    seed,
    cells: { training: rows.training.length, validation: rows.validation.length, test: rows.test.length },
    curve,
    purity: picture ? { features: picture.embedding.purity.features, tsne: picture.embedding.purity.tsne } : null,
  };
  await writeTransfer(report, picture, labels, out, options.record);
  return report;
}

/** The labelled cells of a part, which must fit the model, the training part and the classic features. */
function labelledCells(
  network: Network,
  data: TransferData,
  part: Part,
  classic: TransferOptions['classic'],
): Uint32Array {
  const dataset = data[part];
  const { classes } = data.training;
  requireModelRule(network, dataset);
  if (dataset.classes.join('\n') !== classes.join('\n')) {
    throw new DeepYeastError(
      'invalid-argument',
      `${dataset.path} has the classes ${dataset.classes.join(', ')}, expected ${classes.join(', ')} as ${data.training.path}`,
    );
  }
  if (classic && classic[part].rows !== dataset.count) {
    throw new DeepYeastError(
      'invalid-argument',
      `found classic features of ${classic[part].rows} cells, expected ${dataset.count} as ${dataset.path} holds`,
    );
  }
  if (classic && classic[part].names.join('\n') !== classic.training.names.join('\n')) {
    throw new DeepYeastError(
      'invalid-argument',
      `found ${classic[part].columns} features in ${part}, expected training's ${classic.training.columns} ` +
        `(${classic.training.names[0]}, ...) in the same order; measure all parts in the same way`,
    );
  }
  return Uint32Array.from([...dataset.labels.keys()].filter((cell) => (dataset.labels[cell] as number) >= 0));
}

/** The network's features of the labelled cells, and behind them the classic ones where they are given. */
async function featureSets(
  network: Network,
  data: TransferData,
  rows: Record<Part, Uint32Array>,
  layer: string,
  { batchSize, signal, classic }: TransferOptions,
): Promise<FeatureSet[]> {
  const batches = { ...(batchSize !== undefined && { batchSize }), ...(signal && { signal }) };
  const own = {} as Record<Part, NamedFeatureMatrix>;
  for (const part of parts) own[part] = await featuresOfCells(network, data[part], rows[part], { ...batches, layer });
  const sets: FeatureSet[] = [{ name: layer, ...own }];
  if (classic) sets.push({ name: 'classic', ...forEachPart((part) => selectRows(classic[part], rows[part])) });
  return sets;
}

/** A t-SNE of test cells, with their positions among the labelled ones. */
interface TestPicture {
  sample: Uint32Array;
  embedding: Embedding;
}

/** Undefined where too few cells are wanted, or there, for neighbours to mean anything. */
async function embedTestCells(
  features: FeatureMatrix,
  labels: ArrayLike<number>,
  count: number,
  { seed, signal }: { seed: number; signal: AbortSignal | undefined },
): Promise<TestPicture | undefined> {
  const sample = count > 0 ? stratifiedSample(labels, count, seed) : new Uint32Array(0);
  if (sample.length <= fewestEmbedded) return undefined;
  const chosen = Int32Array.from(sample, (at) => labels[at] as number);
  return { sample, embedding: await embed(selectRows(features, sample), chosen, { seed, signal }) };
}

/** Writes transfer.json, learning-curve.csv and embedding.csv, all or none. */
async function writeTransfer(
  report: TransferReport,
  picture: TestPicture | undefined,
  labels: TransferLabels,
  out: string,
  record: TransferOptions['record'],
): Promise<void> {
  await writeFolder(out, async (folder) => {
    await writeRecords(
      join(folder, 'learning-curve.csv'),
      report.curve.map(({ accuracies, settings, ...point }) => ({
        ...point,
        draws: accuracies.length,
        accuracies: accuracies.map((value) => value.toFixed(4)).join(' '),
        settings: [...new Set(settings)].join('; '),
      })),
    );
    if (picture) {
      const { sample, embedding } = picture;
      await writeRecords(
        join(folder, 'embedding.csv'),
        Array.from(sample, (at, i) => ({
          class: labels.classes[labels.test[at] as number] as string,
          tsne_x: embedding.tsne[2 * i] as number,
          tsne_y: embedding.tsne[2 * i + 1] as number,
          umap_x: embedding.umap?.[2 * i] ?? null,
          umap_y: embedding.umap?.[2 * i + 1] ?? null,
        })),
      );
    }
    const text = JSON.stringify({ ...record, ...report }, null, 2);
    await writeFileAtomically(join(folder, 'transfer.json'), `${text}\n`);
  });
}
