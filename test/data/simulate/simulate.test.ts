import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { compartments } from '../../../src/data/compartments';
import { defaultNormalization } from '../../../src/data/normalization';
import { truthColumns } from '../../../src/data/simulate/cell';
import { Dataset, simulate, transferCompartments, writePreview } from '../../../src/index';
import { temporaryFolder } from '../../temporary-folder';

const folder = temporaryFolder();
const parts = ['train', 'validation', 'test'] as const;

async function tableOf(path: string) {
  return (await Promise.all(parts.map(async (part) => (await Dataset.open(`${path}/${part}`)).table()))).flat();
}

describe('determinism', () => {
  test('the same bytes for any number of threads', async () => {
    for (const threads of [1, 2, 3]) await simulate({ out: folder.path(`${threads}`), cells: 300, seed: 9, threads });
    for (const part of parts)
      for (const file of ['images.npy', 'cells.csv', 'dataset.json']) {
        const first = readFileSync(folder.path('1', part, file));
        for (const threads of ['2', '3'])
          expect(readFileSync(folder.path(threads, part, file)).equals(first)).toBe(true);
      }
  });

  test('a seed gives the crops that it has always given', async () => {
    const options = { cells: 240, seed: 11, nonCells: 0.2, mixtures: 0.2, difficulty: 'hard' } as const;
    const { train } = await simulate({ out: folder.path('crops'), ...options });
    const images = readFileSync(`${train.path}/images.npy`);
    expect(createHash('sha256').update(images).digest('hex')).toBe(
      'e0ebd00ef2d760d4763c1b0820652b7499bcf406be2d8052548c38c5b2d600e4',
    );
  });

  test('another seed gives other cells', async () => {
    for (const seed of [1, 2]) await simulate({ out: folder.path(`${seed}`), cells: 100, seed, threads: 1 });
    const images = ['1', '2'].map((seed) => readFileSync(folder.path(seed, 'train', 'images.npy')));
    expect(images[0]?.equals(images[1] as Buffer)).toBe(false);
  });
});

describe('datasets', () => {
  test('three datasets of the twelve classes, with what was planted', async () => {
    const screen = await simulate({ out: folder.path('screen'), cells: 1000, seed: 4 });
    expect(parts.map((part) => screen[part].count)).toEqual([720, 140, 140]);
    for (const part of parts) {
      const dataset = screen[part];
      expect(dataset.classes).toEqual([...compartments]);
      expect(dataset.channels).toEqual(['rfp', 'gfp']);
      expect(dataset.size).toBe(64);
      expect(dataset.normalization).toEqual(defaultNormalization);
      expect(dataset.extraColumns).toEqual([...truthColumns]);
    }
    const rows = await tableOf(folder.path('screen'));
    const good = rows.filter(({ quality }) => quality === 'cell');
    // The paper's preset: 12% of the crops are no good cells, under 1% of the labels are wrong.
    expect(good.length / rows.length).toBeGreaterThan(0.83);
    expect(good.length / rows.length).toBeLessThan(0.93);
    const wrong = rows.filter(({ truth, label }) => truth !== compartments[label]);
    expect(wrong.length / rows.length).toBeLessThan(0.03);
    const looks = rows.filter((row) => row.looks !== '');
    expect(looks.length / rows.length).toBeGreaterThan(0.02);
    expect(looks.length / rows.length).toBeLessThan(0.15);
    expect(looks.every((row) => row.looks !== row.truth)).toBe(true);
    const diameters = good.map(({ diameter }) => Number(diameter)).sort((a, b) => a - b);
    expect(diameters[Math.floor(diameters.length / 2)]).toBeGreaterThan(34);
    expect(diameters[Math.floor(diameters.length / 2)]).toBeLessThan(41);
  });

  test('non-cells at the rate asked, of every kind', async () => {
    await simulate({ out: folder.path('none'), cells: 100, nonCells: 0 });
    expect((await tableOf(folder.path('none'))).every(({ quality }) => quality === 'cell')).toBe(true);
    await simulate({ out: folder.path('half'), cells: 600, nonCells: 0.5, seed: 2 });
    const rows = await tableOf(folder.path('half'));
    const kinds = new Set(rows.map(({ quality }) => quality));
    expect(kinds).toEqual(new Set(['cell', 'empty', 'debris', 'half', 'missegmented', 'artefact']));
    const share = rows.filter(({ quality }) => quality !== 'cell').length / rows.length;
    expect(share).toBeGreaterThan(0.43);
    expect(share).toBeLessThan(0.57);
  });

  test('proteins in two compartments name both; the label is the first', async () => {
    const { train } = await simulate({ out: folder.path('mixed'), cells: 200, proteins: 40, mixtures: 1 });
    for await (const { label, compartments: both } of train.cells()) {
      const [first, second] = String(both).split('+');
      expect(first).toBe(compartments[label]);
      expect(compartments).toContain(second);
      expect(second).not.toBe(first);
    }
  });

  test('the transfer classes', async () => {
    const { test: held } = await simulate({ out: folder.path('transfer'), cells: 200, transfer: true });
    expect(held.classes).toEqual([...transferCompartments]);
    expect(new Set(held.labels)).toEqual(new Set([0, 1, 2, 3]));
  });
});

test('both channels use the range of a byte in nearly every crop of a good cell', async () => {
  const { train } = await simulate({ out: folder.path('range'), cells: 400, nonCells: 0 });
  const images = await train.readImages(Uint32Array.from({ length: train.count }, (_, i) => i));
  let full = 0;
  for (let cell = 0; cell < train.count; cell++)
    for (const channel of [0, 1]) {
      let most = 0;
      for (let i = channel; i < 8192; i += 2) most = Math.max(most, images[cell * 8192 + i] as number);
      if (most === 255) full++;
    }
  expect(full / (2 * train.count)).toBeGreaterThan(0.9);
});

describe('errors', () => {
  test.each([
    [{ cells: 0 }, 'cells'],
    [{ cells: 10 }, '10 cells'],
    [{ nonCells: 1.5 }, 'nonCells'],
    [{ mixtures: -1 }, 'mixtures'],
    [{ threads: 0 }, 'threads'],
    [{ difficulty: 'cruel' as 'easy' }, 'cruel'],
    [{ appearance: 'photograph' as 'crop' }, 'photograph'],
    [{ like: ['a', 'b'] }, '2 label lists'],
    [{ like: 'list.txt', cells: 100 }, 'label lists'],
  ])('%o is refused', async (options, word) => {
    await expect(simulate({ out: folder.path('out'), ...options })).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining(word),
    });
    expect(existsSync(folder.path('out'))).toBe(false);
  });

  test.each([1, 2])('cancelled with %i threads it leaves nothing', async (threads) => {
    const abort = new AbortController();
    const work = simulate({
      out: folder.path('out'),
      cells: 1000,
      threads,
      signal: abort.signal,
      onProgress: () => abort.abort(),
    });
    await expect(work).rejects.toMatchObject({ code: 'aborted' });
    expect(existsSync(folder.path('out')) ? readdirSync(folder.path('out')) : []).toEqual([]);
  });

  test('an output in the way is named before anything is drawn', async () => {
    await simulate({ out: folder.path('out'), cells: 40, proteins: 36, threads: 1 });
    await expect(simulate({ out: folder.path('out'), cells: 40, proteins: 36 })).rejects.toMatchObject({
      code: 'output-exists',
    });
  });
});

test('the preview is a PNG with the name and cells of every class, always the same', async () => {
  await writePreview(folder.path('a.png'), { seed: 3 });
  await writePreview(folder.path('b.png'), { seed: 3 });
  const [a, b] = ['a.png', 'b.png'].map((name) => readFileSync(folder.path(name)));
  expect(a?.subarray(1, 4).toString()).toBe('PNG');
  expect(a?.equals(b as Buffer)).toBe(true);
});
