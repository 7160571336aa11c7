/** What a screen is asked for, and how that is kept in screen.json. */

import { join, resolve } from 'node:path';
import type { Normalization } from '../data/normalization';
import { DeepYeastError } from '../errors';
import { type CellFlag, cellFlags } from '../fields/measure';
import type { CellsOptions, PlateOptions } from '../fields/plate-options';
import { fileDigest } from '../files/digest';
import type { Log } from '../log';
import { modelPath, readCheckpointDescription } from '../network/checkpoint';
import { packageVersion } from '../package-version';
import { qualityFiles, readQualityFile } from '../quality';

export interface ScreenOptions extends Omit<PlateOptions, 'size'> {
  /** Folder of the results: new, or empty. */
  out: string;
  /** A model file or a run folder. */
  model: string;
  /** Folder of a detector of non-cells (`deepyeast quality train`): what it rejects does not count for a protein. */
  quality?: string | undefined;
  /** Cells with one of these flags do not count for a protein; default: all flags. */
  exclude?: readonly CellFlag[] | undefined;
  /** What to do with a field that cannot be used: `skip` it (listed in fields.csv), or `stop`. Default `skip`. */
  onError?: 'stop' | 'skip' | undefined;
  /** Whether pictures of cells and fields are written for the report. Default yes. */
  pictures?: boolean | undefined;
  /** Take crops made by another intensity rule than the model's. Default no. */
  allowRuleMismatch?: boolean | undefined;
  signal?: AbortSignal | undefined;
  log?: Log | undefined;
}

/** Probability of a good cell below which a cell does not count. */
const qualityThreshold = 0.5;

/** screen.json: all that decides the results, beside the images themselves. */
export interface ScreenFile {
  format: 1;
  /** Version that made the plan; another one may compute other bits and is refused. */
  deepyeast: string;
  model: { path: string; sha256: string; classes: string[] };
  quality?: { path: string; sha256: string; threshold: number };
  exclude: CellFlag[];
  onError: 'stop' | 'skip';
  pictures: boolean;
  allowRuleMismatch: boolean;
  cells: StoredCellsOptions;
}

/** CellsOptions as JSON. */
type StoredCellsOptions = Omit<PlateOptions, 'channels'> & { channels: [role: string, channel: string][] };

/**
 * What the options ask for, with paths made absolute: shards may run elsewhere. Crops are as large as the model's images,
 * their intensities are by its rule and their cells as wide as those of its training set, where it says so.
 *
 * @throws model-invalid, model-mismatch where the channels are not as many as the model's; io-error
 */
export async function describeScreen(options: ScreenOptions): Promise<ScreenFile> {
  const { model, quality, exclude = cellFlags, onError = 'skip', pictures = true, allowRuleMismatch = false } = options;
  const path = resolve(await modelPath(model));
  const { classes, topology, input } = await readCheckpointDescription(path);
  if (options.channels.size !== topology.channels) {
    throw new DeepYeastError(
      'model-mismatch',
      `found ${options.channels.size} channels (${[...options.channels.keys()].join(', ')}), expected ` +
        `${topology.channels} as ${model} has${input ? `: ${input.channels.join(', ')}` : ''}`,
    );
  }
  const scaled = options.pixelSize !== undefined || options.cellDiameter !== undefined;
  const cellDiameter = scaled ? options.cellDiameter : input?.cellDiameter;
  const absolute = (name: string | undefined) => (name === undefined ? undefined : resolve(name));
  const { layout, pattern, t, z, diameter, buds, masksPattern, pixelSize, fieldPixelSize, drop } = options;
  return {
    format: 1,
    deepyeast: packageVersion(),
    model: { path, sha256: await fileDigest(path), classes },
    ...(quality !== undefined && { quality: await describeQuality(resolve(quality)) }),
    exclude: cellFlags.filter((flag) => exclude.includes(flag)),
    onError,
    pictures,
    allowRuleMismatch,
    cells: {
      sources: options.sources.map((source) => resolve(source)),
      channels: [...options.channels],
      plateMap: absolute(options.plateMap),
      classes: absolute(options.classes),
      masksFrom: absolute(options.masksFrom),
      ...{ layout, pattern, t, z, diameter, buds, masksPattern, pixelSize, fieldPixelSize, drop },
      cellDiameter,
      size: topology.imageSize,
      normalization: options.normalization ?? (input?.normalization as Normalization | undefined) ?? 'auto',
    },
  };
}

async function describeQuality(folder: string): Promise<NonNullable<ScreenFile['quality']>> {
  await readQualityFile(folder);
  return { path: folder, sha256: await fileDigest(join(folder, qualityFiles.detector)), threshold: qualityThreshold };
}

/** The options of `cells` that a screen's file stands for. */
export function cellsOptions(
  { cells, onError }: ScreenFile,
  { out, signal, log, threads }: Pick<CellsOptions, 'out' | 'signal' | 'log' | 'threads'>,
): CellsOptions {
  return { ...cells, channels: new Map(cells.channels), onError, out, signal, log, threads };
}
