/** From paths on the command line to cells: datasets, folders of images, or images named one by one. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { ImportPlan } from '../data/import-plan';
import { fileError } from '../errors';
import type { CellSource } from '../prediction';
import { addImageSourceOptions, type ImageSourceOptions, planOptions } from './image-source';
import type { CommandContext } from './options';

export type CellSourceOptions = ImageSourceOptions;

/** Adds import's options, but for the size, which is the model's. */
export function addCellSourceOptions(command: Command): Command {
  return addImageSourceOptions(command, { size: false });
}

export interface SkippedCell {
  cell: string;
  path: string;
  reason: string;
}

/**
 * Opens what the paths name, in order; images named one by one are one source together.
 * @param defaultPattern for folders of images without --pattern and --labels; left out: import's own
 * @param skipped gets the images left out under --on-error skip, as they are met
 */
export async function openCellSources(
  context: CommandContext,
  paths: readonly string[],
  options: CellSourceOptions,
  { defaultPattern, skipped }: { defaultPattern?: string; skipped: SkippedCell[] },
): Promise<CellSource[]> {
  const [{ Dataset, datasetFiles }, { planImport }, { planImageFiles }, { tellApart }, { requireDistinctCells }] =
    await Promise.all([
      import('../data/dataset.js'),
      import('../data/import-plan.js'),
      import('../data/image-files-plan.js'),
      import('../data/several-sources.js'),
      import('../prediction/index.js'),
    ]);
  const images = (plan: ImportPlan): CellSource => {
    for (const warning of plan.warnings) context.log('warn', warning);
    return {
      plan,
      fit: options.fit,
      onError: options.onError,
      onSkip: (cell, error) => {
        skipped.push({ cell: cell.cell, path: cell.source, reason: error.message });
        context.log('warn', `skipped: ${error.message}`);
      },
      log: context.log,
    };
  };
  const folders: ImportPlan[] = [];
  /** A number stands for the folder of images in this place. */
  const sources: (CellSource | number)[] = [];
  let files: string[] = [];
  const endFiles = () => {
    if (files.length > 0) sources.push(images(planImageFiles(files, planOptions('', options))));
    files = [];
  };
  for (const path of paths) {
    if (!(await isFolder(path))) {
      files.push(path);
      continue;
    }
    endFiles();
    // With one of these files it was meant as a dataset: opening it says what is missing.
    if ((await exists(join(path, datasetFiles.description))) || (await exists(join(path, datasetFiles.images)))) {
      sources.push(await Dataset.open(path));
      continue;
    }
    const plan = planOptions(path, options);
    const patterned = plan.pattern !== undefined || plan.labels !== undefined || defaultPattern === undefined;
    folders.push(await planImport(patterned ? plan : { ...plan, pattern: defaultPattern }));
    sources.push(folders.length - 1);
  }
  endFiles();
  const apart = tellApart(folders);
  const opened = sources.map((source) => (typeof source === 'number' ? images(apart[source] as ImportPlan) : source));
  if (opened.length > 1) await requireDistinctCells(opened);
  return opened;
}

/** The one source that --data names; what does not exist was meant as a dataset. */
export async function openCellSource(
  context: CommandContext,
  path: string,
  options: CellSourceOptions,
  how: { defaultPattern?: string; skipped: SkippedCell[] },
): Promise<CellSource> {
  if (!(await exists(path))) {
    const { Dataset } = await import('../data/dataset.js');
    return Dataset.open(path);
  }
  const [source] = await openCellSources(context, [path], options, how);
  return source as CellSource;
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    throw fileError('read', path, error);
  }
}
