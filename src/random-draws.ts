/**
 * Which random draws of the purpose `analysis` belong to what. Each has a range of the counter's iteration word to itself
 * (src/random.ts), so that no two analyses ever see the same numbers.
 */
import { DeepYeastError } from './errors';

export const analysisDraws = {
  /** The cells of a class that the analyses work on; one draw a class. */
  sample: { first: 0, count: 1000 },
  /** The permutation of the labels behind the null of the mutual information. */
  informationNull: { first: 1000, count: 1 },
  /** The permutation of the cells behind the null of the correlations. */
  correlationNull: { first: 1001, count: 1 },
  /** The cells of a class that a quality detector trains on. */
  qualityTraining: { first: 4000, count: 500 },
  /** The folds of a class in a quality detector's cross-validation. */
  qualityFolds: { first: 4500, count: 400 },
  /** Cells removed at random, beside those that the quality filter removes. */
  randomRemoval: { first: 4900, count: 1 },
  /** The cells of a class that a gallery shows. */
  gallery: { first: 6000, count: 1000 },
  /** The order of a workbench's random views, and its samples of cells. */
  workbench: { first: 7000, count: 10 },
  /** The training cells of a class in one draw of a learning curve: draw * 1024 + class. */
  learningCurve: { first: 2 ** 20, count: 2 ** 20 },
} as const;

/**
 * The iteration word of one draw.
 * @param index from 0: mostly the class
 * @throws invalid-argument where the range has no such index
 */
export function analysisDraw(name: keyof typeof analysisDraws, index = 0): number {
  const { first, count } = analysisDraws[name];
  if (!(Number.isSafeInteger(index) && index >= 0 && index < count)) {
    throw new DeepYeastError('invalid-argument', `found draw ${index} of ${name}, expected one from 0 to ${count - 1}`);
  }
  return first + index;
}
