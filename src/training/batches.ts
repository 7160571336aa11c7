import { permutation } from '../random';
import type { ClassSampling } from './recipe';

/**
 * The training set as one shuffled stream of epochs, cut into mini-batches that are always full: mini-batch i is
 * elements i b ... (i + 1) b - 1 of the orders of all epochs one after the other. A pure function of the seed and the
 * iteration, so that resuming needs no state.
 *
 * An epoch has as many cells as the training set. As they are, it is a permutation of them. Otherwise each class has a
 * quota of the epoch, filled from an endless stream of its own cells: all of them in one order, then in another.
 */
export class BatchStream {
  readonly #seed: number;
  readonly #rows: Uint32Array;
  readonly #labels: Int32Array;
  readonly #batchSize: number;
  /** Positions of each class's cells in `rows`, and its share of an epoch; none where cells are taken as they are. */
  readonly #classes: readonly { readonly count: number; readonly quota: number; readonly label: number }[];
  /** The order of the epoch asked for last. */
  #order: { epoch: number; cells: Uint32Array } | undefined;

  /** @param labels class of each of `rows`, which are rows of the dataset */
  constructor(
    seed: number,
    rows: Uint32Array,
    labels: Int32Array,
    batchSize: number,
    sampling: ClassSampling = 'as-they-are',
  ) {
    this.#seed = seed;
    this.#rows = rows;
    this.#labels = labels;
    this.#batchSize = batchSize;
    this.#classes = sampling === 'as-they-are' ? [] : quotas(labels, sampling);
  }

  /** `count` mini-batches from number `iteration` on: rows of the dataset and their classes, [count * batchSize]. */
  take(iteration: number, count: number): { indices: Uint32Array; labels: Int32Array } {
    const cells = this.#rows.length;
    const total = count * this.#batchSize;
    const indices = new Uint32Array(total);
    const labels = new Int32Array(total);
    let epoch = Math.floor((iteration * this.#batchSize) / cells);
    let position = iteration * this.#batchSize - epoch * cells;
    let order = this.#orderOf(epoch);
    for (let i = 0; i < total; i++) {
      if (position === cells) {
        position = 0;
        order = this.#orderOf(++epoch);
      }
      const cell = order[position++] as number;
      indices[i] = this.#rows[cell] as number;
      labels[i] = this.#labels[cell] as number;
    }
    return { indices, labels };
  }

  #orderOf(epoch: number): Uint32Array {
    if (this.#order?.epoch !== epoch) {
      const places = this.#permutation(epoch);
      this.#order = { epoch, cells: this.#classes.length === 0 ? places : this.#byQuota(epoch, places) };
    }
    return this.#order.cells;
  }

  #permutation(number: number): Uint32Array {
    return permutation(this.#seed, 'shuffle', number, this.#rows.length);
  }

  /** The epoch's cells by the quotas of the classes, put where `places` says. */
  #byQuota(epoch: number, places: Uint32Array): Uint32Array {
    const cells = new Uint32Array(this.#rows.length);
    let place = 0;
    // A class's order in its pass number p is that in the permutation p of all cells.
    const passes = new Map<number, Uint32Array>();
    for (const { label, count, quota } of this.#classes) {
      for (let pass = Math.floor((epoch * quota) / count); pass * count < (epoch + 1) * quota; pass++) {
        const all = passes.get(pass) ?? this.#permutation(pass);
        passes.set(pass, all);
        let element = pass * count;
        for (const cell of all) {
          if (this.#labels[cell] !== label) continue;
          if (element >= epoch * quota && element < (epoch + 1) * quota) cells[places[place++] as number] = cell;
          element++;
        }
      }
    }
    return cells;
  }
}

/** What part of an epoch each class gets, in cells: whole numbers of the sum of all cells, by the largest remainders. */
function quotas(labels: Int32Array, sampling: Exclude<ClassSampling, 'as-they-are'>) {
  const counts = new Map<number, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  const weight = (count: number) => (sampling === 'even' ? 1 : Math.sqrt(count));
  let sum = 0;
  for (const count of counts.values()) sum += weight(count);
  const exact = [...counts].map(([label, count]) => ({
    label,
    count,
    share: (labels.length * weight(count)) / sum,
  }));
  const left = labels.length - exact.reduce((total, { share }) => total + Math.floor(share), 0);
  const extra = new Set(
    [...exact]
      .sort((a, b) => (b.share % 1) - (a.share % 1) || a.label - b.label)
      .slice(0, left)
      .map(({ label }) => label),
  );
  return exact.map(({ label, count, share }) => ({
    label,
    count,
    quota: Math.floor(share) + (extra.has(label) ? 1 : 0),
  }));
}
