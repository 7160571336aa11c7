import type { Command } from 'commander';
import { addChangeOptions, type ChangeCommandOptions, changeOptions } from './change-options';
import { addExamples, type CommandContext, jsonOption, seedOption, withContext } from './options';
import { formatTable, share } from './text-table';

interface CompareOptions extends ChangeCommandOptions {
  against: string;
  out: string;
}

/** `deepyeast screen compare` */
export function registerCompare(screen: Command): void {
  const command = screen
    .command('compare')
    .description('Two screens side by side: which proteins moved, by permutation of fields, with cells of both.')
    .argument('<results>', 'folder of results')
    .requiredOption('--against <results>', 'folder of results of the other condition')
    .requiredOption('--out <folder>', 'folder of the comparison: changes.csv and a page, index.html');
  addChangeOptions(command).addOption(seedOption()).addOption(jsonOption());
  addExamples(command, 'deepyeast screen compare drug --against control --out moved');
  command.action(withContext<CompareOptions, [results: string]>(run));
}

async function run(context: CommandContext, options: CompareOptions, results: string): Promise<void> {
  const { compareScreens } = await import('../screen/index.js');
  const { proteins, ...comparison } = await compareScreens(
    results,
    options.against,
    options.out,
    changeOptions(context, options),
  );
  if (comparison.sharedCells > 0) {
    context.log(
      'warn',
      `${comparison.sharedCells} cells are in both screens, with the same probabilities: are the folders the right ones?`,
    );
  }
  if (context.json) return context.printJson({ ...comparison, proteins: proteins.length });
  const moved = proteins.filter((row) => row.moved).sort((a, b) => b.distance - a.distance);
  const rows = moved
    .slice(0, 20)
    .map((row) => [
      row.protein,
      row.predictedAgainst,
      row.predicted,
      share(row.distance),
      (row.q as number).toPrecision(2),
    ]);
  if (rows.length > 0) context.say(formatTable(['moved', 'from', 'to', 'distance', 'q'], rows).trimEnd());
  context.say(
    `${comparison.moved} of ${comparison.tested} tested proteins moved at a false discovery rate of ${options.fdr}: ${options.out}`,
  );
}
