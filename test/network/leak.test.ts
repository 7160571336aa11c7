// Ten thousand predictions and a hundred networks leave the resident size where it was.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readNpyHeader } from '../../src/files/npy';
import { projectRoot } from '../shared-data';
import { drawImages, storeImages } from './fixture';

/**
 * Bytes that the resident size may grow: Node's own heap comes and goes by a few MB. One call's images alone are 8 KB
 * (82 MB in ten thousand calls), one network's weights more than 1 MB (100 MB in a hundred).
 */
const margin = 16 * 2 ** 20;

test('predicting, training, creating and closing leave the resident size flat', { timeout: 300_000 }, async () => {
  const stored = await storeImages(drawImages(1, 64, 8, 2), 8, 2);
  try {
    const { dataOffset } = await readNpyHeader(stored.path);
    const child = spawnSync(
      process.execPath,
      [
        '--expose-gc',
        join(__dirname, 'leak-child.cjs'),
        join(projectRoot, 'dist/native/load.js'),
        stored.path,
        String(dataOffset),
      ],
      // glibc keeps freed blocks for each thread's next use unless they are mapped one by one: tens of MB, not growing,
      // but more than what is looked for here. Other allocators ignore the variable.
      { encoding: 'utf8', env: { ...process.env, MALLOC_MMAP_THRESHOLD_: '131072' } },
    );
    expect(child).toMatchObject({ status: 0, stderr: '' });
    const growth = JSON.parse(child.stdout) as Record<string, number>;
    process.stdout.write(
      `resident size grew, in KB: ${Object.entries(growth)
        .map(([work, bytes]) => `${work} ${Math.round(bytes / 1024)}`)
        .join(', ')}\n`,
    );
    expect(Object.keys(growth)).toHaveLength(7);
    for (const [work, bytes] of Object.entries(growth)) expect(bytes, work).toBeLessThan(margin);
  } finally {
    await stored.remove();
  }
});
