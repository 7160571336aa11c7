import { execFile, execFileSync } from 'node:child_process';
import { cp, lstat, mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { projectRoot } from '../shared-data';

// The package as npm would publish it, prebuilt addon included, is installed into an empty project and used from there.
// The project's path has spaces and letters beyond ASCII, and the PATH of everything that runs holds node and nothing
// else: no compiler, no Python, no shell tools.

// npm, two compilers and several processes: minutes on a machine that does other work as well.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 600_000 });

const run = promisify(execFile);
const tool = (name: string) => join(projectRoot, 'node_modules', '.bin', name);

let folder: string;
let tarball: string;
let consumer: string;
/** An environment of a machine that has Node.js and nothing else. */
let bare: NodeJS.ProcessEnv;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deepyeast-package-'));
  const staged = join(folder, 'staged');
  const listing = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: projectRoot });
  for (const { path } of JSON.parse(listing.stdout)[0].files as { path: string }[]) {
    if (path.startsWith('prebuilds/')) continue; // of whenever they were made
    await mkdir(dirname(join(staged, path)), { recursive: true });
    await cp(join(projectRoot, path), join(staged, path));
  }
  await run(process.execPath, ['scripts/prebuilds.js', '--out', staged], { cwd: projectRoot });
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: staged });
  tarball = join(folder, (await readdir(folder)).find((name) => name.endsWith('.tgz'))!);

  const bin = join(folder, 'bin');
  await mkdir(bin);
  await symlink(process.execPath, join(bin, 'node'));
  const kept = Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_|DEEPYEAST_|PATH$)/i.test(name));
  bare = { ...Object.fromEntries(kept), PATH: bin, DEEPYEAST_CACHE: join(folder, 'cache') };

  consumer = join(folder, 'Hefe & Zellen – Ärzte, 酵母');
  await mkdir(consumer);
  await writeFile(join(consumer, 'package.json'), '{ "name": "consumer", "private": true }\n');
  const npm = await realpath(execFileSync('which', ['npm'], { encoding: 'utf8' }).trim());
  await run(
    process.execPath,
    [npm, 'install', tarball, '--prefer-offline', '--no-audit', '--no-fund', '--script-shell=/bin/sh'],
    { cwd: consumer, env: { ...registrySettings(), ...bare } },
  );
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** Where this machine's npm finds its registry is no part of the test. */
function registrySettings(): NodeJS.ProcessEnv {
  const names = /^npm_config_(userconfig|registry|.*proxy|cafile|cache)$/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => names.test(name)));
}

const installed = (...parts: string[]) => join(consumer, 'node_modules', 'deepyeast', ...parts);
const prebuilt = async () => {
  const home = installed('prebuilds', `${process.platform}-${process.arch}`);
  return join(home, (await readdir(home)).find((name) => name.endsWith('.node'))!);
};

/** Runs a program of the consumer and gives its standard output as JSON. */
async function runConsumer(name: string, source: string, ...args: string[]): Promise<unknown> {
  await writeFile(join(consumer, name), source);
  // Node.js 20 itself aborts now and then when a worker thread ends while V8 optimizes code for it.
  const flags = ['--no-concurrent-recompilation'];
  const { stdout } = await run(process.execPath, [...flags, name, ...args], { cwd: consumer, env: bare });
  return JSON.parse(stdout);
}

async function bytesIn(path: string): Promise<number> {
  const entry = await lstat(path);
  if (!entry.isDirectory()) return entry.size;
  const sizes = await Promise.all((await readdir(path)).map((name) => bytesIn(join(path, name))));
  return sizes.reduce((sum, size) => sum + size, 0);
}

describe('the packed package', () => {
  test('holds no tests, no build folder and no sources of TypeScript', async () => {
    const { stdout } = await run('tar', ['-tzf', tarball]);
    const files = stdout.trim().split('\n');
    expect(files).toContain('package/README.md');
    expect(files).toContain('package/LICENSE');
    expect(files).toContain('package/dist/cli/main.js');
    expect(files).toContain('package/dist/web/index.html');
    expect(files).toContain('package/native/build.js');
    expect(files.filter((file) => /^package\/(test|build|src|bench|reproduction|native\/test|\.)/.test(file))).toEqual(
      [],
    );
  });

  test('is below 3 MB, 10 MB unpacked without the CUDA library, and 120 MB with all that it needs', async () => {
    const folder = dirname(await prebuilt());
    const cuda = (await readdir(folder)).filter((name) => name.includes('cuda'));
    const cudaBytes = await Promise.all(cuda.map((name) => bytesIn(join(folder, name))));
    const packed = (await stat(tarball)).size;
    const unpacked = (await bytesIn(installed())) - cudaBytes.reduce((sum, size) => sum + size, 0);
    const tree = await bytesIn(join(consumer, 'node_modules'));
    const inMegabytes = (bytes: number) => `${(bytes / 1e6).toFixed(2)} MB`;
    process.stdout.write(
      `package ${inMegabytes(packed)}, unpacked ${inMegabytes(unpacked)}, whole tree ${inMegabytes(tree)}\n`,
    );
    expect(packed).toBeLessThan(3e6);
    expect(unpacked).toBeLessThan(10e6);
    expect(tree).toBeLessThan(120e6);
  });

  // npm 12 runs no install script that was not approved, and --ignore-scripts none at all.
  test('was left by the install step as it was packed: it needs none', async () => {
    const { stdout } = await run('tar', ['-tzf', tarball]);
    const packed = stdout
      .trim()
      .split('\n')
      .map((file) => file.replace(/^package\//, ''));
    const found = await readdir(installed(), { recursive: true, withFileTypes: true });
    const files = found
      .filter((entry) => !entry.isDirectory())
      .map((entry) => relative(installed(), join(entry.parentPath, entry.name)));
    expect(files.filter((file) => !file.startsWith('node_modules/')).sort()).toEqual(packed.sort());
  });

  test('loads by require and uses the prebuilt addon, which is tried once', async () => {
    const result = await runConsumer(
      'required.cjs',
      `const { Network, DeepYeastError } = require('deepyeast');
       (async () => {
         const network = await Network.create({ classes: ['a', 'b', 'c'], size: 8, blocks: [[4], [4]], dense: [8], seed: 1 });
         const { posteriors } = await network.predict(new Uint8Array(5 * 8 * 8 * 2));
         await network.close();
         const code = await network.predict(new Uint8Array(8 * 8 * 2)).catch((error) => error instanceof DeepYeastError && error.code);
         console.log(JSON.stringify({ length: posteriors.length, code }));
       })();`,
    );
    expect(result).toEqual({ length: 15, code: 'closed' });
    const doctor = join(consumer, 'node_modules/.bin/deepyeast');
    const { stdout } = await run(doctor, ['doctor', '--json', '--no-self-test'], { env: bare });
    expect(JSON.parse(stdout).addon).toMatchObject({
      origin: 'prebuilt',
      path: await prebuilt(),
      assurance: 'remembered',
    });
  });

  test('loads by import with the same named exports and the same classes', async () => {
    const result = (await runConsumer(
      'imported.mjs',
      `import { createRequire } from 'node:module';
       import * as imported from 'deepyeast';
       import { DeepYeastError, Network } from 'deepyeast';
       const required = createRequire(import.meta.url)('deepyeast');
       let thrown;
       try { await Network.create({ classes: [] }); } catch (error) { thrown = error; }
       console.log(JSON.stringify({
         imported: Object.keys(imported).sort(),
         required: Object.keys(required).sort(),
         different: Object.keys(required).filter((name) => required[name] !== imported[name]),
         sameError: thrown instanceof required.DeepYeastError && thrown instanceof DeepYeastError,
       }));`,
    )) as { imported: string[]; required: string[]; different: string[]; sameError: boolean };
    expect(result.imported).toContain('Network');
    expect(result.imported).toEqual(result.required);
    expect(result.different).toEqual([]);
    expect(result.sameError).toBe(true);
  });

  test('works in two worker threads and the main thread at once', async () => {
    const result = await runConsumer(
      'threads.cjs',
      `const { Worker, isMainThread, parentPort } = require('node:worker_threads');
       const { Network } = require('deepyeast');
       async function predict() {
         const network = await Network.create({ classes: ['a', 'b'], size: 8, blocks: [[4]], dense: [8], seed: 1 });
         const { posteriors } = await network.predict(new Uint8Array(3 * 8 * 8 * 2).fill(100));
         await network.close();
         return [...posteriors];
       }
       if (isMainThread) {
         const workers = [1, 2].map(() => new Promise((resolve, reject) =>
           new Worker(__filename).once('message', resolve).once('error', reject)));
         Promise.all([...workers, predict()]).then((results) => console.log(JSON.stringify(results)));
       } else predict().then((result) => parentPort.postMessage(result));`,
    );
    const [first, ...others] = result as number[][];
    expect(first).toHaveLength(6);
    expect(others).toEqual([first, first]);
  });

  test('works after process.chdir, from another folder and with relative paths', async () => {
    const result = await runConsumer(
      'moved.cjs',
      `const { mkdirSync } = require('node:fs');
       mkdirSync('weit weg/ü', { recursive: true });
       process.chdir('weit weg/ü');
       const { Network, simulate, Dataset } = require('deepyeast');
       (async () => {
         await simulate({ out: 'screen', cells: 72, proteins: 36, seed: 1 });
         process.chdir('..');
         const dataset = await Dataset.open('ü/screen/train');
         const network = await Network.create({ classes: dataset.classes, depth: 5, seed: 1 });
         await network.save('model.safetensors');
         const { posteriors } = await network.predict(dataset);
         await network.close();
         const loaded = await Network.load('model.safetensors');
         const again = await loaded.predict(dataset);
         await loaded.close();
         console.log(JSON.stringify(Buffer.from(posteriors.buffer).equals(Buffer.from(again.posteriors.buffer))));
       })();`,
    );
    expect(result).toBe(true);
  });

  test.each(['process.exit(0)', 'process.exitCode = 0'])('ends cleanly with work in flight: %s', async (ending) => {
    await writeFile(
      join(consumer, 'leaving.cjs'),
      `const { Network } = require('deepyeast');
       Network.create({ classes: ['a', 'b'], size: 16, blocks: [[16]], dense: [8], seed: 1 }).then((network) => {
         for (let i = 0; i < 20; i++) network.predict(new Uint8Array(100 * 16 * 16 * 2)).catch(() => {});
         setTimeout(() => { ${ending}; }, 5);
       });`,
    );
    const { stdout, stderr } = await run(process.execPath, ['leaving.cjs'], { cwd: consumer, env: bare });
    expect({ stdout, stderr }).toEqual({ stdout: '', stderr: '' });
  });

  test('its types resolve from both kinds of module, and the example of the README is typed', async () => {
    const body = `
      export async function use(path: string): Promise<number> {
        const dataset: Dataset = await Dataset.open(path);
        const network: Network = await Network.create({ classes: dataset.classes, seed: 7 });
        const predictions = await network.predict(dataset);
        const values: Float32Array = predictions.posteriors;
        // @ts-expect-error: a network has classes
        await Network.create({ seed: 1 });
        return values.length;
      }`;
    await writeFile(join(consumer, 'typed.mts'), `import { Dataset, Network } from 'deepyeast';${body}`);
    await writeFile(
      join(consumer, 'typed.cts'),
      `import { Dataset, Network } from 'deepyeast';${body}\nimport deepyeast = require('deepyeast');\nexport const table: object = deepyeast.errorTable;`,
    );
    const readme = await readFile(installed('README.md'), 'utf8');
    const example = /^```ts\n([\s\S]*?)^```$/m.exec(readme)![1]!;
    expect(example).toContain("from 'deepyeast'");
    await writeFile(join(consumer, 'readme.mts'), example);
    await writeFile(
      join(consumer, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: {
          module: 'node16',
          target: 'es2022',
          lib: ['es2023', 'esnext.disposable'],
          strict: true,
          noEmit: true,
          typeRoots: [join(projectRoot, 'node_modules/@types')],
          types: ['node'],
        },
        files: ['typed.mts', 'typed.cts', 'readme.mts'],
      }),
    );
    const { stdout } = await run(tool('tsc'), ['-p', '.'], { cwd: consumer }).catch((error) => error);
    expect(stdout).toBe('');
  });

  test('publint finds nothing', async () => {
    const { stdout } = await run(tool('publint'), ['run', '--strict', tarball]).catch((error) => error);
    expect(stdout).toContain('All good!');
  });

  test('@arethetypeswrong/cli finds nothing', async () => {
    const { stdout } = await run(tool('attw'), ['--format', 'json', tarball]).catch((error) => error);
    expect(JSON.parse(stdout).analysis.problems).toEqual([]);
  });
});

// An Electron without external buffers, and a Node.js of another version, load what keeps to these.
describe.runIf(process.platform === 'linux')('the packed addon', () => {
  const read = async (...options: string[]) =>
    execFileSync('readelf', ['--wide', ...options, await prebuilt()], { encoding: 'utf8' });

  test('needs no glibc newer than 2.34, the aim being 2.28', async () => {
    const versions = [...(await read('--version-info')).matchAll(/Name: GLIBC_(\d+)\.(\d+)/g)];
    expect(versions).not.toHaveLength(0);
    const newest = Math.max(...versions.map(([, major, minor]) => Number(major) * 1000 + Number(minor)));
    process.stdout.write(`the addon needs glibc ${Math.floor(newest / 1000)}.${newest % 1000}\n`);
    expect(newest).toBeLessThanOrEqual(2034);
    expect(newest).toBeLessThanOrEqual(2028);
  });

  test('needs the libraries of the C run time and libgcc_s, as Node.js does, and no libstdc++', async () => {
    const needed = [...(await read('--dynamic')).matchAll(/NEEDED.*\[(.+?)\.so/g)].map((match) => match[1]!);
    expect(needed).toContain('libgcc_s');
    const allowed = ['libc', 'libm', 'libpthread', 'libdl', 'librt', 'libgcc_s', 'ld-linux-x86-64', 'ld-linux-aarch64'];
    expect(needed.filter((library) => !allowed.includes(library))).toEqual([]);
  });

  test('takes nothing but Node-API from Node.js, makes no external buffers, and exports its entry only', async () => {
    const symbols = await read('--dyn-syms');
    const names = [...symbols.matchAll(/UND (\S+)/g)].map((match) => match[1]!);
    // Names of the C library carry a version; what has none comes from the process that loads the addon.
    const unversioned = names.filter((name) => !name.includes('@'));
    expect(unversioned.filter((name) => name.startsWith('napi_')).length).toBeGreaterThan(20);
    const hooks = ['__gmon_start__', '_ITM_deregisterTMCloneTable', '_ITM_registerTMCloneTable', '__cxa_finalize'];
    expect(unversioned.filter((name) => !name.startsWith('napi_') && !hooks.includes(name))).toEqual([]);
    expect(names.filter((name) => /external|^uv_|^_ZN2v8|^_ZN4node/.test(name))).toEqual([]);
    const exported = [...symbols.matchAll(/(?:GLOBAL|WEAK|UNIQUE) +DEFAULT +\d+ (\S+)/g)].map((match) => match[1]!);
    expect(
      exported.filter((name) => !/^(_?napi_register_module_v1|node_api_module_get_api_version_v1)$/.test(name)),
    ).toEqual([]);
  });
});

describe('without a prebuilt addon that fits', () => {
  test('a failed build ends in one paragraph: what is missing, how to get it, where the log is', async () => {
    const copy = join(folder, 'no prebuilt');
    await cp(installed(), copy, { recursive: true, filter: (path) => !path.includes('prebuilds') });
    await symlink(join(consumer, 'node_modules'), join(copy, 'node_modules'));
    const install = (env: NodeJS.ProcessEnv) =>
      run(process.execPath, [join(copy, 'native/install.js')], { env }).then(
        () => expect.fail('it was installed'),
        (error: { code: number; stdout: string; stderr: string }) => error,
      );
    const nothing = await install(bare);
    expect(nothing).toMatchObject({ code: 1, stdout: '' });
    expect(nothing.stderr.trim().split('\n')).toHaveLength(1);
    expect(nothing.stderr).toMatch(/CMake.*make.*C\+\+17 compiler.* are missing/);
    expect(nothing.stderr).toContain('apt-get install g++ make cmake');
    expect(await readFile(/The full log: (.+)$/m.exec(nothing.stderr)![1]!, 'utf8')).toContain('missing: CMake');

    const broken = await install({ ...process.env, CXX: '/bin/false' });
    expect(broken.code).toBe(1);
    expect(broken.stderr.trim().split('\n')).toHaveLength(1);
    const log = await readFile(/The full log: (.+)$/m.exec(broken.stderr)![1]!, 'utf8');
    expect(log).toContain('CMake Error');
    expect(log).toContain('/bin/false');
  });

  test('a prebuilt addon for another system is no reason to leave it in place', async () => {
    const copy = join(folder, 'unfit');
    await cp(installed(), copy, { recursive: true });
    await symlink(join(consumer, 'node_modules'), join(copy, 'node_modules'));
    const binary = join(copy, (await prebuilt()).slice(installed().length));
    await writeFile(binary, 'not a library');
    const { stderr } = await run(process.execPath, [join(copy, 'native/install.js')], { env: bare }).catch((e) => e);
    expect(stderr).toMatch(/cannot be loaded \(.*(invalid ELF header|file too short|not valid|slice)/);
  });
});

test('nothing in the package asks the network while it is installed', async () => {
  for (const name of ['install.js', 'build.js'])
    expect(await readFile(installed('native', name), 'utf8')).not.toMatch(/https?:|node:(https?|net)|fetch\(/);
});
