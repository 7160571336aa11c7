import type { Dataset } from '../data/dataset';
import { DeepYeastError } from '../errors';
import { fileDigest } from '../files/digest';
import { modelPath } from '../network/checkpoint';
import { Network } from '../network/network';
import { requireModelRule } from '../prediction/rule-match';
import { type Fields, fieldsOf, numberField, positive } from './recipe-fields';

/**
 * Learning from another network's answers (Hinton, Vinyals and Dean 2015): what a cell's posterior is compared with in the
 * loss is `share` times the teacher's posterior at a temperature (its logits divided by it), and for the rest its label. The
 * teacher sees each cell once, as it is.
 */
export interface Distillation {
  share: number;
  temperature: number;
}

export const distillationDefaults: Distillation = { share: 0.5, temperature: 2 };

/** Checked; what is left out is taken from distillationDefaults. Throws recipe-invalid. */
export function parseDistillation(value: unknown, source: string): Distillation {
  const fields: Fields = { ...distillationDefaults, ...fieldsOf(value, source, Object.keys(distillationDefaults)) };
  const isShare = (number: number) => number > 0 && number <= 1;
  return {
    share: numberField(fields, 'share', source, isShare, 'a number above 0, at most 1'),
    temperature: numberField(fields, 'temperature', source, positive, 'a number above 0'),
  };
}

/** What each cell of a training set is compared with. */
export class DistillationTargets {
  /** By which a run that goes on recognises its teacher. */
  readonly teacher: string;
  readonly #share: number;
  readonly #classes: number;
  /** The teacher's posteriors of all cells of the dataset, in the order of the student's classes. */
  readonly #posteriors: Float32Array;

  private constructor(teacher: string, share: number, classes: number, posteriors: Float32Array) {
    this.teacher = teacher;
    this.#share = share;
    this.#classes = classes;
    this.#posteriors = posteriors;
  }

  /** @throws model-mismatch where the classes are others, rule-mismatch, model-invalid, io-error, aborted */
  static async of(
    model: string,
    training: Dataset,
    classes: readonly string[],
    { share, temperature }: Distillation,
    options: { allowRuleMismatch?: boolean; signal?: AbortSignal } = {},
  ): Promise<DistillationTargets> {
    const path = await modelPath(model);
    const network = await Network.load(path);
    try {
      const columns = classes.map((name) => network.classes.indexOf(name));
      if (columns.includes(-1) || network.classes.length !== classes.length) {
        throw new DeepYeastError(
          'model-mismatch',
          `the teacher ${path} tells ${network.classes.join(', ')}; expected the classes of the network that learns: ` +
            classes.join(', '),
        );
      }
      requireModelRule(network, training, options);
      const { logits, count } = await network.predict(training, options.signal ? { signal: options.signal } : {});
      const posteriors = new Float32Array(logits.length);
      for (let cell = 0; cell < count; cell++) {
        const row = columns.map((column) => (logits[cell * classes.length + column] as number) / temperature);
        const largest = Math.max(...row);
        const shares = row.map((value) => Math.exp(value - largest));
        const sum = shares.reduce((total, value) => total + value);
        posteriors.set(
          shares.map((value) => value / sum),
          cell * classes.length,
        );
      }
      return new DistillationTargets(await fileDigest(path), share, classes.length, posteriors);
    } finally {
      await network.close();
    }
  }

  /** [rows, classes] for rows of the dataset and their labels. */
  take(rows: Uint32Array, labels: Int32Array): Float32Array {
    const classes = this.#classes;
    const targets = new Float32Array(rows.length * classes);
    rows.forEach((row, i) => {
      for (let k = 0; k < classes; k++) {
        targets[i * classes + k] = this.#share * (this.#posteriors[row * classes + k] as number);
      }
      const own = i * classes + (labels[i] as number);
      targets[own] = Math.min(1, (targets[own] as number) + 1 - this.#share);
    });
    return targets;
  }
}
