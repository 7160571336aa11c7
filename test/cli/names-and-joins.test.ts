// What a path or a table says in more than one way is read rightly or refused: nothing is split, pooled or joined by guess.
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { Dataset } from '../../src/data/dataset';
import { groupOf } from '../../src/data/identity';
import { defaultNormalization } from '../../src/data/normalization';
import { readFeatureMatrix } from '../../src/features/matrix';
import { readCsv } from '../../src/files/csv';
import { npyHeader } from '../../src/files/npy';
import { writeTiff } from '../../src/files/tiff';
import { RandomStream } from '../../src/random';
import { madeCells, smallNetwork, smallSize, writeMadeDataset } from '../small-model';
import { temporaryFolder } from '../temporary-folder';
import { run } from './in-process';

const folder = temporaryFolder();
const at = (...names: string[]) => folder.path(...names);
const size = ['--size', String(smallSize)];

/** A cell of two channels, 16 bits: noise between `low` and `high`. */
async function image(name: string, low = 100, high = 3000, side = smallSize): Promise<void> {
  const path = at(name);
  mkdirSync(dirname(path), { recursive: true });
  const seed = [...name].reduce((sum, letter) => (31 * sum + letter.charCodeAt(0)) % 1e6, 7);
  const noise = new RandomStream(seed, 'simulation', 0, 0);
  const page = (c: number) => ({
    ...{ width: side, height: side },
    data: Uint16Array.from({ length: side ** 2 }, (_, i) => Math.round(low + (high - low) * noise.uniform(2 * i + c))),
  });
  await writeTiff(path, [page(0), page(1)]);
}

async function rows(path: string): Promise<Record<string, string>[]> {
  const found: Record<string, string>[] = [];
  for await (const row of readCsv(path)) found.push(row);
  return found;
}

async function model(path: string, per: 'cell' | 'field' = 'cell'): Promise<string> {
  const network = await smallNetwork(['a', 'b', 'c'], { normalization: { ...defaultNormalization, per } });
  await network.save(path);
  await network.close();
  return path;
}

describe('names', () => {
  test('genes with hyphens, by the pattern of the README', async () => {
    for (const name of ['er/YER087C-B-1-1', 'er/YER087C-B-2-1', 'nucleus/YER087C-1-1']) await image(`in/${name}.tif`);
    const pattern = '{class}/{protein}-{field}-{cell}.tif';
    const { status, stderr } = await run('import', at('in'), '--pattern', pattern, '--out', at('d'), ...size);
    expect(status).toBe(0);
    expect(stderr).toMatch(/2 of 3 paths fit .* protein YER087C-B, field 1, cell 1/);
    expect((await rows(at('d', 'cells.csv'))).map(({ protein, field, label }) => [protein, field, label])).toEqual([
      ['YER087C-B', '1', '0'],
      ['YER087C-B', '2', '0'],
      ['YER087C', '1', '1'],
    ]);
  });

  test('one well in several spellings is one strain and one field', async () => {
    for (const name of ['p/A1_1_1', 'p/A01_01_2', 'p/a1_1_3', 'p/B2_1_1', 'q/A1_1_1']) await image(`in/${name}.tif`);
    const pattern = '{plate}/{well}_{field}_{cell}.tif';
    const { status, stderr } = await run('import', at('in'), '--pattern', pattern, '--out', at('d'), ...size);
    expect(status).toBe(0);
    expect(stderr).toMatch(/A01 and A1 of p are one well|A1 and A01 of p are one well/);
    const cells = await rows(at('d', 'cells.csv'));
    expect(cells.map(({ protein, well }) => `${protein} ${well}`).sort()).toEqual([
      'p/A01 A01',
      'p/A01 A01',
      'p/A01 A01',
      'p/B02 B02',
      'q/A01 A01',
    ]);
    const dataset = await Dataset.open(at('d'));
    const fields = new Set<string>();
    for await (const cell of dataset.cells()) fields.add(groupOf(cell, 'field'));
    expect(fields.size).toBe(3);
  });

  test('wells of one spelling each keep it', async () => {
    for (const name of ['p/A1_1', 'p/B1_1']) await image(`in/${name}.tif`);
    const { stderr } = await run(
      ...['import', at('in'), '--pattern', '{plate}/{well}_{cell}.tif', '--out', at('d'), ...size],
    );
    expect(stderr).not.toMatch(/one well/);
    expect((await rows(at('d', 'cells.csv'))).map(({ protein }) => protein)).toEqual(['p/A1', 'p/B1']);
  });

  test('and with a table of classes: no protein gets the label of another', async () => {
    for (const name of ['YDR524C-1-1', 'YDR524C-B-1-1', 'YDR524W-A-1-1', 'YER087C-B-1-1'])
      await image(`in/${name}.tif`);
    const table = ['YDR524C,nucleus', 'YDR524C-B,er', 'YDR524W-A,vacuole', 'YER087C,golgi'];
    writeFileSync(at('p.csv'), ['protein,class', ...table, ''].join('\n'));
    const pattern = '{protein}-{field}-{cell}.tif';
    const { status, stderr } = await run(
      'import',
      at('in'),
      '--pattern',
      pattern,
      '--classes',
      at('p.csv'),
      '--out',
      at('d'),
      ...size,
    );
    expect(status).toBe(0);
    expect(stderr).toContain('unlabelled: YER087C-B');
    const classes = ['er', 'golgi', 'nucleus', 'vacuole'];
    expect(
      (await rows(at('d', 'cells.csv'))).map(({ protein, label }) => [
        protein,
        classes[label as unknown as number] ?? '',
      ]),
    ).toEqual([
      ['YDR524C', 'nucleus'],
      ['YDR524C-B', 'er'],
      ['YDR524W-A', 'vacuole'],
      ['YER087C-B', ''],
    ]);
  });

  test('what stays ambiguous is an error with both readings and a pattern that helps', async () => {
    await image('in/AAC1-x-y-z.tif');
    const failed = await run(
      'import',
      at('in'),
      '--pattern',
      '{protein}-{field}-{cell}.tif',
      '--out',
      at('d'),
      ...size,
    );
    expect(failed.status).toBe(2);
    expect(failed.stderr).toMatch(/"protein AAC1, field x, cell y-z" or "protein AAC1, field x-y, cell z"/);
    const [, helpful = ''] = /as in (\S+\.tif)/.exec(failed.stderr) ?? [];
    const done = await run('import', at('in'), '--pattern', helpful, '--out', at('d'), ...size);
    expect(done.status).toBe(0);
  });
});

describe('one key of a field, a well, a protein', () => {
  test('fields without a well are told apart by folder, whole in a split, and it is said', async () => {
    for (const place of ['er', 'nucleus'])
      for (let i = 0; i < 8; i++) await image(`in/${place}/field${i % 4}_${i}.tif`);
    const imported = await run(
      'import',
      at('in'),
      '--pattern',
      '{class}/{field}_{cell}.tif',
      '--out',
      at('d'),
      ...size,
    );
    expect(imported.stderr).toMatch(/16 cells have a field, but no plate, well or protein .*er and of nucleus as two/);
    const split = await run('split', at('d'), '--by', 'field', '--into', 'train=0.5,test=0.5', '--out', at('s'));
    expect(split.stdout).toMatch(/er +8 in 4 +4 in 2 \(50\.0%\) +4 in 2 \(50\.0%\)/);
    const [train, other] = await Promise.all(
      ['train', 'test'].map(
        async (part) => new Set((await rows(at('s', part, 'cells.csv'))).map((row) => row.label + row.field!)),
      ),
    );
    expect([...train!].filter((field) => other!.has(field))).toEqual([]);
  });

  test('field 1 of a protein on two plates is two micrographs', async () => {
    for (const [plate, high] of [
      ['p1', 3000],
      ['p2', 400],
    ] as const)
      for (let i = 0; i < 3; i++) await image(`in/${plate}/AAC1_1_${i}.tif`, 100, high);
    const pattern = ['--pattern', '{plate}/{protein}_{field}_{cell}.tif'];
    await run('import', at('in'), ...pattern, '--per', 'field', '--noise-floor', '0', '--out', at('d'), ...size);
    const high = (await rows(at('d', 'cells.csv'))).map((row) => Math.round((row.high_rfp as unknown as number) / 100));
    expect(high).toEqual([30, 30, 30, 4, 4, 4]);
    const network = await model(at('m.safetensors'));
    const predicted = await run(
      'predict',
      '--model',
      network,
      at('in'),
      ...pattern,
      '--with',
      'plate,field',
      '--out',
      at('p.csv'),
    );
    expect(predicted.status).toBe(0);
    const { stdout } = await run('proteins', at('p.csv'), '--bootstrap', '10');
    expect(stdout.split('\n')[1]).toMatch(/^AAC1,6,2,/);
  });

  test('well A01 of two folders is two strains; of two tables, it is refused', async () => {
    for (const plate of ['plate1', 'plate2']) for (let i = 0; i < 3; i++) await image(`${plate}/A01-1-${i}.tif`);
    const network = await model(at('m.safetensors'), 'field');
    const pattern = ['--pattern', '{well}-{field}-{cell}.tif'];
    const both = await run(
      'predict',
      '--model',
      network,
      at('plate1'),
      at('plate2'),
      ...pattern,
      '--out',
      at('both.csv'),
    );
    expect(both.status).toBe(0);
    expect((await rows(at('both.csv'))).map(({ cell, protein }) => [cell, protein])).toEqual(
      ['plate1', 'plate2'].flatMap((plate) => [0, 1, 2].map((i) => [`${plate}/A01-1-${i}`, `${plate}/A01`])),
    );
    for (const plate of ['plate1', 'plate2']) {
      await run('predict', '--model', network, at(plate), ...pattern, '--out', at(`${plate}.csv`));
    }
    const pooled = await run('proteins', at('plate1.csv'), at('plate2.csv'), '--bootstrap', '0');
    expect(pooled.status).toBe(3);
    expect(pooled.stderr).toMatch(/the cell 'A01-1-0' \(protein A01\) was there already, with other probabilities/);
    const twice = await run('predict', '--model', network, at('plate1'), at('plate1'), ...pattern);
    expect(twice.status).toBe(2);
    expect(twice.stderr).toContain('given twice');
    const same = await run('proteins', at('both.csv'), at('both.csv'), '--bootstrap', '0');
    expect(same.stderr).toMatch(
      /line 2: the cell 'plate1\/A01-1-0' .* with the same probabilities: give each table once/,
    );
    const changes = await run('proteins', at('both.csv'), '--against', at('both.csv'));
    expect(changes.stderr).toContain('6 cells are in both conditions');
  });

  test('folders that the pattern passes over: wells of the same name are said to be one', async () => {
    for (const plate of ['x', 'y']) await image(`in/${plate}/A01-1-0.tif`);
    const { stderr } = await run(
      'import',
      at('in'),
      '--pattern',
      '*/{well}-{field}-{cell}.tif',
      '--out',
      at('d'),
      ...size,
    );
    expect(stderr).toMatch(/well A01 of x and of y count as one; where they are plates, write \{plate\}/);
  });

  test('a cell that is there twice is refused by evaluate, and by predict with another set', async () => {
    const classes = ['a', 'b', 'c'];
    writeMadeDataset(at('data'), madeCells(6, 3), classes);
    const network = await smallNetwork(classes);
    await network.save(at('m.safetensors'));
    await network.close();
    const copied = await run('predict', '--model', at('m.safetensors'), at('data'), at('data'));
    expect(copied.stderr).toMatch(/\[dataset-invalid\].*6 cells twice, the cell 'cell0'/);
    const table = readFileSync(at('data', 'cells.csv'), 'utf8').split('\n');
    writeFileSync(at('data', 'cells.csv'), [...table.slice(0, 6), table[1], ''].join('\n'));
    const { status, stderr } = await run(
      'evaluate',
      '--model',
      at('m.safetensors'),
      '--data',
      at('data'),
      '--out',
      at('e'),
    );
    expect(status).toBe(3);
    expect(stderr).toMatch(/1 cells twice, the cell 'cell0'/);
    const cell = { cell: 'c', protein: 'P', plate: 'p', well: 'A1', field: '1' };
    expect(groupOf(cell, 'field')).not.toBe(groupOf({ ...cell, plate: 'q' }, 'field'));
  });
});

test('a rule per field needs fields', async () => {
  for (let i = 0; i < 4; i++) await image(`in/A0${i % 2}_${i}.tif`);
  const network = await model(at('m.safetensors'), 'field');
  for (const args of [
    ['predict', '--model', network, at('in')],
    ['import', at('in'), '--pattern', '{well}_{cell}.tif', '--per', 'field', '--out', at('d'), ...size],
  ]) {
    const { status, stderr } = await run(...args);
    expect(status).toBe(2);
    expect(stderr).toMatch(/rule for intensities is per field, but 4 of 4 cells name no field, A00_0\.tif for one/);
  }
  const { status } = await run(
    'predict',
    '--model',
    network,
    at('in'),
    '--pattern',
    '{well}_{field}.tif',
    '--out',
    at('p.csv'),
  );
  expect(status).toBe(0);
});

test('whatever lies under the source and is not taken is counted and named', async () => {
  for (const name of ['nucleus/c0', 'er/c0', 'golgi/sub/c9']) await image(`in/${name}.tif`);
  symlinkSync('../nowhere.tif', at('in', 'nucleus', 'c2.tif'));
  mkdirSync(Buffer.concat([Buffer.from(at('in')), Buffer.from('/k\xe9rn', 'latin1')]));
  writeFileSync(Buffer.concat([Buffer.from(at('in', 'er')), Buffer.from('/Zelle_\xe4.png', 'latin1')]), 'x');
  mkdirSync(at('in', '.cache'));
  const { status, stderr } = await run('import', at('in'), '--out', at('d'), ...size);
  expect(status).toBe(0);
  expect(stderr).toMatch(/2 names that are not UTF-8 in .* left out: k\\xe9rn, er\/Zelle_\\xe4\.png/);
  expect(stderr).toMatch(/1 folder deeper than the pattern in .* left out: golgi\/sub\//);
  expect(stderr).toMatch(/1 link that leads nowhere in .* left out: nucleus\/c2\.tif/);
  expect(stderr).toMatch(/1 hidden entry in .* left out: \.cache/);
});

describe('label lists', () => {
  beforeEach(() => image('in/a/b.tif'));
  const list = (text: string | Buffer) => {
    writeFileSync(at('list.txt'), text);
    return run('import', at('in'), '--labels', at('list.txt'), '--out', at('d'), ...size);
  };

  test.each(['utf16le', 'utf16be'] as const)('in %s, as PowerShell and Excel write them', async (encoding) => {
    const text = Buffer.from('\ufeffa/b.tif 3\r\n', 'utf16le');
    const { status } = await list(encoding === 'utf16le' ? text : text.swap16());
    expect(status).toBe(0);
    expect((await rows(at('d', 'cells.csv')))[0]).toMatchObject({ cell: 'a/b', label: '3' });
  });

  test('in Latin-1 are refused', async () => {
    expect((await list(Buffer.from('a/k\xe9rn.tif 3\n', 'latin1'))).stderr).toMatch(
      /\[labels-invalid\].*no text in UTF-8/,
    );
  });

  test('that name one image in two spellings, or leave the folder, are refused', async () => {
    expect((await list('a/b.tif 3\n./a//b.tif 4\n')).stderr).toMatch(
      /line 2: \.\/a\/\/b\.tif is the image of line 1, a\/b\.tif/,
    );
    expect((await list('../secret.tif 3\n')).stderr).toMatch(/line 1: \.\.\/secret\.tif lies outside of/);
    expect((await list('a/../../secret.tif 3\n')).stderr).toMatch(/lies outside of/);
    expect((await list('/etc/hostname 3\n')).stderr).toMatch(/lies outside of/);
    expect((await list('./a/c/../b.tif 3\n')).status).toBe(0);
    expect((await rows(at('d', 'cells.csv')))[0]?.cell).toBe('a/b');
  });
});

test('images named one by one: two spellings of one are refused', async () => {
  await image('a.tif');
  const { status, stderr } = await run(
    'predict',
    '--model',
    await model(at('m.safetensors')),
    at('a.tif'),
    `${at('.')}/./a.tif`,
  );
  expect(status).toBe(2);
  expect(stderr).toContain('expected each image once');
});

describe('joins', () => {
  const classes = ['a', 'b', 'c'];
  const cells = madeCells(60, 3).map((cell, i) => ({ ...cell, quality: i % 3 === 0 ? 'empty' : 'cell' }));

  /** Features that say whether a cell is good, one row a cell in the order of `order`. */
  function writeFeatures(path: string, order: readonly number[], from = at('data')): void {
    const [header, ...lines] = readFileSync(join(from, 'cells.csv'), 'utf8').trimEnd().split('\n');
    const values = Float32Array.from(order.flatMap((i) => [i % 3 === 0 ? 0 : 1, (i * 37) % 11, i % 5]));
    mkdirSync(path, { recursive: true });
    writeFileSync(
      join(path, 'features.npy'),
      Buffer.concat([npyHeader('<f4', [order.length, 3]), Buffer.from(values.buffer)]),
    );
    writeFileSync(join(path, 'cells.csv'), [header, ...order.map((i) => lines[i]), ''].join('\n'));
    writeFileSync(join(path, 'features.json'), JSON.stringify({ classes, names: ['good', 'x', 'y'] }));
  }
  const inOrder = Array.from({ length: 60 }, (_, i) => i);
  const shuffled = inOrder.map((i) => (i * 7 + 3) % 60);
  beforeEach(() => writeMadeDataset(at('data'), cells, classes));

  test('features in another order are joined by their cells', async () => {
    writeFeatures(at('same'), inOrder);
    writeFeatures(at('other'), shuffled);
    for (const name of ['same', 'other']) {
      const { status } = await run(
        'quality',
        'train',
        '--data',
        at('data'),
        '--features',
        at(name),
        '--folds',
        '5',
        '--out',
        at(`q-${name}`),
      );
      expect(status).toBe(0);
    }
    const scores = await rows(at('q-other', 'scores.csv'));
    expect(scores).toEqual(await rows(at('q-same', 'scores.csv')));
    // The planted non-cells have the low scores.
    expect(scores.every(({ quality }, i) => (quality as unknown as number) < 0.5 === (i % 3 === 0))).toBe(true);
  });

  test('of another set of cells, or with a cell twice, they are refused', async () => {
    writeFeatures(at('twice'), [0, 0, ...inOrder.slice(2)]);
    const train = (features: string) =>
      run('quality', 'train', '--data', at('data'), '--features', features, '--out', at('q'));
    expect((await train(at('twice'))).stderr).toMatch(/\[dataset-invalid\].*twice has the cell 'cell0'.* twice/);
    writeMadeDataset(
      at('elsewhere'),
      cells.map((cell) => ({ ...cell, plate: 'other' })),
      classes,
    );
    writeFeatures(at('plate'), inOrder, at('elsewhere'));
    const withPlate = readFileSync(at('data', 'cells.csv'), 'utf8').replaceAll(/^((?:[^,]*,){3})[^,\n]*/gm, '$1plate1');
    writeFileSync(at('data', 'cells.csv'), withPlate.replace('plate1', 'plate'));
    expect((await train(at('plate'))).stderr).toMatch(
      /\[dataset-invalid\].*no row for the cell 'cell0' \(plate plate1/,
    );
  });

  test.each([
    ['0,9', /line 2: found '0,9' in column 'quality', expected a number with a decimal point/],
    ['nan', /line 2: found 'nan'/],
    ['0x1', /line 2: found '0x1'/],
    ['90', /line 2: found the quality 90, expected 0 \(no cell\) to 1/],
  ])('a quality of %s is no score', async (score, message) => {
    writeFileSync(at('scores.csv'), `cell,quality\ncell0,"${score}"\ncell1,0.5\n`);
    const { status, stderr } = await run(
      'quality',
      'filter',
      '--data',
      at('data'),
      '--scores',
      at('scores.csv'),
      '--out',
      at('f'),
    );
    expect(status).toBe(3);
    expect(stderr).toMatch(message);
  });

  test('scores of a cell twice, without their column, or of some cells only', async () => {
    const filter = (text: string) => {
      writeFileSync(at('scores.csv'), text);
      return run('quality', 'filter', '--data', at('data'), '--scores', at('scores.csv'), '--out', at('f'));
    };
    expect((await filter('cell,quality\ncell0,0.1\ncell0,0.9\n')).stderr).toMatch(
      /line 3: the cell 'cell0' is on line 2 already/,
    );
    expect((await filter('cell,score\ncell0,0.1\n')).stderr).toMatch(/no column 'quality'/);
    const some = await filter('cell,quality\ncell0,0.1\ncell1,0.9\n');
    expect([some.status, some.stderr]).toEqual([0, expect.stringContaining('58 cells have no score')]);
  });

  test('a table of proteins beside the predictions that it sums up is refused, beside others it is said', async () => {
    const header = 'cell,protein,label,p_a,p_b';
    writeFileSync(at('1.csv'), `${header}\nc,P,a,0.7,0.3\nd,P,a,0.2,0.8\ne,Q,a,0.9,0.1\n`);
    writeFileSync(at('2.csv'), `${header}\nf,P,a,0.7,0.3\n`);
    const proteins = (...tables: string[]) => run('proteins', ...tables.map((name) => at(name)), '--bootstrap', '0');
    expect((await run('proteins', at('1.csv'), '--bootstrap', '0', '--out', at('sums.csv'))).status).toBe(0);
    for (const tables of [
      ['1.csv', 'sums.csv'],
      ['sums.csv', '1.csv'],
    ]) {
      const { status, stderr } = await proteins(...tables);
      expect(status).toBe(3);
      expect(stderr).toMatch(/the soft counts of P in a table of proteins are those of its predictions/);
    }
    const others = await proteins('sums.csv', '2.csv');
    expect(others.status).toBe(0);
    expect(others.stderr).toMatch(/1 proteins, P among them, are in a table of proteins and in a table of predictions/);
  });

  test("a well that stands for a protein is one plate's", async () => {
    const table = (protein: string) =>
      ['cell,protein,plate,p_a,p_b', `c1,${protein},one,1,0`, `c2,${protein},two,0,1`, ''].join('\n');
    const proteins = () => run('proteins', at('wells.csv'), '--bootstrap', '0', '--out', at('proteins.csv'));
    writeFileSync(at('wells.csv'), table('A01'));
    const { status, stderr } = await proteins();
    expect(status).toBe(3);
    expect(stderr).toMatch(
      /line 3: found the protein 'A01' on the plates one and two, .* expected names such as two\/A01/,
    );
    writeFileSync(at('wells.csv'), table('AAC1'));
    expect((await proteins()).status).toBe(0);
  });

  test('tables to compare: a cell twice is refused', async () => {
    const table = (...lines: string[]) => ['cell,protein,plate,label,p_a,p_b', ...lines, ''].join('\n');
    writeFileSync(at('1.csv'), table('c,P,x,a,1,0', 'c,P,y,a,0,1'));
    writeFileSync(at('2.csv'), table('c,P,y,a,1,0', 'c,P,x,a,0,1'));
    expect((await run('compare', at('1.csv'), at('2.csv'), '--out', at('compared'))).status).toBe(0);
    expect(JSON.parse(readFileSync(at('compared', 'comparison.json'), 'utf8')).agreement).toMatchObject({
      onlyFirstRight: 1,
      onlySecondRight: 1,
    });
    writeFileSync(at('2.csv'), table('c,P,y,a,1,0', 'c,P,x,a,0,1').replaceAll(/,(plate|x|y)(?=,)/g, ''));
    expect((await run('compare', at('1.csv'), at('2.csv'), '--out', at('again'))).stderr).toMatch(
      /the cell 'c'.* was there already|names the cell 'c' twice/,
    );
  });

  test('tables to compare: cells in one table only and cells without quality are said', async () => {
    const table = (...lines: string[]) => ['cell,protein,plate,label,p_a,p_b', ...lines, ''].join('\n');
    writeFileSync(at('1.csv'), table('c,P,x,a,1,0', 'd,P,x,a,0,1', 'e,P,x,a,0,1'));
    writeFileSync(at('2.csv'), table('c,P,x,a,1,0', 'd,P,x,a,1,0', 'f,P,x,a,1,0', 'g,P,x,a,1,0'));
    writeFileSync(at('quality.csv'), 'cell,quality\nd,0.2\n');
    const { status, stderr } = await run(
      ...['compare', at('1.csv'), at('2.csv'), '--names', 'one,two'],
      ...['--quality', at('quality.csv'), '--out', at('compared')],
    );
    expect(status).toBe(0);
    expect(stderr).toMatch(/1 cells are in the table of one only/);
    expect(stderr).toMatch(/2 cells are in the table of two only/);
    expect(stderr).toMatch(/1 cells have no score in .*quality.csv/);
    const written = JSON.parse(readFileSync(at('compared', 'comparison.json'), 'utf8'));
    expect(written).toMatchObject({ cells: 2, unmatched: [1, 2], unscored: 1, causes: { technical: 1 } });
  });

  test('tables to compare: qualities by name do not go to cells of two plates', async () => {
    const table = 'cell,protein,plate,label,p_a,p_b\nc,P,x,a,1,0\nc,P,y,a,0,1\n';
    writeFileSync(at('1.csv'), table);
    writeFileSync(at('quality.csv'), 'cell,quality\nc,0.2\n');
    const { status, stderr } = await run(
      ...['compare', at('1.csv'), at('1.csv'), '--quality', at('quality.csv'), '--out', at('compared')],
    );
    expect(status).toBe(3);
    expect(stderr).toMatch(/several cells named 'c'/);
  });

  test('annotations: indices are named by the dataset beside them, or refused', async () => {
    expect((await run('annotations', at('data', 'cells.csv'), '--out', at('a.csv'))).status).toBe(0);
    const named = await rows(at('a.csv'));
    expect(new Set(named.map((row) => row.class))).toEqual(new Set(classes));
    writeFileSync(at('alone.csv'), readFileSync(at('data', 'cells.csv')));
    const { status, stderr } = await run('annotations', at('alone.csv'), '--out', at('b.csv'));
    expect(status).toBe(3);
    expect(stderr).toMatch(/line 2: found '\d' in column 'label', an index and no name of a compartment/);
  });
});

describe('measurements of CellProfiler', () => {
  const measure = async (table: string[], data: string, ...options: string[]) => {
    writeFileSync(at('cp.csv'), `${table.join('\n')}\n`);
    const { status, stderr } = await run(
      'features',
      '--cellprofiler',
      at('cp.csv'),
      '--data',
      data,
      '--out',
      at('f'),
      ...options,
    );
    const description = status === 0 ? JSON.parse(readFileSync(at('f', 'features.json'), 'utf8')) : undefined;
    const bytes = status === 0 ? readFileSync(at('f', 'features.npy')) : Buffer.alloc(0);
    const values = bytes.subarray(bytes.length - 4 * (description?.shape[0] ?? 0) * (description?.shape[1] ?? 0));
    return { status, stderr, names: description?.names, values: [...new Float32Array(Uint8Array.from(values).buffer)] };
  };

  test.each([
    ['larger', 32, 'crop', [7, 8], [15.4, 15.9]],
    ['smaller', 12, 'pad', [8, 8], [5.5, 5.5]],
  ] as const)('the middle is that of the %s image which was measured', async (_, side, fit, neighbour, middle) => {
    await image('in/nucleus/P_1.tif', 100, 3000, side);
    await run('import', at('in'), '--fit', fit, '--out', at('d'), ...size);
    const lines = ['ImageNumber,ObjectNumber,Metadata_cell,AreaShape_Area,Location_Center_X,Location_Center_Y'];
    const rowsOf = [`1,1,nucleus/P_1,111,${neighbour.join()}`, `1,2,nucleus/P_1,900,${middle.join()}`];
    expect((await measure([...lines, ...rowsOf], at('d'))).values[0]).toBe(900);
    expect((await Dataset.open(at('d'))).extraColumns).toEqual(expect.arrayContaining(['image_width', 'image_height']));
    // An import that did not note the size: the middle is not known, unless it is given.
    const cells = readFileSync(at('d', 'cells.csv'), 'utf8');
    writeFileSync(at('d', 'cells.csv'), cells.replace('image_width', 'w').replace('image_height', 'h'));
    expect((await measure([...lines, ...rowsOf], at('d'))).stderr).toMatch(
      /its middle is not known; give --image-size/,
    );
    expect((await measure([...lines, ...rowsOf], at('d'), '--image-size', String(side))).values[0]).toBe(900);
    expect((await measure([...lines, ...rowsOf], at('d'), '--image-size', '6')).stderr).toMatch(
      /outside of an image of 6 x 6/,
    );
  });

  test('file names of a pair, one a channel', async () => {
    for (const name of ['P_1_gfp', 'P_1_rfp', 'P_2_gfp', 'P_2_rfp']) {
      await writeTiff(at(`${name}.tif`), [
        { width: smallSize, height: smallSize, data: new Uint16Array(smallSize ** 2).fill(9) },
      ]);
    }
    const pattern = ['--pattern', '{protein}_{cell}_{channel}.tif', '--channels', 'rfp,gfp'];
    await run('import', at('.'), ...pattern, '--out', at('d'), ...size);
    const table = [
      'ImageNumber,FileName_GFP,FileName_RFP,AreaShape_Area',
      '1,P_2_gfp.tif,P_2_rfp.tif,600',
      '2,P_1_gfp.tif,P_1_rfp.tif,500',
    ];
    for (const key of ['FileName_GFP', 'FileName_RFP']) {
      expect(await measure(table, at('d'), '--key', key)).toMatchObject({
        names: ['AreaShape_Area'],
        values: [500, 600],
      });
    }
  });

  test('two plates whose file names repeat: by folder or plate, or not at all', async () => {
    for (const plate of ['plate1', 'plate2']) await image(`in/${plate}/A01_1.tif`);
    await run('import', at('in'), '--pattern', '{plate}/{well}_{cell}.tif', '--out', at('d'), ...size);
    const key = ['--key', 'FileName_GFP'];
    const folders = [
      'ImageNumber,FileName_GFP,PathName_GFP,AreaShape_Area',
      '1,A01_1.tif,/data/in/plate2,2',
      '2,A01_1.tif,D:\\in\\plate1,1',
    ];
    expect((await measure(folders, at('d'), ...key)).values).toEqual([1, 2]);
    const plates = [
      'ImageNumber,FileName_GFP,Metadata_Plate,Metadata_Well,AreaShape_Area',
      '1,A01_1.tif,plate2,A1,2',
      '2,A01_1.tif,plate1,A1,1',
    ];
    expect((await measure(plates, at('d'), ...key)).values).toEqual([1, 2]);
    const neither = ['ImageNumber,FileName_GFP,AreaShape_Area', '1,A01_1.tif,2', '2,A01_1.tif,1'];
    expect((await measure(neither, at('d'), ...key)).stderr).toMatch(/'A01_1\.tif' names several cells .*PathName_GFP/);
    // A dataset of one plate, and the table of both.
    await run('import', at('in', 'plate1'), '--pattern', '{well}_{cell}.tif', '--out', at('one'), ...size);
    expect((await measure(neither, at('one'), ...key)).stderr).toMatch(/is on line 2 already, of another image/);
    const other = [
      'ImageNumber,FileName_GFP,PathName_GFP,AreaShape_Area',
      '1,A01_1.tif,/data/in/plate3,2',
      '2,A01_1.tif,/data/in/plate1,1',
    ];
    expect((await measure(other, at('d'), ...key)).stderr).toMatch(
      /no row for 1 of 2 cells, 'plate2\/A01_1'.*line 2 is left out: its PathName_GFP/,
    );
  });

  test('columns with the object’s name before them: bookkeeping is no feature, the centre is found', async () => {
    writeMadeDataset(at('data'), madeCells(2, 3), ['a', 'b', 'c']);
    const header = [
      ...['ImageNumber', 'Metadata_cell', 'Image_Metadata_Plate', 'Cells_Number_Object_Number', 'Cells_Parent_Nuclei'],
      ...['My_Cells_Parent_Nuclei', 'Mean_Nuclei_Number_Object_Number', 'Image_FileName_GFP', 'Unnamed: 0'],
      ...['Cells_AreaShape_Area', 'Cells_Children_Buds_Count', 'Cells_Location_Center_X', 'Cells_Location_Center_Y'],
    ];
    const table = [
      header.join(),
      '1,cell0,,1,1,1,1,a,0,10,0,2,2',
      '1,cell0,,2,1,1,1,a,1,20,1,7,8',
      '2,cell1,,1,1,1,1,b,2,30,0,0,0',
    ];
    const { names, values } = await measure(table, at('data'));
    expect(names).toEqual([
      'Cells_AreaShape_Area',
      'Cells_Children_Buds_Count',
      'Cells_Location_Center_X',
      'Cells_Location_Center_Y',
    ]);
    expect(values.filter((_, i) => i % 4 === 0)).toEqual([20, 30]);
  });
});

test('scores of another plate are refused', async () => {
  for (const name of ['p1/A01_1', 'p1/A02_1']) await image(`in/${name}.tif`);
  await run(...['import', at('in'), '--pattern', '{plate}/{well}_{cell}.tif', '--out', at('d'), ...size]);
  const filter = (plate: string, well: string) => {
    writeFileSync(at('q.csv'), `cell,plate,well,quality\np1/A01_1,${plate},${well},0.1\np1/A02_1,p1,A02,0.9\n`);
    return run('quality', 'filter', '--data', at('d'), '--scores', at('q.csv'), '--out', at(`${plate}${well}`));
  };
  expect((await filter('p2', 'A01')).stderr).toMatch(/line 2: 'p1\/A01_1' is of the plate 'p2', expected 'p1'/);
  expect((await filter('p1', 'B01')).status).toBe(3);
  expect((await filter('p1', 'A1')).status).toBe(0);
});

test('features with more or fewer names than columns are refused', async () => {
  mkdirSync(at('f'));
  const values = Buffer.from(Float32Array.of(1, 2, 3, 4).buffer);
  writeFileSync(at('f', 'features.npy'), Buffer.concat([npyHeader('<f4', [2, 2]), values]));
  writeFileSync(at('f', 'features.json'), '{"names": ["area", "mean"]}');
  expect((await readFeatureMatrix(at('f'))).names).toEqual(['area', 'mean']);
  for (const names of ['["area"]', '["area", "mean", "x"]', '[1, 2]', '"area"']) {
    writeFileSync(at('f', 'features.json'), `{"names": ${names}}`);
    await expect(readFeatureMatrix(at('f'))).rejects.toThrow(/expected one for each of the 2 columns/);
  }
});

describe('tables of unusual size', () => {
  test('a class table with one index of 999,999 is refused, and 100,000 columns are read', async () => {
    writeFileSync(at('classes.txt'), 'label;label_idx\na;0\nb;999999\n');
    await image('in/a/x.tif');
    const { stderr } = await run('import', at('in'), '--classes', at('classes.txt'), '--out', at('d'), ...size);
    expect(stderr).toMatch(/expected the indices 0 to n - 1, each once, found 2 of them, but not 1/);
    const names = Array.from({ length: 100_000 }, (_, i) => `c${i}`);
    writeFileSync(at('wide.csv'), `${names.join()}\n${names.map(() => '1').join()}\n`);
    const [row] = await rows(at('wide.csv'));
    expect(Object.keys(row!)).toHaveLength(100_000);
  });
});
