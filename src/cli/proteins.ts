import { type Command, Option } from 'commander';
import { tableFormats } from '../files/table-writer';
import type { ProteinAccuracy, ProteinTable } from '../proteins';
import { addChangeOptions, type ChangeCommandOptions, changeOptions } from './change-options';
import {
  addExamples,
  type CommandContext,
  jsonOption,
  realNumber,
  seedOption,
  wholeNumber,
  withContext,
} from './options';
import { csvSafeOption, tableTarget } from './table-output';
import { formatTable, share } from './text-table';

interface ProteinsCommandOptions extends ChangeCommandOptions {
  out?: string;
  format?: string;
  csvSafe?: boolean;
  minimumCells: number;
  prior?: number;
  bootstrap: number;
  against?: string[];
  compartments?: string;
}

/** `deepyeast proteins` */
export function register(program: Command): void {
  const command = program
    .command('proteins')
    .description(
      "The Dirichlet posterior of every protein's mixture of compartments, from the posteriors of its cells. Several " +
        'tables are taken together; tables of proteins made by this command add up by their soft counts.',
    )
    .argument('<predictions...>', 'tables of predictions (or of proteins), CSV or Parquet')
    .option('--out <file>', 'table of proteins (default: standard output)')
    .addOption(new Option('--format <name>', "format of the table (default: by --out's ending)").choices(tableFormats))
    .addOption(csvSafeOption())
    .addOption(
      new Option('--minimum-cells <cells>', 'give the accuracy also over proteins of at least so many cells')
        .default(10)
        .argParser(wholeNumber(0, Number.MAX_SAFE_INTEGER)),
    )
    .option(
      '--prior <alpha>',
      'pseudo-count of each class (default: 1, or that of the tables of proteins)',
      realNumber(1e-9),
    )
    .addOption(
      new Option('--bootstrap <replicates>', 'resamples for the bootstrap intervals; 0: none')
        .default(1000)
        .argParser(wholeNumber(0, 1_000_000)),
    )
    .option(
      '--against <predictions...>',
      "tables of another condition: what moved between the two, by permutation of fields, in place of the proteins' table",
    );
  addChangeOptions(command)
    .option(
      '--compartments <table>',
      'table with the columns protein and compartments (a+b), such as cells.csv: says how often both of two compartments ' +
        'are the most probable',
    )
    .addOption(seedOption())
    .addOption(jsonOption())
    .action(withContext<ProteinsCommandOptions, [paths: string[]]>(run));
  addExamples(
    command,
    'deepyeast proteins results/predictions.csv --out proteins.csv',
    'deepyeast proteins plate1.parquet plate2.parquet --out proteins.parquet',
    'deepyeast proteins proteins1.csv proteins2.csv --out proteins.csv',
    'deepyeast proteins predictions.csv --compartments data/test/cells.csv --out proteins.csv',
    'deepyeast proteins drug.csv --against control.csv --out moved.csv',
  );
  command.addHelpText(
    'after',
    `
Columns, the last seven for every class: protein, cells, fields, label, predicted, tied (two classes are equal; the
lower one is called), correct, prior, bootstrap_unit, soft_count_ (sum of posteriors), mode_ (soft count / cells: the
mixture), mean_ (of the posterior), low_ and high_ (95%, Beta, assuming independent cells and calibrated posteriors),
bootstrap_low_ and bootstrap_high_ (95%, of the mode, over fields, or over cells where there is one field).`,
  );
}

async function run(context: CommandContext, options: ProteinsCommandOptions, paths: string[]): Promise<void> {
  if (options.against !== undefined) return runAgainst(context, options, paths, options.against);
  const { proteinsOfFiles, readAnnotations, twoCompartments, writeProteinTable } = await import('../proteins/index.js');
  const annotations = options.compartments === undefined ? undefined : await readAnnotations(options.compartments);
  const { table, fieldsUnknown, warnings } = await proteinsOfFiles(paths, {
    minimumCells: options.minimumCells,
    replicates: options.bootstrap,
    seed: options.seed,
    signal: context.signal,
    ...(options.prior !== undefined && { prior: options.prior }),
  });
  for (const warning of warnings) context.log('warn', warning);
  if (fieldsUnknown && options.bootstrap > 0) {
    context.log(
      'warn',
      'no predictions name a field: the bootstrap draws single cells, as if they were independent ' +
        '(`deepyeast predict --with plate,well,field` writes the fields)',
    );
  }
  if (table.cellsWithoutProtein > 0) {
    context.log('warn', `${table.cellsWithoutProtein} cells name no protein and are in no row`);
  }
  const two = annotations && twoCompartments(table, annotations);
  if (context.json && options.out === undefined && options.format === undefined) {
    return context.printJson({ ...table, ...(two && { twoCompartments: two }) });
  }
  const { target, ...tableOptions } = tableTarget(context, options);
  await writeProteinTable(target, table, tableOptions);
  if (context.json && options.out !== undefined) {
    await context.printJson({ out: options.out, ...summary(table), ...(two && { twoCompartments: two }) });
  }
  context.say(accuracyLine('proteins', table.all));
  context.say(accuracyLine(`proteins of at least ${table.minimumCells} cells`, table.withMinimumCells));
  if (two) {
    const unknown = two.unknownClass > 0 ? `; ${two.unknownClass} more have a compartment that is no class` : '';
    context.say(
      `proteins in two compartments: ${two.amongTwo} of ${two.count} have both as the most probable two, ` +
        `${two.amongThree} among the most probable three${unknown}`,
    );
  }
}

/** --against: the table of changes, and the proteins that moved most. */
async function runAgainst(
  context: CommandContext,
  options: ProteinsCommandOptions,
  paths: string[],
  against: string[],
): Promise<void> {
  const { changesOfFiles, writeChangeTable } = await import('../proteins/index.js');
  const { target, ...tableOptions } = tableTarget(context, options);
  const table = await changesOfFiles(paths, against, changeOptions(context, options));
  if (table.sharedCells > 0) {
    context.log(
      'warn',
      `${table.sharedCells} cells are in both conditions, with the same probabilities: are the tables the right ones?`,
    );
  }
  if (!(context.json && options.out === undefined)) await writeChangeTable(target, table, tableOptions);
  if (context.json) {
    const { proteins, ...rest } = table;
    return context.printJson(
      options.out === undefined ? table : { out: options.out, ...rest, proteins: proteins.length },
    );
  }
  const moved = table.proteins.filter((row) => row.moved).sort((a, b) => b.distance - a.distance);
  const rows = moved
    .slice(0, 20)
    .map((row) => [
      row.protein,
      row.predictedAgainst,
      row.predicted,
      share(row.distance),
      `${row.changedClass} ${row.change > 0 ? '+' : ''}${share(row.change)}`,
      (row.q as number).toPrecision(2),
    ]);
  if (rows.length > 0) {
    context.say(formatTable(['moved', 'from', 'to', 'distance', 'most changed', 'q'], rows).trimEnd());
  }
  context.say(
    `${table.moved} of ${table.tested} tested proteins moved at a false discovery rate of ${options.fdr}; ` +
      `${table.proteins.length - table.tested} have too few fields`,
  );
  if (options.out !== undefined) context.say(`the changes are in ${options.out}`);
}

function summary({ proteins, ...rest }: ProteinTable) {
  return { ...rest, proteins: proteins.length };
}

function accuracyLine(what: string, { count, correct, accuracy, tied }: ProteinAccuracy): string {
  if (accuracy === null) return `${what}: none has a label`;
  const ties = tied > 0 ? `, ${tied} of them ties` : '';
  return `${what}: ${(100 * accuracy).toFixed(1)}% right, ${correct} of ${count}${ties}`;
}
