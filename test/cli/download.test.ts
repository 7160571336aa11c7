import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { create } from 'tar';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { publicRegistry } from '../../src/download';
import { serve, startServer, type TestServer } from '../download/server';
import { sharedDataOrSkip } from '../shared-data';
import { temporaryFolder } from '../temporary-folder';
import { run } from './in-process';

const folder = temporaryFolder();
const list = Buffer.from('plate/a.png 1\n');
const sha256 = createHash('sha256').update(list).digest('hex');
let server: TestServer;
let archive: Buffer;

beforeEach(async () => {
  mkdirSync(folder.path('source'));
  writeFileSync(folder.path('source/a.png'), 'a');
  await create({ file: folder.path('cells.tar.gz'), cwd: folder.path('source'), gzip: true }, ['a.png']);
  archive = readFileSync(folder.path('cells.tar.gz'));
  server = await startServer({ '/list.txt': serve(list), '/cells.tar.gz': serve(archive) });
});
afterEach(() => server.close());

function writeRegistry(hash: string | undefined = sha256): string {
  const registry = {
    screen: {
      description: 'a screen',
      files: [
        { name: 'list.txt', urls: [server.url('/list.txt')], sha256: hash, size: list.length },
        {
          name: 'cells.tar.gz',
          urls: [server.url('/absent'), server.url('/cells.tar.gz')],
          md5: createHash('md5').update(archive).digest('hex'),
          extract: true,
        },
      ],
    },
    plain: { files: [{ name: 'list.txt', urls: [server.url('/list.txt')] }] },
  };
  writeFileSync(folder.path('registry.json'), JSON.stringify(registry));
  return folder.path('registry.json');
}

test('an entry is downloaded from a mirror, verified, unpacked; a second time nothing is', async () => {
  const command = ['download', 'screen', '--registry', writeRegistry(), '--out', folder.path('out')];
  const first = await run(...command);
  expect(first).toMatchObject({ status: 0, stdout: '' });
  expect(first.stderr).toContain(`downloaded, verified (SHA-256 ${sha256})`);
  expect(readFileSync(folder.path('out/cells/a.png'), 'utf8')).toBe('a');
  const requests = server.requests.length;
  const { stdout } = await run(...command, '--json');
  expect(JSON.parse(stdout).files).toMatchObject([{ present: true }, { present: true, verified: 'md5' }]);
  expect(server.requests).toHaveLength(requests);
});

test('without a hash the file is taken and called unverified; a hash on the command line verifies it', async () => {
  const plain = ['download', 'plain', '--registry', writeRegistry(), '--out'];
  const found = await run(...plain, folder.path('a'));
  expect(found.status).toBe(0);
  expect(found.stderr).toMatch(/list\.txt is unverified.*SHA-256 of what came is/);
  expect(found.stderr).toContain(sha256);
  expect((await run(...plain, folder.path('b'), '--sha256', sha256)).stderr).toContain('verified (SHA-256');
  expect(await run(...plain, folder.path('c'), '--sha256', '0'.repeat(64))).toMatchObject({ status: 3 });
  expect(existsSync(folder.path('c'))).toBe(false);
});

test('a wrong hash ends with status 3 and leaves nothing', async () => {
  const registry = writeRegistry('0'.repeat(64));
  const found = await run('download', 'screen', '--registry', registry, '--out', folder.path('out'));
  expect(found.status).toBe(3);
  expect(found.stderr).toMatch(/error \[download-mismatch\]/);
  expect(existsSync(folder.path('out'))).toBe(false);
});

test('an entry that is not there, and registries with mistakes, are named', async () => {
  const unknown = await run('download', 'wights');
  expect(unknown).toMatchObject({ status: 2 });
  expect(unknown.stderr).toContain('did you mean "weights"?');
  const url = 'https://example.org/a';
  for (const [files, message] of [
    [[], /screen\.files is not a list/],
    [[{ name: '../a', urls: [url] }], /name is "\.\.\/a"/],
    [[{ name: 'a', urls: ['file:///etc/passwd'] }], /urls is not a list of http/],
    [[{ name: 'a', urls: [url], sha265: '0' }], /sha265 is not known/],
    [[{ name: 'a', urls: [url], md5: 'xyz' }], /md5 is "xyz"; expected 32/],
    [[{ name: 'a', urls: [url], size: -1 }], /size is -1/],
  ] as const) {
    writeFileSync(folder.path('registry.json'), JSON.stringify({ screen: { files } }));
    const found = await run('download', 'screen', '--registry', folder.path('registry.json'));
    expect(found.status).toBe(2);
    expect(found.stderr).toMatch(/error \[registry-invalid\]/);
    expect(found.stderr).toMatch(message);
  }
});

test('without a name the entries are listed', async () => {
  const { status, stdout } = await run('download');
  expect(status).toBe(0);
  for (const name of ['weights', 'main', 'transfer']) expect(stdout).toMatch(new RegExp(`^${name} `, 'm'));
});

test('the registered MD5 sums of the label lists are those of the real lists', (context) => {
  const files = [...(publicRegistry.main?.files ?? []), ...(publicRegistry.transfer?.files ?? [])];
  const lists = files.filter(({ name }) => name.endsWith('.txt'));
  expect(lists).toHaveLength(8);
  for (const { name, md5 } of lists) {
    const path = sharedDataOrSkip(context, 'deepyeast-labels', name);
    expect(createHash('md5').update(readFileSync(path)).digest('hex'), name).toBe(md5);
  }
});
