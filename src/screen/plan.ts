/** plan.json: the fields of a screen, the parts and shards they belong to, and what was decided for all of them. */

import { createHash } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { DeepYeastError, fileError } from '../errors';
import { surveyOf, threadsOf } from '../fields/append-fields';
import type { FieldProblem } from '../fields/layout';
import { type PlateField, readPlate } from '../fields/plate';
import { checkOptions } from '../fields/plate-options';
import type { Survey } from '../fields/survey';
import { writeFileAtomically } from '../files/atomic-file';
import { readJsonFileIfPresent } from '../files/json';
import { makeOutputFolder, requireNothingAt } from '../files/output-folder';
import { silent } from '../log';
import { loadAddon } from '../native';
import { measureSecondsPerField } from './field-rate';
import { type PlannedPart, type PlannedShard, partsOf, shardsOf } from './parts';
import { screenFiles } from './results';
import { cellsOptions, describeScreen, type ScreenFile, type ScreenOptions } from './screen-options';

export interface ShardPlanOptions {
  /** Shards to cut the work into; default 1. */
  shards?: number | undefined;
  /** Minutes that a shard should take, from the measured time of a few fields, instead of a number of shards. */
  minutes?: number | undefined;
  /** Threads that each shard will have, for `minutes`; default: as many as this process may use. */
  threads?: number | undefined;
}

/** plan.json */
export interface ScreenPlan {
  format: 1;
  /** SHA-256 of what decides the results: parts made by it stay valid when the shards are dealt out anew. */
  job: string;
  /** SHA-256 of the job and the shards: completion files of another plan do not count. */
  plan: string;
  classes: string[];
  otherColumns: string[];
  survey: Survey;
  /** Seconds that a field took one of the shards' machines, where it was measured. */
  secondsPerField?: number;
  shards: PlannedShard[];
  parts: PlannedPart[];
  /** Fields that cannot be used, by what is known without opening the images. */
  problems: FieldProblem[];
  fields: PlateField[];
}

/** A screen as it is planned in a folder of results. */
export interface PlannedScreen {
  folder: string;
  screen: ScreenFile;
  plan: ScreenPlan;
}

/**
 * Lists the fields of plates, decides once for all of them what a few fields decide, and writes screen.json and plan.json
 * into a new folder of results. No cell is cut yet.
 *
 * @throws output-exists; invalid-argument; model-mismatch; image-invalid where a field cannot be used and onError is
 *   `stop`, or none can; what readPlate and surveyPlate throw; io-error; disk-full; aborted
 */
export async function planScreen(options: ScreenOptions & ShardPlanOptions): Promise<PlannedScreen> {
  const { log = silent, signal } = options;
  if (options.shards !== undefined && options.minutes !== undefined) {
    throw new DeepYeastError('invalid-argument', 'found a number of shards and minutes for each, expected one of them');
  }
  const folder = resolve(options.out);
  await requireNothingAt(folder).catch((error: DeepYeastError) => {
    throw error.code === 'output-exists'
      ? new DeepYeastError(
          'output-exists',
          `${error.message}: a screen goes on with \`deepyeast screen ${options.out} --resume\``,
        )
      : error;
  });
  const screen = await describeScreen(options);
  const cells = cellsOptions(screen, { out: folder, signal, log, threads: options.threads });
  checkOptions(cells);
  const plate = await readPlate(cells, { signal, log });
  const [problem] = plate.problems;
  if (problem && (screen.onError === 'stop' || plate.fields.length === 0)) {
    throw new DeepYeastError('image-invalid', `${problem.path}: ${problem.reason}`);
  }
  for (const { path, reason } of plate.problems) log('warn', `skipped: ${path}: ${reason}`);
  const survey = await surveyOf(plate, cells, threadsOf(cells));
  const job = digest([screen, plate.digest, survey]);
  const parts = partsOf(plate.fields);
  const secondsPerField =
    options.minutes === undefined ? undefined : await measureSecondsPerField(screen, plate, survey, cells);
  const shards = shardsOf(parts, shardCount(options, parts, plate.fields.length, secondsPerField));
  const plan: ScreenPlan = {
    format: 1,
    job,
    plan: digest([job, shards]),
    classes: plate.classes,
    otherColumns: plate.otherColumns,
    survey,
    ...(secondsPerField !== undefined && { secondsPerField }),
    shards,
    parts,
    problems: plate.problems,
    fields: plate.fields,
  };
  const made = await makeOutputFolder(folder);
  try {
    // The plan last: a folder without one is not a screen.
    await writeFileAtomically(join(folder, screenFiles.screen), `${JSON.stringify(screen, null, 2)}\n`);
    await writePlan(folder, plan);
  } catch (error) {
    for (const name of [screenFiles.screen, screenFiles.plan])
      await rm(join(folder, name), { force: true }).catch(() => {});
    await made.undo();
    throw error;
  }
  return { folder, screen, plan };
}

/**
 * Deals the parts of a planned screen out to another number of shards. Parts that are done stay done.
 *
 * @throws run-locked where a shard is at work; invalid-argument; run-invalid; io-error
 */
export async function replanScreen(
  results: string,
  options: ShardPlanOptions & { signal?: AbortSignal | undefined },
): Promise<PlannedScreen> {
  const { folder, screen, plan } = await readPlannedScreen(results);
  const locks = await lockShards(folder, plan);
  try {
    let { secondsPerField } = plan;
    if (options.minutes !== undefined) {
      const { signal } = options;
      const cells = cellsOptions(screen, { out: folder, signal, threads: options.threads });
      secondsPerField = await measureSecondsPerField(screen, plan, plan.survey, cells);
    }
    const shards = shardsOf(plan.parts, shardCount(options, plan.parts, plan.fields.length, secondsPerField));
    const replanned: ScreenPlan = {
      ...plan,
      plan: digest([plan.job, shards]),
      ...(secondsPerField !== undefined && { secondsPerField }),
      shards,
    };
    if (replanned.plan !== plan.plan) {
      await writePlan(folder, replanned);
      await removeCompletions(folder);
    }
    return { folder, screen, plan: replanned };
  } finally {
    for (const lock of locks) lock.release();
  }
}

function shardCount(
  { shards = 1, minutes }: ShardPlanOptions,
  parts: readonly PlannedPart[],
  fields: number,
  secondsPerField: number | undefined,
): number {
  const asked = minutes === undefined ? shards : Math.ceil((fields * (secondsPerField as number)) / (60 * minutes));
  if (!Number.isInteger(asked) || asked < 1) {
    throw new DeepYeastError('invalid-argument', `found ${asked} shards, expected a whole number from 1 on`);
  }
  return Math.min(asked, parts.length);
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}

async function writePlan(folder: string, { fields, parts, ...rest }: ScreenPlan): Promise<void> {
  // A line a field and a part, for people and for diff.
  const lines = (list: readonly unknown[]) => list.map((entry) => `    ${JSON.stringify(entry)}`).join(',\n');
  const head = JSON.stringify(rest, null, 2).replace(/\n\}$/, '');
  const text = `${head},\n  "parts": [\n${lines(parts)}\n  ],\n  "fields": [\n${lines(fields)}\n  ]\n}\n`;
  await writeFileAtomically(join(folder, screenFiles.plan), text);
}

/** Reads a folder of results. Throws `run-invalid` where it holds no screen, or `io-error`. */
export async function readPlannedScreen(results: string): Promise<PlannedScreen> {
  const folder = resolve(results);
  return { folder, screen: await readScreenFile(folder), plan: await readPlan(folder) };
}

export async function readScreenFile(folder: string): Promise<ScreenFile> {
  const path = join(folder, screenFiles.screen);
  const screen = await readOwnJson<ScreenFile>(path, 'the screen');
  const { model, cells, exclude } = screen;
  if (
    typeof model?.sha256 !== 'string' ||
    !Array.isArray(model.classes) ||
    !Array.isArray(cells?.channels) ||
    !Array.isArray(exclude)
  ) {
    throw damaged(path);
  }
  return screen;
}

async function readPlan(folder: string): Promise<ScreenPlan> {
  const path = join(folder, screenFiles.plan);
  const plan = await readOwnJson<ScreenPlan>(path, 'the plan');
  const { job, plan: ownDigest, shards, parts, fields, survey, problems, classes, otherColumns } = plan;
  const lists = [shards, parts, fields, problems, classes, otherColumns];
  if (!lists.every(Array.isArray) || typeof job !== 'string' || !survey) throw damaged(path);
  const covers = (ranges: readonly { first: number; count: number }[], total: number) => {
    let next = 0;
    for (const { first, count } of ranges) {
      if (first !== next || !(count > 0)) return false;
      next += count;
    }
    return next === total;
  };
  if (
    !covers(shards, parts.length) ||
    !isDeepStrictEqual(parts, partsIn(fields)) ||
    ownDigest !== digest([job, shards])
  ) {
    throw damaged(path);
  }
  return plan;
}

/** The parts that the fields of a plan have: no other name becomes part of a path. Undefined where they are no fields. */
function partsIn(fields: readonly PlateField[]): PlannedPart[] | undefined {
  try {
    return partsOf(fields);
  } catch {
    return undefined;
  }
}

async function readOwnJson<File extends { format: 1 }>(path: string, what: string): Promise<File> {
  const file = await readJsonFileIfPresent(path, what, 'run-invalid');
  if (file === undefined) {
    throw new DeepYeastError(
      'run-invalid',
      `${path} is missing: expected a folder of results, made by \`deepyeast screen plan\``,
    );
  }
  const { format } = (file ?? {}) as { format?: unknown };
  if (format !== 1) throw damaged(path);
  return file as File;
}

function damaged(path: string): DeepYeastError {
  return new DeepYeastError(
    'run-invalid',
    `${path} was not written by \`deepyeast screen plan\` of this version, or was changed since: plan the screen again in another folder`,
  );
}

/** Where a shard's lock and its completion file lie. */
export function shardFiles(folder: string, shard: number): { lock: string; done: string } {
  const stem = join(folder, screenFiles.shards, String(shard));
  return { lock: `${stem}.lock`, done: `${stem}.json` };
}

/** Holds every shard of a plan. Throws `run-locked` where one is at work. */
async function lockShards(folder: string, { shards }: ScreenPlan) {
  await makeOutputFolder(join(folder, screenFiles.shards));
  const locks = [];
  for (const shard of shards.keys()) {
    const lock = loadAddon().lockFile(shardFiles(folder, shard).lock);
    if (lock === null) {
      for (const held of locks) held.release();
      throw new DeepYeastError(
        'run-locked',
        `shard ${shard} of ${folder} is at work by the present plan: wait for it, or stop it, and plan then`,
      );
    }
    locks.push(lock);
  }
  return locks;
}

async function removeCompletions(folder: string): Promise<void> {
  const shards = join(folder, screenFiles.shards);
  try {
    for (const name of await readdir(shards)) if (/^\d+\.json$/.test(name)) await rm(join(shards, name));
  } catch (error) {
    throw fileError('remove the completion files in', shards, error);
  }
}
