import { permutation } from '../random';

/**
 * The training set as one shuffled stream of epochs, cut into mini-batches that are always full: mini-batch i is
 * elements i b ... (i + 1) b - 1 of the permutations of all epochs one after the other. A pure function of the seed and
 * the iteration, so that resuming needs no state.
 */
export class BatchStream {
  readonly #seed: number;
  readonly #rows: Uint32Array;
  readonly #labels: Int32Array;
  readonly #batchSize: number;
  /** The permutation of the epoch asked for last. */
  #order: { epoch: number; permutation: Uint32Array } | undefined;

  /** @param labels class of each of `rows`, which are rows of the dataset */
  constructor(seed: number, rows: Uint32Array, labels: Int32Array, batchSize: number) {
    this.#seed = seed;
    this.#rows = rows;
    this.#labels = labels;
    this.#batchSize = batchSize;
  }

  /** `count` mini-batches from number `iteration` on: rows of the dataset and their classes, [count * batchSize]. */
  take(iteration: number, count: number): { indices: Uint32Array; labels: Int32Array } {
    const cells = this.#rows.length;
    const total = count * this.#batchSize;
    const indices = new Uint32Array(total);
    const labels = new Int32Array(total);
    let epoch = Math.floor((iteration * this.#batchSize) / cells);
    let position = iteration * this.#batchSize - epoch * cells;
    let order = this.#permutation(epoch);
    for (let i = 0; i < total; i++) {
      if (position === cells) {
        position = 0;
        order = this.#permutation(++epoch);
      }
      const cell = order[position++] as number;
      indices[i] = this.#rows[cell] as number;
      labels[i] = this.#labels[cell] as number;
    }
    return { indices, labels };
  }

  #permutation(epoch: number): Uint32Array {
    if (this.#order?.epoch !== epoch) {
      this.#order = { epoch, permutation: permutation(this.#seed, 'shuffle', epoch, this.#rows.length) };
    }
    return this.#order.permutation;
  }
}
