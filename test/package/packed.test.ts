import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { projectRoot } from '../shared-data';

// The package as npm would publish it, with the addon of this machine among the prebuilt ones (as a release has it), is
// installed into an empty project and used from there. Without a prebuilt the same install script compiles: that is
// what `npm ci` in a clone does.

const run = promisify(execFile);
const tool = (name: string) => join(projectRoot, 'node_modules', '.bin', name);

let folder: string;
let tarball: string;
let consumer: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deepyeast-package-'));
  const staged = join(folder, 'staged');
  const listing = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: projectRoot });
  for (const { path } of JSON.parse(listing.stdout)[0].files as { path: string }[]) {
    await mkdir(dirname(join(staged, path)), { recursive: true });
    await cp(join(projectRoot, path), join(staged, path));
  }
  const prebuilt = join(staged, 'prebuilds', `${process.platform}-${process.arch}`);
  await mkdir(prebuilt, { recursive: true });
  await cp(join(projectRoot, 'build/Release/deepyeast.node'), join(prebuilt, 'deepyeast.node'));

  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: staged });
  tarball = join(folder, (await readdir(folder)).find((name) => name.endsWith('.tgz'))!);

  consumer = join(folder, 'consumer');
  await mkdir(consumer);
  await writeFile(join(consumer, 'package.json'), '{ "name": "consumer", "private": true }\n');
  await run('npm', ['install', tarball, '--prefer-offline', '--no-audit', '--no-fund'], { cwd: consumer });
}, 300_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs a program of the consumer and gives its standard output as JSON. */
async function runConsumer(name: string, source: string): Promise<unknown> {
  await writeFile(join(consumer, name), source);
  const { stdout } = await run(process.execPath, [name], { cwd: consumer });
  return JSON.parse(stdout);
}

describe('the packed package', () => {
  test('holds no tests, no build folder and no sources of TypeScript', async () => {
    const { stdout } = await run('tar', ['-tzf', tarball]);
    const files = stdout.trim().split('\n');
    expect(files).toContain('package/README.md');
    expect(files).toContain('package/LICENSE');
    expect(files).toContain('package/dist/cli/main.js');
    expect(files.filter((file) => /^package\/(test|build|src|bench|native\/test|\.)/.test(file))).toEqual([]);
  });

  test('loads by require and uses the prebuilt addon', async () => {
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
    const { stdout } = await run(join(consumer, 'node_modules/.bin/deepyeast'), ['doctor', '--json']);
    expect(JSON.parse(stdout).addon).toMatchObject({ origin: 'prebuilt' });
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
    const readme = await readFile(join(consumer, 'node_modules/deepyeast/README.md'), 'utf8');
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
