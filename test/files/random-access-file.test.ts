import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { RandomAccessFile } from '../../src/files/random-access-file';
import { temporaryFolder } from '../temporary-folder';

const folder = temporaryFolder();
const byteAt = (position: number) => (position * 7 + (position >> 8)) % 251;

function write(name: string, length: number): string {
  writeFileSync(
    folder.path(name),
    Uint8Array.from({ length }, (_, position) => byteAt(position)),
  );
  return folder.path(name);
}

describe.each([
  ['a small file', 5_000],
  ['a file that is not kept in memory', 600_000],
])('%s', (_, length) => {
  test('any part of it', async () => {
    const file = await RandomAccessFile.open(write('a', length));
    expect(file.length).toBe(length);
    for (const [position, size] of [
      [0, 8],
      [4_000, 1_000],
      [length - 3, 3],
      [10, 2],
      [17, length - 17],
      [length, 0],
    ] as const) {
      const expected = Buffer.from(Array.from({ length: size }, (_, at) => byteAt(position + at)));
      expect((await file.read(position, size)).equals(expected)).toBe(true);
      const target = new Uint8Array(size);
      await file.readInto(target, position);
      expect(expected.equals(target)).toBe(true);
    }
    for (const [position, size] of [
      [length - 3, 4],
      [-1, 2],
      [Number.NaN, 1],
      [0, 2 ** 53],
    ] as const) {
      await expect(file.read(position, size)).rejects.toThrow(/damaged or cut short: it points to byte/);
    }
    await file.close();
    await file.close();
  });
});

test('a file that is cut while it is read', async () => {
  const path = write('cut', 600_000);
  const file = await RandomAccessFile.open(path);
  truncateSync(path, 300_000);
  await expect(file.read(250_000, 200_000)).rejects.toThrow(/was cut short while it was read: it ends at byte 300000/);
  await file.close();
  await expect(file.read(0, 100_000)).rejects.toMatchObject({ code: 'closed' });
});

describe('what is no file', () => {
  const refused = async (path: string, reason: RegExp) => {
    await expect(RandomAccessFile.open(path)).rejects.toMatchObject({
      code: 'image-invalid',
      message: expect.stringMatching(reason),
    });
  };

  test('missing, a folder, a path through a file, a link to itself', async () => {
    await refused(folder.path('none'), /none: the file is missing/);
    mkdirSync(folder.path('folder'));
    await refused(folder.path('folder'), /is a folder/);
    await refused(`${write('file', 3)}/more`, /a part of its path is no folder/);
    symlinkSync('loop', folder.path('loop'));
    await refused(folder.path('loop'), /leads back to itself/);
    await refused(folder.path('x'.repeat(300)), /its path is too long/);
  });

  test('a named pipe without a writer, a socket, a device: at once', async () => {
    execFileSync('mkfifo', [folder.path('pipe')]);
    await refused(folder.path('pipe'), /is a pipe, a socket or a device/);
    const server = createServer();
    await new Promise<void>((listening) => server.listen(folder.path('socket'), listening));
    await refused(folder.path('socket'), /is a pipe, a socket or a device/);
    await new Promise((closed) => server.close(closed));
    await refused('/dev/null', /is a pipe, a socket or a device/);
  });
});
