import type { Dataset } from '../data/dataset';
import { describeNormalization, sameNormalization } from '../data/normalization';
import { DeepYeastError } from '../errors';
import type { Network } from '../network/network';

export interface RuleOptions {
  /** Take a dataset that was made by another intensity rule than the model's training set. Default no. */
  allowRuleMismatch?: boolean;
}

/**
 * A model's answers hold for images made by the intensity rule of its training set only. A model that never saw a
 * training set takes any.
 * @throws rule-mismatch with both rules
 */
export function requireModelRule(network: Network, dataset: Dataset, options: RuleOptions = {}): void {
  const expected = network.inputTransform?.normalization;
  if (options.allowRuleMismatch || !expected || sameNormalization(dataset.normalization, expected)) return;
  throw new DeepYeastError(
    'rule-mismatch',
    `${dataset.path} was made by the intensity rule ${describeNormalization(dataset.normalization)}, expected the ` +
      `model's: ${describeNormalization(expected)}; import its images again with \`deepyeast import SOURCE --out DIR ` +
      '--rule-from MODEL`, or predict the images themselves',
  );
}
