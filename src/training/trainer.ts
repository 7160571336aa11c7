import { performance } from 'node:perf_hooks';
import { throwIfAborted } from '../abort';
import { DeepYeastError } from '../errors';
import { writeCheckpoint } from '../network/checkpoint';
import type { Network } from '../network/network';
import type { Interval } from './interval';
import type { TrainOptions } from './options';
import { type Preparation, prepare } from './prepare';
import { begin, type Run } from './run';
import { emptyInterval, type TrainingState } from './state';
import { validate } from './validation';

/** Seconds of work in one native call: between two, time-based checkpoints and progress have their turn. */
const secondsPerCall = 0.25;
const longestCall = 1024;

/** Networks that are being trained: two trainings of one network would mix their steps. */
const inTraining = new WeakSet<Network>();

/** A training: its intervals one by one (`for await`), or, awaited, all of it: the intervals in order. */
export interface TrainingRun extends AsyncGenerator<Interval, void, undefined>, PromiseLike<Interval[]> {}

/**
 * Trains a network and reports each interval; `network` holds the latest state. Nothing is done before the first interval
 * is asked for, by a loop or by `await`, which runs to the end. The end, an abort and leaving the loop
 * early all leave a run folder from which `resume` goes on to the bit-identical end; so does a kill, from the last
 * checkpoint. Where the recipe averages weights, the network holds the average when the training has ended. A network that has an input transform (a loaded model) keeps it; otherwise it gets the training set's
 * per-pixel mean.
 *
 * @throws invalid-argument, model-mismatch, rule-mismatch, class-unknown, dataset-invalid, images-truncated, with the
 *   disk untouched; run-exists, run-locked, run-mismatch, run-invalid; loss-diverged, the last good checkpoint kept;
 *   aborted, after a checkpoint; disk-full, io-error
 */
export function train(network: Network, options: TrainOptions): TrainingRun {
  const intervals = trainByIntervals(network, options);
  let whole: Promise<Interval[]> | undefined;
  return Object.assign(intervals, {
    // biome-ignore lint/suspicious/noThenProperty: `await train(...)` would do nothing at all without it
    then: ((resolve, reject) => {
      whole ??= collect(intervals);
      return whole.then(resolve, reject);
    }) as TrainingRun['then'],
  });
}

async function collect(intervals: AsyncIterable<Interval>): Promise<Interval[]> {
  const all: Interval[] = [];
  for await (const interval of intervals) all.push(interval);
  return all;
}

async function* trainByIntervals(network: Network, options: TrainOptions): AsyncGenerator<Interval, void, undefined> {
  if (inTraining.has(network)) {
    throw new DeepYeastError('invalid-argument', 'this network is being trained; wait for it or make another network');
  }
  inTraining.add(network);
  const cancel = () => network.native.cancel();
  options.signal?.addEventListener('abort', cancel);
  try {
    throwIfAborted(options.signal);
    const preparation = await prepare(network, options);
    const run = await begin(network, preparation, options);
    yield* new Training(network, preparation, run, options).intervals();
  } finally {
    options.signal?.removeEventListener('abort', cancel);
    inTraining.delete(network);
  }
}

/** The loop of mini-batches, reports and checkpoints. */
class Training {
  readonly #network: Network;
  readonly #preparation: Preparation;
  readonly #run: Run;
  readonly #options: TrainOptions;
  #state: TrainingState;
  /** Whether #state is newer than last.safetensors. */
  #unsaved: boolean;
  #savedAt = performance.now();
  /** The iteration at which all tensors were last seen finite. */
  #finiteAt = -1;
  #iterationsPerCall = 1;
  /** What the device has noted, as far as it was told. */
  readonly #told = new Set<string>();
  /** Of this interval, in this process. */
  #watch = { seconds: 0, images: 0 };

  constructor(network: Network, preparation: Preparation, run: Run, options: TrainOptions) {
    this.#network = network;
    this.#preparation = preparation;
    this.#run = run;
    this.#options = options;
    this.#state = run.state;
    this.#unsaved = !run.resumed;
  }

  async *intervals(): AsyncGenerator<Interval, void, undefined> {
    let failed = false;
    try {
      // The checkpoint of iteration 0: from here on a killed run resumes.
      if (this.#unsaved) await this.#save();
      this.#options.onProgress?.(this.#state.iteration, this.#preparation.schedule.iterations);
      yield* this.#loop();
    } catch (error) {
      // The network may hold anything: the last checkpoint stays. An abort comes between two mini-batches.
      failed = !(error instanceof DeepYeastError && error.code === 'aborted');
      throw error;
    } finally {
      try {
        if (this.#unsaved && !failed) await this.#save();
        this.#logInterruption(failed);
      } finally {
        await this.#run.close();
      }
    }
  }

  #logInterruption(failed: boolean): void {
    const { iteration } = this.#state;
    const { iterations } = this.#preparation.schedule;
    const { folder } = this.#run;
    if (failed || !folder || iteration === iterations) return;
    this.#options.log?.('info', `stopped at iteration ${iteration} of ${iterations}; ${folder.path} can be resumed`);
  }

  async *#loop(): AsyncGenerator<Interval, void, undefined> {
    const { iterations } = this.#preparation.schedule;
    for (;;) {
      // A run that was stopped during its validation resumes here, with the report still due.
      const report = this.#isReportDue() ? await this.#report() : undefined;
      if (this.#isCheckpointDue()) await this.#save();
      const ended = this.#state.iteration === iterations;
      if (ended && this.#hasAverage) await this.#network.native.swapAverage();
      if (report) yield report;
      if (ended) return;
      throwIfAborted(this.#options.signal);
      await this.#advance();
    }
  }

  #isReportDue(): boolean {
    const { iteration, interval } = this.#state;
    const { schedule, reports } = this.#preparation;
    return interval.iterations > 0 && (iteration === schedule.iterations || reports.isBorder(iteration));
  }

  #isCheckpointDue(): boolean {
    const { iteration } = this.#state;
    const { schedule, checkpoints } = this.#preparation;
    if (!this.#unsaved) return false;
    const elapsed = (performance.now() - this.#savedAt) / 1000;
    return iteration === schedule.iterations || checkpoints.isBorder(iteration) || elapsed >= checkpoints.seconds;
  }

  get #hasAverage(): boolean {
    return this.#preparation.schedule.hasAverage(this.#state.iteration);
  }

  /** Calls `use` while the network is the average of its weights, with running statistics computed for them. */
  async #withAverage<Result>(use: () => Promise<Result>): Promise<Result> {
    const { native } = this.#network;
    const { schedule, batches, images, optimizer } = this.#preparation;
    const { batchSize, averaging } = schedule.recipe;
    const count = Math.min(averaging?.statisticsBatches ?? 0, this.#state.iteration);
    const iteration = this.#state.iteration - count;
    await native.swapAverage();
    try {
      await native.recomputeStatistics({
        images,
        ...batches.take(iteration, count),
        batchSize,
        iteration,
        learningRates: new Float64Array(count),
        optimizer,
      });
      throwIfAborted(this.#options.signal);
      return await use();
    } finally {
      await native.swapAverage();
      this.#finiteAt = -1; // what was seen finite was the average
    }
  }

  /** One native call: some mini-batches, at most up to the next report or checkpoint. */
  async #advance(): Promise<void> {
    const { schedule, batches, reports, checkpoints, images, optimizer, targets } = this.#preparation;
    const { iteration, interval } = this.#state;
    const { averaging } = schedule;
    const { batchSize } = schedule.recipe;
    const end = Math.min(schedule.iterations, reports.next(iteration), checkpoints.next(iteration));
    const count = Math.min(end - iteration, this.#iterationsPerCall);
    const start = performance.now();
    const cells = batches.take(iteration, count);
    const { completed, losses, correct } = await this.#network.native.trainSteps({
      images,
      ...cells,
      ...(targets && { targets: targets.take(cells.indices, cells.labels) }),
      batchSize,
      iteration,
      learningRates: Float64Array.from({ length: count }, (_, i) => schedule.learningRate(iteration + i)),
      optimizer,
      ...(averaging && {
        averageShares: Float64Array.from({ length: count }, (_, i) => averaging.share(iteration + i)),
      }),
    });
    const seconds = (performance.now() - start) / 1000;
    let { loss, correct: correctSum } = interval;
    for (let i = 0; i < completed; i++) {
      const value = losses[i] as number;
      if (!Number.isFinite(value)) throw this.#diverged(`the loss is ${value}`, iteration + i);
      // One after the other, so that the sum does not depend on how the calls were cut.
      loss += value;
      correctSum += correct[i] as number;
    }
    this.#state = {
      ...this.#state,
      iteration: iteration + completed,
      interval: { iterations: interval.iterations + completed, loss, correct: correctSum },
    };
    if (completed > 0) {
      this.#unsaved = true;
      const calls = secondsPerCall / (seconds / completed);
      this.#iterationsPerCall = Math.max(1, Math.min(longestCall, Math.round(calls)));
    }
    this.#watch.seconds += seconds;
    this.#watch.images += completed * batchSize;
    this.#options.onProgress?.(this.#state.iteration, schedule.iterations);
  }

  /** Tells once what went other than planned: a kept engine that could not be used, a shape that is computed slowly. */
  async #tellNotes(): Promise<void> {
    for (const note of (await this.#network.native.notes()).split('\n')) {
      if (note === '' || this.#told.has(note)) continue;
      this.#told.add(note);
      this.#options.log?.('warn', note);
    }
  }

  /** Ends an interval: validation, best model, log. */
  async #report(): Promise<Interval> {
    return this.#hasAverage ? this.#withAverage(() => this.#validateAndLog(true)) : this.#validateAndLog(false);
  }

  async #validateAndLog(averaged: boolean): Promise<Interval> {
    const { schedule, validation: cells } = this.#preparation;
    const { iteration, interval, best } = this.#state;
    const loss = interval.loss / interval.iterations;
    const accuracy = interval.correct / (interval.iterations * schedule.recipe.batchSize);
    const validation = cells && (await validate(this.#network, cells, this.#options.signal));
    if (validation && !Number.isFinite(validation.loss)) {
      throw this.#diverged(`the validation loss is ${validation.loss}`, iteration - 1);
    }
    const criterion = validation?.loss ?? loss;
    const isBest = best === null || criterion < best.loss;
    const metrics = { loss, accuracy, ...(validation && { validation }) };
    const report: Interval = {
      iteration,
      epoch: (iteration * schedule.recipe.batchSize) / schedule.cells,
      ...metrics,
      ...(averaged && { averaged }),
      best: isBest,
      learningRate: schedule.learningRate(iteration - 1),
      imagesPerSecond: this.#watch.seconds > 0 ? this.#watch.images / this.#watch.seconds : 0,
    };
    const { folder, log } = this.#run;
    if (folder && isBest) {
      await this.#requireFinite();
      const { recipe } = schedule;
      await writeCheckpoint(folder.file('best'), this.#network, { recipe, iteration, metrics, momentum: false });
    }
    await this.#tellNotes();
    await log?.append(report);
    this.#state = {
      iteration,
      interval: emptyInterval,
      best: isBest ? { iteration, loss: criterion } : best,
      metrics,
    };
    this.#unsaved = true;
    this.#watch = { seconds: 0, images: 0 };
    return report;
  }

  /** Writes last.safetensors. */
  async #save(): Promise<void> {
    const { folder } = this.#run;
    if (folder) {
      await this.#requireFinite();
      const { iteration, interval, best, metrics } = this.#state;
      await writeCheckpoint(folder.file('last'), this.#network, {
        recipe: this.#preparation.schedule.recipe,
        iteration,
        training: { interval, best },
        ...(metrics && { metrics }),
        momentum: true,
        average: this.#hasAverage,
      });
    }
    this.#unsaved = false;
    this.#savedAt = performance.now();
  }

  /** A step may overflow a weight while its own loss was still finite: that must not replace a good checkpoint. */
  async #requireFinite(): Promise<void> {
    const { iteration } = this.#state;
    if (this.#finiteAt === iteration) return;
    const { native } = this.#network;
    for (const { name, trainable } of native.tensors) {
      for (const tensor of trainable ? [name, `velocity/${name}`] : [name]) {
        const bad = firstNotFinite(await native.tensor(tensor));
        if (bad !== undefined) throw this.#diverged(`${tensor} holds ${bad}`, iteration - 1);
      }
    }
    this.#finiteAt = iteration;
  }

  #diverged(found: string, iteration: number): DeepYeastError {
    const { folder } = this.#run;
    const rate = this.#preparation.schedule.learningRate(Math.max(0, iteration));
    const kept = folder ? `; ${folder.file('last')} holds the last good state` : '';
    return new DeepYeastError(
      'loss-diverged',
      `training diverged at iteration ${iteration + 1} with learning rate ${rate}: ${found}; ` +
        `expected finite numbers: train with a lower learning rate${kept}`,
    );
  }
}

/** A plain loop: a callback for each of millions of values would take a second. */
function firstNotFinite(values: Float32Array): number | undefined {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return values[i];
  return undefined;
}
