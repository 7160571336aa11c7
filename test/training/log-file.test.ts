import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silent } from '../../src/log';
import type { Interval } from '../../src/training';
import { LogFile } from '../../src/training/log-file';
import { projectRoot } from '../shared-data';

let folder: string;
let path: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'deepyeast-log-'));
  path = join(folder, 'log.jsonl');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const interval = (iteration: number): Interval => ({
  iteration,
  epoch: iteration / 10,
  loss: 0.1 + 0.2,
  accuracy: 0.5,
  validation: { loss: 1 / 3, accuracy: 0.25 },
  best: true,
  learningRate: 0.1,
  imagesPerSecond: 12.5,
});

const line = (iteration: number) => `{"iteration":${iteration},"loss":1}\n`;

async function reopened(text: string, keepUpTo: number): Promise<string> {
  writeFileSync(path, text);
  await (await LogFile.open(path, keepUpTo, silent)).close();
  return readFileSync(path, 'utf8');
}

describe('LogFile', () => {
  it('appends one line of JSON an interval, with every number exact', async () => {
    rmSync(path, { force: true });
    const log = await LogFile.open(path, 0, silent);
    await log.append(interval(10));
    const { validation: _, ...rest } = interval(20);
    await log.append(rest);
    await log.close();
    const lines = readFileSync(path, 'utf8').split('\n');
    expect(lines).toHaveLength(3);
    expect(JSON.parse(lines[0] as string)).toEqual({
      iteration: 10,
      epoch: 1,
      loss: 0.1 + 0.2,
      accuracy: 0.5,
      validation_loss: 1 / 3,
      validation_accuracy: 0.25,
      best: true,
      learning_rate: 0.1,
      images_per_second: 12.5,
    });
    expect(JSON.parse(lines[1] as string)).toMatchObject({ iteration: 20, validation_loss: null });
    expect(lines[2]).toBe('');
  });

  it('cuts what was reported after the iteration it goes on from', async () => {
    expect(await reopened(line(10) + line(20) + line(30), 20)).toBe(line(10) + line(20));
    expect(await reopened(line(10) + line(20), 9)).toBe('');
    expect(await reopened(line(10) + line(20), 30)).toBe(line(10) + line(20));
  });

  it('drops a torn line, whole or not', async () => {
    expect(await reopened(`${line(10)}{"iteration":20,"lo`, 30)).toBe(line(10));
    expect(await reopened(line(10) + line(20).trimEnd(), 30)).toBe(line(10));
    expect(await reopened(`${line(10)}\0\0\0\0`, 30)).toBe(line(10));
    expect(await reopened(`${line(10)}garbage\n${line(20)}`, 30)).toBe(line(10) + line(20));
  });

  it('goes on after the cut', async () => {
    writeFileSync(path, line(10) + line(20));
    const log = await LogFile.open(path, 10, silent);
    await log.append(interval(20));
    await log.close();
    const rows = readFileSync(path, 'utf8').trim().split('\n');
    expect(rows.map((row) => JSON.parse(row).iteration)).toEqual([10, 20]);
  });

  it('keeps whole lines when the disk is full', () => {
    rmSync(path, { force: true });
    // A limit of 1 KiB on the size of files stands for the full disk: writing beyond it is EFBIG.
    const script = `
      const { LogFile } = require(process.argv[1]);
      const interval = { iteration: 1, epoch: 1, loss: 1, accuracy: 1, best: true, learningRate: 1, imagesPerSecond: 1 };
      (async () => {
        const log = await LogFile.open(process.argv[2], 0, () => {});
        for (;;) await log.append(interval);
      })().catch((error) => console.log(error.code));
    `;
    const limited = `trap '' XFSZ; ulimit -f 1; exec "$@"`;
    const compiled = join(projectRoot, 'dist/training/log-file.js');
    const args = ['-c', limited, 'bash', process.execPath, '-e', script, compiled, path];
    const { stdout, stderr } = spawnSync('bash', args, { encoding: 'utf8' });
    expect(stdout, stderr).toBe('disk-full\n');
    const text = readFileSync(path, 'utf8');
    expect(text.length).toBeGreaterThan(800);
    expect(text.endsWith('}\n')).toBe(true);
    for (const row of text.trim().split('\n')) expect(JSON.parse(row).iteration).toBe(1);
  });

  it('answers a folder that cannot be written', async () => {
    await expect(LogFile.open(join(folder, 'none', 'log.jsonl'), 0, silent)).rejects.toMatchObject({
      code: 'io-error',
    });
    await expect(LogFile.open(folder, 0, silent)).rejects.toMatchObject({ code: 'io-error' });
  });
});
