import { type Command, Option } from 'commander';
import type { ReportOptions } from '../report';
import { addModelRunOptions, batchOptions, type ModelOptions, withModel } from './model';
import { addExamples, type CommandContext, seedOption, wholeNumber, withContext } from './options';
import { formatTable, share } from './text-table';

const analyses = ['explained', 'calibrated', 'compared', 'quality', 'transfer', 'changes', 'paper'] as const;

type Analysis = (typeof analyses)[number];

interface ReportCommandOptions extends Omit<ModelOptions, 'model'>, Pick<ReportOptions, 'title' | Analysis> {
  data: string;
  out: string;
  bootstrap: number;
  seed: number;
}

/** `deepyeast report` */
export function register(program: Command): void {
  const command = program
    .command('report')
    .description(
      'One page that needs nothing else: scores, figures, sortable tables, galleries of right and wrong cells, and a section ' +
        'for every other analysis that is named. Each figure also as SVG, PNG and CSV in a folder beside the page.',
    )
    .argument('<model>', 'run folder, or model file')
    .requiredOption('--data <folder>', 'labelled dataset that the model is scored on')
    .option('--out <page>', 'the page', 'report.html')
    .option('--title <text>', 'heading of the page')
    .option('--explained <folder>', 'of `deepyeast explain`')
    .option('--calibrated <folder>', 'of `deepyeast calibrate`')
    .option('--compared <folder>', 'of `deepyeast compare`')
    .option('--quality <folders...>', 'of `deepyeast quality train`')
    .option('--transfer <folder>', 'of `deepyeast transfer`')
    .option('--changes <table>', 'of `deepyeast proteins --against`')
    .option('--paper <file>', 'JSON rows of quantity, paper and here')
    .addOption(
      new Option('--bootstrap <replicates>', 'resamples for the intervals; 0: none')
        .default(1000)
        .argParser(wholeNumber(0, 1_000_000)),
    )
    .addOption(seedOption())
    .action(withContext<ReportCommandOptions, [model: string]>(run));
  addModelRunOptions(command);
  addExamples(
    command,
    'deepyeast report runs/first --data data/test --out report.html',
    'deepyeast report runs/first --data data/test --explained explained --transfer transferred --out report.html',
  );
}

async function run(context: CommandContext, options: ReportCommandOptions, model: string): Promise<void> {
  const [{ Dataset }, { writeReport }, { stat }] = await Promise.all([
    import('../data/dataset.js'),
    import('../report/index.js'),
    import('node:fs/promises'),
  ]);
  const dataset = await Dataset.open(options.data);
  const isRun = await stat(model).then(
    (found) => found.isDirectory(),
    () => false,
  );
  const bar = context.progress({ label: 'predicting', total: dataset.count, unit: 'cells' });
  const sections = Object.fromEntries(
    analyses.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]])),
  );
  const result = await withModel(context, { ...options, model }, async (network, record) =>
    writeReport(network, dataset, options.out, {
      ...batchOptions(context, { ...options, model }),
      ...sections,
      ...(isRun && { run: model }),
      ...(options.title !== undefined && { title: options.title }),
      replicates: options.bootstrap,
      seed: options.seed,
      record: { model: record, data: { path: options.data, cells: dataset.count } },
      onProgress: (done) => bar.update(done),
    }),
  );
  bar.finish();
  const { metrics, ...files } = result;
  if (context.json) return context.printJson({ ...files, cells: metrics.cells, proteins: metrics.proteins });
  await context.print(
    formatTable(
      ['what', 'right', 'of'],
      [
        ['cells', share(metrics.cells.accuracy), String(metrics.cells.count)],
        ['proteins', share(metrics.proteins.accuracy), String(metrics.proteins.count)],
      ],
    ),
  );
  context.say(
    `${files.page} (${(files.bytes / 1e6).toFixed(1)} MB); metrics.json and the figures are in ${files.folder}`,
  );
}
