import { type Command, Option } from 'commander';
import { DeepYeastError, exitStatus } from '../errors';
import { type Stage, type Summary, stages, summaries } from '../features/extraction';
import { addCellSourceOptions, type CellSourceOptions, openCellSource, type SkippedCell } from './cell-source';
import { addModelRunOptions, batchOptions, type ModelOptions, withModel } from './model';
import { addExamples, type CommandContext, wholeNumber, withContext } from './options';
import { formatTable } from './text-table';

interface FeaturesCommandOptions extends ModelOptions, CellSourceOptions {
  data: string;
  layer?: string;
  classic?: boolean;
  cellprofiler?: string;
  marker?: string;
  key?: string;
  allowMissing?: boolean;
  imageSize?: number;
  redundant?: boolean;
  stage: Stage;
  summary: Summary;
  out: string;
}

/** `deepyeast features` */
export function register(program: Command): void {
  const command = program
    .command('features')
    .description(
      'Features of every cell: features.npy (float32, one row a cell) beside cells.csv, and features.json, which says ' +
        "what they are. A layer's outputs, classic features without a network, or CellProfiler's.",
    )
    .requiredOption('--data <source>', 'dataset folder, or a folder of images')
    .addOption(
      new Option('--layer <name>', 'conv1_1 ... fc1 ...; the last one gives the logits').conflicts([
        'classic',
        'cellprofiler',
      ]),
    )
    .addOption(
      new Option('--classic', 'intensity, shape, texture, ...: 643 features that need no network').conflicts([
        'cellprofiler',
        'model',
      ]),
    )
    .addOption(
      new Option(
        '--cellprofiler <table>',
        "objects that CellProfiler measured, joined to the dataset's cells",
      ).conflicts('model'),
    )
    .option('--marker <channel>', 'with --classic: the channel that shows the whole cell (default: the first)')
    .option('--key <column>', "with --cellprofiler: its column of the cells' names, or of their file names")
    .option('--allow-missing', 'with --cellprofiler: cells that it lacks get the medians')
    .option(
      '--image-size <pixels>',
      'with --cellprofiler: width and height of the images that it measured (default: as imported)',
      wholeNumber(1, 1_000_000),
    )
    .option('--redundant', 'with --classic: also list features that are constant or follow another (|r| > 0.999)')
    .addOption(
      new Option(
        '--stage <name>',
        'which value of the layer: its own output, after normalization, after ReLU, after the pool',
      )
        .choices(stages)
        .default('activated'),
    )
    .addOption(
      new Option(
        '--summary <kind>',
        "of a convolution's maps: each unit's maximum over positions, its mean, both (maxima, then means), or whole maps",
      )
        .choices(summaries)
        .default('maximum'),
    )
    .requiredOption('--out <folder>', 'folder for the three files')
    .action(withContext<FeaturesCommandOptions>(run));
  addCellSourceOptions(command);
  command.option('--model <model>', 'model file, or run folder, whose best model is taken');
  addModelRunOptions(command);
  addExamples(
    command,
    'deepyeast features --classic --data data/test --out features/classic',
    'deepyeast features --cellprofiler Cells.csv --data data/test --out features/cellprofiler',
    'deepyeast features --model runs/first --data data/test --layer fc1 --out features/fc1',
    'deepyeast features --model runs/first --data data/test --layer conv3_4 --summary both --out features/conv3_4',
  );
}

async function run(context: CommandContext, options: FeaturesCommandOptions): Promise<number> {
  if (options.classic) return runClassic(context, options);
  if (options.cellprofiler !== undefined) return runCellProfiler(context, options, options.cellprofiler);
  const { layer } = options;
  if (layer === undefined || options.model === undefined) {
    throw new DeepYeastError(
      'invalid-argument',
      'found neither --model with --layer, nor --classic, nor --cellprofiler; expected one of them',
    );
  }
  return runLayer(context, options, layer);
}

async function runLayer(context: CommandContext, options: FeaturesCommandOptions, layer: string): Promise<number> {
  const [{ describeSource }, { writeFeatures }] = await Promise.all([
    import('../prediction/index.js'),
    import('../features/extraction.js'),
  ]);
  const skipped: SkippedCell[] = [];
  const source = await openCellSource(context, options.data, options, { defaultPattern: '*', skipped });
  const { count } = describeSource(source);
  const bar = context.progress({ label: layer, total: count, unit: 'cells' });
  const result = await withModel(context, options, async (network, model) => {
    const record = { model, data: { path: options.data, cells: count }, skipped };
    const { stage, summary } = options;
    const description = await writeFeatures(network, source, options.out, {
      ...batchOptions(context, options),
      layer,
      stage,
      summary,
      record,
      onProgress: (done) => bar.update(done),
    });
    return { ...record, ...description };
  });
  bar.finish();
  if (context.json) await context.printJson(result);
  context.say(`${layer} (${result.stage}) [${result.shape.join(', ')}] is in ${options.out}/features.npy`);
  if (skipped.length > 0) context.say(`${skipped.length} images skipped`);
  return skipped.length > 0 ? exitStatus.skipped : 0;
}

async function runClassic(context: CommandContext, options: FeaturesCommandOptions): Promise<number> {
  const [{ Dataset }, { classicFeatureNames, writeClassicFeatures }, { readFeatureMatrix }, { redundantFeatures }] =
    await Promise.all([
      import('../data/dataset.js'),
      import('../features/classic.js'),
      import('../features/matrix.js'),
      import('../features/redundancy.js'),
    ]);
  const dataset = await Dataset.open(options.data);
  const bar = context.progress({ label: 'classic features', total: dataset.count, unit: 'cells' });
  const { names, ...description } = await writeClassicFeatures(dataset, options.out, {
    marker: options.marker,
    batchSize: options.batchSize,
    threads: options.threads,
    signal: context.signal,
    record: { data: { path: options.data, cells: dataset.count } },
    onProgress: (done) => bar.update(done),
  });
  bar.finish();
  const redundancy = options.redundant ? redundantFeatures(await readFeatureMatrix(options.out)) : undefined;
  if (context.json) {
    await context.printJson({ ...description, names, ...(redundancy && { redundancy }) });
    return 0;
  }
  const family = new Map(classicFeatureNames().map((feature) => [feature.name, feature.family]));
  const inFamily = (found: readonly string[], wanted: string) => found.filter((name) => family.get(name) === wanted);
  const constant = redundancy?.constant ?? [];
  const correlated = redundancy?.correlated.map(({ feature }) => feature) ?? [];
  await context.print(
    formatTable(
      ['family', 'features', ...(redundancy ? ['constant', '|r| > 0.999'] : [])],
      [...Object.entries(description.families), ['total', names.length] as const].map(([name, count]) => {
        const of = (found: readonly string[]) => `${name === 'total' ? found.length : inFamily(found, name).length}`;
        return [name, `${count}`, ...(redundancy ? [of(constant), of(correlated)] : [])];
      }),
    ),
  );
  for (const name of constant) await context.print(`constant: ${name}\n`);
  for (const { feature, other, correlation } of redundancy?.correlated ?? []) {
    await context.print(`r = ${correlation.toFixed(4)}: ${feature}, ${other}\n`);
  }
  const { wholeCrops } = description;
  context.say(
    `${dataset.count} cells in ${options.out}/features.npy; ${wholeCrops} without an object in the middle, measured as a whole`,
  );
  return 0;
}

async function runCellProfiler(
  context: CommandContext,
  options: FeaturesCommandOptions,
  table: string,
): Promise<number> {
  const [{ Dataset }, { writeCellProfilerFeatures }] = await Promise.all([
    import('../data/dataset.js'),
    import('../features/cellprofiler.js'),
  ]);
  const dataset = await Dataset.open(options.data);
  const { names, ...found } = await writeCellProfilerFeatures(table, dataset, options.out, {
    key: options.key,
    allowMissing: options.allowMissing,
    imageSize: options.imageSize,
    record: { data: { path: options.data, cells: dataset.count }, table },
  });
  if (context.json) {
    await context.printJson({ ...found, names });
    return 0;
  }
  await context.print(
    formatTable(
      ['cells', 'joined', 'features', 'columns left out', 'fields filled'],
      [
        [
          `${dataset.count}`,
          `${dataset.count - found.missing.length}`,
          `${names.length}`,
          `${found.dropped.length}`,
          `${found.filled}`,
        ],
      ],
    ),
  );
  context.say(`joined by ${found.key}: ${options.out}/features.npy`);
  return 0;
}
