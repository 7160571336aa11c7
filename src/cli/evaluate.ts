import { type Command, Option } from 'commander';
import { exitStatus } from '../errors';
import type { Accuracy, ConfidenceInterval, Report } from '../evaluation';
import { addCellSourceOptions, type CellSourceOptions, openCellSource, type SkippedCell } from './cell-source';
import { addModelOptions, batchOptions, type ModelOptions, withModel } from './model';
import { addExamples, type CommandContext, seedOption, wholeNumber, withContext } from './options';
import { csvSafeOption, csvSafety } from './table-output';
import { share } from './text-table';

interface EvaluateCommandOptions extends ModelOptions, CellSourceOptions {
  data: string;
  out: string;
  format: 'csv' | 'parquet';
  minimumCells: number;
  bootstrap: number;
  seed: number;
  csvSafe?: boolean;
}

/** `deepyeast evaluate` */
export function register(program: Command): void {
  const command = program
    .command('evaluate')
    .description(
      'Score a model on a labelled dataset: metrics.json (recall, precision, confusion, accuracy per protein, with ' +
        '95% intervals by bootstrap over proteins) and predictions.csv. Cells without a label are left out and counted.',
    )
    .requiredOption(
      '--data <source>',
      'dataset folder with labels, or a folder of images (--labels, --classes, --pattern)',
    )
    .requiredOption('--out <folder>', 'folder for metrics.json and the predictions')
    .addOption(new Option('--format <name>', 'format of the predictions').choices(['csv', 'parquet']).default('csv'))
    .addOption(
      new Option('--minimum-cells <cells>', 'give the accuracy also over proteins of at least so many cells')
        .default(10)
        .argParser(wholeNumber(0, Number.MAX_SAFE_INTEGER)),
    )
    .addOption(
      new Option('--bootstrap <replicates>', 'resamples for the intervals; 0: none')
        .default(1000)
        .argParser(wholeNumber(0, 1_000_000)),
    )
    .addOption(csvSafeOption())
    .addOption(seedOption())
    .action(withContext<EvaluateCommandOptions>(run));
  addModelOptions(addCellSourceOptions(command));
  addExamples(
    command,
    'deepyeast evaluate --model runs/first --data data/test --out results/first',
    'deepyeast evaluate --model runs/first --data deepyeast-images --labels HOwt_test.txt --out results/first',
  );
}

async function run(context: CommandContext, options: EvaluateCommandOptions): Promise<number> {
  const [{ describeSource }, { evaluateModel }] = await Promise.all([
    import('../prediction/index.js'),
    import('../evaluation/index.js'),
  ]);
  const skipped: SkippedCell[] = [];
  const source = await openCellSource(context, options.data, options, { skipped });
  const { count } = describeSource(source);
  const bar = context.progress({ label: 'evaluating', total: count, unit: 'cells' });
  const { record, report } = await withModel(context, options, async (network, model) => {
    const record = { model, data: { path: options.data, cells: count }, skipped };
    const report = await evaluateModel(network, source, options.out, {
      ...batchOptions(context, options),
      format: options.format,
      table: csvSafety(context, options),
      minimumCells: options.minimumCells,
      replicates: options.bootstrap,
      seed: options.seed,
      record,
      onProgress: (done) => bar.update(done),
    });
    return { record, report };
  });
  bar.finish();
  if (context.json) {
    await context.printJson({ ...record, ...report });
  } else {
    await context.print(summary(report));
    context.say(`metrics.json and predictions.${options.format} are in ${options.out}`);
    if (skipped.length > 0) context.say(`${skipped.length} images skipped`);
  }
  return skipped.length > 0 ? exitStatus.skipped : 0;
}

function accuracyLine(what: string, { count, correct, accuracy, interval }: Accuracy): string {
  return `${what}: ${share(accuracy)} right${range(interval)}, ${correct} of ${count}`;
}

function range(interval: ConfidenceInterval | null): string {
  return interval === null ? '' : ` (${share(interval[0])} to ${share(interval[1])})`;
}

/** The report in a few lines. */
function summary(report: Report): string {
  const { cells, proteins, proteinsWithMinimumCells: large, medianRecall, medianPrecision, macroRecall } = report;
  const width = Math.max(...report.classes.map(({ name }) => name.length), 5);
  const row = (name: string, ...rest: string[]) =>
    `${name.padEnd(width)}${rest.map((text) => text.padStart(11)).join('')}`;
  const lines = [
    accuracyLine('cells', cells),
    accuracyLine('proteins', proteins),
    accuracyLine(`proteins of at least ${large.minimumCells} cells`, large),
    `median recall ${share(medianRecall.value)} of ${medianRecall.n} classes, median precision ` +
      `${share(medianPrecision.value)} of ${medianPrecision.n}, macro recall ${share(macroRecall.value)}`,
    '',
    row('class', 'recall', 'precision', 'cells'),
    ...report.classes.map(({ name, recall, precision, support }) =>
      row(name, share(recall), share(precision), String(support)),
    ),
    '',
    'most frequent confusions:',
    ...report.mostFrequentConfusions
      .slice(0, 5)
      .map((pair) => `  ${pair.true} called ${pair.predicted}: ${pair.count} cells, ${share(pair.rate)}`),
  ];
  if (report.mostFrequentConfusions.length === 0) lines.push('  none');
  if (cells.unlabelled > 0) lines.push('', `${cells.unlabelled} cells without a label were left out`);
  return `${lines.join('\n')}\n`;
}
