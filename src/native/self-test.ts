import { spawn } from 'node:child_process';
import { join } from 'node:path';

/** What one backend makes of a known network and known images. */
export interface SelfTest {
  /** cpu/avx512, cpu/portable, ... */
  backend: string;
  /** As the network describes it, "cpu (avx512, 2 threads)"; absent where it could not be made. */
  device?: string;
  /** Of the logits against the stored result in double precision: max|y - r| / max|r|. */
  error?: number;
  /** Of inference with the paper's network. */
  imagesPerSecond?: number;
  passed: boolean;
  /** Why it did not pass. */
  failure?: string;
}

/** What self-tests allow: some ten times float32's own error on this network. */
export const allowedError = 1e-4;

/** A backend to test: the device of a network and the variables of the process that it runs in. */
export interface Backend {
  name: string;
  device: string;
  variables: NodeJS.ProcessEnv;
}

/** The CPU once for each instruction set that this machine runs. */
export function cpuBackends(instructionSets: readonly string[]): Backend[] {
  return instructionSets.map((set) => ({ name: `cpu/${set}`, device: 'cpu', variables: { DEEPYEAST_ISA: set } }));
}

/**
 * Runs the paper's network with weights and images from a fixed seed on each backend, one after the other, each in a
 * process of its own (a backend that crashes is a result), and compares with what PyTorch computes in double precision.
 */
export async function selfTest(backends: readonly Backend[]): Promise<SelfTest[]> {
  const results: SelfTest[] = [];
  for (const backend of backends) results.push(await testBackend(backend));
  return results;
}

async function testBackend({ name, device, variables }: Backend): Promise<SelfTest> {
  // Compiled, also where this file runs from its source under a test.
  const program = join(__dirname, '..', '..', 'dist', 'native', 'self-test-process.js');
  const child = spawn(process.execPath, [program, device], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...variables, ELECTRON_RUN_AS_NODE: '1', NODE_OPTIONS: '' },
  });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const ending = await new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (status, signal) => resolve(signal ?? `exit status ${status}`));
  });
  try {
    const result = JSON.parse(output) as Omit<SelfTest, 'backend' | 'passed'>;
    if (result.failure !== undefined) return { backend: name, passed: false, failure: result.failure };
    const passed = result.error !== undefined && result.error <= allowedError;
    const failure = `the error ${result.error} is more than ${allowedError}`;
    return { backend: name, ...result, passed, ...(!passed && { failure }) };
  } catch {
    const reason = errors.split('\n').find((line) => /error/i.test(line));
    return { backend: name, passed: false, failure: `the process ended with ${reason ?? ending}` };
  }
}
