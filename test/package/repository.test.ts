import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { errorTable } from '../../src/errors';
import { projectRoot } from '../shared-data';

const read = (path: string) => readFileSync(join(projectRoot, path), 'utf8');

describe('the lock file', () => {
  test('names no registry host', () => {
    expect(read('.npmrc').split('\n')).toContain('omit-lockfile-registry-resolved=true');
    const urls = read('package-lock.json').match(/"resolved": "[^"]*"/g) ?? [];
    expect(urls).toEqual([]);
  });

  test('is of the version of package.json', () => {
    const lock = JSON.parse(read('package-lock.json'));
    const manifest = JSON.parse(read('package.json'));
    expect(lock.version).toBe(manifest.version);
    expect(lock.packages[''].dependencies).toEqual(manifest.dependencies);
    expect(lock.packages[''].devDependencies).toEqual(manifest.devDependencies);
  });
});

describe('package.json', () => {
  // npm 11.16 and later warns of install scripts that nobody has reviewed; npm 12 does not run them.
  test('says of every dependency with an install script whether it may run', () => {
    const { packages } = JSON.parse(read('package-lock.json')) as {
      packages: Record<string, { hasInstallScript?: boolean }>;
    };
    const { allowScripts } = JSON.parse(read('package.json')) as { allowScripts: Record<string, boolean> };
    const withScript = Object.entries(packages)
      .filter(([path, { hasInstallScript }]) => path !== '' && hasInstallScript)
      .map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length));
    expect(Object.keys(allowScripts).sort()).toEqual([...new Set(withScript)].sort());
  });

  test('none of the packages that users install besides ours runs an install script', () => {
    const { packages } = JSON.parse(read('package-lock.json')) as {
      packages: Record<string, { hasInstallScript?: boolean; dev?: boolean }>;
    };
    const theirs = Object.entries(packages).filter(([path, { dev }]) => path !== '' && !dev);
    expect(theirs.length).toBeGreaterThan(10);
    expect(theirs.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path)).toEqual([]);
  });
});

describe('README.md', () => {
  test('shows the two commands', () => {
    expect(read('README.md')).toContain('npm ci && npm run demo');
    expect(read('README.md')).toContain('npm ci && npm test');
  });
});

describe('docs/errors.md', () => {
  test('lists every error code with its exit status and remedy (`npm run docs` writes it)', () => {
    const rows = [...read('docs/errors.md').matchAll(/^\| `([a-z0-9-]+)` \| (\d+) \| (.+) \|$/gm)].map((match) => ({
      code: match[1],
      exit: Number(match[2]),
      remedy: match[3],
    }));
    const expected = Object.entries(errorTable).map(([code, entry]) => ({ code, ...entry }));
    const byCode = (a: { code?: string | undefined }, b: { code?: string | undefined }) => (a.code! < b.code! ? -1 : 1);
    expect(rows.sort(byCode)).toEqual(expected.sort(byCode));
  });
});
