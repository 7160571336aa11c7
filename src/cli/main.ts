#!/usr/bin/env node
import { DeepYeastError, exitStatus } from '../errors';
import type { Environment } from './options';
import { runCommandLine } from './program';

/**
 * The process: the first SIGINT or SIGTERM cancels the command, which cleans up (training writes a checkpoint), a second
 * one exits at once. A reader of stdout that goes away (`| head`) ends the command quietly.
 */
async function main(): Promise<void> {
  const controller = new AbortController();
  let signalled: number | undefined;
  let unread = false;
  const onSignal = (status: number, name: string) => {
    if (signalled !== undefined) process.exit(status);
    signalled = status;
    process.stderr.write(`\n${name}: cleaning up; once more to exit at once\n`);
    controller.abort(new DeepYeastError('aborted', `stopped by ${name}`));
  };
  process.on('SIGINT', () => onSignal(exitStatus.interrupted, 'SIGINT'));
  process.on('SIGTERM', () => onSignal(exitStatus.terminated, 'SIGTERM'));
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    unread = true;
    controller.abort(new DeepYeastError('aborted', 'nobody reads the output any more'));
  });
  // A closed stderr must not end the work.
  process.stderr.on('error', () => {});

  const environment: Environment = {
    stdout: process.stdout,
    stderr: process.stderr,
    variables: process.env,
    signal: controller.signal,
    status: 0,
  };
  const status = await runCommandLine(process.argv.slice(2), environment);
  process.exitCode = signalled ?? (unread ? 0 : status);
  // Whatever still holds the event loop (a thread pool, say) must not keep a finished command alive.
  await new Promise<void>((resolve) => process.stdout.write('', () => resolve()));
  process.exit();
}

void main();
