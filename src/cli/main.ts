#!/usr/bin/env node
import { DeepYeastError, exitStatus } from '../errors';
import type { Environment } from './options';
import { runCommandLine } from './program';
import { runUnderLimits } from './tight-limits';

/**
 * The process: the first SIGINT (Ctrl-C, on Windows too), SIGTERM or SIGHUP cancels the command, which cleans up (training writes a checkpoint), a
 * second SIGINT or SIGTERM exits at once. A SIGHUP never does: a dropped session sends several, and others with them. A
 * reader of stdout that goes away (`| head`) ends the command quietly.
 */
async function main(): Promise<void> {
  const elsewhere = await runUnderLimits();
  if (elsewhere !== undefined) process.exit(elsewhere);
  const controller = new AbortController();
  let signalled: number | undefined;
  let asked = 0;
  let unread = false;
  const onSignal = (status: number, name: string) => {
    if (name !== 'SIGHUP') asked++;
    if (asked > 1) process.exit(status);
    if (signalled !== undefined) return;
    signalled = status;
    process.stderr.write(`\n${name}: cleaning up; once more to exit at once\n`);
    controller.abort(new DeepYeastError('aborted', `stopped by ${name}`));
  };
  process.on('SIGINT', () => onSignal(exitStatus.interrupted, 'SIGINT'));
  // Ctrl-Break of a Windows console.
  process.on('SIGBREAK', () => onSignal(exitStatus.interrupted, 'SIGBREAK'));
  process.on('SIGTERM', () => onSignal(exitStatus.terminated, 'SIGTERM'));
  process.on('SIGHUP', () => onSignal(exitStatus.hungUp, 'SIGHUP'));
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // EIO: the terminal is gone.
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
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
