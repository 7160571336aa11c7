import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Engine, engines } from '../screen/submit';
import { addExamples, type CommandContext, jsonOption, wholeNumber, withContext } from './options';

interface SubmitCommandOptions {
  engine: Engine;
  partition?: string;
  time?: string;
  mem?: string;
  cpusPerTask?: number;
  gres?: string;
  account?: string;
  qos?: string;
  option?: Map<string, string>;
  simultaneous?: number;
  device?: string;
  command?: string;
  dryRun?: boolean;
}

/** `deepyeast screen submit` */
export function registerSubmit(screen: Command): void {
  const command = screen
    .command('submit')
    .description('Submit the shards that are not complete to a scheduler, and the merge behind them.')
    .argument('<results>', 'folder of results, planned')
    .addOption(
      new Option('--engine <name>', 'scheduler; workflows/ has wrappers for others').choices(engines).default('slurm'),
    )
    .option('--partition <name>', 'of each job')
    .option('--time <limit>', 'of each shard, as in 1:00:00')
    .option('--mem <amount>', 'of each shard, as in 4G')
    .addOption(
      new Option('--cpus-per-task <count>', 'of each shard, which are its threads').argParser(wholeNumber(1, 4096)),
    )
    .option('--gres <resources>', 'of each shard, as in gpu:1')
    .option('--account <name>', 'of each job')
    .option('--qos <name>', 'of each job')
    .addOption(
      new Option('--option <name=value>', 'any other option of sbatch for the shards; may be repeated').argParser(
        addOption,
      ),
    )
    .addOption(new Option('--simultaneous <count>', 'shards at work at once').argParser(wholeNumber(1, 1e6)))
    .addOption(new Option('--device <name>', 'device of the shards').choices(['auto', 'cpu', 'cuda']))
    .option('--command <line>', 'how the jobs start deepyeast (default: as this command was started)')
    .option('--dry-run', 'print scripts and commands, submit nothing')
    .addOption(jsonOption());
  addExamples(
    command,
    'deepyeast screen submit results --partition short --time 1:00:00 --cpus-per-task 4 --mem 4G',
    'deepyeast screen submit results --partition gpu --gres gpu:1 --device cuda --dry-run',
  );
  command.action(withContext(run));
}

async function run(context: CommandContext, options: SubmitCommandOptions, results: string): Promise<void> {
  const { submitScreen } = await import('../screen/submit.js');
  const { partition, time, mem, cpusPerTask, gres, account, qos } = options;
  const named = { partition, time, mem, 'cpus-per-task': cpusPerTask?.toString(), gres, account, qos };
  const given = Object.entries(named).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const submission = await submitScreen(results, {
    engine: options.engine,
    command:
      options.command === undefined
        ? [process.execPath, resolve(process.argv[1] as string)]
        : options.command.split(/\s+/),
    options: new Map([...given, ...(options.option ?? [])]),
    simultaneous: options.simultaneous,
    device: options.device,
    dryRun: options.dryRun,
    signal: context.signal,
  });
  const { scripts, commands, shards, arrayJob, mergeJob } = submission;
  if (context.json) {
    await context.printJson(submission);
  } else if (options.dryRun) {
    for (const { path, text } of scripts) await context.print(`# ${path}\n${text}\n`);
    await context.print(`${commands.map((words) => words.join(' ')).join('\n')}\n`);
  }
  if (options.dryRun) return;
  const array = arrayJob === undefined ? 'all shards are complete' : `${shards.length} shards are job ${arrayJob}`;
  context.say(`${array}, the merge is job ${mergeJob}; scripts and logs: ${results}/shards/slurm`);
}

function addOption(text: string, before: Map<string, string> = new Map()): Map<string, string> {
  const [, name, value = ''] = /^(?:--)?([a-z][a-z-]*)(?:=(.*))?$/s.exec(text) ?? [];
  if (name === undefined || /[\r\n]/.test(value))
    throw new InvalidArgumentError('Expected an option of sbatch, such as constraint=avx512.');
  return before.set(name, value);
}
