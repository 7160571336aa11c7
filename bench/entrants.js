// Who takes part, in which measurements, and how each is started.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { canRestrict, restrictOnnxRuntime } from './avx2-only/onnxruntime.js';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** A Python that has torch, from DEEPYEAST_BENCH_PYTHON. */
export const python = process.env.DEEPYEAST_BENCH_PYTHON;

const node = (file, environment = {}) => ({ command: process.execPath, file: `contestants/${file}`, environment });
const torch = (variant) => ({
  command: python,
  file: 'contestants/pytorch.py',
  environment: { BENCH_PYTORCH: variant },
});
const variant = (name, environment) => node('deepyeast.js', { BENCH_NAME: name, ...environment });

/**
 * By name. `only`: the measurements it takes part in; all unless given. `prepare`: makes in a folder what it needs, and
 * resolves to more of its environment.
 */
export function entrants({ quick }) {
  const tfjsNode = existsSync(here('node_modules/@tensorflow/tfjs-node/lib/napi-v8/tfjs_binding.node'));
  return {
    deepyeast: node('deepyeast.js'),
    'deepyeast-engine': { ...node('engine.js'), only: ['inference.1', 'inference.100'] },
    'deepyeast-one-thread': { ...variant('deepyeast-one-thread', { BENCH_THREADS: '1' }), only: ['inference.100'] },
    'deepyeast-avx2': { ...variant('deepyeast-avx2', { DEEPYEAST_ISA: 'avx2' }), only: ['inference.100'] },
    'onnxruntime-node': node('onnxruntime-node.js'),
    ...(canRestrict()
      ? {
          'onnxruntime-node-avx2': {
            ...node('onnxruntime-node.js'),
            only: ['inference.100'],
            prepare: restrictOnnxRuntime,
          },
        }
      : {}),
    'tfjs-wasm': node('tfjs.js', { BENCH_TFJS: 'wasm' }),
    tfjs: { ...node('tfjs.js', { BENCH_TFJS: 'cpu' }), slow: true },
    ...(tfjsNode ? { 'tfjs-node': node('tfjs.js', { BENCH_TFJS: 'tensorflow' }) } : {}),
    ...(python
      ? {
          'pytorch-float32': torch('float32'),
          'pytorch-float32-compiled': torch('float32-compiled'),
          'pytorch-bfloat16': torch('bfloat16'),
          ...(quick ? {} : { 'pytorch-bfloat16-compiled': torch('bfloat16-compiled') }),
        }
      : {}),
  };
}

/** What a ratio is taken against: one contestant, or the best of several ways to run the same thing. */
export const rivals = {
  'onnxruntime-node': ['onnxruntime-node'],
  'tfjs-wasm': ['tfjs-wasm'],
  tfjs: ['tfjs'],
  'tfjs-node': ['tfjs-node'],
  'pytorch-float32': ['pytorch-float32', 'pytorch-float32-compiled'],
  'pytorch-bfloat16': ['pytorch-bfloat16', 'pytorch-bfloat16-compiled'],
  'deepyeast-engine': ['deepyeast-engine'],
  'deepyeast-one-thread': ['deepyeast-one-thread'],
};

/** Their arithmetic is coarser than float32: shown, not held to the tolerances. */
export const reducedPrecision = new Set(['pytorch-bfloat16', 'pytorch-bfloat16-compiled']);
