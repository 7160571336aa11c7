import { access, constants } from 'node:fs/promises';
import { availableParallelism, cpus, release } from 'node:os';
import { dirname } from 'node:path';
import { DeepYeastError, type ErrorCode } from '../errors';
import { cacheFolder } from '../files/cache-folder';
import { parseWholeNumber } from '../files/number';
import { type CudaDiagnosis, diagnoseCuda } from './cuda-diagnosis';
import { type Assurance, locateAddon, type Refusal } from './load';
import { libcName } from './machine';
import { cpuBackends, type SelfTest, selfTest } from './self-test';

/** What deepyeast finds on this machine: the content of a bug report. */
export interface Diagnosis {
  /** Version of the package. */
  version: string;
  node: { version: string; napi: number };
  platform: {
    os: string;
    arch: string;
    release: string;
    /** "glibc 2.36", "musl 1.2.5"; null where there is none of the two, as on macOS. */
    libc: string | null;
  };
  processor: { model: string; logicalCores: number };
  addon:
    | {
        loaded: true;
        path: string;
        origin: 'prebuilt' | 'built';
        /** How it was made sure that this binary runs here. */
        assurance: Assurance;
        /** Binaries that were tried before it, and why they were not taken. */
        refused: readonly Refusal[];
      }
    | { loaded: false; code: ErrorCode; reason: string };
  /** Null where the addon could not be loaded, or where DEEPYEAST_ISA asks for what there is not. */
  computing: {
    /** Instruction sets that this machine can run, widest first. */
    instructionSets: string[];
    /** What a new network runs on, such as "cpu (avx512, 2 threads)". */
    device: string;
    threads: number;
  } | null;
  /** Folder for what may be deleted at any time: DEEPYEAST_CACHE or the platform's. */
  cache: { path: string; writable: boolean };
  cuda: CudaDiagnosis;
  /** The same network and images on every backend; null where it was not asked for or nothing can compute. */
  selfTest: SelfTest[] | null;
  /** What is wrong, in sentences; empty where all is well. */
  problems: string[];
}

export interface DiagnoseOptions {
  /** Also compute with every backend and compare with a stored result: a few seconds each (default: false). */
  selfTest?: boolean;
}

/** Looks at the machine and the addon; never throws for what it finds. */
export async function diagnose(
  variables: NodeJS.ProcessEnv = process.env,
  options: DiagnoseOptions = {},
): Promise<Diagnosis> {
  const problems: string[] = [];
  const addon = findAddon(problems);
  const path = cacheFolder(variables);
  const writable = await isWritable(path);
  if (!writable) problems.push(`The cache folder ${path} cannot be written: set DEEPYEAST_CACHE to another.`);
  const computing = addon.loaded ? await findDevice(problems) : null;
  const cuda = await diagnoseCuda(variables);
  return {
    version: (require('../../package.json') as { version: string }).version,
    node: { version: process.versions.node, napi: parseWholeNumber(process.versions.napi ?? '') ?? 0 },
    platform: {
      os: process.platform,
      arch: process.arch,
      release: release(),
      libc: libcName(),
    },
    processor: { model: cpus()[0]?.model ?? 'unknown', logicalCores: availableParallelism() },
    addon,
    computing,
    cache: { path, writable },
    cuda,
    selfTest:
      options.selfTest && computing ? await testBackends(computing.instructionSets, cuda.available, problems) : null,
    problems,
  };
}

async function testBackends(
  instructionSets: readonly string[],
  cuda: boolean,
  problems: string[],
): Promise<SelfTest[]> {
  const backends = cpuBackends(instructionSets);
  if (cuda) backends.push({ name: 'cuda/float32', device: 'cuda', variables: {} });
  const results = await selfTest(backends);
  for (const { backend, failure } of results) {
    if (failure === undefined) continue;
    const instead = results.find(({ passed }) => passed)?.backend.split('/')[1];
    let remedy = instead ? ` Set DEEPYEAST_ISA=${instead} until this is mended.` : '';
    if (backend.startsWith('cuda')) remedy = ' Give --device cpu until this is mended.';
    problems.push(`The self-test of ${backend} failed: ${failure}.${remedy} Please report it with this output.`);
  }
  return results;
}

function findAddon(problems: string[]): Diagnosis['addon'] {
  try {
    const { path, origin, assurance, refused } = locateAddon();
    return { loaded: true, path, origin, assurance, refused };
  } catch (error) {
    if (!(error instanceof DeepYeastError)) throw error;
    // The message of addon-missing ends with what can be done.
    problems.push(error.code === 'addon-missing' ? error.message : `${error.message}. ${error.remedy}`);
    return { loaded: false, code: error.code, reason: error.message };
  }
}

/** What a new network would run on: found by making the smallest one. */
async function findDevice(problems: string[]): Promise<Diagnosis['computing']> {
  const { addon } = locateAddon();
  const { instructionSets, threads } = addon.machine();
  try {
    const network = new addon.Network({ topology: smallestTopology, seed: 0, threads: 0, device: 'cpu' });
    try {
      return { instructionSets, device: (await network.ready()).description, threads };
    } finally {
      await network.close();
    }
  } catch (error) {
    if (!(error instanceof DeepYeastError)) throw error;
    problems.push(`No network can be made: ${error.message}. ${error.remedy}`);
    return null;
  }
}

const smallestTopology = {
  imageSize: 2,
  channels: 1,
  blocks: [[1]],
  dense: [],
  classes: 1,
  dropout: 0,
  normalizationEpsilon: 1e-5,
  normalizationMomentum: 0.1,
};

/** Whether the folder, or the nearest one above it that exists, may be written to. */
async function isWritable(folder: string): Promise<boolean> {
  try {
    await access(folder, constants.W_OK);
    return true;
  } catch (error) {
    const parent = dirname(folder);
    return (error as NodeJS.ErrnoException).code === 'ENOENT' && parent !== folder && isWritable(parent);
  }
}
