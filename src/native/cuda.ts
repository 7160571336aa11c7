/** The CUDA library beside the addon, and the choice of a device. */

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DeepYeastError } from '../errors';
import { cacheFolder } from '../files/cache-folder';
import { parseWholeNumber } from '../files/number';
import type { NativeCudaReport, NativeDeviceOptions } from './addon';
import { locateAddon } from './load';

/** Where to compute. `auto` takes CUDA where it can be used, else the CPU; `cuda` never falls back. */
export type Device = 'auto' | 'cpu' | 'cuda';

/**
 * What CUDA multiplies in: strict float32, TF32 (float32 whose factors are rounded to 10 bits of mantissa), or bfloat16.
 * Sums, weights and statistics are float32 in each. The CPU computes in float32.
 */
export type Precision = 'float32' | 'tf32' | 'bfloat16';

export const devices: readonly Device[] = ['auto', 'cpu', 'cuda'];
export const precisions: readonly Precision[] = ['float32', 'tf32', 'bfloat16'];
export const defaultPrecision: Precision = 'tf32';

/**
 * The CUDA library's file: DEEPYEAST_CUDA_LIBRARY, else beside the addon, else of the package that somebody may have
 * installed beside ours. It need not exist.
 */
export function cudaLibrary(variables: NodeJS.ProcessEnv = process.env): string {
  if (variables.DEEPYEAST_CUDA_LIBRARY) return variables.DEEPYEAST_CUDA_LIBRARY;
  const beside = join(dirname(locateAddon().path), 'libdeepyeast_cuda.so');
  return existsSync(beside) ? beside : (ofPackage() ?? beside);
}

function ofPackage(): string | undefined {
  const { platform, arch } = process;
  try {
    return require.resolve(`@deepyeast/cuda-${platform}-${arch}/libdeepyeast_cuda.so`, { paths: [__dirname] });
  } catch {
    return undefined;
  }
}

/**
 * Tries to load the CUDA library and whatever it needs, and says what was found and what is missing. `freeMemory`: the
 * devices' too, for which each of them is initialized; else 0 stands there.
 */
export function inspectCuda(variables: NodeJS.ProcessEnv = process.env, freeMemory = false): Promise<NativeCudaReport> {
  return locateAddon().addon.inspectCuda(cudaLibrary(variables), freeMemory);
}

export interface ChosenDevice {
  options: NativeDeviceOptions;
  /** For `auto`: why this device, to be appended to a sentence; else empty. */
  reason: string;
}

/**
 * The device for a network.
 *
 * @throws device-unavailable for an unknown name, invalid-argument for an unknown precision or one that the CPU does not
 *   have; what is missing for `cuda` shows when the network is made
 */
export async function chooseDevice(
  device: Device,
  precision: Precision | undefined,
  variables: NodeJS.ProcessEnv = process.env,
): Promise<ChosenDevice> {
  if (!devices.includes(device)) {
    throw new DeepYeastError('device-unavailable', `device is ${String(device)}; expected ${devices.join(', ')}`);
  }
  if (precision !== undefined && !precisions.includes(precision)) {
    throw new DeepYeastError('invalid-argument', `precision is ${precision}; expected ${precisions.join(', ')}`);
  }
  const cuda = (): NativeDeviceOptions => ({
    device: 'cuda',
    cudaLibrary: cudaLibrary(variables),
    cudaDevice: cudaOrdinal(variables),
    precision: precision ?? defaultPrecision,
    cacheFolder: cacheFolder(variables),
  });
  if (device === 'cuda') return { options: cuda(), reason: '' };
  if (device === 'cpu') {
    if (precision !== undefined && precision !== 'float32') {
      throw new DeepYeastError(
        'invalid-argument',
        `precision is ${precision}, but the CPU computes in float32: give --device cuda, or no precision`,
      );
    }
    return { options: { device: 'cpu' }, reason: '' };
  }
  if (!existsSync(cudaLibrary(variables))) {
    return { options: { device: 'cpu' }, reason: 'this installation has no CUDA library' };
  }
  const { problems } = await inspectCuda(variables);
  const [problem] = problems;
  if (problem === undefined) return { options: cuda(), reason: 'CUDA can be used' };
  return { options: { device: 'cpu' }, reason: `CUDA cannot be used: ${problem.message}` };
}

/** DEEPYEAST_CUDA_DEVICE: which of several devices; default the first. */
function cudaOrdinal(variables: NodeJS.ProcessEnv): number {
  const text = variables.DEEPYEAST_CUDA_DEVICE;
  if (text === undefined || text === '') return 0;
  if (!/^\d{1,3}$/.test(text)) {
    throw new DeepYeastError('invalid-argument', `DEEPYEAST_CUDA_DEVICE is ${text}; expected a number from 0`);
  }
  return parseWholeNumber(text) as number;
}
