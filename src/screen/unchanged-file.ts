/** Models and detectors have to be those that a screen was planned with. */

import { DeepYeastError } from '../errors';
import { fileDigest } from '../files/digest';

/**
 * Refuses a file with other bytes than at the time of the plan.
 *
 * @throws run-mismatch, io-error
 */
export async function requireUnchanged(path: string, sha256: string): Promise<void> {
  if ((await fileDigest(path)) === sha256) return;
  throw new DeepYeastError(
    'run-mismatch',
    `${path} has changed since the screen was planned: plan it again in another folder`,
  );
}
