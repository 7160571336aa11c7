import type { Dataset } from '../data/dataset';
import { describeNormalization, type Normalization, sameNormalization } from '../data/normalization';
import { DeepYeastError } from '../errors';
import { silent } from '../log';
import type { NativeImageStore, NativeOptimizer } from '../native';
import type { Network } from '../network/network';
import { BatchStream } from './batches';
import { DistillationTargets, distillationDefaults } from './distillation';
import { type LabelledCells, labelledCells } from './labelled-cells';
import type { TrainOptions } from './options';
import { nativePerturbations } from './perturbations';
import { parseRecipe, recipes } from './recipe';
import { readRunDescription } from './run-folder';
import { Schedule } from './schedule';

/** Iterations at which something is due. */
export interface Borders {
  isBorder(iteration: number): boolean;
  /** The first border after an iteration. */
  next(iteration: number): number;
}

/** What a training needs to know before its first step: all checked, nothing written yet. */
export interface Preparation {
  schedule: Schedule;
  cells: LabelledCells;
  validation: LabelledCells | undefined;
  batches: BatchStream;
  images: NativeImageStore;
  optimizer: NativeOptimizer;
  /** Instead of the labels in the loss; undefined: the labels. */
  targets: DistillationTargets | undefined;
  reports: Borders;
  /** Mini-batches between two reports, null: an epoch. */
  reportEvery: number | null;
  checkpoints: Borders & { seconds: number };
}

const defaultCheckpointSeconds = 60;

/** @throws invalid-argument, model-mismatch, rule-mismatch, class-unknown, dataset-invalid, run-invalid, io-error */
export async function prepare(network: Network, options: TrainOptions): Promise<Preparation> {
  const { training, validation, log = silent } = options;
  const present = options.run !== undefined && options.resume ? await readRunDescription(options.run) : undefined;
  // Parsed even when it comes from the program: checked, and with its fields in one order.
  const given = parseRecipe(options.recipe ?? present?.recipe ?? recipes.paper, 'recipe');
  if (given.distillation && options.teacher === undefined) {
    throw new DeepYeastError(
      'invalid-argument',
      'the recipe learns from a teacher, but none is given; expected a model (--teacher), or a recipe without distillation',
    );
  }
  const recipe =
    options.teacher === undefined || given.distillation
      ? given
      : parseRecipe({ ...given, distillation: distillationDefaults }, 'recipe');

  const images = network.imageStore(training);
  if (validation) network.imageStore(validation);
  if (!options.allowRuleMismatch) {
    const { inputTransform } = network;
    if (inputTransform) requireSameRule(training, inputTransform.normalization, 'the model');
    if (validation) requireSameRule(validation, training.normalization, `the training set ${training.path}`);
  }
  const cells = labelledCells(training, network.classes, log);
  if (!validation) log('info', 'without a validation set the best model is picked by the training loss');
  const validationCells = validation && labelledCells(validation, network.classes, log);
  if (cells.labels.every((label) => label === cells.labels[0])) {
    const { rows, labels } = cells;
    throw new DeepYeastError(
      'dataset-invalid',
      `all ${rows.length} labelled cells of ${training.path} are of one class, ${network.classes[labels[0] as number]}; ` +
        'training needs two classes or more',
    );
  }
  const schedule = new Schedule(recipe, cells.rows.length);

  const targets =
    options.teacher !== undefined && recipe.distillation
      ? await DistillationTargets.of(options.teacher, training, network.classes, recipe.distillation, {
          allowRuleMismatch: options.allowRuleMismatch ?? false,
          ...(options.signal && { signal: options.signal }),
        })
      : undefined;

  const { checkpointEvery } = options;
  const reportEvery = options.reportEvery ?? present?.reportEvery ?? null;
  if (reportEvery !== null) requirePositive('reportEvery', reportEvery, true);
  if (checkpointEvery?.iterations !== undefined)
    requirePositive('checkpointEvery.iterations', checkpointEvery.iterations, true);
  if (checkpointEvery?.seconds !== undefined)
    requirePositive('checkpointEvery.seconds', checkpointEvery.seconds, false);
  const everyEpoch: Borders = {
    isBorder: (iteration) => schedule.epochBorder(schedule.epochsAfter(iteration)) === iteration,
    next: (iteration) => schedule.epochBorder(schedule.epochsAfter(iteration) + 1),
  };
  const checkpoints = checkpointEvery
    ? { ...every(checkpointEvery.iterations), seconds: checkpointEvery.seconds ?? Number.POSITIVE_INFINITY }
    : { ...everyEpoch, seconds: defaultCheckpointSeconds };

  return {
    schedule,
    cells,
    validation: validationCells,
    batches: new BatchStream(network.seed, cells.rows, cells.labels, recipe.batchSize, recipe.classSampling),
    images,
    optimizer: {
      momentum: recipe.momentum,
      weightDecay: recipe.weightDecay,
      caffeMomentum: recipe.momentumForm === 'caffe',
      augment: recipe.augmentation === 'flips-and-turns',
      ...(recipe.perturbations && { perturbations: nativePerturbations(recipe.perturbations) }),
    },
    targets,
    reports: reportEvery === null ? everyEpoch : every(reportEvery),
    reportEvery,
    checkpoints,
  };
}

/** Every so many iterations; without a number never. */
function every(iterations = Number.POSITIVE_INFINITY): Borders {
  return {
    isBorder: (iteration) => iteration % iterations === 0,
    next: (iteration) =>
      Number.isFinite(iterations) ? (Math.floor(iteration / iterations) + 1) * iterations : Number.POSITIVE_INFINITY,
  };
}

function requirePositive(name: string, value: number, whole: boolean): void {
  if (!(value > 0) || (whole && !Number.isSafeInteger(value))) {
    throw new DeepYeastError(
      'invalid-argument',
      `${name} is ${value}; expected ${whole ? 'a whole number from 1' : 'a number above 0'}`,
    );
  }
}

function requireSameRule(dataset: Dataset, expected: Normalization, of: string): void {
  if (sameNormalization(dataset.normalization, expected)) return;
  throw new DeepYeastError(
    'rule-mismatch',
    `the images of ${dataset.path} were made by the rule "${describeNormalization(dataset.normalization)}", those of ` +
      `${of} by "${describeNormalization(expected)}"; import them again by the same rule`,
  );
}
