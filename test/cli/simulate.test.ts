import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Dataset } from '../../src/index';
import { temporaryFolder } from '../temporary-folder';
import { run } from './in-process';

const folder = temporaryFolder();

test('simulate writes the three datasets and the preview, and names them', async () => {
  const [out, preview] = [folder.path('screen'), folder.path('cells.png')];
  const { status, stdout, stderr } = await run(
    ...['simulate', '--out', out, '--cells', '200', '--proteins', '40', '--seed', '3', '--threads', '1'],
    ...['--preview', preview],
  );
  expect(status).toBe(0);
  expect(stdout).toBe('');
  for (const part of ['train: 144 cells', 'validation: 28 cells', 'test: 28 cells']) expect(stderr).toContain(part);
  expect(stderr).toContain(preview);
  expect(readFileSync(preview).subarray(1, 4).toString()).toBe('PNG');
  expect((await Dataset.open(folder.path('screen', 'test'))).count).toBe(28);
});

test('--json puts the paths and counts on standard output', async () => {
  const out = folder.path('screen');
  const { status, stdout, stderr } = await run(
    ...['simulate', '--out', out, '--transfer', '--cells', '100', '--difficulty', 'hard', '--json'],
  );
  expect(status).toBe(0);
  expect(stderr).toBe('');
  const result = JSON.parse(stdout);
  expect(result.train).toEqual({ path: folder.path('screen', 'train'), cells: 72 });
});

test('--like takes the wells of a label list', async () => {
  const list = folder.path('list.txt');
  const lines = ['001001000', '001002000', '001003000'].flatMap((well, label) =>
    Array.from({ length: 4 + label }, (_, i) => `plate01/${well}-0-${label}-${i}.png ${label}`),
  );
  writeFileSync(list, `${lines.join('\n')}\n`);
  const lists = [0, 1, 2].map((part) => {
    const path = folder.path(`${part}.txt`);
    writeFileSync(path, `${lines.filter((line) => line.endsWith(` ${part}`)).join('\n')}\n`);
    return path;
  });
  const { status } = await run('simulate', '--out', folder.path('three'), '--like', lists.join(','));
  expect(status).toBe(0);
  const train = await Dataset.open(folder.path('three', 'train'));
  const [first] = await train.table();
  expect(train.count).toBe(4);
  expect(first).toMatchObject({ cell: 'plate01/001001000-0-0-0', protein: 'plate01/001001000', label: 0, field: '0' });
  expect((await Dataset.open(folder.path('three', 'test'))).count).toBe(6);
});

test.each([
  [['--cells', '10'], 'Expected|10 cells'],
  [['--cells', '100', '--like', 'list.txt'], 'cannot be used with'],
  [['--non-cells', '2'], 'from 0 to 1'],
  [['--difficulty', 'cruel'], 'easy, paper, hard'],
] as const)('%j is wrong usage', async (options, message) => {
  const { status, stderr } = await run('simulate', '--out', folder.path('out'), ...options);
  expect(status).toBe(2);
  expect(stderr).toMatch(new RegExp(message));
  expect(existsSync(folder.path('out'))).toBe(false);
});

test('nothing to make is wrong usage', async () => {
  const { status, stderr } = await run('simulate', '--seed', '1');
  expect(status).toBe(2);
  expect(stderr).toContain('--out');
});
