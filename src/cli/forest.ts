import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Forest, ForestOptions } from '../classifiers/forest';
import { parseNumber } from '../files/number';
import { type TableFormat, tableFormats } from '../files/table-writer';
import {
  addExamples,
  type CommandContext,
  jsonOption,
  nameList,
  seedOption,
  threadsOption,
  wholeNumber,
  withContext,
} from './options';
import { csvSafeOption, tableTarget } from './table-output';
import { formatTable, share } from './text-table';

interface GrowthOptions {
  features: string;
  classWeights?: number[] | 'balanced';
  downSample?: boolean;
  seed: number;
  threads?: number;
}

interface TrainOptions extends GrowthOptions {
  out: string;
  trees: number;
  featuresPerSplit?: number;
  leafSize: number;
  validation?: string;
  importance?: string;
}

interface PredictOptions {
  forest: string;
  features: string;
  out?: string;
  format?: TableFormat;
  csvSafe?: boolean;
  with?: string[];
  threads?: number;
}

interface SearchOptions extends GrowthOptions {
  validation: string;
  trees: number[];
  featuresPerSplit: number[];
  leafSize: number[];
  out?: string;
  forest?: string;
}

const most = 1_000_000;
const featuresOption = ['--features <folder>', 'features of the cells (`deepyeast features`)'] as const;

/** `deepyeast forest` */
export function register(program: Command): void {
  const forest = program
    .command('forest')
    .description('Random forests on features: classic ones, those of CellProfiler, or a layer of a network.');
  const train = forest
    .command('train')
    .description('Trains a forest on the labelled cells and tells its out-of-bag error and the features it uses most.')
    .requiredOption(...featuresOption)
    .requiredOption('--out <file>', 'the forest (safetensors)')
    .option('--trees <count>', 'trees', wholeNumber(1, most), 500)
    .option('--features-per-split <count>', 'features drawn at each split (default: 100)', wholeNumber(1, most))
    .option('--leaf-size <cells>', 'fewest cells in a leaf', wholeNumber(1, most), 1)
    .option('--validation <folder>', 'features of other cells, to score the forest on')
    .option('--importance <table>', 'writes the importance of every feature (by permutation too, with --validation)');
  addGrowthOptions(train).action(withContext<TrainOptions>(runTrain));
  const predict = forest
    .command('predict')
    .description('Class probabilities of every cell, as `deepyeast predict` writes them.')
    .requiredOption('--forest <file>', 'what `forest train` wrote')
    .requiredOption(...featuresOption)
    .option('--out <table>', 'file of the table (default: standard output)')
    .addOption(new Option('--format <name>', 'format of the table').choices(tableFormats))
    .option('--with <columns>', 'columns of cells.csv to copy', nameList)
    .addOption(csvSafeOption())
    .addOption(threadsOption())
    .addOption(jsonOption())
    .action(withContext<PredictOptions>(runPredict));
  const search = forest
    .command('search')
    .description('Tries every setting of a grid on validation cells; forests of more trees grow on those of fewer.')
    .requiredOption(...featuresOption)
    .requiredOption('--validation <folder>', 'features of the validation cells')
    .option('--trees <list>', 'numbers of trees', counts, [50, 100, 250, 500, 1000])
    .option('--features-per-split <list>', 'numbers of features drawn at each split', counts, [10, 30, 100, 300])
    .option('--leaf-size <list>', 'fewest cells in a leaf', counts, [1, 5, 10, 50])
    .option('--out <table>', 'writes all settings with their scores')
    .option('--forest <file>', 'trains the best setting and writes the forest');
  addGrowthOptions(search).action(withContext<SearchOptions>(runSearch));
  const trainExample =
    'deepyeast forest train --features features/train --validation features/validation --out forest.safetensors';
  const predictExample =
    'deepyeast forest predict --forest forest.safetensors --features features/test --with label,plate,well,field --out forest.csv';
  const searchExample =
    'deepyeast forest search --features features/train --validation features/validation --trees 50,500 --out search.csv';
  addExamples(train, trainExample);
  addExamples(predict, predictExample);
  addExamples(search, searchExample);
  addExamples(forest, trainExample, predictExample, searchExample);
}

function addGrowthOptions(command: Command): Command {
  return command
    .option('--class-weights <list>', "'balanced', or a weight for each class in their order", weights)
    .option('--down-sample', 'each tree draws as many cells from every class as the rarest has')
    .addOption(seedOption())
    .addOption(threadsOption())
    .addOption(jsonOption());
}

function counts(text: string): number[] {
  return text.split(',').map((part) => wholeNumber(1, most)(part.trim()));
}

function weights(text: string): number[] | 'balanced' {
  if (text === 'balanced') return text;
  const values = text.split(',').map((part) => parseNumber(part) ?? Number.NaN);
  if (!values.every(Number.isFinite)) throw new InvalidArgumentError("Expected 'balanced' or numbers between commas.");
  return values;
}

function growth(context: CommandContext, options: GrowthOptions): ForestOptions {
  const { classWeights, downSample = false, seed, threads } = options;
  return { ...(classWeights && { classWeights }), downSample, seed, threads, signal: context.signal };
}

async function runTrain(context: CommandContext, options: TrainOptions): Promise<void> {
  const { trainForestFile } = await import('../classifiers/forest-training.js');
  const { out, trees, leafSize, featuresPerSplit, validation, importance } = options;
  const bar = context.progress({ label: 'growing', total: trees, unit: 'trees' });
  const forest = await trainForestFile(options.features, out, {
    ...growth(context, options),
    trees,
    leafSize,
    ...(featuresPerSplit !== undefined && { featuresPerSplit }),
    ...(validation !== undefined && { validation }),
    ...(importance !== undefined && { importance }),
    onProgress: (done) => bar.update(done),
  });
  bar.finish();
  if (context.json) {
    const { options: settings, validation: scores, ...rest } = forest;
    const validationScores = scores && { accuracy: scores.accuracy, macroRecall: scores.macroRecall };
    return context.printJson({ out, ...rest, ...settings, validation: validationScores });
  }
  const { outOfBagError, validation: scores } = forest;
  await context.print(
    formatTable(
      ['', 'cells', 'accuracy', 'macro recall'],
      [
        ['out of bag', `${forest.cells}`, share(outOfBagError === null ? null : 1 - outOfBagError), '-'],
        ...(scores ? [['validation', `${scores.cells}`, share(scores.accuracy), share(scores.macroRecall)]] : []),
      ],
    ),
  );
  await context.print(
    `\n${formatTable(
      ['feature', 'importance'],
      forest.top.map((row) => [row.feature, row.importance.toFixed(4)]),
    )}`,
  );
  const used = `${forest.options.featuresPerSplit} of ${forest.features} features a split`;
  context.say(
    `${forest.options.trees} trees, ${used}, leaves of ${forest.options.leafSize}: ${out}` +
      `${importance === undefined ? '' : `; importances: ${importance}`}`,
  );
}

async function runPredict(context: CommandContext, options: PredictOptions): Promise<void> {
  const [{ readFeatureCells }, { Forest }, { PredictionsWriter }] = await Promise.all([
    import('../features/labelled-features.js'),
    import('../classifiers/forest.js'),
    import('../prediction/index.js'),
  ]);
  const { target, ...table } = tableTarget(context, options);
  const { features, cells, classes } = await readFeatureCells(options.features);
  const forest: Forest = await Forest.load(options.forest);
  try {
    const posteriors = await forest.predict(features, { threads: options.threads, signal: context.signal });
    const writer = await PredictionsWriter.create(target, forest.classes, { ...table, copy: options.with ?? [] });
    try {
      for (const [row, cell] of cells.entries()) {
        await writer.append(cell, posteriors, row * forest.classes.length, classes);
      }
      await writer.commit();
    } catch (error) {
      await writer.abort();
      throw error;
    }
    if (options.out === undefined) return;
    if (context.json) await context.printJson({ out: options.out, classes: forest.classes, cells: writer.count });
    context.say(`${writer.count} cells in ${options.out}`);
  } finally {
    await forest.close();
  }
}

async function runSearch(context: CommandContext, options: SearchOptions): Promise<void> {
  const [{ readFeatureCells, labelledRows, withClasses }, { Forest, searchForest }, { writeRecords }] =
    await Promise.all([
      import('../features/labelled-features.js'),
      import('../classifiers/index.js'),
      import('../files/record-table.js'),
    ]);
  const source = await readFeatureCells(options.features);
  const training = labelledRows(source);
  const validation = labelledRows(withClasses(await readFeatureCells(options.validation), source.classes));
  const { trees, featuresPerSplit, leafSize } = options;
  const bar = context.progress({ label: 'searching', unit: 'trees' });
  const found = await searchForest(
    training,
    validation,
    { trees, featuresPerSplit, leafSize },
    {
      ...growth(context, options),
      classes: source.classes,
      onProgress: (done, total) => bar.update(done, `of ${total}`),
    },
  );
  bar.finish();
  if (options.out !== undefined)
    await writeRecords(
      options.out,
      found.rows.map((row) => ({ ...row })),
    );
  if (options.forest !== undefined) {
    const { accuracy, macroRecall, ...setting } = found.best;
    const forest = await Forest.train(training.features, training.labels, source.classes, {
      ...growth(context, options),
      ...setting,
    });
    try {
      await forest.save(options.forest);
    } finally {
      await forest.close();
    }
  }
  if (context.json) return context.printJson(found);
  const best = [...found.rows].sort((a, b) => b.accuracy - a.accuracy).slice(0, 10);
  const line = (row: (typeof best)[number]) => [
    `${row.trees}`,
    `${row.featuresPerSplit}`,
    `${row.leafSize}`,
    share(row.accuracy),
    share(row.macroRecall),
  ];
  await context.print(
    formatTable(
      ['trees', 'features a split', 'leaf', 'accuracy', 'macro recall'],
      [found.best, ...best.filter((row) => row !== found.best)].slice(0, 10).map(line),
    ),
  );
  const files = [options.out, options.forest].filter((file) => file !== undefined);
  context.say(
    `${found.rows.length} settings on ${validation.labels.length} cells, the best first${files.length > 0 ? `; ${files.join(', ')}` : ''}`,
  );
}
