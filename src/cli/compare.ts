import { type Command, Option } from 'commander';
import type { ComparisonFile } from '../evaluation';
import {
  addExamples,
  type CommandContext,
  jsonOption,
  nameList,
  realNumber,
  wholeNumber,
  withContext,
} from './options';
import { csvSafeOption, csvSafety } from './table-output';
import { formatTable, share } from './text-table';

interface CompareCommandOptions {
  out: string;
  names?: string[];
  quality?: string;
  qualityThreshold: number;
  confident: number;
  minimumCells: number;
  data?: string;
  csvSafe?: boolean;
}

/** `deepyeast compare` */
export function register(program: Command): void {
  const command = program
    .command('compare')
    .description(
      'Two models on the same cells: recall and precision of every class, shared and private mistakes, each mistake with its ' +
        'cause by stated rules (technical; heterogeneity or label; model error), and proteins to be annotated again.',
    )
    .argument('<first>', 'labelled predictions of the model whose mistakes are explained, such as the network')
    .argument('<second>', 'labelled predictions of the other model, such as the forest')
    .requiredOption('--out <folder>', 'folder for comparison.json, mistakes.csv, suspects.csv and the gallery')
    .option('--names <names>', 'names of the two models, as in network,forest', nameList)
    .option('--quality <table>', 'quality of the cells (`deepyeast quality score`)')
    .addOption(
      new Option('--quality-threshold <score>', 'below it a mistake is technical')
        .default(0.5)
        .argParser(realNumber(0, 1)),
    )
    .addOption(
      new Option('--confident <posterior>', 'from which posterior on a call is confident')
        .default(0.8)
        .argParser(realNumber(0, 1)),
    )
    .addOption(
      new Option('--minimum-cells <cells>', 'a suspect protein has at least so many cells')
        .default(10)
        .argParser(wholeNumber(1, Number.MAX_SAFE_INTEGER)),
    )
    .option('--data <folder>', 'the dataset, for the gallery and for what the simulator planted')
    .addOption(csvSafeOption())
    .addOption(jsonOption())
    .action(withContext<CompareCommandOptions, [first: string, second: string]>(run));
  addExamples(
    command,
    'deepyeast compare network/predictions.csv forest/predictions.csv --names network,forest --data data/test --out compared',
  );
}

async function run(
  context: CommandContext,
  options: CompareCommandOptions,
  first: string,
  second: string,
): Promise<void> {
  const [{ compareFiles }, { Dataset }, { DeepYeastError }] = await Promise.all([
    import('../evaluation/index.js'),
    import('../data/dataset.js'),
    import('../errors.js'),
  ]);
  const { names = ['first', 'second'] } = options;
  if (names.length !== 2) {
    throw new DeepYeastError('invalid-argument', `found ${names.length} names, expected two, as in network,forest`);
  }
  const found = await compareFiles(first, second, options.out, {
    names: names as [string, string],
    qualityThreshold: options.qualityThreshold,
    confident: options.confident,
    minimumCells: options.minimumCells,
    table: csvSafety(context, options),
    ...(options.quality !== undefined && { quality: options.quality }),
    ...(options.data !== undefined && { dataset: await Dataset.open(options.data) }),
  });
  found.unmatched.forEach((count, m) => {
    if (count > 0) context.log('warn', `${count} cells are in the table of ${names[m]} only, and are left out`);
  });
  if (found.unscored) {
    context.log(
      'warn',
      `${found.unscored} cells have no score in ${options.quality}: none of them counts as technical`,
    );
  }
  if (context.json) return context.printJson(found);
  await context.print(summary(found));
  context.say(`comparison.json, mistakes.csv and suspects.csv are in ${options.out}`);
}

function summary({ models, agreement, causes, suspects, cells, planted }: ComparisonFile): string {
  const rows = [
    ['cells right', ...models.map((model) => share(model.accuracy))],
    ['median recall', ...models.map((model) => share(model.medianRecall))],
    ['median precision', ...models.map((model) => share(model.medianPrecision))],
    ['proteins right', ...models.map((model) => share(model.proteins.accuracy))],
    ...models[0].classes.map(({ name, recall }, c) => [
      `recall of ${name}`,
      share(recall),
      share(models[1].classes[c]?.recall),
    ]),
  ];
  const lines = [
    formatTable(['', ...models.map(({ name }) => name)], rows).trimEnd(),
    '',
    `of ${cells} cells: ${agreement.bothRight} right in both, ${agreement.onlyFirstRight} and ${agreement.onlySecondRight} in ` +
      `one only, ${agreement.bothWrong} wrong in both (${agreement.sameWrongCall} the same way)`,
    `mistakes of ${models[0].name}: ${Object.entries(causes)
      .map(([cause, count]) => `${cause} ${count}`)
      .join(', ')}`,
  ];
  if (planted) {
    const right = Object.entries(planted).reduce((sum, [cause, row]) => sum + row[cause as keyof typeof row], 0);
    const all = Object.values(planted).reduce((sum, row) => sum + Object.values(row).reduce((a, b) => a + b, 0), 0);
    lines.push(`the rules name the planted cause of ${right} of ${all} mistakes`);
  }
  lines.push(`${suspects.length} proteins to be annotated again`);
  return `${lines.join('\n')}\n`;
}
