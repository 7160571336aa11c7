/** Predictions with their cells, batch by batch: of a dataset, or of images that are imported on the fly. */
import { throwIfAborted } from '../abort';
import type { Fit } from '../data/crop';
import type { Cell, Dataset } from '../data/dataset';
import type { ImportPlan, PlannedCell } from '../data/import-plan';
import { describeNormalization, type Normalization } from '../data/normalization';
import { rangeColumns, readCells, resolveNormalization, withRanges } from '../data/read-cells';
import { DeepYeastError } from '../errors';
import { type Log, silent } from '../log';
import type { BatchOptions, Network } from '../network/network';
import { type RuleOptions, requireModelRule } from './rule-match';

/** Consecutive cells. */
export interface PredictedCells {
  cells: Cell[];
  /** [cells, classes] */
  posteriors: Float32Array;
}

/**
 * Pairs batches over a dataset with its rows, which are streamed beside them.
 * @throws dataset-invalid when cells.csv has changed since the dataset was opened
 */
export async function* withCells<Batch extends { count: number }>(
  dataset: Dataset,
  batches: AsyncIterable<Batch>,
): AsyncGenerator<{ cells: Cell[]; batch: Batch }> {
  const rows = dataset.cells();
  try {
    for await (const batch of batches) {
      const cells: Cell[] = [];
      while (cells.length < batch.count) {
        const { value, done } = await rows.next();
        if (done) throw new DeepYeastError('dataset-invalid', `${dataset.path} has fewer rows than images`);
        cells.push(value);
      }
      yield { cells, batch };
    }
    // Past the last row: this is where the table finds that it has too many.
    await rows.next();
  } finally {
    await rows.return(undefined);
  }
}

/**
 * Class posteriors of a dataset's cells, in order. Memory does not grow with the number of cells.
 * @throws rule-mismatch, model-mismatch, images-truncated, dataset-invalid, aborted, closed
 */
export async function* predictDataset(
  network: Network,
  dataset: Dataset,
  options: BatchOptions & RuleOptions = {},
): AsyncGenerator<PredictedCells> {
  requireModelRule(network, dataset, options);
  for await (const { cells, batch } of withCells(dataset, network.predictBatches(dataset, options))) {
    yield { cells, posteriors: batch.posteriors };
  }
}

export interface PredictImagesOptions extends BatchOptions {
  /** What to do with images of another size than the network's. Default `error`. */
  fit?: Fit;
  /** The intensity rule of a model that has none (it never saw a training set). Default `auto`, as for import. */
  normalization?: Normalization | 'auto';
  /** What to do with an image that cannot be read: `stop` (throw), or `skip` and call onSkip. Default `stop`. */
  onError?: 'stop' | 'skip';
  onSkip?: (cell: Cell, error: DeepYeastError) => void;
  log?: Log;
}

/**
 * Class posteriors of images, in the order of the plan: read, cut and normalized by the model's own rule a batch at a
 * time, while the network works on the batch before.
 * @throws image-invalid, model-mismatch, aborted, closed
 */
export async function* predictImages(
  network: Network,
  plan: ImportPlan,
  options: PredictImagesOptions = {},
): AsyncGenerator<PredictedCells> {
  const { fit = 'error', onError = 'stop', batchSize = 128, signal, log = silent } = options;
  requireChannels(network, plan, log);
  const read = { size: network.topology.imageSize, fit, signal };
  const rule = network.inputTransform?.normalization ?? options.normalization ?? 'auto';
  const { normalization, eightBit } = await resolveNormalization(plan, rule, read);
  log('info', `intensities: ${describeNormalization(normalization)}`);
  const columns = rangeColumns(plan, normalization);

  let running: Promise<PredictedCells> | undefined;
  for await (const batch of inBatches(readable(), batchSize)) {
    throwIfAborted(signal);
    const next = predict(batch);
    // Awaited one batch later; a failure before then must not count as unhandled.
    next.catch(() => {});
    if (running) yield await running;
    running = next;
  }
  if (running) yield await running;

  async function* readable(): AsyncGenerator<{ cell: Cell; image: Uint8Array }> {
    for await (const { planned, ...result } of readCells(plan, normalization, { ...read, eightBit })) {
      if (result.error === undefined) {
        yield { cell: withRanges(planned.cell, columns, result.ranges), image: result.image };
      } else if (onError === 'stop') {
        throw result.error;
      } else {
        options.onSkip?.((planned as PlannedCell).cell, result.error);
      }
    }
  }

  async function predict(batch: { cell: Cell; image: Uint8Array }[]): Promise<PredictedCells> {
    const { posteriors } = await network.predict(Buffer.concat(batch.map(({ image }) => image)), { batchSize });
    return { cells: batch.map(({ cell }) => cell), posteriors };
  }
}

async function* inBatches<Item>(items: AsyncIterable<Item>, size: number): AsyncGenerator<Item[]> {
  let batch: Item[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

function requireChannels(network: Network, plan: ImportPlan, log: Log): void {
  const found = plan.channels.map(({ name }) => name);
  const expected = network.inputTransform?.channels;
  const mismatch = (what: string) =>
    new DeepYeastError(
      'model-mismatch',
      `the images would be read with the channels ${found.join(', ')}, expected ${what}; say which with --channels`,
    );
  if (found.length !== network.topology.channels) {
    throw mismatch(`${network.topology.channels} as the model has${expected ? ` (${expected.join(', ')})` : ''}`);
  }
  if (!expected || expected.every((name, c) => name === found[c])) return;
  if (expected.every((name) => found.includes(name))) {
    throw mismatch(`the model's order ${expected.join(', ')}`);
  }
  log('warn', `the images' channels are ${found.join(', ')}, the model's ${expected.join(', ')}`);
}
