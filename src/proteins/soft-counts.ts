/** What is gathered about each protein from its cells, one cell at a time, before anything is concluded. */
import { DeepYeastError } from '../errors';

/** 95% bootstrap intervals of a protein's mixture, per class; see bootstrap.ts. */
export interface MixtureBootstrap {
  low: (number | null)[];
  high: (number | null)[];
  /** What was drawn with replacement. */
  unit: 'field' | 'cell';
}

/** One cell as the proteins see it. */
export interface ProteinCell {
  protein: string;
  /** Tells the protein's fields apart; empty when not known. */
  field: string;
  /** Class name, null when not labelled. */
  label: string | null;
  /** K class probabilities, starting at `start`. */
  posterior: ArrayLike<number>;
  start?: number;
}

/** One row of a partial table: a protein's cells summed elsewhere. */
export interface PartialProtein {
  protein: string;
  label: string | null;
  cells: number;
  /** Distinct fields, null when not known. */
  fields: number | null;
  softCounts: ArrayLike<number>;
  bootstrap: MixtureBootstrap | null;
}

/** One protein's cells, summed. */
export interface ProteinSums {
  readonly protein: string;
  /** The class of its cells, null where none has one. */
  label: string | null;
  cells: number;
  /** Sums of the cells' posteriors, in double, [K]. */
  readonly softCounts: Float64Array;
  /** Of the cells added one by one: by field, their number and the K sums. */
  readonly fields: Map<string, Float64Array>;
  /** Their posteriors one after the other, [cells * K], kept only while they come from one field. */
  single: number[] | null;
  /** Rows of partial tables that are in the sums. */
  readonly partial: PartialProtein[];
}

/**
 * Sums cells, and rows of partial tables, by protein. Cells without a protein (an empty name) are counted, not summed.
 * A protein whose cells have two labels is `labels-invalid`, with its name.
 */
export class SoftCounts {
  readonly classes: readonly string[];
  readonly proteins = new Map<string, ProteinSums>();
  cellsWithoutProtein = 0;

  constructor(classes: readonly string[]) {
    this.classes = classes;
  }

  addCell({ protein, field, label, posterior, start = 0 }: ProteinCell): void {
    if (protein === '') {
      this.cellsWithoutProtein++;
      return;
    }
    const entry = this.#entry(protein, label);
    let sums = entry.fields.get(field);
    if (!sums) {
      sums = new Float64Array(this.classes.length + 1);
      entry.fields.set(field, sums);
      // From the second field on whole fields are drawn, and single cells are no longer needed.
      if (entry.fields.size === 2) entry.single = null;
    }
    entry.cells++;
    sums[0] = (sums[0] as number) + 1;
    for (let c = 0; c < this.classes.length; c++) {
      const probability = posterior[start + c] as number;
      entry.softCounts[c] = (entry.softCounts[c] as number) + probability;
      sums[c + 1] = (sums[c + 1] as number) + probability;
      entry.single?.push(probability);
    }
  }

  addPartial(row: PartialProtein): void {
    const entry = this.#entry(row.protein, row.label);
    entry.cells += row.cells;
    for (let c = 0; c < this.classes.length; c++) {
      entry.softCounts[c] = (entry.softCounts[c] as number) + (row.softCounts[c] as number);
    }
    entry.partial.push(row);
  }

  #entry(protein: string, label: string | null): ProteinSums {
    let entry = this.proteins.get(protein);
    if (!entry) {
      const softCounts = new Float64Array(this.classes.length);
      entry = { protein, label, cells: 0, softCounts, fields: new Map(), single: [], partial: [] };
      this.proteins.set(protein, entry);
    }
    if (label !== null && entry.label !== null && label !== entry.label) {
      throw new DeepYeastError(
        'labels-invalid',
        `protein ${protein} has cells labelled '${entry.label}' and cells labelled '${label}', expected one class a ` +
          'protein; correct the labels, or give the two groups of cells protein names of their own',
      );
    }
    entry.label ??= label;
    return entry;
  }
}
