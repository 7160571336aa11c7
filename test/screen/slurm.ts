/** A Slurm of this test alone: slurmctld and slurmd on loopback, without munge, in a folder of their own. */

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';

/** Whether the daemons can be started here; else why not. */
export function slurmMissing(): string | undefined {
  for (const program of ['slurmctld', 'slurmd', 'sbatch', 'squeue', 'scancel']) {
    if (spawnSync('which', [program]).status !== 0) return `${program} was not found (Debian's package slurm-wlm)`;
  }
  // slurmd starts jobs as the users that submit them.
  if (process.getuid?.() !== 0) return 'slurmd has to be started by root';
  return undefined;
}

export interface Slurm {
  /** For sbatch and the like. */
  variables: Record<string, string>;
  /** Runs one of Slurm's programs and returns what it prints. */
  run(program: string, ...args: string[]): string;
  /** Jobs and tasks that are queued or at work. */
  queued(): number;
  idle(): Promise<void>;
  startNode(): void;
  killNode(): Promise<void>;
  stop(): Promise<void>;
}

/** Ports that nobody listens on now; the kernel gives each out again only after many others. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export async function startSlurm(folder: string): Promise<Slurm> {
  for (const name of ['state', 'spool', 'log']) mkdirSync(join(folder, name), { recursive: true });
  const host = hostname().split('.')[0];
  const [controllerPort, nodePort] = [await freePort(), await freePort()];
  const configuration = join(folder, 'slurm.conf');
  writeFileSync(
    configuration,
    `ClusterName=test
SlurmctldHost=${host}(127.0.0.1)
AuthType=auth/none
CredType=cred/none
SlurmUser=root
SlurmdUser=root
SlurmctldPort=${controllerPort}
SlurmdPort=${nodePort}
StateSaveLocation=${folder}/state
SlurmdSpoolDir=${folder}/spool
SlurmctldPidFile=${folder}/slurmctld.pid
SlurmdPidFile=${folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1
ReturnToService=2
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SlurmdTimeout=5
KillWait=1
NodeName=node1 NodeHostname=${host} NodeAddr=127.0.0.1 Port=${nodePort} CPUs=2 State=UNKNOWN
PartitionName=main Nodes=node1 Default=YES MaxTime=INFINITE State=UP
`,
  );
  const variables = { SLURM_CONF: configuration };
  const env = { ...process.env, ...variables };
  const start = (program: string, ...args: string[]) => {
    const log = join(folder, 'log', `${program}.log`);
    return spawn(program, ['-D', '-f', configuration, '-L', log, ...args], { env, stdio: 'ignore' });
  };
  const end = async (daemon: ChildProcess, signal: NodeJS.Signals) => {
    if (daemon.exitCode !== null || daemon.signalCode !== null) return;
    const ended = new Promise((resolve) => daemon.on('exit', resolve));
    daemon.kill(signal);
    await ended;
  };
  const run = (program: string, ...args: string[]) => execFileSync(program, args, { env, encoding: 'utf8' });
  const controller = start('slurmctld', '-i');
  let node = start('slurmd', '-N', 'node1');
  const slurm: Slurm = {
    variables,
    run,
    queued: () =>
      run('squeue', '--noheader', '--array')
        .split('\n')
        .filter((line) => line !== '').length,
    async idle() {
      while (slurm.queued() > 0) await pause(100);
    },
    startNode() {
      node = start('slurmd', '-N', 'node1');
    },
    killNode: () => end(node, 'SIGKILL'),
    async stop() {
      await end(node, 'SIGTERM');
      await end(controller, 'SIGKILL');
    },
  };
  for (;;) {
    const answer = spawnSync('sinfo', ['--noheader', '--format=%t'], { env, encoding: 'utf8' });
    if (answer.stdout.trim() === 'idle') return slurm;
    if (controller.exitCode !== null || node.exitCode !== null) {
      const logs = ['slurmctld', 'slurmd'].map((name) => readFileSync(join(folder, 'log', `${name}.log`), 'utf8'));
      await slurm.stop();
      throw new Error(`Slurm did not start:\n${logs.join('\n')}`);
    }
    await pause(100);
  }
}
