import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { openTiff } from '../../../../src/files/tiff';
import { compartments, type SimulatePlateOptions, simulatePlate, transferCompartments } from '../../../../src/index';
import { temporaryFolder } from '../../../temporary-folder';

const folder = temporaryFolder();

/** Small fields of small cells: a few milliseconds each. */
const small = { size: 160, cells: 12, diameter: 18, seed: 3 } as const;

function makePlate(name: string, options: Partial<SimulatePlateOptions> = {}) {
  return simulatePlate({ ...small, out: folder.path(name), wells: 3, fieldsPerWell: 2, threads: 1, ...options });
}

/** Rows of a CSV without quoted fields. */
function readTable(path: string): Record<string, string>[] {
  const [header = '', ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n');
  const names = header.split(',');
  return lines.map((line) => Object.fromEntries(line.split(',').map((value, i) => [names[i] as string, value])));
}

async function readPlane(path: string) {
  const tiff = await openTiff(path);
  try {
    const page = tiff.pages[0];
    return { width: page?.width, height: page?.height, data: (await tiff.readPlane(0, 0)) as Uint16Array };
  } finally {
    await tiff.close();
  }
}

function filesOf(path: string): string[] {
  return (readdirSync(path, { recursive: true, withFileTypes: true }) as import('node:fs').Dirent[])
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`.slice(path.length + 1))
    .sort();
}

describe('a plate', () => {
  test("images, masks and tables under Harmony's names", async () => {
    const plate = await makePlate('plate');
    expect(plate).toMatchObject({ path: folder.path('plate'), plates: 1, wells: 3, fields: 6 });
    const names = ['r01c01f01', 'r01c01f02', 'r01c02f01', 'r01c02f02', 'r01c03f01', 'r01c03f02'];
    expect(filesOf(folder.path('plate'))).toEqual(
      [
        'Images/Index.idx.xml',
        ...names.flatMap((name) => ['ch1', 'ch3'].map((channel) => `Images/${name}p01-${channel}sk1fk1fl1.tiff`)),
        ...names.map((name) => `masks/${name}p01-ch3sk1fk1fl1_mask.tiff`),
        'plate-map.csv',
        'simulation.json',
        'truth.csv',
        'wells.csv',
      ].sort(),
    );
  });

  test('the index names every image, with plate, channel, pixel size and place in the well', async () => {
    await makePlate('plate', { fieldsPerWell: 4, wells: 2 });
    const xml = readFileSync(folder.path('plate', 'Images', 'Index.idx.xml'), 'utf8');
    const images = [...xml.matchAll(/<Image Version="1">(.*?)<\/Image>/gs)].map(([, body = '']) =>
      Object.fromEntries([...body.matchAll(/<(\w+)[^>]*>([^<]*)</g)].map(([, name, text]) => [name, text])),
    );
    expect(images.length).toBe(16);
    expect(images.map(({ URL: url }) => url).sort()).toEqual(
      readdirSync(folder.path('plate', 'Images'))
        .filter((name) => name.endsWith('.tiff'))
        .sort(),
    );
    expect(xml).toContain('<Name>plate01</Name>');
    const first = images.filter(({ Row, Col, ChannelID }) => Row === '1' && Col === '1' && ChannelID === '3');
    expect(first.map(({ FieldID }) => FieldID)).toEqual(['1', '2', '3', '4']);
    expect(new Set(images.map(({ ChannelID, ChannelName }) => `${ChannelID} ${ChannelName}`))).toEqual(
      new Set(['1 EGFP', '3 mCherry']),
    );
    // A cell of 18 pixels is as long as one of 34 where a pixel is 0.12 micrometres.
    const pixel = Number(first[0]?.ImageResolutionX);
    expect(pixel * 1e6).toBeCloseTo((0.12 * 34) / 18, 6);
    // Fields lie side by side, the second to the right of the first, the third below it.
    const places = first.map(({ PositionX, PositionY }) => [Number(PositionX) / pixel, Number(PositionY) / pixel]);
    const half = small.size / 2;
    expect(places.map((place) => place.map((value) => Math.round(value)))).toEqual([
      [-half, half],
      [half, half],
      [-half, -half],
      [half, -half],
    ]);
  });

  test('truth.csv describes the masks; the images have 16 bits', async () => {
    const plate = await makePlate('plate');
    const rows = readTable(folder.path('plate', 'truth.csv'));
    expect(rows.length).toBe(plate.cells);
    const wells = readTable(folder.path('plate', 'wells.csv'));
    for (const [index, { well, class: name, protein }] of wells.entries())
      for (const field of ['1', '2']) {
        const stem = `r01c0${index + 1}f0${field}p01-ch3sk1fk1fl1`;
        const mask = await readPlane(folder.path('plate', 'masks', `${stem}_mask.tiff`));
        const image = await readPlane(folder.path('plate', 'Images', `${stem}.tiff`));
        for (const plane of [mask, image]) {
          expect(plane).toMatchObject({ width: small.size, height: small.size });
          expect(plane.data).toBeInstanceOf(Uint16Array);
        }
        const areas = new Map<number, number>();
        for (const label of mask.data) if (label > 0) areas.set(label, (areas.get(label) ?? 0) + 1);
        const own = rows.filter((row) => row.well === well && row.field === field);
        expect(own.length).toBeGreaterThan(5);
        expect(own.map(({ label, area }) => [Number(label), Number(area)])).toEqual(
          [...areas].sort(([a], [b]) => a - b),
        );
        for (const row of own) expect(row).toMatchObject({ plate: 'plate01', class: name, protein });
        // Cells are brighter than what lies between them.
        const mean = (inside: boolean) => {
          const values = image.data.filter((_, at) => (mask.data[at] as number) > 0 === inside);
          return values.reduce((a, b) => a + b, 0) / values.length;
        };
        expect(mean(true)).toBeGreaterThan(1.5 * mean(false));
      }
  });

  test('every class in the same number of wells; a protein has one class, and fewer proteins grow in several wells', async () => {
    const options = { wells: 24, fieldsPerWell: 1, size: 64, cells: 1 } as const;
    await makePlate('one', options);
    const map = readTable(folder.path('one', 'plate-map.csv'));
    expect(map.map(({ well }) => well)).toEqual(
      ['A', 'B'].flatMap((row) => Array.from({ length: 12 }, (_, i) => `${row}${String(i + 1).padStart(2, '0')}`)),
    );
    for (const name of compartments) expect(map.filter((row) => row.class === name).length).toBe(2);
    expect(new Set(map.map(({ protein }) => protein)).size).toBe(24);
    await makePlate('few', { ...options, proteins: 8, transfer: true });
    const few = readTable(folder.path('few', 'plate-map.csv'));
    expect(new Set(few.map(({ protein }) => protein)).size).toBe(8);
    expect(new Set(few.map(({ protein, class: name }) => `${protein} ${name}`)).size).toBe(8);
    expect(new Set(few.map((row) => row.class))).toEqual(new Set(transferCompartments));
  });

  test('several plates have a folder each, and the tables are of all', async () => {
    await makePlate('two', { plates: 2, wells: 1, fieldsPerWell: 1, channels: { rfp: 2, gfp: 4 } });
    expect(filesOf(folder.path('two')).filter((name) => name.includes('/'))).toEqual([
      'masks/plate01/r01c01f01p01-ch2sk1fk1fl1_mask.tiff',
      'masks/plate02/r01c01f01p01-ch2sk1fk1fl1_mask.tiff',
      ...['plate01', 'plate02'].flatMap((plate) => [
        `${plate}/Images/Index.idx.xml`,
        `${plate}/Images/r01c01f01p01-ch2sk1fk1fl1.tiff`,
        `${plate}/Images/r01c01f01p01-ch4sk1fk1fl1.tiff`,
      ]),
    ]);
    expect(readTable(folder.path('two', 'plate-map.csv')).map(({ plate }) => plate)).toEqual(['plate01', 'plate02']);
    expect(new Set(readTable(folder.path('two', 'truth.csv')).map(({ plate }) => plate))).toEqual(
      new Set(['plate01', 'plate02']),
    );
  });

  test('bad wells are planted as asked, and wells.csv tells which', async () => {
    await makePlate('bad', { wells: 8, fieldsPerWell: 1, badWells: { empty: 2, saturated: 1 } });
    const wells = readTable(folder.path('bad', 'wells.csv'));
    const faults = wells.map(({ fault }) => fault).filter((fault) => fault !== '');
    expect(faults.sort()).toEqual(['empty', 'empty', 'saturated']);
    const rows = readTable(folder.path('bad', 'truth.csv'));
    for (const { well, fault } of wells) expect(rows.some((row) => row.well === well)).toBe(fault !== 'empty');
  });
});

describe('determinism', () => {
  test('the same bytes for any number of threads', async () => {
    for (const threads of [1, 2, 3]) await makePlate(`${threads}`, { threads });
    const files = filesOf(folder.path('1'));
    for (const threads of ['2', '3']) {
      expect(filesOf(folder.path(threads))).toEqual(files);
      for (const file of files)
        expect(readFileSync(folder.path(threads, file)).equals(readFileSync(folder.path('1', file)))).toBe(true);
    }
  });

  test('another seed gives other fields', async () => {
    for (const seed of [1, 2]) await makePlate(`${seed}`, { seed, wells: 1, fieldsPerWell: 1 });
    const image = 'Images/r01c01f01p01-ch3sk1fk1fl1.tiff';
    expect(readFileSync(folder.path('1', image)).equals(readFileSync(folder.path('2', image)))).toBe(false);
  });
});

describe('errors', () => {
  test.each<[Partial<SimulatePlateOptions>, string]>([
    [{ wells: 0 }, 'wells'],
    [{ wells: 2000 }, 'wells'],
    [{ fieldsPerWell: 100 }, 'fieldsPerWell'],
    [{ plates: 0 }, 'plates'],
    [{ proteins: 4 }, 'proteins'],
    [{ seed: -1 }, 'seed'],
    [{ threads: 0 }, 'threads'],
    [{ mixtures: 2 }, 'mixtures'],
    [{ channels: { rfp: 1, gfp: 1 } }, 'channels'],
    [{ channels: { rfp: 0, gfp: 1 } }, 'channels'],
    [{ badWells: { empty: 4 } }, 'bad wells'],
    [{ badWells: { stolen: 1 } as object }, 'stolen'],
    [{ cells: 5000 }, 'fit into'],
  ])('%o is refused before anything is written', async (options, word) => {
    await expect(makePlate('out', options)).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining(word),
    });
    expect(existsSync(folder.path('out'))).toBe(false);
  });

  test.each([1, 2])('cancelled with %i threads it leaves nothing', async (threads) => {
    const abort = new AbortController();
    const work = makePlate('deep/out', { threads, signal: abort.signal, onProgress: () => abort.abort() });
    await expect(work).rejects.toMatchObject({ code: 'aborted' });
    expect(readdirSync(folder.path())).toEqual([]);
  });

  test('an output in the way is named before anything is drawn', async () => {
    await makePlate('out', { wells: 1, fieldsPerWell: 1 });
    await expect(makePlate('out')).rejects.toMatchObject({ code: 'output-exists' });
  });
});
