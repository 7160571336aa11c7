import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Grouping, groupings } from '../data/identity';
import type { Split } from '../data/split';
import { parseNumber } from '../files/number';
import { lateProgress } from './late-progress';
import { addExamples, type CommandContext, jsonOption, seedOption, withContext } from './options';
import { alignedRows, share } from './text-table';

interface SplitCommandOptions {
  by: Grouping;
  into: Record<string, number>;
  out: string;
  seed: number;
  allowMissing?: boolean;
}

/** `deepyeast split` */
export function register(program: Command): void {
  const command = program
    .command('split')
    .description('cut a dataset into parts that share no protein or field, class by class')
    .argument('<dataset>', 'folder of the dataset')
    .addOption(
      new Option('--by <group>', 'what stays together: cells of a protein, of a field (micrograph), or nothing (cell)')
        .choices(groupings)
        .default('protein'),
    )
    .addOption(
      new Option('--into <shares>', 'parts and their shares')
        .argParser(parseShares)
        .default({ train: 0.72, validation: 0.14, test: 0.14 }, 'train=0.72,validation=0.14,test=0.14'),
    )
    .requiredOption('--out <folder>', 'where the parts go: FOLDER/train, ...')
    .addOption(seedOption())
    .option('--allow-missing', 'let a class with fewer groups than parts be missing from some parts')
    .addOption(jsonOption());
  addExamples(command, 'deepyeast split data/all --by protein --into train=0.8,test=0.2 --out data --seed 7');
  command.action(withContext(run));
}

async function run(context: CommandContext, options: SplitCommandOptions, path: string): Promise<void> {
  const { splitDataset } = await import('../data/split.js');
  const { by, into, out, seed, allowMissing = false } = options;
  const bar = lateProgress(context, { label: 'copying', unit: 'cells' });
  const { split, datasets } = await splitDataset(path, {
    by,
    into,
    out,
    seed,
    allowMissing,
    signal: context.signal,
    onProgress: bar.update,
  });
  bar.finish();
  if (context.json) {
    const parts = split.parts.map(({ name, share, rows }) => ({
      name,
      share,
      dataset: datasets[name]?.path,
      cells: rows.length,
    }));
    await context.printJson({ by, seed, parts, classes: split.classes });
  } else {
    await context.print(formatSplit(split, by));
  }
}

/** Cells (and groups) of each class in each part, and the share of cells achieved. */
function formatSplit(split: Split, by: Grouping): string {
  const header = ['class', 'cells', ...split.parts.map((part) => `${part.name} (${share(part.share)})`)];
  const rows = split.classes.map(({ name, cells, groups, parts }) => [
    name === '' ? '(unlabelled)' : name,
    `${cells} in ${groups}`,
    ...parts.map((part) => `${part.cells} in ${part.groups} (${share(part.cells / cells)})`),
  ]);
  const total = split.parts.reduce((sum, { rows: members }) => sum + members.length, 0);
  rows.push([
    'all',
    `${total}`,
    ...split.parts.map(({ rows: members }) => `${members.length} (${share(members.length / total)})`),
  ]);
  return `${alignedRows([header, ...rows])}\n(cells in ${by}s)\n`;
}

function parseShares(text: string): Record<string, number> {
  const shares = new Map<string, number>();
  for (const part of text.split(',')) {
    const [name = '', value = '', ...rest] = part.split('=').map((piece) => piece.trim());
    const share = parseNumber(value);
    if (name === '' || rest.length > 0 || share === undefined) {
      throw new InvalidArgumentError('Expected NAME=SHARE between commas, as in train=0.72,validation=0.14,test=0.14.');
    }
    if (shares.has(name)) throw new InvalidArgumentError(`"${name}" is there twice.`);
    shares.set(name, share);
  }
  return Object.fromEntries(shares);
}
