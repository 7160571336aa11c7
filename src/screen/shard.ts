/** One shard of a screen: its parts, one after the other, and a completion file at the end. */

import { join } from 'node:path';
import { throwIfAborted } from '../abort';
import { DeepYeastError } from '../errors';
import { threadsOf } from '../fields/append-fields';
import { writeFileAtomically } from '../files/atomic-file';
import { readJsonFileIfPresent } from '../files/json';
import { makeOutputFolder } from '../files/output-folder';
import { type Log, silent } from '../log';
import { loadAddon } from '../native';
import { type Device, Network, type Precision } from '../network';
import { packageVersion } from '../package-version';
import { makePart } from './make-part';
import { makePictureFolders } from './pictures';
import { type PlannedScreen, readPlannedScreen, shardFiles } from './plan';
import { openQuality } from './quality-scores';
import { screenFiles } from './results';
import { cellsOptions } from './screen-options';
import { requireUnchanged } from './unchanged-file';

export interface ShardOptions {
  /** The plan that the caller means (its digest): another one is refused. */
  plan?: string | undefined;
  device?: Device | undefined;
  precision?: Precision | undefined;
  threads?: number | undefined;
  signal?: AbortSignal | undefined;
  log?: Log | undefined;
  /** Fields done of the shard's fields. */
  onProgress?: ((done: number, total: number) => void) | undefined;
}

export interface ShardResult {
  shard: number;
  /** Whether it was complete before, so that nothing was done. */
  already: boolean;
  fields: number;
}

/**
 * Does one shard. What is done stays done: a shard that was stopped, by whatever, goes on where it stopped, and one that is
 * complete is left alone. Of two processes that do the same shard at once, one is refused.
 *
 * @param shard from 0
 * @throws run-locked where another process does this shard; run-mismatch where the plan, the model or the version is
 *   another; invalid-argument for a shard that the plan does not have; what makePart throws
 */
export async function runShard(results: string, shard: number, options: ShardOptions = {}): Promise<ShardResult> {
  const planned = await readPlannedScreen(results);
  const { folder, plan, screen } = planned;
  if (options.plan !== undefined && options.plan !== plan.plan) {
    throw new DeepYeastError(
      'run-mismatch',
      `${join(folder, screenFiles.plan)} is the plan ${plan.plan.slice(0, 12)}, expected ${options.plan.slice(0, 12)}: it was changed since the shards were submitted; submit them again`,
    );
  }
  const range = plan.shards[shard];
  if (!range) {
    throw new DeepYeastError(
      'invalid-argument',
      `found shard ${shard}, expected 0 to ${plan.shards.length - 1} as ${folder} has ${plan.shards.length} shards`,
    );
  }
  const { log = silent, signal, onProgress } = options;
  const parts = plan.parts.slice(range.first, range.first + range.count);
  const fields = parts.reduce((sum, { count }) => sum + count, 0);
  if (await isShardDone(planned, shard)) {
    onProgress?.(fields, fields);
    return { shard, already: true, fields };
  }
  await requireSameInputs(planned);
  for (const name of [screenFiles.shards, screenFiles.parts, screenFiles.cells])
    await makeOutputFolder(join(folder, name));
  const files = shardFiles(folder, shard);
  const lock = loadAddon().lockFile(files.lock);
  if (lock === null) {
    throw new DeepYeastError('run-locked', `shard ${shard} of ${folder} is being done by another process`);
  }
  try {
    if (screen.pictures) await makePictureFolders(folder);
    const cells = cellsOptions(screen, { out: folder, signal, log, threads: options.threads });
    const threads = threadsOf(cells);
    const { device = 'auto', precision } = options;
    const network = await Network.load(screen.model.path, {
      device,
      threads,
      log,
      ...(precision !== undefined && { precision }),
    });
    const quality = screen.quality && (await openQuality(screen.quality, network));
    try {
      let before = 0;
      for (const part of parts) {
        throwIfAborted(signal);
        const work = { planned, options: cells, network, quality, threads };
        await makePart(part, work, (done) => onProgress?.(before + done, fields));
        before += part.count;
      }
    } finally {
      await quality?.close();
      await network.close();
    }
    await requireSamePlan(planned);
    await writeFileAtomically(
      files.done,
      `${JSON.stringify({ plan: plan.plan, shard, parts: parts.length, fields })}\n`,
    );
    return { shard, already: false, fields };
  } finally {
    lock.release();
  }
}

/** Whether a shard is complete by the present plan. Throws `run-invalid` for a damaged completion file, `io-error`. */
export async function isShardDone({ folder, plan }: PlannedScreen, shard: number): Promise<boolean> {
  const { done } = shardFiles(folder, shard);
  const file = await readJsonFileIfPresent(done, 'the completion file', 'run-invalid');
  return (file as { plan?: unknown } | null | undefined)?.plan === plan.plan;
}

/** The same bytes come of the same version and the same model alone. */
async function requireSameInputs({ folder, screen }: PlannedScreen): Promise<void> {
  const version = packageVersion();
  if (screen.deepyeast !== version) {
    throw new DeepYeastError(
      'run-mismatch',
      `${folder} was planned by version ${screen.deepyeast}, this is ${version}: run it with that version, or plan it again in another folder`,
    );
  }
  await requireUnchanged(screen.model.path, screen.model.sha256);
}

async function requireSamePlan({ folder, plan }: PlannedScreen): Promise<void> {
  const now = await readPlannedScreen(folder);
  if (now.plan.plan === plan.plan) return;
  throw new DeepYeastError(
    'run-mismatch',
    `${join(folder, screenFiles.plan)} was changed while a shard was at work: its parts are kept, run the shards of the new plan`,
  );
}
