/** Where cells come from: a dataset, or images that are imported on the fly by the model's own intensity rule. */
import { throwIfAborted } from '../abort';
import type { Fit } from '../data/crop';
import { type Cell, cellColumns, Dataset } from '../data/dataset';
import { DistinctCells } from '../data/identity';
import type { ImportPlan } from '../data/import-plan';
import { describeNormalization, type Normalization } from '../data/normalization';
import { rangeColumns, readCells, resolveNormalization, withRanges } from '../data/read-cells';
import { DeepYeastError } from '../errors';
import { type Log, silent } from '../log';
import type { BatchOptions, Network } from '../network/network';

/** Images of cells. */
export interface ImageCells {
  readonly plan: ImportPlan;
  /** What to do with images of another size than the network's. Default `error`. */
  readonly fit?: Fit;
  /** The intensity rule for a model that has none (it never saw a training set). Default `auto`, as for import. */
  readonly normalization?: Normalization | 'auto';
  /** What to do with an image that cannot be read: `stop` (throw), or `skip` and call onSkip. Default `stop`. */
  readonly onError?: 'stop' | 'skip';
  readonly onSkip?: (cell: Cell, error: DeepYeastError) => void;
  readonly log?: Log;
}

export type CellSource = Dataset | ImageCells;

/** What is known of a source before any image is read. */
export interface SourceDescription {
  path: string;
  /** Class names behind the labels. */
  classes: readonly string[];
  /** Class of each cell, -1: unlabelled. */
  labels: ArrayLike<number>;
  /** Cells, those included that may turn out unreadable. */
  count: number;
}

export function describeSource(source: CellSource): SourceDescription {
  if (source instanceof Dataset) return source;
  const { plan } = source;
  const labels = Int32Array.from(plan.cells, ({ cell }) => cell.label);
  return { path: plan.source, classes: plan.classes, labels, count: plan.cells.length };
}

/**
 * Makes sure that every cell is there once, in one source or in several that are taken together: a cell that is there
 * twice counts twice in every score and every protein.
 * @throws dataset-invalid with the first cell that is repeated
 */
export async function requireDistinctCells(sources: readonly CellSource[]): Promise<void> {
  const distinct = new DistinctCells();
  for (const source of sources) {
    // The cells of one plan are files, each with a name of its own.
    if (sources.length === 1 && !(source instanceof Dataset)) return;
    for await (const cell of cellsOf(source)) distinct.add(cell);
  }
  if (distinct.repeated === 0) return;
  const paths = [...new Set(sources.map((source) => describeSource(source).path))].join(' and ');
  throw new DeepYeastError(
    'dataset-invalid',
    `${paths} ${sources.length > 1 ? 'have' : 'has'} ${distinct.repeated} cells twice, the cell ${distinct.example} among ` +
      'them, expected each cell once; where these are two plates, name {plate} in the pattern of the import',
  );
}

/** The cells that a source names, without their images. */
export async function* cellsOf(source: CellSource): AsyncGenerator<Cell> {
  if (source instanceof Dataset) yield* source.cells();
  else for (const { cell } of source.plan.cells) yield cell;
}

/** Consecutive cells with their crops, uint8 [cells, size, size, channels]. */
export interface ImageBatch {
  cells: Cell[];
  pixels: Uint8Array;
}

/** Images ready to be read, and the columns that their cells will have. */
export interface OpenedImages {
  columns: string[];
  /** A batch at a time, in the order of the plan. */
  batches(): AsyncGenerator<ImageBatch>;
}

/**
 * Settles the channels and the intensity rule of images for a network.
 * @throws model-mismatch for other channels; reading the batches: image-invalid, aborted
 */
export async function openImages(
  network: Network,
  images: ImageCells,
  { batchSize = 128, signal }: BatchOptions,
): Promise<OpenedImages> {
  const { plan, fit = 'error', onError = 'stop', onSkip, log = silent } = images;
  requireChannels(network, plan, log);
  const read = { size: network.topology.imageSize, fit, signal };
  const rule = network.inputTransform?.normalization ?? images.normalization ?? 'auto';
  const { normalization, eightBit } = await resolveNormalization(plan, rule, read);
  log('info', `intensities: ${describeNormalization(normalization)}`);
  const numbers = rangeColumns(plan, normalization);

  async function* batches(): AsyncGenerator<ImageBatch> {
    let cells: Cell[] = [];
    let crops: Uint8Array[] = [];
    for await (const { planned, ...result } of readCells(plan, normalization, { ...read, eightBit })) {
      throwIfAborted(signal);
      if (result.error !== undefined) {
        if (onError === 'stop') throw result.error;
        onSkip?.(planned.cell, result.error);
        continue;
      }
      cells.push(withRanges(planned.cell, numbers, result.ranges));
      crops.push(result.image);
      if (cells.length < batchSize) continue;
      yield { cells, pixels: Buffer.concat(crops) };
      cells = [];
      crops = [];
    }
    if (cells.length > 0) yield { cells, pixels: Buffer.concat(crops) };
  }
  return { columns: [...cellColumns, ...plan.extraColumns, ...numbers], batches };
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
  if (expected.every((name) => found.includes(name))) throw mismatch(`the model's order ${expected.join(', ')}`);
  // Labs call their channels as they like: other names are taken as they come.
  log('warn', `the images' channels are ${found.join(', ')}, the model's ${expected.join(', ')}`);
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

/** Works on each batch while the next one is being read, and yields the results in order. */
export async function* pipelined<Item, Result>(
  items: AsyncIterable<Item>,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  let running: Promise<Result> | undefined;
  for await (const item of items) {
    const next = work(item);
    // Awaited one item later; a failure before then must not count as unhandled.
    next.catch(() => {});
    if (running) yield await running;
    running = next;
  }
  if (running) yield await running;
}
