import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import type { Dataset } from '../data/dataset';
import type { ImportPlan } from '../data/import-plan';
import { exitStatus, fileError } from '../errors';
import type { PredictedCells } from '../evaluation';
import { tableFormats } from '../files/table-writer';
import type { Network } from '../network';
import { addImageSourceOptions, type ImageSourceOptions, planOptions } from './image-source';
import { addModelOptions, batchOptions, type ModelOptions, withModel } from './model';
import { addExamples, type CommandContext, nameList, withContext } from './options';
import { tableTarget } from './table-output';

interface PredictCommandOptions extends ModelOptions, ImageSourceOptions {
  out?: string;
  format?: string;
  with?: string[];
}

/** `deepyeast predict` */
export function register(program: Command): void {
  const command = program
    .command('predict')
    .description(
      'The class probabilities of every cell, one row each: cell, protein, predicted, then p_<class>. Images are ' +
        "imported on the fly by the model's own intensity rule, in the model's size.",
    )
    .argument('<source...>', 'dataset folders, folders of images, or images')
    .option('--out <file>', 'table of predictions (default: standard output)')
    .addOption(new Option('--format <name>', "format of the table (default: by --out's ending)").choices(tableFormats))
    .option(
      '--with <columns>',
      'also copy these columns of cells.csv, as in label,plate,well,field (label as a class name)',
      nameList,
    )
    .action(withContext<PredictCommandOptions>(run as never));
  addImageSourceOptions(command);
  addModelOptions(command);
  // The size is the model's.
  (command.options as Option[]).splice(
    command.options.findIndex((option) => option.long === '--size'),
    1,
  );
  addExamples(
    command,
    'deepyeast predict --model runs/first data/test --out predictions.parquet',
    'deepyeast predict --model runs/first data/test --with label,plate,well,field --out predictions.csv',
    "deepyeast predict --model runs/first screen --pattern '{plate}/{well}-{field}-{cell}.png' --on-error skip",
    'deepyeast predict --model runs/first cells/*.png',
  );
}

type Source = { dataset: Dataset } | { plan: ImportPlan };

async function run(context: CommandContext, options: PredictCommandOptions, paths: string[]): Promise<number> {
  const { predictDataset, predictImages, PredictionsWriter } = await import('../evaluation/index.js');
  // Opened before the model is loaded and anything is written, so that a wrong path costs nothing.
  const { target, format } = tableTarget(context, options);
  const sources = await openSources(paths, options);
  for (const source of sources) {
    if ('plan' in source) for (const warning of source.plan.warnings) context.log('warn', warning);
  }
  const total = sources.reduce((sum, source) => sum + countOf(source), 0);
  const bar = context.progress({ label: 'predicting', total, unit: 'cells' });
  const skipped: { cell: string; path: string; reason: string }[] = [];

  const predict = (network: Network, source: Source): AsyncGenerator<PredictedCells> => {
    const batches = batchOptions(context, options);
    if ('dataset' in source) return predictDataset(network, source.dataset, batches);
    return predictImages(network, source.plan, {
      ...batches,
      fit: options.fit,
      onError: options.onError,
      onSkip: (cell, error) => {
        skipped.push({ cell: cell.cell, path: cell.source, reason: error.message });
        context.log('warn', `skipped: ${error.message}`);
      },
      log: context.log,
    });
  };

  const result = await withModel(context, options, async (network, model) => {
    const writer = await PredictionsWriter.create(target, network.classes, { format, copy: options.with ?? [] });
    try {
      for (const source of sources) {
        const labelNames = 'dataset' in source ? source.dataset.classes : source.plan.classes;
        for await (const { cells, posteriors } of predict(network, source)) {
          for (const [i, cell] of cells.entries()) {
            await writer.append(cell, posteriors, i * network.classes.length, labelNames);
          }
          bar.update(writer.count + skipped.length);
        }
      }
      await writer.commit();
    } catch (error) {
      await writer.abort();
      throw error;
    }
    return { model, classes: network.classes, cells: writer.count };
  });
  bar.finish();
  if (context.json && options.out !== undefined) {
    await context.printJson({ out: options.out, ...result, skipped });
  }
  if (options.out !== undefined) context.say(`${result.cells} cells in ${options.out}`);
  if (skipped.length > 0) context.say(`${skipped.length} images skipped`);
  return skipped.length > 0 ? exitStatus.skipped : 0;
}

function countOf(source: Source): number {
  return 'dataset' in source ? source.dataset.count : source.plan.cells.length;
}

/** Datasets and folders of images each, and all images named one by one as a source of its own, in order. */
async function openSources(paths: readonly string[], options: PredictCommandOptions): Promise<Source[]> {
  const [{ Dataset, datasetFiles }, { planImport }, { planImageFiles }] = await Promise.all([
    import('../data/dataset.js'),
    import('../data/import-plan.js'),
    import('../data/image-files-plan.js'),
  ]);
  const sources: Source[] = [];
  let files: string[] = [];
  const endFiles = () => {
    if (files.length > 0) sources.push({ plan: planImageFiles(files, planOptions('', options)) });
    files = [];
  };
  for (const path of paths) {
    if (!(await isFolder(path))) {
      files.push(path);
      continue;
    }
    endFiles();
    const isDataset = await stat(join(path, datasetFiles.description)).then(
      () => true,
      () => false,
    );
    if (isDataset) sources.push({ dataset: await Dataset.open(path) });
    else sources.push({ plan: await planImport(imagePlanOptions(path, options)) });
  }
  endFiles();
  return sources;
}

/** As for import, but a folder of images needs no folders of classes to be predicted. */
function imagePlanOptions(path: string, options: PredictCommandOptions) {
  const plan = planOptions(path, options);
  return plan.pattern === undefined && plan.labels === undefined ? { ...plan, pattern: '*' } : plan;
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    throw fileError('read', path, error);
  }
}
