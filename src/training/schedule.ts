import { DeepYeastError } from '../errors';
import { AverageShares } from './averaging';
import { describePerturbations } from './perturbations';
import type { Recipe } from './recipe';

/** A recipe for a training set of a certain size: epochs become iterations, an iteration gets its learning rate. */
export class Schedule {
  readonly recipe: Recipe;
  /** Cells in the training set. */
  readonly cells: number;
  /** Iterations of the whole training. */
  readonly iterations: number;
  /** Of the recipe's averaging; undefined: none. */
  readonly averaging: AverageShares | undefined;

  /** @throws invalid-argument for a mini-batch larger than the training set, or a warm-up longer than the training */
  constructor(recipe: Recipe, cells: number) {
    if (recipe.batchSize > cells) {
      throw new DeepYeastError(
        'invalid-argument',
        `the batch size is ${recipe.batchSize}, but the training set has ${cells} labelled cells; ` +
          `expected a batch size of at most ${cells}: give one (--batch-size) or more cells`,
      );
    }
    this.recipe = recipe;
    this.cells = cells;
    this.iterations = recipe.iterations ?? this.epochBorder(recipe.epochs ?? 0);
    if (this.iterations < 1 || this.iterations >= 2 ** 32) {
      throw new DeepYeastError(
        'invalid-argument',
        `the recipe makes ${this.iterations} iterations of ${cells} cells; expected 1 to ${2 ** 32 - 1}`,
      );
    }
    if (recipe.schedule.kind === 'cosine' && this.#warmUp(recipe.schedule.warmUpEpochs) >= this.iterations) {
      throw new DeepYeastError(
        'invalid-argument',
        `the warm-up takes ${this.#warmUp(recipe.schedule.warmUpEpochs)} iterations; expected fewer than the ` +
          `training's ${this.iterations}: shorten warmUpEpochs or train longer`,
      );
    }
    this.averaging = recipe.averaging && new AverageShares(recipe.averaging, this.iterations, cells / recipe.batchSize);
  }

  /** Whether there is an average of weights after so many iterations. */
  hasAverage(iterations: number): boolean {
    return this.averaging !== undefined && iterations > this.averaging.first;
  }

  /** The first iteration count at which so many epochs have been seen whole; epochs need not end with a mini-batch. */
  epochBorder(epochs: number): number {
    return Math.ceil((epochs * this.cells) / this.recipe.batchSize);
  }

  /** Epochs seen whole after so many iterations. */
  epochsAfter(iterations: number): number {
    return Math.floor((iterations * this.recipe.batchSize) / this.cells);
  }

  /** The learning rate of the mini-batch number `iteration`, counted from 0. */
  learningRate(iteration: number): number {
    const { learningRate, schedule, batchSize } = this.recipe;
    switch (schedule.kind) {
      case 'step': {
        const halvings = Math.floor((iteration * batchSize) / (schedule.halveEveryEpochs * this.cells));
        return learningRate * 0.5 ** halvings;
      }
      case 'cosine': {
        const warmUp = this.#warmUp(schedule.warmUpEpochs);
        if (iteration < warmUp) return (learningRate * (iteration + 1)) / warmUp;
        const progress = (iteration - warmUp) / (this.iterations - warmUp);
        return learningRate * 0.5 * (1 + Math.cos(Math.PI * progress));
      }
      case 'constant':
        return learningRate;
    }
  }

  #warmUp(epochs: number): number {
    return Math.round((epochs * this.cells) / this.recipe.batchSize);
  }

  /** The recipe in words, with its epochs as iterations of this training set: what is printed before training. */
  describe(): string[] {
    const { recipe } = this;
    const length =
      recipe.iterations === undefined
        ? `${epochs(recipe.epochs ?? 0)} = ${whole(this.iterations)} iterations`
        : `${whole(this.iterations)} iterations`;
    const form = { caffe: 'v = m v + lr g, w -= v', pytorch: 'v = m v + g, w -= lr v' }[recipe.momentumForm];
    const flips = { none: '', 'flips-and-turns': 'flips and quarter turns' }[recipe.augmentation];
    const changes = [flips, describePerturbations(recipe.perturbations ?? {})].filter((part) => part !== '').join(', ');
    const sampling = {
      'as-they-are': undefined,
      'square-root': 'classes are shown in proportion to the root of their cells',
      even: 'all classes are shown equally often',
    }[recipe.classSampling ?? 'as-they-are'];
    return [
      `${length} of ${whole(recipe.batchSize)} cells, of ${whole(this.cells)} in the training set`,
      `learning rate ${recipe.learningRate}, ${this.#describeCourse()}`,
      `momentum ${recipe.momentum} (${recipe.momentumForm}: ${form}), weight decay ${recipe.weightDecay} on weights`,
      `augmentation: ${changes === '' ? 'none' : changes}`,
      ...(this.averaging === undefined ? [] : [this.averaging.describe()]),
      ...(recipe.distillation === undefined
        ? []
        : [
            `${share(recipe.distillation.share)} of the target is the teacher's, at temperature ${recipe.distillation.temperature}`,
          ]),
      ...(sampling === undefined ? [] : [sampling]),
    ];
  }

  #describeCourse(): string {
    const { schedule } = this.recipe;
    switch (schedule.kind) {
      case 'step': {
        const every = schedule.halveEveryEpochs;
        return `halved every ${epochs(every)} = ${whole(this.epochBorder(every))} iterations`;
      }
      case 'cosine': {
        const { warmUpEpochs } = schedule;
        const fall = 'falling to 0 along a cosine';
        if (warmUpEpochs === 0) return fall;
        return `${fall} after a warm-up of ${epochs(warmUpEpochs)} = ${whole(this.#warmUp(warmUpEpochs))} iterations`;
      }
      case 'constant':
        return 'constant';
    }
  }
}

function share(value: number): string {
  return `${Math.round(100 * value)}%`;
}

function whole(value: number): string {
  return value.toLocaleString('en-US');
}

function epochs(count: number): string {
  return `${count} ${count === 1 ? 'epoch' : 'epochs'}`;
}
