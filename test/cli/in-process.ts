import { Writable } from 'node:stream';
import { runCommandLine } from '../../src/cli/program';

/** What a command left. */
export interface Outcome {
  status: number;
  stdout: string;
  stderr: string;
}

function collector(): { stream: Writable; text: () => string } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk, _, done) {
      chunks.push(Buffer.from(chunk));
      done();
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString() };
}

/** Runs a command line in this process: the very code of the program, without its compilation. */
export async function run(...argv: string[]): Promise<Outcome> {
  const stdout = collector();
  const stderr = collector();
  const status = await runCommandLine(argv, {
    stdout: stdout.stream,
    stderr: stderr.stream,
    variables: { DEEPYEAST_LOG: 'warn' },
    signal: new AbortController().signal,
    status: 0,
  });
  return { status, stdout: stdout.text(), stderr: stderr.text() };
}
