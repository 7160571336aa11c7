import { ratio } from '../ratios';

/** How often cells of one class were called another. */
export interface Confusion {
  true: string;
  predicted: string;
  count: number;
  /** Share of the true class's cells. */
  rate: number;
}

/** Cells counted by true class (rows) and predicted class (columns). */
export class ConfusionMatrix {
  readonly classes: readonly string[];
  /** [K * K], row: true class. */
  readonly counts: Float64Array;

  constructor(classes: readonly string[]) {
    this.classes = classes;
    this.counts = new Float64Array(classes.length ** 2);
  }

  add(trueClass: number, predictedClass: number, count = 1): void {
    const at = trueClass * this.classes.length + predictedClass;
    this.counts[at] = (this.counts[at] as number) + count;
  }

  /** Cells on the diagonal. */
  get correct(): number {
    let sum = 0;
    for (let c = 0; c < this.classes.length; c++) sum += this.counts[c * (this.classes.length + 1)] as number;
    return sum;
  }

  get total(): number {
    return this.counts.reduce((sum, count) => sum + count, 0);
  }

  /** The counts as rows of arrays. */
  rows(): number[][] {
    const k = this.classes.length;
    return this.classes.map((_, c) => Array.from(this.counts.subarray(c * k, (c + 1) * k)));
  }

  /** The counts of each row divided by its sum; null throughout a class without cells. */
  rates(): (number | null)[][] {
    return this.rows().map((row) => {
      const support = row.reduce((sum, count) => sum + count, 0);
      return row.map((count) => ratio(count, support));
    });
  }

  /** The largest counts off the diagonal, largest first (ties in the order of the classes), zeros left out. */
  mostFrequentConfusions(limit: number): Confusion[] {
    const found: Confusion[] = [];
    this.rows().forEach((row, c) => {
      const support = row.reduce((sum, count) => sum + count, 0);
      row.forEach((count, p) => {
        if (p !== c && count > 0)
          found.push({
            true: this.classes[c] as string,
            predicted: this.classes[p] as string,
            count,
            rate: count / support,
          });
      });
    });
    return found.sort((a, b) => b.count - a.count).slice(0, limit);
  }
}
