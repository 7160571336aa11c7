import { choiceField, fieldsOf, numberField, positive, wholeFrom1 } from './recipe-fields';

/**
 * The average of the weights over the last part of a training, with running statistics computed anew for it: what a report
 * then validates, the best model holds, and the network is when the training has ended. The training itself goes on as
 * without it.
 */
export type Averaging = {
  /** Which part of the training, as a share of its iterations; above 0, at most 1. */
  last: number;
  /** Mini-batches over which running statistics are computed for the averaged weights. */
  statisticsBatches: number;
} & (
  | /** Each iteration's weights count half as much as those so many epochs later. */ {
      kind: 'exponential';
      halfLifeEpochs: number;
    }
  /** Stochastic weight averaging (Izmailov and others 2018): the mean of the weights after each so many epochs. */
  | { kind: 'stochastic'; everyEpochs: number }
);

/** What an averaging is where only its kind is given. */
export const averagings = {
  exponential: { kind: 'exponential', last: 0.25, halfLifeEpochs: 0.5, statisticsBatches: 50 },
  stochastic: { kind: 'stochastic', last: 0.25, everyEpochs: 0.5, statisticsBatches: 50 },
} as const satisfies Record<Averaging['kind'], Averaging>;

/** Checked; what is left out is taken from `averagings`. Throws recipe-invalid. */
export function parseAveraging(value: unknown, source: string): Averaging {
  const all = ['kind', 'last', 'halfLifeEpochs', 'everyEpochs', 'statisticsBatches'];
  const kind = choiceField(fieldsOf(value, source, all), 'kind', source, ['exponential', 'stochastic']);
  const fields = { ...averagings[kind], ...fieldsOf(value, source, Object.keys(averagings[kind])) };
  const isShare = (number: number) => number > 0 && number <= 1;
  const last = numberField(fields, 'last', source, isShare, 'a number above 0, at most 1');
  const statisticsBatches = numberField(fields, 'statisticsBatches', source, wholeFrom1, 'a whole number from 1 on');
  const length = (key: string) => numberField(fields, key, source, positive, 'a number above 0');
  if (kind === 'exponential') return { kind, last, halfLifeEpochs: length('halfLifeEpochs'), statisticsBatches };
  return { kind, last, everyEpochs: length('everyEpochs'), statisticsBatches };
}

/** An averaging for a training of so many iterations: which of them count, and how much. */
export class AverageShares {
  readonly #averaging: Averaging;
  readonly #first: number;
  /** Of the half-life, or from one model of the mean to the next; a half-life need not be whole. */
  readonly #iterations: number;

  /** @param iterationsPerEpoch need not be whole */
  constructor(averaging: Averaging, iterations: number, iterationsPerEpoch: number) {
    this.#averaging = averaging;
    this.#first = Math.min(Math.floor(iterations * (1 - averaging.last)), iterations - 1);
    this.#iterations =
      averaging.kind === 'exponential'
        ? averaging.halfLifeEpochs * iterationsPerEpoch
        : Math.max(1, Math.round(averaging.everyEpochs * iterationsPerEpoch));
  }

  /** The number of the first iteration, counted from 0, whose weights are taken. */
  get first(): number {
    return this.#first;
  }

  /** By which share of the way the average moves to the weights after the iteration number `iteration`, counted from 0. */
  share(iteration: number): number {
    const passed = iteration - this.#first;
    if (passed < 0) return 0;
    if (passed === 0) return 1;
    if (this.#averaging.kind === 'exponential') return 1 - 0.5 ** (1 / this.#iterations);
    return passed % this.#iterations === 0 ? 1 / (passed / this.#iterations + 1) : 0;
  }

  /** In words. */
  describe(): string {
    const { last, statisticsBatches } = this.#averaging;
    const how =
      this.#averaging.kind === 'exponential'
        ? `with a half-life of ${this.#averaging.halfLifeEpochs} epochs`
        : `every ${this.#averaging.everyEpochs} epochs = ${this.#iterations.toLocaleString('en-US')} iterations`;
    return (
      `weights are averaged ${how} over the last ${Math.round(100 * last)}% of the iterations, ` +
      `running statistics of the average from ${statisticsBatches} mini-batches`
    );
  }
}
