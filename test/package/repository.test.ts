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
