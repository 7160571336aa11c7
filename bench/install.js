// What the benchmark needs beside the package: the rivals from npm, tfjs-node's addon, the C++ programs.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { python } from './entrants.js';
import { note } from './note.js';
import { buildTfjsNode } from './tfjs-node.js';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '..');

function run(command, args, folder) {
  return spawnSync(command, args, { cwd: folder, stdio: ['ignore', 2, 2] }).status === 0;
}

export function install() {
  if (!existsSync(join(here, 'node_modules/onnxruntime-node'))) {
    note('installing the rivals into bench/node_modules (about 700 MB, a minute or two)');
    if (!run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], here)) {
      note('some rivals could not be installed: they will be shown as failed');
    }
  }
  if (!existsSync(join(root, 'dist/index.js')) && !run('npm', ['run', 'build:ts'], root)) {
    throw new Error('the package could not be built: see above');
  }
  const programs = ['kernel_bench', 'engine_contestant'];
  const configured = programs.every((name) => existsSync(join(root, 'build/native/test', name)));
  if (!configured) note('building the C++ programs (a minute or two)');
  // Also where they are there already: they may be those of an earlier state of the sources.
  const built =
    (configured || run('node', ['native/build.js', '-DDEEPYEAST_TESTS=ON'], root)) &&
    run('cmake', ['--build', 'build', '--parallel', '2', '--target', ...programs], root);
  if (!built) note('the C++ programs could not be built: their figures will be missing or those of an earlier state');
  if (!python) note('PyTorch and tfjs-node are left out: DEEPYEAST_BENCH_PYTHON does not name a Python that has them');
  else buildTfjsNode(python);
}
