import { type ChildProcess, type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { projectRoot } from './shared-data';

/** The compiled program: `npm test` compiles it first. */
export const program = join(projectRoot, 'dist/cli/main.js');

/** Runs `deepyeast ...args` to its end; `variables` are added to the environment. */
export function runCommand(args: string[], variables: Record<string, string> = {}): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, [program, ...args], { encoding: 'utf8', env: { ...process.env, ...variables } });
}

/** As runCommand, with every file that is written limited to so many KiB: a disk that is full for each of them. */
export function runCommandWithFileLimit(kibibytes: number, args: string[]): SpawnSyncReturns<string> {
  // With SIGXFSZ ignored, a write beyond the limit fails with EFBIG.
  const script = `trap '' XFSZ; ulimit -f ${kibibytes}; exec "$@"`;
  return spawnSync('bash', ['-c', script, 'bash', process.execPath, program, ...args], {
    encoding: 'utf8',
  });
}

export interface RunningCommand {
  child: ChildProcess;
  /** Exit status or signal, and all of stderr. */
  ended: Promise<{ status: number | null; signal: NodeJS.Signals | null; stderr: string }>;
}

/** Starts `deepyeast ...args`. */
export function startCommand(args: string[]): RunningCommand {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<{ status: number | null; signal: NodeJS.Signals | null; stderr: string }>((resolve) => {
    child.on('close', (status, signal) => resolve({ status, signal, stderr }));
  });
  return { child, ended };
}

/** Waits until the condition holds; gives up when the command has ended. */
export async function until(condition: () => boolean, command: RunningCommand): Promise<void> {
  while (!condition()) {
    if (command.child.exitCode !== null) throw new Error(`the command ended first: ${(await command.ended).stderr}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
