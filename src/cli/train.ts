import { type Command, InvalidArgumentError, Option } from 'commander';
import { Dataset } from '../data/dataset';
import { parseNumber, parseWholeNumber, roundedTo } from '../files/number';
import { type Device, Network, type Precision } from '../network';
import { type Width, widths } from '../network/topology';
import { readTopologyFile } from '../network/topology-file';
import {
  averagings,
  type Interval,
  intervalRow,
  loadRecipe,
  parsePerturbations,
  perturbationNames,
  type Recipe,
  type RunDescription,
  readRunDescription,
  recipes,
  train,
} from '../training';
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
import { share } from './text-table';

interface TrainCommandOptions {
  training: string;
  validation?: string;
  out: string;
  recipe?: string;
  epochs?: number;
  iterations?: number;
  batchSize?: number;
  learningRate?: number;
  augmentation?: Recipe['augmentation'];
  perturb?: Record<string, unknown>;
  averaging?: 'none' | keyof typeof averagings;
  depth?: '5' | '9' | '11' | '13';
  width?: Width;
  topology?: string;
  from?: string;
  teacher?: string;
  seed?: number;
  threads?: number;
  device: Device;
  precision?: Precision;
  resume?: boolean;
  reportEvery?: number;
  checkpointEvery?: { iterations?: number; seconds?: number };
  allowRuleMismatch?: boolean;
}

export function register(program: Command): void {
  const most = 2 ** 32 - 2;
  const command = program
    .command('train')
    .description(
      'Train a network. The run folder gets recipe.json, log.jsonl, best.safetensors (lowest validation loss; without ' +
        'a validation set lowest training loss) and last.safetensors (to go on from).',
    )
    .requiredOption('--training <dataset>', 'dataset folder to learn from')
    .option('--validation <dataset>', 'dataset folder by which the best model is picked')
    .requiredOption('--out <run>', 'run folder')
    .option('--recipe <file>', `JSON file, or ${Object.keys(recipes).join(' or ')} (default: paper)`)
    .addOption(
      new Option('--epochs <number>', "passes over the training set (default: the recipe's)")
        .argParser(realNumber(1e-6))
        .conflicts('iterations'),
    )
    .option('--iterations <count>', 'mini-batches, instead of --epochs', wholeNumber(1, most))
    .option('--batch-size <cells>', "cells in a mini-batch (default: the recipe's)", wholeNumber(1, 65536))
    .option('--learning-rate <number>', "first learning rate (default: the recipe's)", realNumber(1e-12))
    .addOption(
      new Option('--augmentation <kind>', "flips and turns of the cells (default: the recipe's)").choices([
        'none',
        'flips-and-turns',
      ]),
    )
    .addOption(
      new Option(
        '--perturb <change...>',
        `other changes of the cells, instead of the recipe's: none, or some of ${perturbationNames.join(', ')}, such as ` +
          'zoom=0.85..1.3 shift=2 whiteNoise=0..8 mixup=0.2',
      ).argParser(perturbation),
    )
    .addOption(
      new Option('--averaging <kind>', "average of the weights over the last part (default: the recipe's)").choices([
        'none',
        ...Object.keys(averagings),
      ]),
    )
    .addOption(
      new Option('--depth <layers>', 'layers with weights; 11 is the paper (default: 11)')
        .choices(['5', '9', '11', '13'])
        .conflicts(['topology', 'from']),
    )
    .addOption(
      new Option('--width <part>', "of the preset's channels and units (default: full)")
        .choices(Object.keys(widths))
        .conflicts(['topology', 'from']),
    )
    .addOption(
      new Option('--topology <file>', 'JSON file, such as {"blocks": [[8], [16]], "dense": [16]}').conflicts('from'),
    )
    .addOption(new Option('--from <model>', 'begin with the weights of a model file or run folder').conflicts('seed'))
    .option('--teacher <model>', 'learn the answers of this model as well, half and half with the labels')
    .addOption(
      new Option('--seed <number>', 'seed of weights, shuffles, dropout and augmentation (default: 0)').argParser(
        wholeNumber(0, Number.MAX_SAFE_INTEGER),
      ),
    )
    .addOption(threadsOption())
    .addOption(deviceOption())
    .addOption(precisionOption())
    .option('--resume', 'go on with the run in the folder; begin it where there is none yet')
    .option('--report-every <iterations>', 'mini-batches between two reports (default: an epoch)', wholeNumber(1, most))
    .addOption(
      new Option(
        '--checkpoint-every <interval>',
        'when last.safetensors is written: iterations (500) or seconds (60s) (default: the shorter of an epoch and 60s)',
      ).argParser(checkpointInterval),
    )
    .option('--allow-rule-mismatch', 'accept images made by another intensity rule')
    .addOption(jsonOption())
    .action(withContext<TrainCommandOptions>(run));
  addExamples(
    command,
    'deepyeast train --training data/train --validation data/validation --out runs/first',
    'deepyeast train --training data/train --validation data/validation --out runs/first --resume',
    'deepyeast train --training data/train --out runs/short --epochs 10 --learning-rate 0.02 --seed 7',
    'deepyeast train --training data/train --validation data/validation --recipe robust --epochs 20 --out runs/robust',
  );
}

/** 500: iterations; 60s: seconds. */
function checkpointInterval(text: string): { iterations?: number; seconds?: number } {
  const match = /^(\d+(?:\.\d+)?)(s?)$/.exec(text);
  const value = parseNumber(match?.[1] ?? '') ?? Number.NaN;
  if (match?.[2] === 's' && value > 0) return { seconds: value };
  if (match?.[2] === '' && Number.isInteger(value) && value > 0) return { iterations: value };
  throw new InvalidArgumentError('Expected a number of iterations (500) or seconds (60s).');
}

/** zoom=0.85..1.3, shift=2, or none; one more of those before it. */
function perturbation(text: string, before: Record<string, unknown> = {}): Record<string, unknown> {
  if (text === 'none') return before;
  const [name = '', value = ''] = text.split('=');
  const ends = value.split('..').map(parseNumber);
  if (ends.length > 2 || ends.includes(undefined)) {
    throw new InvalidArgumentError('Expected changes such as zoom=0.85..1.3 or shift=2, or none.');
  }
  return { ...before, [name]: ends.length === 2 ? ends : ends[0] };
}

async function run(context: CommandContext, options: TrainCommandOptions): Promise<void> {
  const training = await Dataset.open(options.training);
  const validation = options.validation === undefined ? undefined : await Dataset.open(options.validation);
  const present = options.resume ? await readRunDescription(options.out) : undefined;
  const recipe = await recipeOf(options, present);
  const network = await networkOf(options, present, training, context);
  const { batchSize } = recipe;
  const bar = lateProgress(context, { label: 'train', unit: 'cells', goesOn: true });
  let reported = false;
  try {
    for await (const interval of train(network, {
      training,
      ...(validation && { validation }),
      recipe,
      ...(options.teacher !== undefined && { teacher: options.teacher }),
      run: options.out,
      resume: options.resume ?? false,
      ...(options.reportEvery !== undefined && { reportEvery: options.reportEvery }),
      ...(options.checkpointEvery && { checkpointEvery: options.checkpointEvery }),
      allowRuleMismatch: options.allowRuleMismatch ?? false,
      signal: context.signal,
      log: context.log,
      onProgress: (iteration, total) => bar.update(iteration * batchSize, total * batchSize),
    })) {
      reported = true;
      await report(context, interval);
    }
  } finally {
    bar.finish();
    await network.close();
  }
  context.say(reported ? `the best model is ${options.out}/best.safetensors` : `${options.out} was complete already`);
}

/** Flags over the recipe file over the run that is resumed over the paper's. */
async function recipeOf(options: TrainCommandOptions, present: RunDescription | undefined): Promise<Recipe> {
  const named = options.recipe === undefined ? undefined : await loadRecipe(options.recipe);
  const recipe: Recipe = { ...(named ?? present?.recipe ?? recipes.paper) };
  if (options.epochs !== undefined) {
    delete recipe.iterations;
    recipe.epochs = options.epochs;
  }
  if (options.iterations !== undefined) {
    delete recipe.epochs;
    recipe.iterations = options.iterations;
  }
  if (options.batchSize !== undefined) recipe.batchSize = options.batchSize;
  if (options.learningRate !== undefined) recipe.learningRate = options.learningRate;
  if (options.augmentation !== undefined) recipe.augmentation = options.augmentation;
  if (options.perturb !== undefined) {
    delete recipe.perturbations;
    const perturbations = parsePerturbations(options.perturb, '--perturb');
    if (Object.keys(perturbations).length > 0) recipe.perturbations = perturbations;
  }
  if (options.averaging !== undefined) {
    delete recipe.averaging;
    if (options.averaging !== 'none') recipe.averaging = averagings[options.averaging];
  }
  return recipe;
}

/** The network to begin with; the checkpoint of a run that is resumed replaces its weights. */
async function networkOf(
  options: TrainCommandOptions,
  present: RunDescription | undefined,
  training: { classes: readonly string[]; channels: readonly string[]; size: number },
  context: CommandContext,
): Promise<Network> {
  const { device, precision, threads } = options;
  const where = {
    device,
    log: context.log,
    ...(precision !== undefined && { precision }),
    ...(threads !== undefined && { threads }),
  };
  if (options.from !== undefined) return Network.load(options.from, where);
  const seed = options.seed ?? present?.seed ?? 0;
  const chosen = options.topology !== undefined || options.depth !== undefined || options.width !== undefined;
  if (present && !chosen) {
    const { imageSize, classes: _, ...topology } = present.topology;
    return Network.create({ ...topology, size: imageSize, classes: present.classes, seed, ...where });
  }
  const layers = options.topology === undefined ? {} : await readTopologyFile(options.topology);
  return Network.create({
    ...layers,
    ...(options.depth !== undefined && { depth: parseWholeNumber(options.depth) as 5 | 9 | 11 | 13 }),
    ...(options.width !== undefined && { width: options.width }),
    classes: training.classes,
    channels: training.channels.length,
    size: training.size,
    seed,
    ...where,
  });
}

async function report(context: CommandContext, interval: Interval): Promise<void> {
  if (context.json) return context.printJson(intervalRow(interval));
  const { validation } = interval;
  const parts = [
    `iteration ${interval.iteration} (epoch ${roundedTo(interval.epoch, 2)}): loss ${interval.loss.toFixed(4)}`,
    `accuracy ${share(interval.accuracy)}`,
    ...(validation ? [`validation loss ${validation.loss.toFixed(4)}`, `accuracy ${share(validation.accuracy)}`] : []),
    `learning rate ${interval.learningRate}`,
    `${interval.imagesPerSecond.toFixed(1)} images/s`,
  ];
  context.say(`${parts.join(', ')}${interval.best ? ' (best)' : ''}`);
}
