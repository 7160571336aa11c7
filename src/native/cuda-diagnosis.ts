import { DeepYeastError, type ErrorCode, errorTable } from '../errors';
import type { NativeCudaReport } from './addon';
import { inspectCuda } from './cuda';

/** What stands between this machine and `--device cuda`. */
export interface CudaDiagnosis {
  available: boolean;
  /** The first device, or the first thing that is missing. */
  reason: string;
  /** The CUDA library's file, whether or not it exists; null where the addon could not be loaded. */
  library: string | null;
  /** The libraries that it needs, and where each was found. */
  dependencies: { name: string; path: string | null }[];
  /** Folders in which they were sought. */
  folders: string[];
  /** As 13.0 or 9.24.0; null where the library could not be loaded. `driver`: the newest CUDA that it supports. */
  versions: { driver: string | null; runtime: string | null; cudnn: string | null; cublas: string | null };
  devices: {
    name: string;
    computeCapability: string;
    /** Bytes. */
    memory: number;
    freeMemory: number;
    /** Whether the library was built for it. */
    supported: boolean;
  }[];
  /** Everything that is missing, with what to do about it. */
  problems: { code: ErrorCode; message: string; remedy: string }[];
}

/** Looks at the machine; never throws for what it finds. */
export async function diagnoseCuda(variables: NodeJS.ProcessEnv = process.env): Promise<CudaDiagnosis> {
  try {
    return describe(await inspectCuda(variables, true));
  } catch (error) {
    if (!(error instanceof DeepYeastError)) throw error;
    const { code, message, remedy } = error;
    return {
      available: false,
      // Its message is a page, which the addon's own row and problem show.
      reason: code === 'addon-missing' ? 'the native addon could not be loaded' : message,
      library: null,
      dependencies: [],
      folders: [],
      versions: { driver: null, runtime: null, cudnn: null, cublas: null },
      devices: [],
      problems: [{ code, message, remedy }],
    };
  }
}

/** A report of the addon in words. */
export function describe(report: NativeCudaReport): CudaDiagnosis {
  const problems = report.problems.map(({ code, message }) => ({ code, message, remedy: errorTable[code].remedy }));
  const devices = report.devices.map(({ name, major, minor, memory, freeMemory, supported }) => ({
    name,
    computeCapability: `${major}.${minor}`,
    memory,
    freeMemory,
    supported,
  }));
  const { driver, runtime, cudnn, cublas } = report.versions;
  return {
    available: problems.length === 0,
    reason: problems[0]?.message ?? devices[0]?.name ?? 'no device',
    library: report.library,
    dependencies: report.dependencies,
    folders: report.folders,
    versions: {
      driver: version(driver, [1000, 10]),
      runtime: version(runtime, [1000, 10]),
      cudnn: version(cudnn, [10000, 100, 1]),
      cublas: version(cublas, [10000, 100, 1]),
    },
    devices,
    problems,
  };
}

/** 13000 with [1000, 10] is 13.0; 0 is none. */
function version(number: number, units: number[]): string | null {
  if (number === 0) return null;
  let rest = number;
  return units
    .map((unit) => {
      const part = Math.floor(rest / unit);
      rest -= part * unit;
      return part;
    })
    .join('.');
}

/** The rows of `deepyeast doctor`, name and value. */
export function cudaRows(cuda: CudaDiagnosis): [string, string][] {
  const rows: [string, string][] = [['CUDA', cuda.available ? `yes: ${cuda.reason}` : `no: ${cuda.reason}`]];
  if (cuda.library === null) return rows;
  rows.push(['CUDA library', cuda.library]);
  for (const { name, path } of cuda.dependencies) if (path !== null) rows.push([name, path]);
  const missing = cuda.dependencies.flatMap(({ name, path }) => (path === null ? [name] : []));
  if (missing.length > 0) rows.push(['not found', missing.join(', ')]);
  const { driver, runtime, cudnn, cublas } = cuda.versions;
  if (runtime !== null) {
    rows.push([
      'CUDA versions',
      `driver ${driver ?? 'none'}, runtime ${runtime}, cuDNN ${cudnn ?? 'none'}, cuBLASLt ${cublas ?? 'none'}`,
    ]);
  }
  cuda.devices.forEach(({ name, computeCapability, memory, freeMemory, supported }, i) => {
    const sizes = `${(freeMemory / 1e9).toFixed(1)} of ${(memory / 1e9).toFixed(1)} GB free`;
    rows.push([
      `CUDA device ${i}`,
      `${name}, compute capability ${computeCapability}${supported ? '' : ' (not built for)'}, ${sizes}`,
    ]);
  });
  return rows;
}

/** What `--device cuda` lacks, in lines. */
export function cudaProblems(cuda: CudaDiagnosis): string[] {
  return cuda.problems.map(({ code, message, remedy }) => `CUDA [${code}]: ${message}. ${remedy}`);
}
