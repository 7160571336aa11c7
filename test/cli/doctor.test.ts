import { describe, expect, test } from 'vitest';
import { runCommand } from '../command-line';

describe('deepyeast doctor', () => {
  test('computes a known network on every instruction set', () => {
    const { status, stdout, stderr } = runCommand(['doctor', '--json']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const { selfTest, computing, problems } = JSON.parse(stdout);
    expect(problems).toEqual([]);
    const sets = computing.instructionSets as string[];
    expect(selfTest.map(({ backend }: { backend: string }) => backend)).toEqual(sets.map((set) => `cpu/${set}`));
    for (const [i, result] of selfTest.entries()) {
      expect(result).toMatchObject({ passed: true, device: expect.stringContaining(`cpu (${sets[i]}, `) });
      expect(result.error).toBeGreaterThan(0);
      expect(result.error).toBeLessThan(1e-5);
      expect(result.imagesPerSecond).toBeGreaterThan(0);
    }
  });

  test('prints what there is, one line each, and that all is well', () => {
    const { status, stdout, stderr } = runCommand(['doctor', '--no-self-test']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(
      new RegExp(`^Node\\.js +${process.versions.node.replaceAll('.', '\\.')} \\(Node-API \\d+\\)$`, 'm'),
    );
    expect(stdout).toMatch(/^instruction sets +(\w+, )*portable$/m);
    expect(stdout).toMatch(/^computes on +cpu \(\w+, \d+ threads?\); the process may use \d+ threads$/m);
    expect(stdout).toMatch(/^addon +(built|prebuilt), (tried|not tried).*deepyeast\.node$/m);
    expect(stdout).toMatch(/^CUDA +(yes|no): /m);
    expect(stdout).toMatch(/libcudnn\.so\.9/); // where it was found, or among what was not
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('No problem found.');
  });

  test('--json holds the same for machines', () => {
    const { status, stdout } = runCommand(['doctor', '--json', '--no-self-test'], { DEEPYEAST_ISA: 'portable' });
    expect(status).toBe(0);
    const diagnosis = JSON.parse(stdout);
    expect(diagnosis).toMatchObject({ addon: { loaded: true }, problems: [] });
    expect(diagnosis.cuda.available).toBe(diagnosis.cuda.problems.length === 0);
    expect(diagnosis.computing.device).toMatch(/^cpu \(portable, /);
  });

  test('names an instruction set that there is not, and exits with 4', () => {
    const { status, stdout } = runCommand(['doctor'], { DEEPYEAST_ISA: 'mmx' });
    expect(status).toBe(4);
    expect(stdout).toMatch(/^Problem: No network can be made: .*mmx/m);
    expect(stdout).toContain('Unset DEEPYEAST_ISA');
  });

  test('--device cuda names everything that CUDA lacks, with what to do, and exits with 4', () => {
    const missing = { DEEPYEAST_CUDA_LIBRARY: '/nowhere/libdeepyeast_cuda.so' };
    const { status, stdout } = runCommand(['doctor', '--device', 'cuda', '--no-self-test'], missing);
    expect(status).toBe(4);
    expect(stdout).toMatch(/^CUDA library +\/nowhere\/libdeepyeast_cuda\.so$/m);
    expect(stdout).toMatch(/^Problem: CUDA \[cuda-library-missing\]: \/nowhere.*DEEPYEAST_CUDA=on/m);
    // Without --device cuda the same machine is fine.
    expect(runCommand(['doctor', '--no-self-test'], missing).status).toBe(0);
  });
});
