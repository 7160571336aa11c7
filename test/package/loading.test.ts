import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '../shared-data';

/** Files of node_modules that a program has loaded at its end, by package. */
function packagesLoadedBy(program: string): string[] {
  const report = `
    const loaded = Object.keys(require.cache).map((path) => path.split('node_modules/')[1]).filter(Boolean);
    console.log(JSON.stringify([...new Set(loaded.map((path) => path.split('/')[0]))]));`;
  const output = execFileSync(process.execPath, ['-e', `(async () => { ${program}; ${report} })()`], {
    cwd: projectRoot,
    encoding: 'utf8',
  });
  return JSON.parse(output.trim().split('\n').at(-1) as string);
}

const entry = JSON.stringify(join(projectRoot, 'dist', 'index.js'));

test('the entry loads no package before something is used', () => {
  expect(packagesLoadedBy(`require(${entry})`)).toEqual([]);
});

test('a network is made and used without image, table or figure packages', () => {
  const program = `
    const { Network } = require(${entry});
    const network = await Network.create({ classes: ['a', 'b'], size: 8, blocks: [[2]], dense: [] });
    await network.predict(new Uint8Array(8 * 8 * 2));
    await network.close()`;
  const findTheAddon = ['detect-libc', 'node-gyp-build'];
  expect(packagesLoadedBy(program).filter((name) => !findTheAddon.includes(name))).toEqual([]);
});

test('every name of the entry is the same by require and by import', () => {
  const module = JSON.stringify(join(projectRoot, 'dist', 'index.mjs'));
  const program = `
    const required = require(${entry});
    import(${module}).then((imported) => {
      const names = Object.keys(required);
      console.log(names.length, names.filter((name) => required[name] === undefined || required[name] !== imported[name]));
    })`;
  const output = execFileSync(process.execPath, ['-e', program], { encoding: 'utf8' });
  expect(output).toMatch(/^\d{2,} \[\]\n$/);
});

test('every module that the core holds has the same names by require and by import', () => {
  const core = join(projectRoot, 'dist', 'core', 'index.js');
  const paths = Object.keys(createRequire(core)(core) as object).map((path) => join(projectRoot, 'dist', path));
  expect(paths.length).toBeGreaterThan(10);
  const program = `
    (async () => {
      for (const path of ${JSON.stringify(paths)}) {
        const required = require(path);
        const imported = await import(require('node:url').pathToFileURL(path));
        for (const name of Object.keys(required)) if (imported[name] !== required[name]) console.log(path, name);
      }
    })()`;
  expect(execFileSync(process.execPath, ['-e', program], { encoding: 'utf8' })).toBe('');
});
