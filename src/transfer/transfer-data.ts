/** The cells of new compartments that a transfer learns from and is judged on. */
import type { Dataset } from '../data/dataset';

/** The three parts of the new compartments, split by protein. */
export interface TransferData {
  training: Dataset;
  validation: Dataset;
  test: Dataset;
}

export const parts = ['training', 'validation', 'test'] as const;
export type Part = (typeof parts)[number];

/** Something of each part. */
export function forEachPart<Value>(of: (part: Part) => Value): Record<Part, Value> {
  return { training: of('training'), validation: of('validation'), test: of('test') };
}
