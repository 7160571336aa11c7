/** Transfer to new compartments: learning curves of all methods, and the new classes' t-SNE (the paper's Figure 4). */
import { join } from 'node:path';
import { throwIfAborted } from '../abort';
import { forestClassifier, logisticClassifier } from '../classifiers/classifier';
import type { Dataset } from '../data/dataset';
import { DeepYeastError } from '../errors';
import { embed } from '../features/embedding';
import { featuresOfCells } from '../features/layer-features';
import { type NamedFeatureMatrix, selectRows } from '../features/matrix';
import { stratifiedSample } from '../features/sample';
import { writeFileAtomically } from '../files/atomic-file';
import { writeRecords } from '../files/record-table';
import { writeFolder } from '../files/write-together';
import type { BatchOptions, Network } from '../network/network';
import { requireModelRule } from '../prediction/rule-match';
import { type FineTuneOptions, fineTune } from './fine-tuning';
import {
  accuracyOf,
  type CurvePoint,
  curvePoint,
  type FeatureSet,
  type LearningCurveOptions,
  learningCurve,
  nestedDraws,
  possibleSizes,
  type TransferLabels,
  transferSizes,
} from './learning-curve';

/** The three parts of the new compartments, split by protein. */
export interface TransferData {
  training: Dataset;
  validation: Dataset;
  test: Dataset;
}

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
  const { layer = 'fc1', seed = 0, draws = 10, signal, classic, embeddedCells = 1000 } = options;
  const { classes } = data.training;
  const parts = ['training', 'validation', 'test'] as const;
  const rows = {} as Record<(typeof parts)[number], Uint32Array>;
  for (const part of parts) {
    const dataset = data[part];
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
    rows[part] = Uint32Array.from([...dataset.labels.keys()].filter((cell) => (dataset.labels[cell] as number) >= 0));
  }
  const labelsOf = (part: (typeof parts)[number]) =>
    Int32Array.from(rows[part], (cell) => data[part].labels[cell] as number);
  const labels: TransferLabels = {
    classes,
    training: labelsOf('training'),
    validation: labelsOf('validation'),
    test: labelsOf('test'),
  };
  const own = {} as Record<(typeof parts)[number], NamedFeatureMatrix>;
  const batches = {
    ...(options.batchSize !== undefined && { batchSize: options.batchSize }),
    ...(signal && { signal }),
  };
  for (const part of parts) own[part] = await featuresOfCells(network, data[part], rows[part], { ...batches, layer });
  const sets: FeatureSet[] = [{ name: layer, ...own }];
  if (classic) {
    const chosen = (part: (typeof parts)[number]) => selectRows(classic[part], rows[part]);
    sets.push({
      name: 'classic',
      training: chosen('training'),
      validation: chosen('validation'),
      test: chosen('test'),
    });
  }
  const curve = await learningCurve(sets, labels, [forestClassifier(), logisticClassifier()], options);
  if (options.fineTuning) curve.push(...(await fineTuningCurve(network, data, rows, labels, options, seed, draws)));
  const sample = embeddedCells > 0 ? stratifiedSample(labels.test, embeddedCells, seed) : undefined;
  const embedding =
    sample && sample.length > 16
      ? await embed(
          selectRows(own.test, sample),
          Int32Array.from(sample, (at) => labels.test[at] as number),
          { seed, signal },
        )
      : undefined;
  const report: TransferReport = {
    classes: [...classes],
    layer,
    draws,
    seed,
    cells: { training: rows.training.length, validation: rows.validation.length, test: rows.test.length },
    curve,
    purity: embedding ? { features: embedding.purity.features, tsne: embedding.purity.tsne } : null,
  };
  await writeFolder(out, async (folder) => {
    await writeRecords(
      join(folder, 'learning-curve.csv'),
      curve.map(({ accuracies, settings, ...point }) => ({
        ...point,
        draws: accuracies.length,
        accuracies: accuracies.map((value) => value.toFixed(4)).join(' '),
        settings: [...new Set(settings)].join('; '),
      })),
    );
    if (embedding && sample) {
      await writeRecords(
        join(folder, 'embedding.csv'),
        Array.from(sample, (at, i) => ({
          class: classes[labels.test[at] as number] as string,
          tsne_x: embedding.tsne[2 * i] as number,
          tsne_y: embedding.tsne[2 * i + 1] as number,
          umap_x: embedding.umap?.[2 * i] ?? null,
          umap_y: embedding.umap?.[2 * i + 1] ?? null,
        })),
      );
    }
    const text = JSON.stringify({ ...options.record, ...report }, null, 2);
    await writeFileAtomically(join(folder, 'transfer.json'), `${text}\n`);
  });
  return report;
}

async function fineTuningCurve(
  network: Network,
  data: TransferData,
  rows: Record<'training' | 'validation' | 'test', Uint32Array>,
  labels: TransferLabels,
  options: TransferOptions,
  seed: number,
  draws: number,
): Promise<CurvePoint[]> {
  const { fineTuning = {}, signal } = options;
  const { classes } = labels;
  const wanted = fineTuning.sizes ?? options.sizes ?? transferSizes;
  const sizes = possibleSizes(labels.training, classes, wanted);
  const drawn = nestedDraws(labels.training, classes.length, fineTuning.draws ?? draws, seed);
  const { layers = 'all' } = fineTuning;
  const points: CurvePoint[] = [];
  for (const size of sizes) {
    const accuracies: number[] = [];
    for (const [draw, ofClass] of drawn.entries()) {
      throwIfAborted(signal);
      const chosen = ofClass.flatMap((cells) => Array.from(cells.subarray(0, size)));
      const tuned = await fineTune(
        network,
        data.training,
        Uint32Array.from(chosen, (at) => rows.training[at] as number),
        Int32Array.from(chosen, (at) => labels.training[at] as number),
        classes,
        { ...fineTuning, seed: seed + draw, signal },
      );
      try {
        const { posteriors } = await tuned.predict(data.test, signal ? { signal } : {});
        const k = classes.length;
        const labelled = Float32Array.from({ length: rows.test.length * k }, (_, i) => {
          const cell = rows.test[Math.floor(i / k)] as number;
          return posteriors[cell * k + (i % k)] as number;
        });
        accuracies.push(accuracyOf(labelled, labels.test, k));
      } finally {
        await tuned.close();
      }
    }
    // Nothing was picked: the rate and the length are given.
    const setting = `rate ${fineTuning.learningRate ?? 0.005}`;
    points.push(
      curvePoint({
        features: `${layers} layers`,
        classifier: 'fine-tuning',
        selection: 'fixed',
        size,
        accuracies,
        settings: accuracies.map(() => setting),
      }),
    );
  }
  return points;
}
