import { type Command, Option } from 'commander';
import { exitStatus } from '../errors';
import { tableFormats } from '../files/table-writer';
import { addCellSourceOptions, type CellSourceOptions, openCellSources, type SkippedCell } from './cell-source';
import { addModelOptions, batchOptions, type ModelOptions, withModel } from './model';
import { addExamples, type CommandContext, nameList, realNumber, withContext } from './options';
import { csvSafeOption, tableTarget } from './table-output';

interface PredictCommandOptions extends ModelOptions, CellSourceOptions {
  out?: string;
  format?: string;
  csvSafe?: boolean;
  with?: string[];
  reject?: number;
  temperature?: number;
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
    .option(
      '--reject <probability>',
      "answer 'uncertain' where the largest probability is below this",
      realNumber(0, 1),
    )
    .option(
      '--temperature <number>',
      'divide the logits by this before the softmax (`deepyeast calibrate` fits it)',
      realNumber(0.01, 100),
    )
    .addOption(csvSafeOption())
    .action(withContext<PredictCommandOptions, [paths: string[]]>(run));
  addModelOptions(addCellSourceOptions(command));
  addExamples(
    command,
    'deepyeast predict --model runs/first data/test --out predictions.parquet',
    'deepyeast predict --model runs/first data/test --with label,plate,well,field --out predictions.csv',
    "deepyeast predict --model runs/first screen --pattern '{plate}/{well}-{field}-{cell}.png' --on-error skip",
    'deepyeast predict --model runs/first cells/*.png',
    'deepyeast predict --model runs/first data/new --reject 0.6 --temperature 1.4 --out predictions.csv',
  );
}

async function run(context: CommandContext, options: PredictCommandOptions, paths: string[]): Promise<number> {
  const [{ describeSource, predictCells, PredictionsWriter }, { temperPosteriors }] = await Promise.all([
    import('../prediction/index.js'),
    import('../evaluation/index.js'),
  ]);
  // Opened before the model is loaded and anything is written, so that a wrong path costs nothing.
  const { target, ...table } = tableTarget(context, options);
  const skipped: SkippedCell[] = [];
  const sources = await openCellSources(context, paths, options, { defaultPattern: '*', skipped });
  const total = sources.reduce((sum, source) => sum + describeSource(source).count, 0);
  const bar = context.progress({ label: 'predicting', total, unit: 'cells' });

  const result = await withModel(context, options, async (network, model) => {
    const writer = await PredictionsWriter.create(target, network.classes, {
      ...table,
      copy: options.with ?? [],
      ...(options.reject !== undefined && { reject: options.reject }),
    });
    try {
      for (const source of sources) {
        const { classes } = describeSource(source);
        for await (const batch of predictCells(network, source, batchOptions(context, options))) {
          const { cells } = batch;
          const posteriors = temperPosteriors(batch.posteriors, network.classes.length, options.temperature ?? 1);
          for (const [i, cell] of cells.entries()) {
            await writer.append(cell, posteriors, i * network.classes.length, classes);
          }
          bar.update(writer.count + skipped.length);
        }
      }
      await writer.commit();
    } catch (error) {
      await writer.abort();
      throw error;
    }
    const rejected = options.reject === undefined ? {} : { uncertain: writer.rejected };
    return { model, classes: network.classes, cells: writer.count, ...rejected };
  });
  bar.finish();
  if (context.json && options.out !== undefined) {
    await context.printJson({ out: options.out, ...result, skipped });
  }
  if (options.out !== undefined) context.say(`${result.cells} cells in ${options.out}`);
  if (result.uncertain !== undefined) context.say(`${result.uncertain} cells are uncertain`);
  if (skipped.length > 0) context.say(`${skipped.length} images skipped`);
  return skipped.length > 0 ? exitStatus.skipped : 0;
}
