import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, type TestContext, test } from 'vitest';
import { mergeScreen, planScreen, readPlannedScreen, runScreen } from '../../src/index';
import { program, runCommand, runCommandWithFileLimit } from '../command-line';
import { projectRoot } from '../shared-data';
import { temporaryFolder } from '../temporary-folder';
import { type PlantedScreen, plantScreen, resultsOf } from './planted-screen';
import { type Slurm, slurmMissing, startSlurm } from './slurm';

const folder = temporaryFolder();
let screen: PlantedScreen;

/** Each of the six shards works for a second or so. */
const lasting = { fieldsPerWell: 12, width: 250, height: 250, cells: 20 };

async function plan(out: string, shards = 6): Promise<string> {
  await planScreen({ ...screen.options(out), shards });
  return folder.path(out);
}

async function expectWhole(out: string): Promise<void> {
  if (!existsSync(folder.path('whole'))) await runScreen(screen.options('whole'));
  expect(resultsOf(folder.path(out))).toEqual(resultsOf(folder.path('whole')));
}

interface ShardProcess {
  pid: number;
  shard: string;
}

/** Processes that do a shard of these results. */
function shardProcesses(results: string): ShardProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const words = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
        if (!words.includes(results) || !words.includes('run') || words[0]?.endsWith('bash')) return [];
        const variables = readFileSync(`/proc/${name}/environ`, 'utf8');
        const named = words.includes('--shard') ? words[words.indexOf('--shard') + 1] : undefined;
        const shard = named ?? /(?:^|\0)SLURM_ARRAY_TASK_ID=(\d+)/.exec(variables)?.[1] ?? '';
        return [{ pid: Number(name), shard }];
      } catch {
        return []; // it ended meanwhile
      }
    });
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 20));

/** Waits for a shard, of one part, that has done some of its fields and has most of them before it. */
async function shardAtWork(results: string): Promise<ShardProcess> {
  const { plan } = await readPlannedScreen(results);
  for (;;) {
    for (const found of shardProcesses(results)) {
      const part = plan.parts[plan.shards[Number(found.shard)]?.first ?? -1]?.name ?? '';
      const journal = join(results, 'cells', `${part}.unfinished`, 'fields.jsonl');
      const fields = existsSync(journal) ? readFileSync(journal, 'utf8').split('\n').length - 1 : 0;
      if (fields > 0 && fields < 6) return found;
    }
    await pause();
  }
}

describe('Slurm', () => {
  const missing = slurmMissing();
  let slurm: Slurm;

  beforeEach(async () => {
    if (missing !== undefined) return;
    screen = await plantScreen(folder, lasting);
    slurm = await startSlurm(folder.path('slurm'));
  });

  afterEach(async () => {
    if (missing === undefined) await slurm.stop();
  });

  const submit = (results: string, ...args: string[]) => {
    const outcome = runCommand(['screen', 'submit', results, ...args, '--json'], slurm.variables);
    expect(outcome).toMatchObject({ status: 0 });
    return JSON.parse(outcome.stdout) as { arrayJob?: string; mergeJob: string; shards: number[] };
  };
  const mergeLog = (results: string, job: string) =>
    readFileSync(join(results, 'shards/slurm', `merge-${job}.log`), 'utf8');

  test('an array and the merge behind it give the bytes of one machine', async (context) => {
    if (missing !== undefined) context.skip(missing);
    const results = await plan('out');
    const { shards } = submit(results);
    expect(shards).toEqual([0, 1, 2, 3, 4, 5]);
    await slurm.idle();
    await expectWhole('out');
    // Nothing is left to do but the merge, which changes nothing.
    expect(submit(results).shards).toEqual([]);
    await slurm.idle();
    await expectWhole('out');
  });

  test('a task that is killed is named by the merge and goes on when it is submitted again', async (context) => {
    if (missing !== undefined) context.skip(missing);
    const results = await plan('out');
    const { mergeJob } = submit(results);
    const { pid, shard } = await shardAtWork(results);
    process.kill(pid, 'SIGKILL');
    await slurm.idle();
    expect(mergeLog(results, mergeJob)).toMatch(new RegExp(`1 of 6 shards of .* are not complete: ${shard}\n`));
    expect(existsSync(join(results, 'proteins.csv'))).toBe(false);
    expect(submit(results).shards).toEqual([Number(shard)]);
    await slurm.idle();
    await expectWhole('out');
  });

  test('a task that is cancelled', async (context) => {
    if (missing !== undefined) context.skip(missing);
    const results = await plan('out');
    const { arrayJob } = submit(results);
    const { shard } = await shardAtWork(results);
    slurm.run('scancel', `${arrayJob}_${shard}`);
    await slurm.idle();
    expect(submit(results).shards).toContain(Number(shard));
    await slurm.idle();
    await expectWhole('out');
  });

  test('a node that goes down and comes back', async (context) => {
    if (missing !== undefined) context.skip(missing);
    const results = await plan('out');
    submit(results);
    await shardAtWork(results);
    await slurm.killNode();
    for (const { pid } of shardProcesses(results)) process.kill(pid, 'SIGKILL');
    while (!/down|unk/.test(slurm.run('sinfo', '--noheader', '--format=%t'))) await pause();
    slurm.startNode();
    await slurm.idle();
    // Slurm may have given up on a shard; submitted again, what is left is done.
    if (submit(results).shards.length > 0) await slurm.idle();
    await slurm.idle();
    await expectWhole('out');
  });

  test('two screens at once, and a plan that is not changed under them', async (context) => {
    if (missing !== undefined) context.skip(missing);
    const [first, second] = [await plan('first', 3), await plan('second', 4)];
    submit(first);
    submit(second);
    await shardAtWork(first);
    const replan = runCommand(['screen', 'plan', first, '--shards', '2']);
    expect(replan.stderr).toMatch(/shard \d of .* is at work by the present plan/);
    await slurm.idle();
    await expectWhole('first');
    await expectWhole('second');
  });
});

describe('without a scheduler', () => {
  beforeEach(async () => {
    screen = await plantScreen(folder);
  });

  test('submit says what is missing, and prints what it would do', async () => {
    const results = await plan('out', 3);
    const outcome = runCommand(['screen', 'submit', results], { PATH: folder.path() });
    expect(outcome.status).toBe(1);
    expect(outcome.stderr).toMatch(/found no sbatch on this machine/);
    const args = [
      '--partition',
      'short',
      '--time',
      '1:00:00',
      '--gres',
      'gpu:1',
      '--device',
      'cuda',
      '--simultaneous',
      '2',
    ];
    const printed = runCommand(['screen', 'submit', results, ...args, '--command', 'deepyeast', '--dry-run'], {
      PATH: folder.path(),
    });
    expect(printed.status).toBe(0);
    expect(printed.stdout).toContain('#SBATCH --array=0-2%2\n');
    expect(printed.stdout).toContain('#SBATCH --gres=gpu:1\n');
    expect(printed.stdout).toMatch(
      /exec deepyeast screen run \S+ --plan [0-9a-f]{64} --shard-from SLURM_ARRAY_TASK_ID --device cuda\n/,
    );
    expect(printed.stdout).toMatch(/sbatch --parsable --dependency=afterany:ARRAY_JOB \S+merge\.sh\n$/);
  });

  test('a shard without memory fails, and goes on where there is some', async () => {
    const results = await plan('out', 2);
    const script = 'ulimit -v 300000; exec "$@"';
    const command = [process.execPath, program, 'screen', 'run', results, '--shard', '0'];
    const starved = spawnSync('bash', ['-c', script, 'bash', ...command], { encoding: 'utf8' });
    expect(starved.status).not.toBe(0);
    for (const shard of ['0', '1'])
      expect(runCommand(['screen', 'run', results, '--shard', shard])).toMatchObject({ status: 0 });
    await mergeScreen(results);
    await expectWhole('out');
  });

  test('a shard on a full disk says so, and goes on where there is room', async () => {
    const results = await plan('out', 2);
    const full = runCommandWithFileLimit(4, ['screen', 'run', results, '--shard', '1']);
    expect(full.status).toBe(1);
    expect(full.stderr).toMatch(/EFBIG|file too large/);
    for (const shard of ['0', '1'])
      expect(runCommand(['screen', 'run', results, '--shard', shard])).toMatchObject({ status: 0 });
    await mergeScreen(results);
    await expectWhole('out');
  });

  test('the number of a shard comes from any variable', async () => {
    const results = await plan('out', 2);
    const variables = { SGE_TASK_ID: '1' };
    expect(runCommand(['screen', 'run', results, '--shard-from', 'SGE_TASK_ID'], variables)).toMatchObject({
      status: 0,
    });
    expect(runCommand(['screen', 'run', results, '--shard-from', 'SGE_TASK_ID'], { SGE_TASK_ID: 'x' }).stderr).toMatch(
      /found "x" in SGE_TASK_ID/,
    );
    const incomplete = runCommand(['screen', 'merge', results]);
    expect(incomplete.status).toBe(3);
    expect(incomplete.stderr).toMatch(/1 of 2 shards of .* are not complete: 0\n/);
  });

  const skipWithout = (program: string, context: TestContext) => {
    if (spawnSync('which', [program]).status !== 0) context.skip(`${program} was not found`);
  };
  /** A command of this name that is the compiled program. */
  const deepyeast = `${process.execPath} ${program}`;

  test('GNU parallel, again after a shard was killed', async (context) => {
    skipWithout('parallel', context);
    screen = await plantScreen(folder, lasting);
    const results = await plan('out');
    const run = () =>
      spawnSync('bash', [join(projectRoot, 'workflows/parallel.sh'), results, '2'], {
        encoding: 'utf8',
        env: { ...process.env, DEEPYEAST: deepyeast, HOME: folder.path() },
      });
    const killer = (async () => process.kill((await shardAtWork(results)).pid, 'SIGKILL'))();
    const { spawn } = await import('node:child_process');
    const first = spawn('bash', [join(projectRoot, 'workflows/parallel.sh'), results, '2'], {
      env: { ...process.env, DEEPYEAST: deepyeast, HOME: folder.path() },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    first.stderr.on('data', (text) => {
      stderr += text;
    });
    await killer;
    const status = await new Promise((resolve) => first.on('close', resolve));
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/1 of 6 shards of .* are not complete/);
    expect(run()).toMatchObject({ status: 0 });
    await expectWhole('out');
  });

  test('Snakemake', async (context) => {
    skipWithout('snakemake', context);
    const results = await plan('out', 3);
    const outcome = spawnSync(
      'snakemake',
      [
        ...[
          '--snakefile',
          join(projectRoot, 'workflows/snakemake/Snakefile'),
          '--cores',
          '2',
          '--directory',
          folder.path(),
        ],
        ...['--config', `results=${results}`, `deepyeast=${deepyeast}`],
      ],
      { encoding: 'utf8', env: { ...process.env, HOME: folder.path(), XDG_CACHE_HOME: folder.path('cache') } },
    );
    expect(outcome.status, `${outcome.stdout}${outcome.stderr}`).toBe(0);
    await expectWhole('out');
  });
});
