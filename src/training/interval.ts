/** What training reports: the mini-batches since the last report, and the validation set after them. */
export interface Interval {
  /** Mini-batches done since the start of the run. */
  iteration: number;
  /** Passes over the training set done since the start of the run, in fractions. */
  epoch: number;
  /** Mean cross-entropy of the interval's mini-batches, in nats, each before its update and in training mode. */
  loss: number;
  /** Share of the interval's cells whose largest logit was their class's. */
  accuracy: number;
  /** The whole validation set in inference mode; absent without one. */
  validation?: { loss: number; accuracy: number };
  /** True where the validation, and the best model, are of the averaged weights. */
  averaged?: true;
  /** Whether this is the best model so far: by validation loss, without a validation set by the training loss. */
  best: boolean;
  /** Of the interval's last mini-batch. */
  learningRate: number;
  /** Training only, without validation. The one number that differs between equal runs. */
  imagesPerSecond: number;
}

/** One line of log.jsonl, with the names of table columns. */
export function intervalRow(interval: Interval): Record<string, number | boolean | null> {
  return {
    iteration: interval.iteration,
    epoch: interval.epoch,
    loss: interval.loss,
    accuracy: interval.accuracy,
    validation_loss: interval.validation?.loss ?? null,
    validation_accuracy: interval.validation?.accuracy ?? null,
    ...(interval.averaged && { averaged: true }),
    best: interval.best,
    learning_rate: interval.learningRate,
    images_per_second: interval.imagesPerSecond,
  };
}
