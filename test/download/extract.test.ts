import {
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { gzipSync } from 'node:zlib';
import { create, Header } from 'tar';
import { beforeEach, describe, expect, test } from 'vitest';
import { ZipFile } from 'yazl';
import { extractArchive } from '../../src/download/extract';
import { DeepYeastError } from '../../src/errors';
import { temporaryFolder } from '../temporary-folder';

const folder = temporaryFolder();

const code = (work: Promise<unknown>) =>
  work.then(
    () => 'no error',
    (error) => (error instanceof DeepYeastError ? `${error.code}: ${error.message}` : `${error}`),
  );

interface TarEntry {
  path: string;
  content?: string;
  type?: 'File' | 'SymbolicLink' | 'Link' | 'CharacterDevice' | 'FIFO';
  linkpath?: string;
  size?: number;
}

/** A tar file entry by entry, as a well-behaved program would not write it. */
function tarFile(name: string, entries: readonly TarEntry[]): string {
  const blocks = entries.flatMap(({ path, content = '', type = 'File', linkpath, size = content.length }) => {
    const header = new Header({
      path,
      type,
      size,
      mode: 0o6777,
      mtime: new Date(0),
      ...(linkpath ? { linkpath } : {}),
    });
    const block = Buffer.alloc(512);
    header.encode(block, 0);
    const body = Buffer.alloc(Math.ceil(content.length / 512) * 512);
    body.write(content);
    return [block, body];
  });
  const bytes = Buffer.concat([...blocks, Buffer.alloc(1024)]);
  writeFileSync(folder.path(name), /gz$/.test(name) ? gzipSync(bytes) : bytes);
  return folder.path(name);
}

async function zipFile(
  name: string,
  entries: readonly { path: string; content?: string; mode?: number }[],
): Promise<string> {
  const zip = new ZipFile();
  for (const { path, content = '', mode = 0o100644 } of entries) {
    // yazl refuses such names as well: names of the same length are put in afterwards.
    zip.addBuffer(
      Buffer.from(content),
      path.replace(/\.\.|^\/|\\/g, (text) => '_'.repeat(text.length)),
      { mode, compress: false },
    );
  }
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(folder.path(name)));
  let bytes = readFileSync(folder.path(name)).toString('latin1');
  for (const { path } of entries) {
    bytes = bytes.replaceAll(
      path.replace(/\.\.|^\/|\\/g, (text) => '_'.repeat(text.length)),
      path,
    );
  }
  writeFileSync(folder.path(name), bytes, 'latin1');
  return folder.path(name);
}

describe('archives are unpacked', () => {
  beforeEach(() => {
    mkdirSync(folder.path('source/plate/well'), { recursive: true });
    writeFileSync(folder.path('source/plate/well/a.png'), 'a');
    writeFileSync(folder.path('source/list.txt'), 'list');
  });

  test.each(['data.tar', 'data.tar.gz', 'data.tgz'])('%s', async (name) => {
    await create({ file: folder.path(name), cwd: folder.path('source'), gzip: name !== 'data.tar' }, [
      'plate',
      'list.txt',
    ]);
    expect(await extractArchive(folder.path(name), folder.path('data'))).toBe(2);
    expect(readFileSync(folder.path('data/plate/well/a.png'), 'utf8')).toBe('a');
    expect(readFileSync(folder.path('data/list.txt'), 'utf8')).toBe('list');
  });

  test('data.zip', async () => {
    const path = await zipFile('data.zip', [
      { path: 'plate/well/a.png', content: 'a' },
      { path: 'list.txt', content: 'list' },
    ]);
    expect(await extractArchive(path, folder.path('data'))).toBe(2);
    expect(readFileSync(folder.path('data/plate/well/a.png'), 'utf8')).toBe('a');
  });

  test('modes and owners are not taken over', async () => {
    await extractArchive(tarFile('data.tar', [{ path: 'a.sh', content: 'x' }]), folder.path('data'));
    expect(statSync(folder.path('data/a.sh')).mode & 0o7111).toBe(0);
  });

  test('never over a folder that exists', async () => {
    mkdirSync(folder.path('data'));
    const path = tarFile('data.tar', [{ path: 'a', content: 'x' }]);
    expect(await code(extractArchive(path, folder.path('data')))).toMatch(/^output-exists: /);
  });
});

describe('a malicious archive writes nothing', () => {
  const good: TarEntry = { path: 'good.txt', content: 'good' };

  test.each<[string, TarEntry[]]>([
    ['a way up', [good, { path: '../evil.txt', content: 'evil' }]],
    ['a way up inside', [good, { path: 'a/../../evil.txt', content: 'evil' }]],
    ['an absolute path', [good, { path: '/tmp/deepyeast-evil.txt', content: 'evil' }]],
    ['a drive', [good, { path: 'C:/evil.txt', content: 'evil' }]],
    ['a backslash', [good, { path: '..\\evil.txt', content: 'evil' }]],
    [
      'a symbolic link',
      [good, { path: 'link', type: 'SymbolicLink', linkpath: '..' }, { path: 'link/evil.txt', content: 'evil' }],
    ],
    ['a hard link', [good, { path: 'link', type: 'Link', linkpath: '../outside.txt' }]],
    ['a device', [good, { path: 'device', type: 'CharacterDevice' }]],
    ['a pipe', [good, { path: 'pipe', type: 'FIFO' }]],
    ['the same file twice', [good, { path: './good.txt', content: 'evil' }]],
  ])('tar with %s', async (_, entries) => {
    writeFileSync(folder.path('outside.txt'), 'untouched');
    for (const name of ['evil.tar', 'evil.tar.gz']) {
      const found = await code(extractArchive(tarFile(name, entries), folder.path('data')));
      expect(found).toMatch(/^archive-unsafe: .*nothing was unpacked/);
    }
    expect(readdirSync(folder.path()).sort()).toEqual(['evil.tar', 'evil.tar.gz', 'outside.txt']);
    expect(readFileSync(folder.path('outside.txt'), 'utf8')).toBe('untouched');
    expect(existsSync('/tmp/deepyeast-evil.txt')).toBe(false);
  });

  test.each([
    ['a way up', { path: '../evil.txt', content: 'evil' }],
    ['an absolute path', { path: '/evil.txt', content: 'evil' }],
    ['a backslash', { path: 'a\\evil.txt', content: 'evil' }],
    ['a symbolic link', { path: 'link', content: '/etc', mode: 0o120777 }],
  ])('zip with %s', async (_, entry) => {
    const path = await zipFile('evil.zip', [{ path: 'good.txt', content: 'good' }, entry]);
    expect(await code(extractArchive(path, folder.path('data')))).toMatch(/^archive-unsafe: .*nothing was unpacked/);
    expect(readdirSync(folder.path())).toEqual(['evil.zip']);
  });

  test('more bytes than can be meant', async () => {
    const path = tarFile('bomb.tar.gz', [{ path: 'zeros', content: '\0'.repeat(100_000) }]);
    const found = await code(extractArchive(path, folder.path('data'), { mostBytes: 50_000 }));
    expect(found).toMatch(/^archive-unsafe: .*unpacks to more than 50000 bytes/);
    expect(readdirSync(folder.path())).toEqual(['bomb.tar.gz']);
  });
});

test.each(['cut.tar.gz', 'cut.tar', 'cut.zip'])('%s, cut short, leaves nothing', async (name) => {
  const entries = Array.from({ length: 20 }, (_, i) => ({ path: `file${i}`, content: 'x'.repeat(2000 + i) }));
  const path = name.endsWith('zip') ? await zipFile(name, entries) : tarFile(name, entries);
  const bytes = readFileSync(path);
  writeFileSync(path, bytes.subarray(0, Math.floor(bytes.length / 2)));
  expect(await code(extractArchive(path, folder.path('data')))).toMatch(/^archive-unsafe: .*cannot be read/);
  expect(readdirSync(folder.path())).toEqual([name]);
});

test('a link in the way is not followed', async () => {
  mkdirSync(folder.path('elsewhere'));
  symlinkSync(folder.path('elsewhere'), folder.path('data'));
  const path = tarFile('data.tar', [{ path: 'a', content: 'x' }]);
  expect(await code(extractArchive(path, folder.path('data')))).toMatch(/^output-exists: /);
  expect(readdirSync(folder.path('elsewhere'))).toEqual([]);
});
