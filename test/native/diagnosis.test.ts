import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { diagnose } from '../../src/native/diagnosis';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'deepyeast-diagnosis-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('diagnose', () => {
  test('finds the addon and what it computes with', async () => {
    const diagnosis = await diagnose({ DEEPYEAST_CACHE: join(folder, 'not', 'yet') });
    expect(diagnosis.problems).toEqual([]);
    expect(diagnosis.addon).toMatchObject({ loaded: true, refused: [] });
    expect(diagnosis.selfTest).toBeNull();
    if (process.platform === 'linux') expect(diagnosis.platform.libc).toMatch(/^(glibc|musl) \d/);
    expect(diagnosis.computing!.instructionSets).toContain('portable');
    expect(diagnosis.computing!.threads).toBeGreaterThan(0);
    expect(diagnosis.computing!.device).toMatch(/^cpu \(\w+, \d+ threads?\)$/);
    expect(diagnosis.cache).toEqual({ path: join(folder, 'not', 'yet'), writable: true });
  });

  test('says that a cache folder cannot be one', async () => {
    const path = join(folder, 'file');
    writeFileSync(path, '');
    const diagnosis = await diagnose({ DEEPYEAST_CACHE: join(path, 'cache') });
    expect(diagnosis.cache.writable).toBe(false);
    expect(diagnosis.problems).toEqual([expect.stringContaining('DEEPYEAST_CACHE')]);
  });

  test('prefers DEEPYEAST_CACHE, then the folder of the platform', async () => {
    const { cache } = await diagnose({ XDG_CACHE_HOME: folder });
    if (process.platform === 'linux') expect(cache.path).toBe(join(folder, 'deepyeast'));
    else expect(cache.path).toContain('deepyeast');
  });
});
