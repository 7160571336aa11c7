import { type Command, Option } from 'commander';
import { exitStatus } from '../errors';
import { type CellFlag, cellFlags } from '../fields/measure';
import type { Device, Precision } from '../network';
import type { ScreenOptions, ScreenResult, ShardPlanOptions } from '../screen';
import { requestedNormalization } from './image-source';
import { lateProgress } from './late-progress';
import {
  addExamples,
  type CommandContext,
  deviceOption,
  jsonOption,
  precisionOption,
  realNumber,
  threadsOption,
  wholeNumber,
  withContext,
} from './options';
import { addPlateOptions, channelMap, type PlateCommandOptions, parseFlags } from './plate-options';
import { registerCompare } from './screen-compare';
import { registerProfiles } from './screen-profiles';
import { registerSubmit } from './screen-submit';
import { shardOption } from './shard-option';
import { formatTable, share } from './text-table';

interface RunOptions {
  threads?: number;
  device: Device;
  precision?: Precision;
}

interface PlanCommandOptions extends Omit<PlateCommandOptions, 'channels'>, Omit<ShardPlanOptions, 'threads'> {
  channels?: PlateCommandOptions['channels'];
  out?: string;
  model?: string;
  quality?: string;
  exclude?: CellFlag[];
  onError: 'stop' | 'skip';
  pictures: boolean;
  allowRuleMismatch?: boolean;
}

interface ScreenCommandOptions extends PlanCommandOptions, RunOptions {
  resume?: boolean;
}

interface ShardCommandOptions extends RunOptions {
  shard?: number;
  shardFrom?: string;
  plan?: string;
}

/** `deepyeast screen` */
export function register(program: Command): void {
  const command = program
    .command('screen')
    .description('From plates of micrographs to a table of proteins: cells, predictions, proteins, wells, a report.')
    .argument('<plate...>', 'folders of micrographs; with --resume one folder of results')
    .option('--resume', 'go on with a screen that was stopped')
    // Subcommands have options of the same names.
    .enablePositionalOptions();
  addRunOptions(addScreenOptions(command)).addOption(jsonOption());
  addExamples(
    command,
    'deepyeast screen PLATE --model runs/first --plate-map map.csv --channels rfp=ch3,gfp=ch1 --out results',
    'deepyeast screen results --resume',
    'deepyeast screen plan PLATE1 PLATE2 --model runs/first --plate-map map.csv --channels rfp=ch3,gfp=ch1 --out results --minutes 20',
    'deepyeast screen run results --shard-from SLURM_ARRAY_TASK_ID',
    'deepyeast screen merge results',
    'deepyeast screen submit results --partition short --time 1:00:00',
  );
  command.action(withContext(runWhole));

  const plan = command
    .command('plan')
    .description('Cut a screen into shards, for a cluster; again for a folder of results: deal its parts out anew.')
    .argument('<plate...>', 'folders of micrographs, or one folder of results that is planned already')
    .addOption(new Option('--shards <count>', 'shards to make').argParser(wholeNumber(1, 1e6)).conflicts('minutes'))
    .addOption(
      new Option('--minutes <time>', 'that a shard should take here, by the time that a few fields take').argParser(
        realNumber(0.01, 1e5),
      ),
    );
  addScreenOptions(plan).addOption(threadsOption()).addOption(jsonOption());
  addExamples(
    plan,
    'deepyeast screen plan PLATE --model runs/first --plate-map map.csv --channels rfp=ch3,gfp=ch1 --out results --shards 16',
    'deepyeast screen plan results --shards 40',
  );
  plan.action(withContext(runPlan));

  const run = command
    .command('run')
    .description('Do one shard. It may be stopped, repeated and started twice: what is done is not done again.')
    .argument('<results>', 'folder of results')
    .addOption(
      new Option('--shard <number>', 'which, from 0 (default: SLURM_ARRAY_TASK_ID)').argParser(wholeNumber(0, 1e6)),
    )
    .addOption(
      new Option('--shard-from <variable>', 'environment variable that holds the number instead').conflicts('shard'),
    )
    .option('--plan <digest>', 'refuse any other plan than this one');
  addRunOptions(run).addOption(jsonOption());
  addExamples(
    run,
    'deepyeast screen run results --shard 3',
    'deepyeast screen run results --shard-from SLURM_ARRAY_TASK_ID',
    'CUDA_VISIBLE_DEVICES=1 deepyeast screen run results --shard 3 --device cuda',
  );
  run.action(withContext(runOne));

  const merge = command
    .command('merge')
    .description(
      'Put complete shards together: tables and report. Names the shards that are not complete (exit status 3).',
    )
    .argument('<results>', 'folder of results')
    .addOption(jsonOption());
  addExamples(merge, 'deepyeast screen merge results');
  merge.action(withContext(runMerge));
  registerSubmit(command);
  registerCompare(command);
  registerProfiles(command);
}

/** What decides the results of a screen. */
function addScreenOptions(command: Command): Command {
  command
    .option('--out <folder>', 'folder of results: new, or empty')
    .option('--model <model>', 'model file, or run folder, whose best model is taken')
    .option('--quality <folder>', 'detector of non-cells (`deepyeast quality train`): what it rejects does not count')
    .addOption(
      new Option(
        '--exclude <flags>',
        `cells with one of these flags do not count for a protein (default: all of ${cellFlags.join(', ')})`,
      ).argParser(parseFlags),
    )
    .option('--no-pictures', 'write no pictures of cells and fields: the report has none then')
    .option('--allow-rule-mismatch', "take another intensity rule than that of the model's training set")
    .addOption(
      new Option('--on-error <what>', 'a field that cannot be used: skip it (listed, exit status 5), or stop')
        .choices(['stop', 'skip'])
        .default('skip'),
    );
  addPlateOptions(command);
  const channels = command.options.find(({ long }) => long === '--channels');
  // Not needed where a folder of results is given; asked for below otherwise.
  if (channels) channels.mandatory = false;
  return command;
}

function addRunOptions(command: Command): Command {
  return command.addOption(threadsOption()).addOption(deviceOption()).addOption(precisionOption());
}

async function runWhole(context: CommandContext, options: ScreenCommandOptions, plates: string[]): Promise<number> {
  const { planScreen, resumeScreen } = await import('../screen/index.js');
  let folder = plates[0] as string;
  if (options.resume) requireAlone(context, plates, options);
  else folder = (await planScreen(await screenOptions(context, options, plates))).folder;
  const shown = options.resume ? folder : (options.out as string);
  const bar = lateProgress(context, { label: 'screen', unit: 'fields', goesOn: true });
  const result = await resumeScreen(folder, { ...running(context, options), onProgress: bar.update });
  bar.finish();
  return tell(context, shown, result);
}

async function runPlan(
  context: CommandContext,
  options: PlanCommandOptions & { threads?: number },
  plates: string[],
): Promise<void> {
  const { planScreen, replanScreen } = await import('../screen/index.js');
  const { shards, minutes, threads } = options;
  const again = options.out === undefined && options.model === undefined;
  if (again) requireAlone(context, plates, options);
  const { folder, plan } = again
    ? await replanScreen(plates[0] as string, { shards, minutes, threads, signal: context.signal })
    : await planScreen({ ...(await screenOptions(context, options, plates)), shards, minutes, threads });
  const shown = options.out ?? plates[0];
  const { fields, parts, secondsPerField } = plan;
  if (context.json) {
    await context.printJson({
      results: folder,
      plan: plan.plan,
      shards: plan.shards.length,
      parts: parts.length,
      fields: fields.length,
      ...(secondsPerField !== undefined && { secondsPerField }),
    });
  }
  const rate = secondsPerField === undefined ? '' : `, ${secondsPerField.toFixed(2)} s a field here`;
  context.say(
    `${fields.length} fields in ${plan.shards.length} shards (0 to ${plan.shards.length - 1})${rate}: ${shown}`,
  );
}

async function runOne(context: CommandContext, options: ShardCommandOptions, results: string): Promise<void> {
  const { runShard } = await import('../screen/index.js');
  const shard = shardOption(options, process.env);
  const bar = lateProgress(context, { label: `shard ${shard}`, unit: 'fields', goesOn: true });
  const result = await runShard(results, shard, {
    ...running(context, options),
    plan: options.plan,
    onProgress: bar.update,
  });
  bar.finish();
  if (context.json) await context.printJson({ results, ...result });
  context.say(
    result.already ? `shard ${shard} was complete already` : `shard ${shard} is complete: ${result.fields} fields`,
  );
}

async function runMerge(context: CommandContext, _: object, results: string): Promise<number> {
  const { mergeScreen } = await import('../screen/index.js');
  const bar = lateProgress(context, { label: 'merge', unit: 'parts' });
  const result = await mergeScreen(results, { signal: context.signal, log: context.log, onProgress: bar.update });
  bar.finish();
  return tell(context, results, result);
}

function running(context: CommandContext, { threads, device, precision }: RunOptions) {
  return { threads, device, precision, signal: context.signal, log: context.log };
}

/** @throws invalid-argument where what a new screen needs is missing */
async function screenOptions(
  context: CommandContext,
  options: PlanCommandOptions,
  plates: string[],
): Promise<ScreenOptions & ShardPlanOptions> {
  const { DeepYeastError } = await import('../errors.js');
  const { out, model, channels, ruleFrom: _, ...rest } = options;
  for (const [option, value] of Object.entries({ '--out': out, '--model': model, '--channels': channels })) {
    if (value !== undefined) continue;
    throw new DeepYeastError(
      'invalid-argument',
      `found no ${option}, which a new screen needs; a screen that was stopped goes on with --resume`,
    );
  }
  const normalization = await requestedNormalization(options, channels as NonNullable<typeof channels>);
  return {
    ...rest,
    sources: plates,
    out: out as string,
    model: model as string,
    channels: channelMap(channels as NonNullable<typeof channels>),
    // Where none is asked for, the model's.
    normalization: normalization === 'auto' ? undefined : normalization,
    signal: context.signal,
    log: context.log,
  };
}

/** A folder of results says everything itself. */
function requireAlone(context: CommandContext, plates: string[], options: PlanCommandOptions): void {
  if (plates.length > 1) {
    context.log('warn', `only ${plates[0]} is taken: a screen that is planned already is one folder`);
  }
  const given = (['out', 'model', 'channels', 'plateMap', 'quality'] as const).filter(
    (name) => options[name] !== undefined,
  );
  if (given.length > 0) context.log('warn', `${given.join(', ')} are those of the plan; what is given now is not used`);
}

async function tell(context: CommandContext, results: string, result: ScreenResult): Promise<number> {
  const { proteins, wells, fields, plates, cells, used, skipped } = result;
  const flagged = wells.filter(({ flags }) => flags.length > 0);
  const effects = plates.filter(({ effect }) => effect);
  if (context.json) {
    await context.printJson({
      results,
      cells,
      used,
      fields: fields.length,
      skipped,
      wells: wells.length,
      flaggedWells: flagged.map(({ plate, well, flags }) => ({ plate, well, flags })),
      edgeEffects: effects,
      proteins: proteins.proteins.length,
      accuracy: { all: proteins.all, withMinimumCells: proteins.withMinimumCells },
    });
  } else {
    const rows = flagged
      .slice(0, 20)
      .map(({ plate, well, protein, used, flags }) => [plate, well, protein, String(used), flags.join(', ')]);
    if (rows.length > 0) context.say(formatTable(['plate', 'well', 'protein', 'cells', 'look at it'], rows).trimEnd());
    if (flagged.length > rows.length) context.say(`... and ${flagged.length - rows.length} more wells, see wells.csv`);
    for (const { plate, measure, edge, inner } of effects) {
      context.say(
        `edge effect on ${plate || 'the plate'}: ${measure} ${edge.toPrecision(3)} at the edge, ${inner.toPrecision(3)} inside`,
      );
    }
    const { count, correct, accuracy } = proteins.withMinimumCells;
    if (accuracy !== null) {
      context.say(
        `proteins of at least ${proteins.minimumCells} cells: ${share(accuracy)} as the plate map says, ${correct} of ${count}`,
      );
    }
    context.say(
      `${proteins.proteins.length} proteins of ${used} cells (${cells - used} do not count) in ${fields.length} fields: ${results}`,
    );
  }
  return skipped.length > 0 ? exitStatus.skipped : 0;
}
