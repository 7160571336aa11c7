import { type Command, Option } from 'commander';
import type { FilterReport, QualityFile, QualityScores } from '../quality';
import {
  addExamples,
  type CommandContext,
  jsonOption,
  realNumber,
  seedOption,
  threadsOption,
  wholeNumber,
  withContext,
} from './options';
import { formatTable, share } from './text-table';

interface TrainOptions {
  data: string;
  features: string;
  out: string;
  marks?: string;
  predictions?: string[];
  perClass: number;
  trees: number;
  folds: number;
  threshold: number;
  threads?: number;
  seed: number;
}

interface ScoreOptions {
  detector: string;
  features: string;
  out: string;
  threads?: number;
}

interface FilterOptions {
  data: string;
  scores: string;
  threshold: number;
  out: string;
  predictions?: string[];
  marks?: string;
  detector?: string;
  report?: string;
}

const thresholdOption = () =>
  new Option('--threshold <score>', 'cells with a lower score are removed').default(0.5).argParser(realNumber(0, 1));

/** `deepyeast quality` */
export function register(program: Command): void {
  const quality = program
    .command('quality')
    .description('Tells good cells from empty, cut, blurred or otherwise useless crops: a forest on marked cells.');
  addExamples(
    quality,
    'deepyeast quality train --data data/train --features features/train --out quality',
    'deepyeast quality score --detector quality --features features/test --out quality.csv',
    'deepyeast quality filter --data data/test --scores quality.csv --out data/test-good',
  );
  const train = quality
    .command('train')
    .description(
      "Trains a detector on marked good cells and non-cells, every number out of fold, and tries it on the dataset's other cells.",
    )
    .requiredOption('--data <folder>', 'dataset')
    .requiredOption('--features <folder>', "its features (`deepyeast features`): a network's layer, or classic ones")
    .requiredOption('--out <folder>', 'folder for the detector, quality.json and scores.csv')
    .option(
      '--marks <table>',
      "table cell,quality: 'cell' is good, anything else none (default: cells.csv's column quality)",
    )
    .option('--predictions <tables...>', 'good cells have to be right in all of these')
    .option('--per-class <cells>', 'good cells of a class', wholeNumber(1, 1_000_000), 100)
    .option('--trees <count>', 'trees of the forest', wholeNumber(1, 100_000), 100)
    .option('--folds <count>', 'folds of the cross-validation', wholeNumber(2, 100), 10)
    .addOption(thresholdOption())
    .addOption(threadsOption())
    .addOption(seedOption())
    .addOption(jsonOption())
    .action(withContext<TrainOptions>(runTrain));
  addExamples(train, 'deepyeast quality train --data data/train --features features/train --out quality');
  const score = quality
    .command('score')
    .description('The probability of a good cell for every cell: a table cell,quality.')
    .requiredOption('--detector <folder>', 'of `quality train`')
    .requiredOption('--features <folder>', 'the same features of other cells')
    .requiredOption('--out <table>', 'the table')
    .addOption(threadsOption())
    .addOption(jsonOption())
    .action(withContext<ScoreOptions>(runScore));
  addExamples(score, 'deepyeast quality score --detector quality --features features/test --out quality.csv');
  const filter = quality
    .command('filter')
    .description('A dataset without the cells of a low score. No label is read.')
    .requiredOption('--data <folder>', 'dataset')
    .requiredOption('--scores <table>', 'of `quality score`')
    .requiredOption('--out <folder>', 'the new dataset')
    .addOption(thresholdOption())
    .option('--predictions <tables...>', 'of models: how many of their calls are right before and after')
    .option(
      '--marks <table>',
      "table cell,quality to compare with (default: cells.csv's column quality, if there is one)",
    )
    .option('--detector <folder>', 'of `quality train`: the cells that trained it are left out of the comparison')
    .option('--report <file>', 'writes what the filter did by class, to the models and against the marks, as JSON')
    .addOption(jsonOption())
    .action(withContext<FilterOptions>(runFilter));
  addExamples(
    filter,
    'deepyeast quality filter --data data/test --scores quality.csv --out data/test-good',
    'deepyeast quality filter --data data/test --scores quality.csv --predictions network.csv forest.csv --out data/test-good',
  );
}

async function runTrain(context: CommandContext, options: TrainOptions): Promise<void> {
  const [{ Dataset }, { trainQualityFiles }] = await Promise.all([
    import('../data/dataset.js'),
    import('../quality/index.js'),
  ]);
  const dataset = await Dataset.open(options.data);
  const bar = context.progress({ label: 'cross-validation', total: 6 * options.folds, unit: 'forests' });
  const file = await trainQualityFiles(dataset, options.features, options.out, {
    perClass: options.perClass,
    trees: options.trees,
    folds: options.folds,
    threshold: options.threshold,
    seed: options.seed,
    threads: options.threads,
    signal: context.signal,
    record: { data: options.data, featuresFrom: options.features },
    ...(options.marks !== undefined && { marks: options.marks }),
    ...(options.predictions && { predictions: options.predictions }),
    onProgress: (done) => bar.update(done),
  });
  bar.finish();
  if (context.json) return context.printJson(file);
  await context.print(summary(file));
  context.say(`the detector, quality.json and scores.csv are in ${options.out}`);
}

function summary({ good, nonCells, setting, scores, filter }: QualityFile): string {
  const first =
    `${good} good cells and ${nonCells} non-cells; out of fold ${scoresText(scores)}; ${setting.featuresPerSplit} features ` +
    `a split${setting.downSample ? ', down-sampled' : ''}`;
  return `${first}\n\n${filterText(filter, 'other cells')}`;
}

const scoresText = ({ accuracy, balancedAccuracy, areaUnderRoc, averagePrecision }: QualityScores) =>
  `${share(accuracy)} right (balanced ${share(balancedAccuracy)}), area under ROC ${areaUnderRoc.toFixed(3)}, under ` +
  `precision-recall ${averagePrecision.toFixed(3)}`;

/** What a filter does, by class and to the models. */
function filterText(filter: FilterReport, heading: string): string {
  const known = filter.classes.some((row) => row.nonCells !== null);
  const rows = filter.classes.map((row) => [
    row.name,
    String(row.cells),
    share(row.cells === 0 ? null : row.removed / row.cells),
    ...(known
      ? [
          share(row.nonCells ? (row.nonCellsFound as number) / row.nonCells : null),
          share(
            row.cells === (row.nonCells ?? 0)
              ? null
              : (row.goodCellsLost as number) / (row.cells - (row.nonCells ?? 0)),
          ),
        ]
      : []),
  ]);
  const header = [heading, 'cells', 'removed', ...(known ? ['non-cells found', 'good cells lost'] : [])];
  const models = filter.models.map(
    ({ name, before, after, random }) =>
      `${name}: ${share(before)} right before, ${share(after)} after, ${share(random)} after removing as many at random\n`,
  );
  return `${formatTable(header, rows)}${models.join('')}`;
}

async function runScore(context: CommandContext, options: ScoreOptions): Promise<void> {
  const { scoreQualityFiles } = await import('../quality/index.js');
  const scored = await scoreQualityFiles(options.detector, options.features, options.out, {
    threads: options.threads,
    signal: context.signal,
  });
  if (context.json) return context.printJson({ out: options.out, ...scored });
  context.say(`${scored.cells} cells in ${options.out}, ${scored.belowHalf} of them below one half`);
}

async function runFilter(context: CommandContext, options: FilterOptions): Promise<void> {
  const [{ Dataset }, { evaluateFilter, filterDataset, readQualityFile }, { readQuality }, { writeFileAtomically }] =
    await Promise.all([
      import('../data/dataset.js'),
      import('../quality/index.js'),
      import('../evaluation/index.js'),
      import('../files/atomic-file.js'),
    ]);
  const dataset = await Dataset.open(options.data);
  const { threshold, detector, report, out } = options;
  const scores = await readQuality(options.scores, await dataset.table());
  const found = await evaluateFilter(dataset, scores, {
    threshold,
    ...(options.predictions && { predictions: options.predictions }),
    ...(options.marks !== undefined && { marks: options.marks }),
    ...(detector !== undefined && { trainingCells: (await readQualityFile(detector)).trainingCells }),
  });
  const { kept, removed, unscored } = await filterDataset(dataset, scores, out, { threshold, signal: context.signal });
  if (unscored > 0) context.log('warn', `${unscored} cells have no score in ${options.scores}, and stay`);
  if (report !== undefined) await writeFileAtomically(report, `${JSON.stringify(found, null, 2)}\n`);
  if (context.json) return context.printJson({ out, cells: kept.count, removed, unscored, filter: found });
  const against = found.scores ? `against the marks: ${scoresText(found.scores)}\n` : '';
  await context.print(`${filterText(found, 'class')}${against}`);
  context.say(`${kept.count} cells in ${out}, ${removed} removed${report === undefined ? '' : `; ${report}`}`);
}
