// Builds the addon of @tensorflow/tfjs-node against the TensorFlow of a Python package. Its own install script downloads
// libtensorflow 2.9.1 from a server that is not npm's; `tensorflow-cpu` has the same C API, newer, with its headers.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { note } from './note.js';

const folder = fileURLToPath(new URL('node_modules/@tensorflow/tfjs-node', import.meta.url));
const addon = join(folder, 'lib/napi-v8/tfjs_binding.node');

/** Builds it where it is missing and the Python has TensorFlow; otherwise says why not. */
export function buildTfjsNode(python) {
  if (existsSync(addon) || !existsSync(folder)) return;
  const find = 'import importlib.util; print(importlib.util.find_spec("tensorflow").submodule_search_locations[0])';
  const { status, stdout } = spawnSync(python, ['-c', find], { encoding: 'utf8' });
  if (status !== 0) {
    note('tfjs-node is left out: the Python of DEEPYEAST_BENCH_PYTHON has no tensorflow-cpu');
    return;
  }
  const tensorflow = stdout.trim();
  note('building the addon of tfjs-node');
  const libraries = join(folder, 'deps/lib');
  mkdirSync(libraries, { recursive: true });
  mkdirSync(dirname(addon), { recursive: true });
  const link = (target, path) => {
    rmSync(path, { recursive: true, force: true });
    symlinkSync(target, path);
  };
  link(join(tensorflow, 'include'), join(folder, 'deps/include'));
  link(join(tensorflow, 'libtensorflow_cc.so.2'), join(libraries, 'libtensorflow.so'));
  link(join(tensorflow, 'libtensorflow_framework.so.2'), join(libraries, 'libtensorflow_framework.so'));
  const headers = fileURLToPath(new URL('../node_modules/node-api-headers/include', import.meta.url));
  // As its binding.gyp has it.
  const built = spawnSync(
    'c++',
    [
      ...['-O3', '-std=c++17', '-shared', '-fPIC', '-DNAPI_VERSION=8', '-w'],
      ...[headers, folder, dirname(folder), join(folder, 'deps/include')].map((path) => `-I${path}`),
      ...[join(folder, 'binding/tfjs_backend.cc'), join(folder, 'binding/tfjs_binding.cc')],
      ...['-o', addon, `-L${libraries}`, '-ltensorflow', '-ltensorflow_framework', `-Wl,-rpath,${tensorflow}`],
    ],
    { stdio: ['ignore', 2, 2] },
  );
  if (built.status !== 0) note('tfjs-node is left out: its addon could not be built');
}
