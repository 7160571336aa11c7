import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DeepYeastError } from '../../src/errors';
import { listFields, readField } from '../../src/fields';
import { readHarmonyIndex } from '../../src/fields/layout/harmony-index';
import { readXmlFile } from '../../src/fields/xml';
import { temporaryFolder } from '../temporary-folder';
import { fieldsFixture, rfpGfp } from './fixture';

const folder = temporaryFolder();

/** Whatever the input, the answer is a result or an error with a code, never any other failure. */
async function answersWithCode(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(DeepYeastError);
    expect((error as DeepYeastError).code).toMatch(/^(image-invalid|invalid-argument)$/);
    return false;
  }
}

interface Mutation {
  at: number;
  remove: number;
  insert: Uint8Array;
}

/** Bytes that mean something in XML and JSON are likelier than others. */
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 4 }),
  fc
    .constantFrom(
      '<',
      '>',
      '</',
      '<!--',
      '<![CDATA[',
      '&',
      '&amp;',
      '"',
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '-1',
      '1e9',
      'null',
      '..',
      '0',
      '9999999999',
    )
    .map((text) => Uint8Array.from(Buffer.from(text))),
);
const mutations = fc.array(
  fc
    .record({
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      remove: fc.nat({ max: 40 }),
      insert: bytes,
      overwrite: fc.boolean(),
    })
    .map(({ overwrite, remove, ...rest }) => ({ ...rest, remove: overwrite ? rest.insert.length : remove })),
  { minLength: 1, maxLength: 3 },
);

function mutate(original: Buffer, list: readonly Mutation[]): Buffer {
  let result = original;
  for (const { at, remove, insert } of list) {
    const start = Math.floor(at * result.length);
    result = Buffer.concat([result.subarray(0, start), insert, result.subarray(start + remove)]);
  }
  return result;
}

describe('XML', () => {
  const index = readFileSync(
    join(fieldsFixture, 'harmony', 'v5__2019-02-03T10_11_12-Measurement 1', 'Images', 'Index.idx.xml'),
  );

  test('a mutated index is read or refused', async () => {
    let read = 0;
    await fc.assert(
      fc.asyncProperty(mutations, async (list) => {
        writeFileSync(folder.path('Index.idx.xml'), mutate(index, list));
        if (await answersWithCode(() => readHarmonyIndex(folder.path('Index.idx.xml')))) read++;
      }),
      { numRuns: 300, seed: 21 },
    );
    // Some mutations hit texts only: the test is not all refusals.
    expect(read).toBeGreaterThan(0);
  });

  test('an index cut short anywhere is refused', async () => {
    for (let length = 0; length < index.length; length += 211) {
      writeFileSync(folder.path('Index.idx.xml'), index.subarray(0, length));
      expect(await answersWithCode(() => readHarmonyIndex(folder.path('Index.idx.xml')))).toBe(false);
    }
  });

  test('any text is read or refused', async () => {
    const piece = fc.constantFrom(
      '<a>',
      '</a>',
      '<b/>',
      '<a b="c">',
      '&lt;',
      '&x;',
      '<!DOCTYPE a>',
      '<?xml?>',
      '<!--x-->',
      ']]>',
      'text',
      '\ufeff',
      '"',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(piece, fc.string({ maxLength: 5 })), { maxLength: 12 }), async (pieces) => {
        writeFileSync(folder.path('any.xml'), pieces.join(''));
        await answersWithCode(() => readXmlFile(folder.path('any.xml'), {}));
      }),
      { numRuns: 200, seed: 22 },
    );
  });

  const refused: [string, string, RegExp][] = [
    [
      'entities that grow',
      `<!DOCTYPE a [<!ENTITY b "${'x'.repeat(100)}"><!ENTITY c "${'&b;'.repeat(100)}"><!ENTITY d "${'&c;'.repeat(100)}">]><a>&d;</a>`,
      /undefined entity/,
    ],
    ['a file from outside', '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>', /undefined entity/],
    ['elements without end', '<a>'.repeat(100_000), /more than 64 deep/],
  ];
  test.each(refused)('%s: refused', async (_, text, says) => {
    writeFileSync(folder.path('bomb.xml'), text);
    await expect(readXmlFile(folder.path('bomb.xml'), {})).rejects.toMatchObject({
      code: 'image-invalid',
      message: expect.stringMatching(says),
    });
  });

  test('UTF-16 is read; bytes that are no text are refused', async () => {
    for (const encoding of ['utf16le', 'utf8'] as const) {
      writeFileSync(folder.path('text.xml'), Buffer.from('\ufeff<a><b>µ &amp; <![CDATA[<x>]]></b></a>', encoding));
      const texts: string[] = [];
      await readXmlFile(folder.path('text.xml'), { close: (name, text) => texts.push(`${name}=${text}`) });
      expect(texts).toEqual(['b=µ & <x>', 'a=']);
    }
    writeFileSync(folder.path('text.xml'), Buffer.from([0x3c, 0x61, 0x3e, 0xff, 0xfe, 0x3c, 0x2f, 0x61, 0x3e]));
    await expect(readXmlFile(folder.path('text.xml'), {})).rejects.toMatchObject({ code: 'image-invalid' });
  });

  test('text in many pieces is put together', async () => {
    const text = `${'µ'.repeat(300_000)}&amp;${'x'.repeat(300_000)}`;
    writeFileSync(folder.path('long.xml'), `<a>${text}</a>`);
    let found = '';
    await readXmlFile(folder.path('long.xml'), { close: (_, content) => (found = content) });
    expect(found === text.replace('&amp;', '&')).toBe(true);
  });
});

/** Files of a folder, relative to it. */
function filesOf(root: string, below = ''): string[] {
  return readdirSync(join(root, below)).flatMap((name) => {
    const path = join(below, name);
    return statSync(join(root, path)).isDirectory() ? filesOf(root, path) : [path];
  });
}

/** The planes of all fields. */
async function readAll(source: string): Promise<unknown[]> {
  const { fields } = await listFields([source], { channels: rfpGfp('0', '1'), t: 0 });
  const planes: unknown[] = [];
  for (const field of fields) planes.push(await readField(field, { z: 'max' }));
  return planes;
}

/** Copies a source, mutates one of its files, lists it and reads what is listed. */
async function meetMutated(source: string, files: readonly string[], runs: number, seed: number): Promise<void> {
  const originals = new Map(files.map((file) => [file, readFileSync(join(source, file))]));
  const copy = folder.path('copy');
  mkdirSync(copy, { recursive: true });
  cpSync(source, copy, { recursive: true });
  const before = await readAll(source);
  let answered = 0;
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...files), mutations, async (file, list) => {
      writeFileSync(join(copy, file), mutate(originals.get(file)!, list));
      if (await answersWithCode(() => readAll(copy))) answered++;
      writeFileSync(join(copy, file), originals.get(file)!);
    }),
    { numRuns: runs, seed },
  );
  expect(answered).toBeGreaterThan(0);
  // Nothing was left behind by the mutations, neither on the disk nor in a decoder.
  expect(await readAll(copy)).toEqual(before);
}

describe('OME-Zarr', () => {
  const isMetadata = (file: string) => /(\.z\w+|zarr\.json)$/.test(file) && !file.includes('labels');

  test.each(['0.4', '0.5'])('mutated metadata of a plate of version %s are read or refused', async (version) => {
    const source = join(fieldsFixture, 'zarr', `plate-${version}.zarr`);
    await meetMutated(source, filesOf(source).filter(isMetadata), 60, 23);
  });

  test.each(['0.4', '0.5'])('mutated chunks of a plate of version %s are read or refused', async (version) => {
    const source = join(fieldsFixture, 'zarr', `plate-${version}.zarr`);
    const chunks = filesOf(source).filter((file) => !/(\.z\w+|zarr\.json)$/.test(file) && !file.includes('labels'));
    await meetMutated(source, chunks, 60, 24);
  });

  test('metadata of any JSON are read or refused', async () => {
    const value = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.constantFrom(2 ** 53, 1e308, -1, 0, 'A/1', '../..', ['x', 'y'], [2 ** 31, 2 ** 31, 9, 12], '<u2', 'blosc'),
    );
    const source = join(fieldsFixture, 'zarr', 'single.zarr');
    const copy = folder.path('single.zarr');
    cpSync(source, copy, { recursive: true });
    const files = ['.zattrs', '0/.zarray'];
    const originals = new Map(files.map((file) => [file, readFileSync(join(source, file), 'utf8')]));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...files), fc.nat(), value, async (file, at, replacement) => {
        const parsed = JSON.parse(originals.get(file)!);
        writeFileSync(join(copy, file), JSON.stringify(replaceValue(parsed, at, replacement)));
        await answersWithCode(async () => {
          const { fields } = await listFields([copy], { channels: rfpGfp('0', '1') });
          for (const field of fields) await readField(field);
        });
        writeFileSync(join(copy, file), originals.get(file)!);
      }),
      { numRuns: 250, seed: 25 },
    );
  });
});

/** The value with one of its inner values, counted in order, replaced. */
function replaceValue(value: unknown, at: number, replacement: unknown): unknown {
  const paths: (string | number)[][] = [];
  const collect = (inner: unknown, path: (string | number)[]) => {
    paths.push(path);
    if (typeof inner === 'object' && inner !== null) {
      for (const key of Object.keys(inner)) collect((inner as Record<string, unknown>)[key], [...path, key]);
    }
  };
  collect(value, []);
  const path = paths[at % paths.length]!;
  if (path.length === 0) return replacement;
  const result = structuredClone(value);
  let holder = result as Record<string | number, unknown>;
  for (const key of path.slice(0, -1)) holder = holder[key] as Record<string | number, unknown>;
  holder[path.at(-1)!] = replacement;
  return result;
}

test.each(['ome-tiff', 'ome-tiff-set', 'ome-tiff-companion'])(
  'mutated files of %s are read or refused',
  async (source) => {
    await meetMutated(join(fieldsFixture, source), filesOf(join(fieldsFixture, source)), 200, 26);
  },
);
