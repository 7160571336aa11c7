import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compartments, transferCompartments } from '../../src/data/compartments';
import { fieldOf } from '../../src/data/identity';
import { planImport } from '../../src/data/import-plan';
import { parseLabelList, readClassTable, readLabelList } from '../../src/data/label-list';
import { DeepYeastError } from '../../src/errors';
import { sharedDataOrSkip } from '../shared-data';
import { temporaryFolder } from '../temporary-folder';

const folder = temporaryFolder();
const classes = ['er', 'golgi'];
const parse = (text: string) => parseLabelList(text, 'list.txt', classes);

describe('a label list', () => {
  test('paths and labels, empty lines, CRLF, a byte-order mark, spaces in paths', () => {
    expect(parse('\ufeffa/b.png 0\r\n\r\n  my cells/c.png\t1  \n')).toEqual([
      { path: 'a/b.png', label: 0, line: 1 },
      { path: 'my cells/c.png', label: 1, line: 3 },
    ]);
  });

  test.each([
    ['a.png 0\nb.png\n', /list\.txt, line 2: found "b\.png", expected "path index"/],
    ['a.png 0\n7\n', /line 2: found "7"/],
    ['a.png -1\n', /line 1: found "a\.png -1"/],
    ['a.png 1.5\n', /line 1/],
    ['a.png er\n', /line 1/],
    ['a.png 2\n', /line 1: found label 2, expected 0 to 1 \(2 classes\)/],
    ['a.png 0\nb.png 1\na.png 1\n', /line 3: a\.png was listed on line 1 already/],
    ['\n\n', /lists no images/],
    ['', /lists no images/],
  ])('%j is labels-invalid', (text, message) => {
    expect(() => parse(text)).toThrow(message);
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'labels-invalid' }));
  });

  test('any text is entries or labels-invalid', () => {
    const pieces = fc.constantFrom(
      'a.png',
      ' ',
      '\t',
      '\n',
      '\r',
      '\r\n',
      '0',
      '1',
      '12345678901',
      '-',
      '\ufeff',
      'é',
      '\0',
    );
    const text = fc.oneof(
      fc.string({ maxLength: 40 }),
      fc.array(pieces, { maxLength: 20 }).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (list) => {
        try {
          const entries = parse(list);
          expect(new Set(entries.map(({ path }) => path)).size).toBe(entries.length);
          for (const { path, label } of entries) {
            expect(path).not.toBe('');
            expect([0, 1]).toContain(label);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(DeepYeastError);
          expect((error as DeepYeastError).code).toBe('labels-invalid');
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('what is written is parsed', () => {
    const path = fc.string({ unit: fc.constantFrom('a', '/', '-', '.', ' ', '7'), minLength: 1, maxLength: 10 });
    const entries = fc.uniqueArray(
      fc.tuple(
        path.map((text) => text.trim()).filter((text) => text !== ''),
        fc.nat(1),
      ),
      {
        minLength: 1,
        selector: ([text]) => text,
      },
    );
    fc.assert(
      fc.property(entries, (rows) => {
        expect(parse(rows.map(([text, label]) => `${text} ${label}\n`).join(''))).toEqual(
          rows.map(([text, label], index) => ({ path: text, label, line: index + 1 })),
        );
      }),
    );
  });

  test('a missing file is an io-error', async () => {
    await expect(readLabelList(folder.path('none.txt'), classes)).rejects.toMatchObject({ code: 'io-error' });
  });
});

describe('a file of classes', () => {
  const table = (text: string) => {
    writeFileSync(folder.path('classes'), text);
    return readClassTable(folder.path('classes'));
  };

  test('classes and their indices, in any order', async () => {
    expect(await table('label;label_idx\nb c;1\na;0\n')).toEqual({ classes: ['a', 'b c'] });
  });

  test('proteins and their classes; the classes are sorted', async () => {
    expect(await table('\ufeffgene,class,protein\r\nx,vacuole,A\r\ny,er,B\r\nx,vacuole,A\r\n')).toEqual({
      classes: ['er', 'vacuole'],
      proteins: new Map([
        ['A', 'vacuole'],
        ['B', 'er'],
      ]),
    });
  });

  test('from a pipe, which can be read once only', async () => {
    const pipe = folder.path('pipe');
    execFileSync('mkfifo', [pipe]);
    const [read] = await Promise.all([readClassTable(pipe), writeFile(pipe, 'label;label_idx\na;0\nb;1\n')]);
    expect(read).toEqual({ classes: ['a', 'b'] });
  });

  test.each([
    ['name;index\na;0\n', /begins with "name;index", expected the columns/],
    ['label;label_idx\na;0\nb;2\n', /expected the indices 0 to n - 1/],
    ['label;label_idx\na;0\nb;0\n', /line 3: the class "b;0" is there already/],
    ['label;label_idx\na;0\na;1\n', /line 3/],
    ['label;label_idx\na;x\n', /line 2: found "a;x"/],
    ['label;label_idx\n', /found 0 of them/],
    ['protein,class\nA,er\nA,golgi\n', /line 3: A is "golgi" here and "er" above/],
    ['protein,class\nA,\n', /line 2: expected a protein and a class/],
    ['protein,class\n', /lists no proteins/],
  ])('%j is labels-invalid', async (text, message) => {
    await expect(table(text)).rejects.toThrow(message);
    await expect(table(text)).rejects.toMatchObject({ code: 'labels-invalid' });
  });
});

describe('the label lists of DeepYeast', () => {
  test('their classes are the built-in ones', async (context) => {
    const lists = sharedDataOrSkip(context, 'deepyeast-labels');
    expect((await readClassTable(join(lists, 'HOwt_doc.txt'))).classes).toEqual([...compartments]);
    expect((await readClassTable(join(lists, 'HOwt_transfer_doc.txt'))).classes).toEqual([...transferCompartments]);
  });

  test('hold 1,783 proteins, none in two sets, and 6,754 micrographs', async (context) => {
    const lists = sharedDataOrSkip(context, 'deepyeast-labels');
    const sets = await Promise.all(
      ['train', 'val', 'test'].map((name) => planImport({ source: lists, labels: join(lists, `HOwt_${name}.txt`) })),
    );
    expect(sets.map(({ cells }) => cells.length)).toEqual([65_000, 12_500, 12_500]);
    const proteins = sets.map(({ cells }) => new Set(cells.map(({ cell }) => cell.protein)));
    expect(proteins.map(({ size }) => size)).toEqual([1224, 277, 282]);
    const cells = sets.flatMap((set) => set.cells.map(({ cell }) => cell));
    expect(new Set(cells.map(({ protein }) => protein)).size).toBe(1783);
    expect(new Set(cells.map(fieldOf)).size).toBe(6754);
    expect(new Set(cells.map(({ cell }) => cell)).size).toBe(90_000);
    expect(cells[0]).toMatchObject({
      ...{ cell: 'plate10/015005000-6-15188-94', protein: 'plate10/015005000', plate: 'plate10', well: '015005000' },
      ...{ field: '6', image: '15188', source: 'plate10/015005000-6-15188-94.png', label: 0 },
    });
    expect(sets.flatMap(({ warnings }) => warnings)).toEqual([]);

    const test = sets[2]!.cells.map(({ cell }) => cell);
    const perProtein = new Map<string, number>();
    for (const { protein } of test) perProtein.set(protein, (perProtein.get(protein) ?? 0) + 1);
    expect([...perProtein.values()].filter((count) => count >= 10).length).toBe(222);
    const perClass = (name: string) => test.filter(({ label }) => sets[2]!.classes[label] === name).length;
    expect(
      Object.fromEntries(
        ['endosome', 'spindle pole', 'peroxisome', 'golgi', 'nucleus', 'nucleolus'].map((name) => [
          name,
          perClass(name),
        ]),
      ),
    ).toEqual({ endosome: 689, 'spindle pole': 781, peroxisome: 164, golgi: 382, nucleus: 1627, nucleolus: 1263 });
  });

  test('the transfer lists have four classes', async (context) => {
    const lists = sharedDataOrSkip(context, 'deepyeast-labels');
    const classes = join(lists, 'HOwt_transfer_doc.txt');
    const labels = join(lists, 'HOwt_transfer_val.txt');
    const plan = await planImport({ source: lists, labels, classes });
    expect(plan.cells.length).toBe(2000);
    expect(new Set(plan.cells.map(({ cell }) => cell.label))).toEqual(new Set([0, 1, 2, 3]));
  });
});
