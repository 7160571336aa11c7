import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type FetchOptions, fetchFile } from '../../src/download/fetch-file';
import type { RegistryFile } from '../../src/download/registry';
import { DeepYeastError } from '../../src/errors';
import { RandomStream } from '../../src/random';
import { temporaryFolder } from '../temporary-folder';
import { type Handler, rangeBegin, serve, startProxy, startServer, type TestServer } from './server';

const folder = temporaryFolder();
const random = new RandomStream(3, 'simulation', 0, 0);
const content = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, i) => random.word(i) >>> 24));
const md5 = createHash('md5').update(content).digest('hex');
const sha256 = createHash('sha256').update(content).digest('hex');
const quick: FetchOptions = { retryDelayMs: 1, stallMs: 20_000 };

let server: TestServer;
beforeEach(() => mkdirSync(folder.path('out')));
afterEach(() => server.close());

/** Downloads `file.bin` from the paths of a server, in turn. */
async function download(
  handlers: Record<string, Handler>,
  file: Partial<RegistryFile> = {},
  options: FetchOptions = {},
) {
  server = await startServer(handlers);
  const urls = Object.keys(handlers).map((path) => server.url(path));
  return fetchFile({ name: 'file.bin', urls, ...file }, folder.path('out'), { ...quick, ...options });
}

const code = (work: Promise<unknown>) =>
  work.then(
    () => 'no error',
    (error) => (error instanceof DeepYeastError ? `${error.code}: ${error.message}` : `${error}`),
  );
const left = () => readdirSync(folder.path('out')).sort();

/** Sends the first `bytes` of what was asked for, then drops the connection. */
function drop(bytes: number, headers: Record<string, string> = {}): Handler {
  return (incoming, response) => {
    const begin = rangeBegin(incoming) ?? 0;
    const length = content.length - begin;
    const range = begin > 0 ? { 'content-range': `bytes ${begin}-${content.length - 1}/${content.length}` } : {};
    response.writeHead(begin > 0 ? 206 : 200, { 'content-length': length, ...range, ...headers });
    response.write(content.subarray(begin, begin + bytes), () => setTimeout(() => response.destroy(), 300));
  };
}

test('a file is downloaded, verified by MD5 or SHA-256, and found verified the next time', async () => {
  const progress: number[] = [];
  const options = { onProgress: (_: string, done: number) => progress.push(done) };
  const result = await download({ '/a': serve(content) }, { md5, size: content.length }, options);
  expect(result).toMatchObject({ bytes: content.length, md5, sha256, verified: 'md5', present: false });
  expect(readFileSync(folder.path('out', 'file.bin')).equals(content)).toBe(true);
  expect(left()).toEqual(['file.bin']);
  expect(progress.at(-1)).toBe(content.length);
  await server.close();
  const again = await download({ '/a': serve(content) }, { md5, sha256 });
  expect(again).toMatchObject({ verified: 'sha256', present: true });
  expect(server.requests).toHaveLength(0);
});

test('a link in the place of NAME.part is not followed', async () => {
  writeFileSync(folder.path('precious'), 'precious');
  for (const name of ['file.bin.part', 'file.bin.part.json']) {
    symlinkSync(folder.path('precious'), folder.path('out', name));
    expect(await code(download({ '/a': serve(content) }, { sha256 }))).toMatch(/^output-exists: .*is a symbolic link/);
    expect(readFileSync(folder.path('precious'), 'utf8')).toBe('precious');
    rmSync(folder.path('out', name));
    await server.close();
  }
});

test('a dropped connection is continued where it ended', async () => {
  const whole = serve(content);
  const result = await download(
    { '/a': (incoming, response, count) => (count < 3 ? drop(60_000) : whole)(incoming, response, count) },
    { sha256 },
  );
  expect(result.verified).toBe('sha256');
  expect(readFileSync(result.path).equals(content)).toBe(true);
  const begins = server.requests.map((request) => rangeBegin(request) ?? 0);
  expect(begins).toEqual([...begins].sort((a, b) => a - b));
  expect(begins[0]).toBe(0);
  expect(begins.at(-1)).toBeGreaterThan(0);
});

test('a server that always drops ends in an error, and the next run goes on from there', async () => {
  const failing: Handler = (incoming, response, count) =>
    count === 0 ? drop(100_000)(incoming, response, count) : response.destroy();
  expect(await code(download({ '/a': failing }, { md5 }, { attempts: 2 }))).toMatch(/^download-failed: /);
  expect(left()).toEqual(['file.bin.part', 'file.bin.part.json']);
  await server.close();
  const { size } = statSync(folder.path('out', 'file.bin.part'));
  expect(size).toBeGreaterThan(0);
  await download({ '/a': serve(content) }, { md5 });
  expect(rangeBegin(server.requests[0]!)).toBe(size);
  expect(left()).toEqual(['file.bin']);
});

test('without a hash only the same version on the same server is continued', async () => {
  // The same address throughout, so the server stays.
  let etag = '"one"';
  const handler: Handler = (incoming, response, count) => {
    const same = incoming.headers['if-range'] === etag;
    if (count === 0) return drop(100_000, { etag })(incoming, response, count);
    if (incoming.headers.range !== undefined && !same) delete incoming.headers.range;
    return serve(content, { etag })(incoming, response, count);
  };
  const result = await download({ '/a': handler });
  expect(result).toMatchObject({ verified: null, sha256 });
  expect(server.requests[1]?.headers).toMatchObject({ 'if-range': '"one"' });
  expect(rangeBegin(server.requests[1]!)).toBeGreaterThan(0);

  await server.close();
  writeFileSync(folder.path('out', 'file.bin.part'), 'of something else');
  server = await startServer({ '/b': handler });
  etag = '"two"';
  const file = { name: 'other.bin', urls: [server.url('/b')] };
  writeFileSync(folder.path('out', 'other.bin.part'), 'of something else');
  expect(await fetchFile(file, folder.path('out'), quick)).toMatchObject({ sha256 });
  expect(server.requests[0]?.headers.range).toBeUndefined();
});

test('a beginning that does not fit is thrown away: once more from the start', async () => {
  writeFileSync(folder.path('out', 'file.bin.part'), Buffer.alloc(1000));
  const result = await download({ '/a': serve(content) }, { md5 });
  expect(readFileSync(result.path).equals(content)).toBe(true);
  expect(server.requests.map(rangeBegin)).toEqual([1000, undefined]);
});

describe('a server that lies', () => {
  test('about the length, promising more than it sends', async () => {
    const handler: Handler = (_, response) => {
      response.writeHead(200, { 'content-length': content.length + 500 });
      response.write(content, () => setTimeout(() => response.destroy(), 300));
    };
    expect(await code(download({ '/a': handler }, { md5 }, { attempts: 2 }))).toMatch(/^download-failed: /);
    expect(existsSync(folder.path('out', 'file.bin'))).toBe(false);
  });

  test('about the length, other than the registry says: nothing is read', async () => {
    const found = await code(download({ '/a': serve(content) }, { size: content.length - 1 }));
    expect(found).toMatch(/^download-mismatch: .*says it has 300000 bytes; expected 299999/);
    expect(left()).toEqual([]);
  });

  test('by sending without end', async () => {
    const handler: Handler = (_, response) => {
      response.writeHead(200, { 'transfer-encoding': 'chunked' });
      const pour = () => {
        while (!response.destroyed && response.write(content));
        if (!response.destroyed) response.once('drain', pour);
      };
      pour();
    };
    const found = await code(download({ '/a': handler }, { size: content.length }));
    expect(found).toMatch(/^download-mismatch: .*sends more than the 300000 bytes/);
  });

  test('by the wrong range', async () => {
    const handler: Handler = (incoming, response, count) => {
      if (count === 0 || count > 1) return drop(count === 0 ? 90_000 : content.length)(incoming, response, count);
      response
        .writeHead(206, { 'content-range': `bytes 0-299999/300000`, 'content-length': content.length })
        .end(content);
    };
    const result = await download({ '/a': handler }, { md5 });
    expect(readFileSync(result.path).equals(content)).toBe(true);
  });

  test('about the content: the hash is wrong and nothing is kept', async () => {
    const found = await code(
      download({ '/a': serve(content) }, { sha256: sha256.replace(/^./, (c) => (c === '0' ? '1' : '0')) }),
    );
    expect(found).toMatch(new RegExp(`^download-mismatch: .*sha256 ${sha256}, expected `));
    expect(left()).toEqual([]);
  });
});

test('the next mirror serves where one is gone, broken or wrong', async () => {
  const result = await download(
    {
      '/gone': (_, response) => response.writeHead(410).end(),
      '/broken': (_, response) => response.writeHead(503).end(),
      '/wrong': serve(content.subarray(1)),
      '/good': serve(content),
    },
    { md5 },
    { attempts: 2 },
  );
  expect(result.verified).toBe('md5');
  expect(server.requests.map(({ url }) => url)).toEqual(['/gone', '/broken', '/broken', '/wrong', '/good']);
});

test('redirects are followed, a circle of them is not', async () => {
  const to =
    (path: string): Handler =>
    (_, response) =>
      response.writeHead(302, { location: path }).end();
  server = await startServer({ '/a': to('/b'), '/b': serve(content), '/c': to('/c') });
  const file = (path: string) => ({ name: 'file.bin', urls: [server.url(path)], md5 });
  expect(await fetchFile(file('/a'), folder.path('out'), quick)).toMatchObject({ verified: 'md5' });
  const circle = fetchFile({ ...file('/c'), name: 'c.bin' }, folder.path('out'), { ...quick, attempts: 1 });
  expect(await code(circle)).toMatch(/^download-failed: .*redirects/);
});

test('a server that says nothing any more is given up', async () => {
  const silent: Handler = (_, response) => {
    response.writeHead(200, { 'content-length': 1000 }).write('a');
  };
  const found = await code(download({ '/a': silent }, { md5 }, { attempts: 1, stallMs: 300 }));
  expect(found).toMatch(/^download-failed: .*timeout/i);
});

test('cancelling ends it and keeps what came', async () => {
  const controller = new AbortController();
  const slow: Handler = (_, response) => {
    response.writeHead(200, { 'content-length': content.length }).write(content.subarray(0, 50_000));
  };
  const options = { signal: controller.signal, onProgress: () => controller.abort() };
  expect(await code(download({ '/a': slow }, { md5 }, options))).toMatch(/^aborted: /);
  expect(left()).toEqual(['file.bin.part', 'file.bin.part.json']);
});

test('another file of the name is never overwritten', async () => {
  writeFileSync(folder.path('out', 'file.bin'), 'mine');
  expect(await code(download({ '/a': serve(content) }, { md5 }))).toMatch(/^output-exists: /);
  expect(readFileSync(folder.path('out', 'file.bin'), 'utf8')).toBe('mine');
});

describe('proxies', () => {
  afterEach(() => vi.unstubAllEnvs());

  test('HTTP_PROXY is asked, NO_PROXY spares it, HTTPS_PROXY gets a tunnel', async () => {
    const proxy = await startProxy();
    try {
      vi.stubEnv('NO_PROXY', '');
      vi.stubEnv('no_proxy', '');
      vi.stubEnv('http_proxy', proxy.url(''));
      vi.stubEnv('https_proxy', proxy.url(''));
      await download({ '/a': serve(content) }, { md5 });
      expect(proxy.requests.map(({ url }) => url)).toEqual([server.url('/a')]);

      // No certificate here: the tunnel is made, then the handshake fails.
      const secure = server.url('/a').replace('http:', 'https:');
      const file = { name: 'secure.bin', urls: [secure], md5 };
      expect(await code(fetchFile(file, folder.path('out'), { ...quick, attempts: 1 }))).toMatch(/^download-failed: /);
      expect(proxy.tunnels).toEqual([new URL(secure).host]);

      vi.stubEnv('no_proxy', '127.0.0.1');
      const direct = { name: 'direct.bin', urls: [server.url('/a')], md5 };
      expect(await fetchFile(direct, folder.path('out'), quick)).toMatchObject({ verified: 'md5' });
      expect(proxy.requests).toHaveLength(1);
    } finally {
      await proxy.close();
    }
  });
});
