import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { replace, replaceSync } from '../../src/files/replace';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deepyeast-replace-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe.each([
  ['replace', replace],
  ['replaceSync', async (from: string, to: string) => replaceSync(from, to)],
])('%s', (name, rename) => {
  const at = (path: string) => join(folder, name, path);

  test('puts a file in the place of a file', async () => {
    await mkdir(at(''));
    await writeFile(at('new'), 'new');
    await writeFile(at('old'), 'old');
    await rename(at('new'), at('old'));
    expect(await readFile(at('old'), 'utf8')).toBe('new');
    expect(await readdir(at(''))).toEqual(['old']);
  });

  test('puts a folder in the place of an empty one, and of no other', async () => {
    for (const one of ['a', 'empty', 'full']) await mkdir(at(one));
    for (const one of ['a/x', 'full/y']) await writeFile(at(one), '');
    await expect(rename(at('a'), at('full'))).rejects.toMatchObject({
      code: expect.stringMatching(/ENOTEMPTY|EEXIST/),
    });
    await rename(at('a'), at('empty'));
    expect(await readdir(at('empty'))).toEqual(['x']);
  });

  test('says what is missing', async () => {
    await expect(rename(at('nothing'), at('there'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
