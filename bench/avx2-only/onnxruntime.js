// A copy of onnxruntime-node that finds a processor with AVX2 and nothing later. ONNX Runtime picks its kernels
// by what CPUID answers and has no option to restrict them.
import { spawnSync } from 'node:child_process';
import { cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findCpuid, replaceCpuid } from './cpuid-instructions.js';

const runs = (program) => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;

/** Whether instructions can be replaced and answered here. */
export function canRestrict() {
  return process.platform === 'linux' && process.arch === 'x64' && runs('cc') && runs('objdump');
}

/** Compiles a C source into a module for Node. */
export function compileModule(source, module) {
  const { include_dir: headers } = createRequire(new URL('../../package.json', import.meta.url))('node-api-headers');
  const options = ['-O2', '-Wall', '-Wextra', '-shared', '-fPIC', '-I', headers];
  const { status, stderr } = spawnSync('cc', [...options, '-o', module, source], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${source} could not be compiled: ${stderr}`);
}

/** Makes the copy in a folder of its own, and answer-cpuid.node beside it; resolves to the contestant's environment. */
export async function restrictOnnxRuntime(folder) {
  const original = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  const root = join(folder, 'avx2-only');
  const copy = join(root, 'node_modules/onnxruntime-node');
  await mkdir(dirname(copy), { recursive: true });
  await cp(original, copy, { recursive: true, filter: (source) => !/\/(darwin|win32|arm64)$/.test(source) });
  // Its one dependency at run time, which stands beside it.
  await symlink(join(dirname(original), 'onnxruntime-common'), join(dirname(copy), 'onnxruntime-common'));
  for (const name of await readdir(copy, { recursive: true })) {
    if (!/\/libonnxruntime\.so[.\d]*$/.test(name)) continue;
    const library = join(copy, name);
    const bytes = await readFile(library);
    replaceCpuid(bytes, await findCpuid(library));
    await writeFile(library, bytes);
  }
  compileModule(fileURLToPath(new URL('answer-cpuid.c', import.meta.url)), join(root, 'answer-cpuid.node'));
  return { BENCH_AVX2_ONLY: root };
}
