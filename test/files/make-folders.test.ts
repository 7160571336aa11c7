import { existsSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { makeFolders } from '../../src/files/make-folders';
import { temporaryFolder } from '../temporary-folder';

describe('makeFolders', () => {
  const folder = temporaryFolder();

  test('makes what is missing and names the uppermost', () => {
    expect(makeFolders(folder.path('a/b/c'))).toBe(folder.path('a'));
    expect(statSync(folder.path('a/b/c')).isDirectory()).toBe(true);
    expect(makeFolders(folder.path('a/b/c'))).toBeUndefined();
    expect(makeFolders(folder.path('a/b/d'))).toBe(folder.path('a/b/d'));
  });

  test('fails where a file is in the way', () => {
    writeFileSync(folder.path('file'), '');
    expect(() => makeFolders(folder.path('file'))).toThrow(/EEXIST/);
    expect(() => makeFolders(folder.path('file/inside/it'))).toThrow(/ENOTDIR/);
  });

  test.runIf(existsSync('/proc/self'))('ends with an error where no folder can be made', () => {
    expect(() => makeFolders('/proc/nowhere/at/all')).toThrow(/ENOENT/);
  });
});
