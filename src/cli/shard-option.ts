/** Which shard a job of an array does. */

import { DeepYeastError } from '../errors';
import { parseWholeNumber } from '../files/number';

/**
 * The number given, or that of the environment variable named, or else Slurm's.
 *
 * @throws invalid-argument where there is none
 */
export function shardOption(
  { shard, shardFrom }: { shard?: number; shardFrom?: string },
  variables: NodeJS.ProcessEnv,
): number {
  if (shard !== undefined) return shard;
  const name = shardFrom ?? 'SLURM_ARRAY_TASK_ID';
  const text = variables[name];
  const number = text !== undefined && /^\d{1,7}$/.test(text) ? parseWholeNumber(text) : undefined;
  if (number !== undefined) return number;
  throw new DeepYeastError(
    'invalid-argument',
    text === undefined
      ? `found no shard: give --shard, or name the variable that holds it (--shard-from); ${name} is not set`
      : `found "${text}" in ${name}, expected the number of a shard`,
  );
}
