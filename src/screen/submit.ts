/** A screen's shards as an array of jobs of Slurm, and the merge behind them. */

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { DeepYeastError } from '../errors';
import { writeFileAtomically } from '../files/atomic-file';
import { makeOutputFolder } from '../files/output-folder';
import { readPlannedScreen } from './plan';
import { screenFiles } from './results';
import { isShardDone } from './shard';

/** Schedulers that `submit` writes jobs for; workflows/ has wrappers for others. */
export const engines = ['slurm'] as const;
export type Engine = (typeof engines)[number];

export interface SubmitOptions {
  engine: Engine;
  /** How the jobs start deepyeast: a program and its first arguments. */
  command: readonly string[];
  /** Options of sbatch for each shard: `partition` to `short`, `gres` to `gpu:1`. */
  options?: ReadonlyMap<string, string> | undefined;
  /** Shards at work at once; default: as the scheduler likes. */
  simultaneous?: number | undefined;
  /** Device of the shards; default: as `screen run` has it. */
  device?: string | undefined;
  /** Write and submit nothing. */
  dryRun?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

export interface Submission {
  /** The scripts, with the paths at which they are written. */
  scripts: { path: string; text: string }[];
  /** The commands that submit them; the second names the first's job where it is known. */
  commands: string[][];
  /** Shards that are submitted: those that are not complete. */
  shards: number[];
  /** Of the scheduler; undefined where nothing was submitted. */
  arrayJob?: string;
  mergeJob?: string;
}

/**
 * Writes an array of jobs for the shards that are not complete, and the merge, which starts when all of the array has
 * ended, however it ended: it names the shards that are not complete then. Submitted again, only those are done.
 *
 * @throws scheduler-failed where sbatch is missing or refuses; run-invalid; io-error; disk-full
 */
export async function submitScreen(results: string, submit: SubmitOptions): Promise<Submission> {
  const planned = await readPlannedScreen(results);
  const { folder, plan } = planned;
  const shards: number[] = [];
  for (const shard of plan.shards.keys()) if (!(await isShardDone(planned, shard))) shards.push(shard);
  const logs = join(folder, screenFiles.shards, 'slurm');
  const command = submit.command.map(quote).join(' ');
  const device = submit.device === undefined ? '' : ` --device ${quote(submit.device)}`;
  const array = {
    path: join(logs, 'array.sh'),
    text: script({
      name: 'deepyeast-shard',
      lines: [
        `--array=${ranges(shards)}${submit.simultaneous === undefined ? '' : `%${submit.simultaneous}`}`,
        `--output=${join(logs, '%A_%a.log')}`,
        // A node that dies takes its shards along; they go on elsewhere.
        '--requeue',
        ...[...(submit.options ?? [])].map(([name, value]) => (value === '' ? `--${name}` : `--${name}=${value}`)),
      ],
      body: `${command} screen run ${quote(folder)} --plan ${plan.plan} --shard-from SLURM_ARRAY_TASK_ID${device}`,
    }),
  };
  const merge = {
    path: join(logs, 'merge.sh'),
    text: script({
      name: 'deepyeast-merge',
      lines: [`--output=${join(logs, 'merge-%j.log')}`, ...partitionOf(submit.options)],
      body: `${command} screen merge ${quote(folder)}`,
    }),
  };
  const scripts = shards.length > 0 ? [array, merge] : [merge];
  const commands = (arrayJob: string) => [
    ...(shards.length > 0 ? [['sbatch', '--parsable', array.path]] : []),
    ['sbatch', '--parsable', ...(shards.length > 0 ? [`--dependency=afterany:${arrayJob}`] : []), merge.path],
  ];
  if (submit.dryRun) return { scripts, commands: commands('ARRAY_JOB'), shards };
  await makeOutputFolder(logs);
  for (const { path, text } of scripts) await writeFileAtomically(path, text);
  const arrayJob = shards.length > 0 ? await sbatch(['--parsable', array.path], submit.signal) : undefined;
  const submitted = commands(arrayJob ?? '');
  const mergeJob = await sbatch((submitted.at(-1) as string[]).slice(1), submit.signal);
  return { scripts, commands: submitted, shards, ...(arrayJob !== undefined && { arrayJob }), mergeJob };
}

function script({ name, lines, body }: { name: string; lines: readonly string[]; body: string }): string {
  const directives = [`--job-name=${name}`, ...lines].map((line) => `#SBATCH ${line}\n`).join('');
  // As many threads as the job was given, not as the node has.
  return `#!/bin/bash\n${directives}export DEEPYEAST_THREADS="\${SLURM_CPUS_PER_TASK:-1}"\nexec ${body}\n`;
}

/** What decides where a job may run goes for the merge as well; time, memory and GPUs are those of a shard. */
function partitionOf(options: ReadonlyMap<string, string> = new Map()): string[] {
  return ['partition', 'account', 'qos', 'reservation']
    .filter((name) => options.has(name))
    .map((name) => `--${name}=${options.get(name)}`);
}

/** 0-3,7 */
function ranges(numbers: readonly number[]): string {
  const runs: [first: number, last: number][] = [];
  for (const number of numbers) {
    const run = runs.at(-1);
    if (run && run[1] === number - 1) run[1] = number;
    else runs.push([number, number]);
  }
  return runs.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
}

/** A word of a shell command. */
function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Submits a script and returns the number of its job. */
async function sbatch(args: readonly string[], signal: AbortSignal | undefined): Promise<string> {
  const { error, stdout, stderr } = await new Promise<{ error: Error | null; stdout: string; stderr: string }>(
    (resolve) => {
      execFile('sbatch', args, { ...(signal && { signal }) }, (failure, out, err) =>
        resolve({ error: failure, stdout: out, stderr: err }),
      );
    },
  );
  if (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new DeepYeastError(
      'scheduler-failed',
      missing
        ? 'found no sbatch on this machine'
        : `sbatch ${args.join(' ')} failed: ${(stderr.trim() || error.message).slice(0, 500)}`,
      { cause: error },
    );
  }
  // The number, and the cluster's name where there are several: 123;cluster.
  const [job = ''] = stdout.trim().split(';');
  if (/^\d+$/.test(job)) return job;
  throw new DeepYeastError(
    'scheduler-failed',
    `sbatch answered ${JSON.stringify(stdout.slice(0, 200))}, expected the number of a job`,
  );
}
