/** A screen on one machine: planned, done shard by shard, put together. */

import { mergeScreen, type ScreenResult } from './merge';
import { planScreen, readPlannedScreen, type ShardPlanOptions } from './plan';
import type { ScreenOptions } from './screen-options';
import { runShard, type ShardOptions } from './shard';

/** Fields done of all fields. */
type OnProgress = (done: number, total: number) => void;

export interface RunScreenOptions extends Omit<ShardOptions, 'plan' | 'onProgress'> {
  onProgress?: OnProgress | undefined;
}

/**
 * From plates to a table of proteins: plans a screen, does it and puts its results together.
 *
 * @throws what planScreen, runShard and mergeScreen throw
 */
export async function runScreen(options: ScreenOptions & ShardPlanOptions & RunScreenOptions): Promise<ScreenResult> {
  const { folder } = await planScreen(options);
  return resumeScreen(folder, options);
}

/**
 * Goes on with a screen that was planned or stopped, on this machine: shards that are complete are left alone. The results
 * have the same bytes as those of a run that was never stopped.
 *
 * @throws what runShard and mergeScreen throw
 */
export async function resumeScreen(results: string, options: RunScreenOptions = {}): Promise<ScreenResult> {
  const { plan } = await readPlannedScreen(results);
  const { onProgress, ...rest } = options;
  let before = 0;
  for (const shard of plan.shards.keys()) {
    const { fields } = await runShard(results, shard, {
      ...rest,
      plan: plan.plan,
      onProgress: (done) => onProgress?.(before + done, plan.fields.length),
    });
    before += fields;
  }
  return mergeScreen(results, { signal: options.signal, log: options.log });
}
