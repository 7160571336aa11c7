import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
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

describe('--fields', () => {
  const small = ['--fields', '--field-size', '120', '--cells-per-field', '6', '--diameter', '18', '--threads', '1'];

  test('draws a plate and says what is in it', async () => {
    const out = folder.path('plate');
    const { status, stdout, stderr } = await run(
      ...[
        'simulate',
        ...small,
        '--out',
        out,
        '--wells',
        '2',
        '--fields-per-well',
        '1',
        '--channels',
        'rfp=ch2,gfp=ch4',
      ],
      ...['--bad-wells', 'empty=1', '--seed', '5'],
    );
    expect(status).toBe(0);
    expect(stdout).toBe('');
    expect(stderr).toContain(`${out}: 2 fields of 2 wells`);
    expect(existsSync(folder.path('plate', 'Images', 'r01c02f01p01-ch2sk1fk1fl1.tiff'))).toBe(true);
    expect(readFileSync(folder.path('plate', 'wells.csv'), 'utf8')).toContain(',empty');
    expect(JSON.parse(readFileSync(folder.path('plate', 'simulation.json'), 'utf8')).simulated).toMatchObject({
      seed: 5,
      diameter: 18,
      channels: { rfp: 2, gfp: 4 },
    });
  });

  test('--json puts the counts on standard output', async () => {
    const out = folder.path('plate');
    const options = ['--wells', '1', '--fields-per-well', '3', '--plates', '2', '--json'];
    const { status, stdout } = await run('simulate', ...small, '--out', out, ...options);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ path: out, plates: 2, wells: 2, fields: 6 });
  });

  test.each([
    [['--fields', '--cells', '10'], 'cannot be used with'],
    [['--fields', '--preview', 'a.png'], 'cannot be used with'],
    [['--fields', '--channels', 'rfp=3'], 'both channels'],
    [['--fields', '--channels', 'rfp=3,gfp=3'], 'two numbers'],
    [['--fields', '--bad-wells', 'stolen=1'], 'kinds'],
    [['--fields', '--bad-wells', 'empty'], 'kinds'],
    [['--fields', '--bad-wells', 'empty=30'], 'bad wells'],
    [['--fields', '--diameter', '2'], 'from 8 to 100'],
    [['--fields', '--field-size', '100', '--cells-per-field', '900'], 'fit into'],
    [['--wells', '2'], '--fields as well'],
  ] as const)('%j is wrong usage', async (options, message) => {
    const { status, stderr } = await run('simulate', '--out', folder.path('out'), ...options);
    expect(status).toBe(2);
    expect(stderr).toContain(message);
    expect(existsSync(folder.path('out'))).toBe(false);
  });

  test('nothing to make is wrong usage', async () => {
    const { status, stderr } = await run('simulate', '--fields');
    expect(status).toBe(2);
    expect(stderr).toContain('--out');
  });
});
