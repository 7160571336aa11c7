import { DeepYeastError } from '../errors';
import { formatCsvRow } from '../files/csv';
import { type Log, silent } from '../log';
import type { Fit } from './crop';
import type { Dataset } from './dataset';
import { DatasetWriter } from './dataset-writer';
import { deepYeastPattern, folderPattern, type ImportPlan, type PlanOptions, planImport } from './import-plan';
import { describeNormalization, type Normalization } from './normalization';
import {
  imageSizeColumns,
  rangeColumns,
  readCells,
  resolveNormalization,
  withImageSize,
  withRanges,
} from './read-cells';

export interface ImportOptions extends PlanOptions {
  /** Folder of the new dataset. */
  out: string;
  /** Width and height of the crops in pixels (64). */
  size?: number;
  /** What to do with images of another size (`error`). */
  fit?: Fit;
  /** The rule for intensities; `auto`: 8-bit images as they are, all else by the default rule. */
  normalization?: Normalization | 'auto';
  /** What to do with an image that cannot be imported: `stop` (nothing is left on the disk) or `skip`. */
  onError?: 'stop' | 'skip';
  signal?: AbortSignal | undefined;
  log?: Log;
  onProgress?: ((done: number, total: number, stage: 'measure' | 'import') => void) | undefined;
}

export interface SkippedImage {
  cell: string;
  /** Path relative to the source. */
  path: string;
  reason: string;
}

export interface ImportResult {
  dataset: Dataset;
  skipped: SkippedImage[];
}

/** Where skipped images are listed, in the dataset's folder. */
export const skippedFile = 'skipped.csv';

/**
 * Imports images as a dataset: plans the cells (import-plan.ts), reads and normalizes them in order (read-cells.ts), a
 * few at a time, and writes the dataset folder atomically. With `onError: 'skip'` images that cannot be read are left out
 * and listed in skipped.csv. Throws `image-invalid` (with path and reason), `labels-invalid`, `table-invalid`,
 * `output-exists`, `disk-full`, `io-error`, `aborted`.
 */
export async function importImages(options: ImportOptions): Promise<ImportResult> {
  const { out, onError = 'stop', signal, log = silent, onProgress } = options;
  const plan = await planImport(options);
  for (const warning of plan.warnings) log('warn', warning);

  const crop = { size: options.size ?? 64, fit: options.fit ?? ('error' as const), signal };
  const requested = options.normalization ?? 'auto';
  const { normalization, eightBit } = await resolveNormalization(plan, requested, {
    ...crop,
    onProgress: (done, total) => onProgress?.(done, total, 'measure'),
  });
  log('info', `intensities: ${describeNormalization(normalization)}`);

  const columns = rangeColumns(plan, normalization);
  const writer = await DatasetWriter.create(out, {
    classes: plan.classes,
    channels: plan.channels.map((channel) => channel.name),
    size: crop.size,
    normalization,
    provenance: describeProvenance(options, plan, columns),
    extraColumns: [...plan.extraColumns, ...columns, ...(crop.fit === 'error' ? [] : imageSizeColumns)],
  });
  const skipped: SkippedImage[] = [];
  let done = 0;
  let flat = 0;
  try {
    for await (const read of readCells(plan, normalization, { ...crop, eightBit })) {
      const { cell } = read.planned;
      if (read.error) {
        if (onError === 'stop') throw read.error;
        skipped.push({ cell: cell.cell, path: cell.source, reason: read.error.message });
        log('debug', `skipped: ${read.error.message}`);
      } else {
        if (read.ranges?.some(([low, high]) => !(high > low))) flat++;
        await writer.append(read.image, withImageSize(withRanges(cell, columns, read.ranges), read.imageSize));
      }
      done++;
      onProgress?.(done, plan.cells.length, 'import');
    }
    if (writer.count === 0 && skipped[0]) throw noneLeft(skipped);
    if (skipped.length > 0) await writer.addFile(skippedFile, formatSkipped(skipped));
    const dataset = await writer.commit();
    if (flat > 0) log('warn', `${flat} cells have a channel of one single value, which became 0`);
    if (skipped.length > 0)
      log('warn', `${skipped.length} of ${plan.cells.length} images skipped, see ${out}/${skippedFile}`);
    return { dataset, skipped };
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

function formatSkipped(skipped: readonly SkippedImage[]): string {
  const rows = skipped.map(({ cell, path, reason }) => formatCsvRow([cell, path, reason]));
  return formatCsvRow(['cell', 'path', 'reason']) + rows.join('');
}

function noneLeft(skipped: readonly SkippedImage[]): DeepYeastError {
  const [first] = skipped as [SkippedImage];
  return new DeepYeastError(
    'image-invalid',
    `none of the ${skipped.length} images could be imported; the first: ${first.reason}`,
  );
}

/** What was imported and how, for dataset.json. */
function describeProvenance(
  options: ImportOptions,
  plan: ImportPlan,
  columns: readonly string[],
): Record<string, unknown> {
  const { source, labels, classes, pattern, size = 64, fit = 'error' } = options;
  return {
    command: 'import',
    source,
    ...(labels === undefined ? {} : { labels }),
    ...(classes === undefined ? {} : { classes }),
    pattern: pattern ?? (labels === undefined ? folderPattern : deepYeastPattern),
    channels: plan.channels,
    size,
    fit,
    // Where the numbers are with which each cell was stretched.
    ...(columns.length > 0 ? { ranges: `cells.csv: ${columns.join(', ')}` } : {}),
  };
}
