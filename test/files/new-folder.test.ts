import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { NewFolder } from '../../src/files/new-folder';
import { temporaryFolder } from '../temporary-folder';

const folder = temporaryFolder();

test('nothing is at the path before the commit, everything after it', async () => {
  const made = await NewFolder.create(folder.path('deep', 'out'));
  await made.makeFolder('a', 'b');
  writeFileSync(made.file('a', 'b', 'file'), 'text');
  expect(existsSync(folder.path('deep', 'out'))).toBe(false);
  await made.commit();
  expect(readFileSync(folder.path('deep', 'out', 'a', 'b', 'file'), 'utf8')).toBe('text');
  expect(readdirSync(folder.path('deep'))).toEqual(['out']);
  await made.abort();
  expect(existsSync(folder.path('deep', 'out', 'a'))).toBe(true);
});

test('an abort leaves the disk as it was', async () => {
  const made = await NewFolder.create(folder.path('deep', 'out'));
  writeFileSync(made.file('file'), 'text');
  await made.abort();
  expect(readdirSync(folder.path())).toEqual([]);
});

test('what is in the way is refused, before and at the commit; an empty folder is none', async () => {
  writeFileSync(folder.path('file'), '');
  await expect(NewFolder.create(folder.path('file'))).rejects.toMatchObject({ code: 'output-exists' });
  mkdirSync(folder.path('out'));
  const made = await NewFolder.create(folder.path('out'));
  writeFileSync(folder.path('out', 'other'), '');
  await expect(made.commit()).rejects.toMatchObject({ code: 'output-exists' });
  expect(readdirSync(folder.path()).sort()).toEqual(['file', 'out']);
  expect(readdirSync(folder.path('out'))).toEqual(['other']);
});
