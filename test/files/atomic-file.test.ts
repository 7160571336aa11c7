import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AtomicFile, writeFileAtomically } from '../../src/files/atomic-file';
import { projectRoot } from '../shared-data';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'deepyeast-atomic-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const path = (name: string) => join(folder, name);

test('a file appears at commit and not before', async () => {
  const file = await AtomicFile.create(path('a.txt'));
  await file.write('one ');
  await file.write(Buffer.from('two'));
  expect(readdirSync(folder)).toEqual([expect.stringMatching(/^a\.txt\.tmp-/)]);
  await file.commit();
  expect(readdirSync(folder)).toEqual(['a.txt']);
  expect(readFileSync(path('a.txt'), 'utf8')).toBe('one two');
});

test('an older file is replaced at commit, kept by abort', async () => {
  writeFileSync(path('a.txt'), 'old');
  const file = await AtomicFile.create(path('a.txt'));
  await file.write('new');
  expect(readFileSync(path('a.txt'), 'utf8')).toBe('old');
  await file.abort();
  expect(readdirSync(folder)).toEqual(['a.txt']);
  expect(readFileSync(path('a.txt'), 'utf8')).toBe('old');
  await writeFileAtomically(path('a.txt'), 'new');
  expect(readFileSync(path('a.txt'), 'utf8')).toBe('new');
});

test('bytes are the concatenation of what was written, whatever the sizes and reuse of buffers', async () => {
  const sizes = fc.array(fc.oneof(fc.nat(100), fc.nat(600_000), fc.constantFrom(1 << 18, (1 << 18) + 1)), {
    maxLength: 8,
  });
  await fc.assert(
    fc.asyncProperty(sizes, async (lengths) => {
      const file = await AtomicFile.create(path('bytes'));
      const reused = new Uint8Array(700_000);
      const expected: Uint8Array[] = [];
      for (const [index, length] of lengths.entries()) {
        reused.fill(index + 1);
        expected.push(Uint8Array.from(reused.subarray(0, length)));
        await file.write(reused.subarray(0, length));
      }
      await file.commit();
      expect(Buffer.concat(expected).equals(readFileSync(path('bytes')))).toBe(true);
    }),
    { numRuns: 30 },
  );
});

test('bytes written may be replaced before the commit', async () => {
  const file = await AtomicFile.create(path('header'));
  await file.write('....body');
  await file.overwrite(Buffer.from('head'), 0);
  await file.write(' and more');
  await file.commit();
  expect(readFileSync(path('header'), 'utf8')).toBe('headbody and more');
});

describe('failures', () => {
  test('a folder that is not there', async () => {
    await expect(writeFileAtomically(path('none/a.txt'), 'x')).rejects.toMatchObject({
      code: 'io-error',
      message: expect.stringContaining('none/a.txt'),
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  test('a folder at the path: nothing is left', async () => {
    mkdirSync(path('taken'));
    await expect(writeFileAtomically(path('taken'), 'x')).rejects.toMatchObject({ code: 'io-error' });
    expect(readdirSync(folder)).toEqual(['taken']);
  });

  test('after a commit, an abort or a failure there is nothing more to do', async () => {
    const file = await AtomicFile.create(path('a.txt'));
    await file.commit();
    await expect(file.write('x')).rejects.toMatchObject({ code: 'closed' });
    await expect(file.commit()).rejects.toMatchObject({ code: 'closed' });
    await file.abort();
    expect(readdirSync(folder)).toEqual(['a.txt']);
    const aborted = await AtomicFile.create(path('b.txt'));
    await aborted.abort();
    await aborted.abort();
    await expect(aborted.write('x')).rejects.toMatchObject({ code: 'closed' });
    expect(readdirSync(folder)).toEqual(['a.txt']);
  });
});

test('a process that ends in the middle leaves no temporary file', () => {
  const script = `
    const { AtomicFile } = require(${JSON.stringify(join(projectRoot, 'dist/files/atomic-file.js'))});
    AtomicFile.create(process.argv[1]).then(async (file) => {
      await file.write(Buffer.alloc(1 << 20));
      console.log(require('node:fs').readdirSync(require('node:path').dirname(process.argv[1])).length);
      process.exit(7);
    });`;
  const { status, stdout } = spawnSync(process.execPath, ['-e', script, path('a.txt')], { encoding: 'utf8' });
  expect({ status, stdout }).toEqual({ status: 7, stdout: '1\n' });
  expect(readdirSync(folder)).toEqual([]);
});
