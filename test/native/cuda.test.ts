// Choosing a device and explaining CUDA, on machines that cannot run it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { errorTable, exitStatus } from '../../src/errors';
import type { NativeCudaReport } from '../../src/native/addon';
import { chooseDevice, cudaLibrary, inspectCuda } from '../../src/native/cuda';
import { cudaProblems, cudaRows, describe as describeReport, diagnoseCuda } from '../../src/native/cuda-diagnosis';
import { Network } from '../../src/network';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'deepyeast-cuda-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
  delete process.env.DEEPYEAST_CUDA_LIBRARY;
  delete process.env.DEEPYEAST_CUDA_WHEELS;
});

const missing = () => ({ DEEPYEAST_CUDA_LIBRARY: join(folder, 'libdeepyeast_cuda.so') });

describe('chooseDevice', () => {
  test('auto takes the CPU where there is no CUDA library, and says why', async () => {
    expect(await chooseDevice('auto', undefined, missing())).toEqual({
      options: { device: 'cpu' },
      reason: 'this installation has no CUDA library',
    });
  });

  test('auto takes the CPU where the library is no library, and names what is wrong', async () => {
    const variables = missing();
    writeFileSync(variables.DEEPYEAST_CUDA_LIBRARY, 'not a library');
    const { options, reason } = await chooseDevice('auto', undefined, variables);
    expect(options).toEqual({ device: 'cpu' });
    expect(reason).toMatch(/^CUDA cannot be used: /);
  });

  test('cuda never falls back', async () => {
    const { options } = await chooseDevice('cuda', 'bfloat16', { ...missing(), DEEPYEAST_CACHE: '/cache' });
    expect(options).toEqual({
      device: 'cuda',
      cudaLibrary: join(folder, 'libdeepyeast_cuda.so'),
      cudaDevice: 0,
      precision: 'bfloat16',
      cacheFolder: '/cache',
    });
    process.env.DEEPYEAST_CUDA_LIBRARY = missing().DEEPYEAST_CUDA_LIBRARY;
    await expect(Network.create({ classes: ['a', 'b'], device: 'cuda' })).rejects.toMatchObject({
      code: 'cuda-library-missing',
      message: expect.stringContaining(folder),
    });
  });

  test('refuses what there is not', async () => {
    await expect(chooseDevice('gpu' as 'cpu', undefined)).rejects.toMatchObject({ code: 'device-unavailable' });
    await expect(chooseDevice('cuda', 'float16' as 'tf32')).rejects.toMatchObject({ code: 'invalid-argument' });
    await expect(chooseDevice('cpu', 'bfloat16')).rejects.toMatchObject({ code: 'invalid-argument' });
    await expect(chooseDevice('cuda', 'tf32', { DEEPYEAST_CUDA_DEVICE: 'one' })).rejects.toMatchObject({
      code: 'invalid-argument',
    });
    expect((await chooseDevice('cpu', 'float32')).options).toEqual({ device: 'cpu' });
  });

  test('the library lies beside the addon', () => {
    expect(cudaLibrary({})).toMatch(/libdeepyeast_cuda\.so$/);
  });
});

// Where continuous integration has built it: with or without a driver.
describe('the CUDA library that was built', () => {
  const library = process.env.DEEPYEAST_TEST_CUDA_LIBRARY;

  test('loads with all that it needs, or says that the driver is what is missing', async (context) => {
    if (library === undefined) context.skip('DEEPYEAST_TEST_CUDA_LIBRARY does not name a CUDA library');
    const variables = { DEEPYEAST_CUDA_LIBRARY: library as string };
    process.env.DEEPYEAST_CUDA_WHEELS = process.env.DEEPYEAST_TEST_CUDA_WHEELS ?? '';
    const cuda = await diagnoseCuda(variables);
    expect(cuda.dependencies.filter(({ name, path }) => path === null && name !== 'libcuda.so.1')).toEqual([]);
    expect(cuda.versions.cudnn).toMatch(/^9\.\d+\.\d+$/);
    expect(cuda.versions.runtime).toMatch(/^1[23]\.\d$/);
    if (cuda.available) return;
    const [problem] = cuda.problems;
    expect(cuda.problems).toHaveLength(1);
    expect(problem?.code).toMatch(/^cuda-(driver|device)-missing$/);
    expect(await chooseDevice('auto', undefined, variables)).toEqual({
      options: { device: 'cpu' },
      reason: `CUDA cannot be used: ${problem?.message}`,
    });
    process.env.DEEPYEAST_CUDA_LIBRARY = library;
    await expect(Network.create({ classes: ['a', 'b'], device: 'cuda' })).rejects.toMatchObject({
      code: problem?.code,
    });
  }, 120_000);
});

describe('what CUDA lacks', () => {
  test('a missing library is named, and nothing throws', async () => {
    const report = await inspectCuda(missing());
    expect(report.loaded).toBe(false);
    expect(report.problems[0]).toMatchObject({
      code: 'cuda-library-missing',
      message: expect.stringContaining(folder),
    });
    expect(report.dependencies.map(({ name }) => name)).toContain('libcudnn.so.9');
    expect((await diagnoseCuda(missing())).available).toBe(false);
  });

  const report: NativeCudaReport = {
    library: '/lib/libdeepyeast_cuda.so',
    loaded: true,
    folders: ['/lib'],
    dependencies: [
      { name: 'libcuda.so.1', path: 'libcuda.so.1' },
      { name: 'libcudnn.so.9', path: null },
    ],
    versions: { driver: 12080, runtime: 13000, cudnn: 92400, cublas: 130101 },
    devices: [{ name: 'Card', major: 9, minor: 0, memory: 85e9, freeMemory: 80.4e9, supported: true }],
    problems: [{ code: 'cuda-driver-old', message: 'the driver is old' }],
  };

  test('versions and devices are put in words', () => {
    const cuda = describeReport(report);
    expect(cuda.versions).toEqual({ driver: '12.8', runtime: '13.0', cudnn: '9.24.0', cublas: '13.1.1' });
    expect(cudaRows(cuda)).toEqual([
      ['CUDA', 'no: the driver is old'],
      ['CUDA library', '/lib/libdeepyeast_cuda.so'],
      ['libcuda.so.1', 'libcuda.so.1'],
      ['not found', 'libcudnn.so.9'],
      ['CUDA versions', 'driver 12.8, runtime 13.0, cuDNN 9.24.0, cuBLASLt 13.1.1'],
      ['CUDA device 0', 'Card, compute capability 9.0, 80.4 of 85.0 GB free'],
    ]);
    expect(cudaProblems(cuda)).toEqual([
      `CUDA [cuda-driver-old]: the driver is old. ${errorTable['cuda-driver-old'].remedy}`,
    ]);
    expect(describeReport({ ...report, problems: [] })).toMatchObject({ available: true, reason: 'Card' });
  });

  test('each thing that can be missing has its own code, which exits with 4', () => {
    for (const code of [
      'cuda-library-missing',
      'cuda-driver-missing',
      'cuda-driver-old',
      'cuda-device-missing',
      'cuda-architecture',
      'cudnn-missing',
      'cudnn-old',
      'cublas-missing',
      'nvrtc-missing',
      'version-mismatch',
    ] as const) {
      expect(errorTable[code].exit, code).toBe(exitStatus.device);
    }
  });
});
