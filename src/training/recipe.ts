import { readFile } from 'node:fs/promises';
import { DeepYeastError, fileError } from '../errors';
import { parseJson } from '../files/parse-json';
import { type Averaging, parseAveraging } from './averaging';
import { type Distillation, parseDistillation } from './distillation';
import { type Perturbations, parsePerturbations } from './perturbations';
import {
  choiceField,
  type Fields,
  fieldsOf,
  invalid,
  notNegative,
  numberField,
  positive,
  wholeFrom1,
} from './recipe-fields';

/** How the learning rate goes down. Lengths are in epochs, so that a recipe means the same for any dataset. */
export type LearningRateSchedule =
  /** Halved each time this many epochs have passed: the paper's. */
  | { kind: 'step'; halveEveryEpochs: number }
  /** Rises linearly for some epochs (0: none), then falls to zero along a half cosine. */
  | { kind: 'cosine'; warmUpEpochs: number }
  | { kind: 'constant' };

/**
 * How often a class is shown: as often as it is in the training set (the paper's), in proportion to the root of that, or
 * all classes equally often. A rare class's cells come again sooner than a common one's.
 */
export const classSamplings = ['as-they-are', 'square-root', 'even'] as const;
export type ClassSampling = (typeof classSamplings)[number];

export interface Recipe {
  learningRate: number;
  schedule: LearningRateSchedule;
  /** Cells in a mini-batch. Every mini-batch is full: epochs follow each other in one stream. */
  batchSize: number;
  /** How long to train: passes over the training set. */
  epochs?: number;
  /** How long to train, instead of `epochs`: mini-batches. */
  iterations?: number;
  momentum: number;
  /**
   * caffe: v = m v + lr g, w -= v, so that the velocity keeps the old rate when the rate changes (the paper's);
   * pytorch: v = m v + g, w -= lr v.
   */
  momentumForm: 'caffe' | 'pytorch';
  /** On the weights of convolutions and dense layers only. */
  weightDecay: number;
  /** flips-and-turns: the eight flips and quarter turns, drawn for each cell of a mini-batch. */
  augmentation: 'none' | 'flips-and-turns';
  /** Other changes of each cell of a mini-batch; default: none. */
  perturbations?: Perturbations;
  /** Of the weights over the last part of the training; default: none, the weights as they are. */
  averaging?: Averaging;
  /** Learning from a teacher's answers as well, with TrainOptions.teacher; default: none. */
  distillation?: Distillation;
  /** Default: as they are. */
  classSampling?: ClassSampling;
}

/** Recipes by name. */
export const recipes = {
  /**
   * The default: Pärnamaa and Parts, "Accurate Classification of Protein Subcellular Localization from High-Throughput
   * Microscopy Images Using Deep Learning", G3 7, 2017.
   */
  paper: {
    learningRate: 0.1,
    schedule: { kind: 'step', halveEveryEpochs: 25 },
    batchSize: 100,
    epochs: 300,
    momentum: 0.9,
    momentumForm: 'caffe',
    weightDecay: 0.0005,
    augmentation: 'none',
  },
  /**
   * Meant for images of other microscopes than those of the training set: cells are shown larger and smaller, brighter and
   * dimmer, blurred, in noise and mixed, and the weights of the last quarter are averaged. It takes long trainings: in short
   * ones of small networks it costs more than it gains.
   */
  robust: {
    learningRate: 0.05,
    schedule: { kind: 'cosine', warmUpEpochs: 0.5 },
    batchSize: 64,
    epochs: 40,
    momentum: 0.9,
    momentumForm: 'caffe',
    weightDecay: 0.0005,
    augmentation: 'flips-and-turns',
    perturbations: {
      zoom: [0.85, 1.3],
      shift: 2,
      gain: [0.6, 1.25],
      offset: [-10, 20],
      gamma: [0.75, 1.35],
      blur: [0, 1.1],
      lightGradient: [0, 0.25],
      whiteNoise: [0, 8],
      correlatedNoise: [0, 8],
      noiseLength: [0.4, 1],
      mixup: 0.2,
    },
    averaging: { kind: 'exponential', last: 0.25, halfLifeEpochs: 0.5, statisticsBatches: 50 },
  },
} as const satisfies Record<string, Recipe>;

function parseSchedule(value: unknown, source: string): LearningRateSchedule {
  const known = { step: ['kind', 'halveEveryEpochs'], cosine: ['kind', 'warmUpEpochs'], constant: ['kind'] } as const;
  const all = [...new Set(Object.values(known).flat())];
  const kind = choiceField(fieldsOf(value, source, all), 'kind', source, ['step', 'cosine', 'constant']);
  const fields = fieldsOf(value, source, known[kind]);
  switch (kind) {
    case 'step':
      return {
        kind,
        halveEveryEpochs: numberField(fields, 'halveEveryEpochs', source, positive, 'a number above 0'),
      };
    case 'cosine':
      return { kind, warmUpEpochs: numberField(fields, 'warmUpEpochs', source, notNegative, 'a number from 0 on') };
    case 'constant':
      return { kind };
  }
}

/**
 * A recipe from JSON; what is left out is taken from the paper's. `source` is for messages.
 *
 * @throws recipe-invalid, naming the field, what was found and what is expected; for an unknown field the nearest known
 */
export function parseRecipe(value: unknown, source: string): Recipe {
  const known = [
    ...Object.keys(recipes.paper),
    'iterations',
    'perturbations',
    'averaging',
    'distillation',
    'classSampling',
  ];
  const given = fieldsOf(value, source, known);
  if (given.epochs !== undefined && given.iterations !== undefined) {
    throw invalid(source, 'both epochs and iterations are given; expected one of them');
  }
  const fields: Fields = { ...recipes.paper, ...given };
  const length =
    given.iterations === undefined
      ? { epochs: numberField(fields, 'epochs', source, positive, 'a number above 0') }
      : { iterations: numberField(fields, 'iterations', source, wholeFrom1, 'a whole number from 1 on') };
  const below1 = (number: number) => number >= 0 && number < 1;
  return {
    learningRate: numberField(fields, 'learningRate', source, positive, 'a number above 0'),
    schedule: parseSchedule(fields.schedule, `${source}, schedule`),
    batchSize: numberField(fields, 'batchSize', source, wholeFrom1, 'a whole number from 1 on'),
    ...length,
    momentum: numberField(fields, 'momentum', source, below1, 'a number from 0 to less than 1'),
    momentumForm: choiceField(fields, 'momentumForm', source, ['caffe', 'pytorch']),
    weightDecay: numberField(fields, 'weightDecay', source, notNegative, 'a number from 0 on'),
    augmentation: choiceField(fields, 'augmentation', source, ['none', 'flips-and-turns']),
    ...(fields.perturbations !== undefined && {
      perturbations: parsePerturbations(fields.perturbations, `${source}, perturbations`),
    }),
    ...(fields.averaging !== undefined && { averaging: parseAveraging(fields.averaging, `${source}, averaging`) }),
    ...(fields.distillation !== undefined && {
      distillation: parseDistillation(fields.distillation, `${source}, distillation`),
    }),
    ...(fields.classSampling !== undefined && {
      classSampling: choiceField(fields, 'classSampling', source, classSamplings),
    }),
  };
}

/**
 * A recipe by its name or from a JSON file.
 *
 * @throws recipe-invalid, io-error
 */
export async function loadRecipe(nameOrPath: string): Promise<Recipe> {
  if (Object.hasOwn(recipes, nameOrPath)) return recipes[nameOrPath as keyof typeof recipes];
  let text: string;
  try {
    text = await readFile(nameOrPath, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new DeepYeastError(
        'recipe-invalid',
        `found no recipe ${nameOrPath}; expected ${Object.keys(recipes).join(', ')} or the path of a JSON file`,
        { cause: error },
      );
    }
    throw fileError('read the recipe', nameOrPath, error);
  }
  return parseRecipe(parseJson(text, nameOrPath, 'recipe-invalid'), nameOrPath);
}
