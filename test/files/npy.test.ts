import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DeepYeastError } from '../../src/errors';
import { npyHeader, parseNpyHeader, readNpyHeader, writeNpy } from '../../src/files/npy';

const fixture = (name: string) => join(__dirname, '../fixtures/data/npy', name);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'deepyeast-npy-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('headers that NumPy wrote', () => {
  test.each([1, 2, 3])('version %i.0', async (version) => {
    const { dtype, fortranOrder, shape, dataOffset, fileSize } = await readNpyHeader(fixture(`version${version}.npy`));
    expect({ dtype, fortranOrder, shape }).toEqual({ dtype: '|u1', fortranOrder: false, shape: [2, 3, 3, 2] });
    const values = readFileSync(fixture(`version${version}.npy`)).subarray(dataOffset);
    expect([...values]).toEqual(Array.from({ length: 36 }, (_, index) => index));
    expect(fileSize).toBe(dataOffset + 36);
  });

  test('one dimension, Fortran order, no dimension', async () => {
    expect(await readNpyHeader(fixture('float32.npy'))).toMatchObject({ dtype: '<f4', shape: [5] });
    expect(await readNpyHeader(fixture('fortran.npy'))).toMatchObject({ fortranOrder: true, shape: [2, 3, 3, 2] });
    expect(await readNpyHeader(fixture('scalar.npy'))).toMatchObject({ dtype: '<f8', shape: [] });
  });
});

test('our files are byte for byte what numpy.save writes', async () => {
  const path = join(folder, 'bytes.npy');
  await writeNpy(
    path,
    '|u1',
    [2, 3, 3, 2],
    Uint8Array.from({ length: 36 }, (_, index) => index),
  );
  expect(readFileSync(path)).toEqual(readFileSync(fixture('uint8.npy')));
  const floats = new Float32Array([0, 0.25, 0.5, 0.75, 1]);
  await writeNpy(path, '<f4', [5], new Uint8Array(floats.buffer));
  expect(readFileSync(path)).toEqual(readFileSync(fixture('float32.npy')));
});

describe('properties', () => {
  const shapes = fc.array(fc.nat(Number.MAX_SAFE_INTEGER), { maxLength: 6 });
  const dtypes = fc.constantFrom('|u1', '<f4', '<f8', '<i8', '|b1', '<U12');

  test('a header is read as it was written, at a multiple of 64 bytes', () => {
    fc.assert(
      fc.property(dtypes, shapes, (dtype, shape) => {
        const header = npyHeader(dtype, shape);
        expect(header.length % 64).toBe(0);
        expect(parseNpyHeader(header, 'x')).toEqual({ dtype, fortranOrder: false, shape, dataOffset: header.length });
      }),
    );
  });

  test('a header with room reserved says the same', () => {
    fc.assert(
      fc.property(shapes, fc.integer({ min: 4, max: 20 }), (shape, blocks) => {
        const header = npyHeader('|u1', shape, blocks * 64);
        expect(header.length).toBe(blocks * 64);
        expect(parseNpyHeader(header, 'x')).toMatchObject({ shape, dataOffset: header.length });
      }),
    );
    expect(() => npyHeader('|u1', [1, 2, 3, 4], 64)).toThrow(RangeError);
    expect(() => npyHeader('|u1', [1], 100)).toThrow(RangeError);
  });

  /** Either a header of sane numbers or `dataset-invalid`: nothing else. */
  function parsesOrRefuses(bytes: Uint8Array): void {
    try {
      const { shape, dataOffset } = parseNpyHeader(bytes, 'fuzzed.npy');
      expect(shape.every((length) => Number.isSafeInteger(length) && length >= 0)).toBe(true);
      expect(dataOffset).toBeLessThanOrEqual(bytes.length);
    } catch (error) {
      expect(error).toBeInstanceOf(DeepYeastError);
      expect((error as DeepYeastError).code).toBe('dataset-invalid');
      expect((error as DeepYeastError).message).toContain('fuzzed.npy');
    }
  }

  test('any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), parsesOrRefuses), { numRuns: 500 });
  });

  test('any text in a well-formed frame', () => {
    const pieces = [
      '{',
      '}',
      "'descr'",
      "'fortran_order'",
      "'shape'",
      ': ',
      ', ',
      "'|u1'",
      'False',
      '(1, 2)',
      '(',
      ')',
      '7',
      ' ',
    ];
    const text = fc.oneof(
      fc.string({ maxLength: 60 }),
      fc.array(fc.constantFrom(...pieces, '\n', 'é', '(((', 'L'), { maxLength: 20 }).map((parts) => parts.join('')),
    );
    const framed = fc.tuple(fc.constantFrom(1, 2, 3), text);
    fc.assert(
      fc.property(framed, ([version, text]) => {
        const body = Buffer.from(text, version === 3 ? 'utf8' : 'latin1');
        const length = Buffer.alloc(version === 1 ? 2 : 4);
        if (version === 1) length.writeUInt16LE(body.length);
        else length.writeUInt32LE(body.length);
        parsesOrRefuses(Buffer.concat([Buffer.from('\x93NUMPY', 'latin1'), Buffer.from([version, 0]), length, body]));
      }),
      { numRuns: 500 },
    );
  });

  test('a good header with some bytes changed, and cut anywhere', () => {
    const good = npyHeader('|u1', [1000, 64, 64, 2]);
    const changes = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(changes, fc.nat(good.length), (edits, length) => {
        const bytes = Uint8Array.from(good);
        for (const [at, value] of edits) bytes[at] = value;
        parsesOrRefuses(bytes);
        parsesOrRefuses(bytes.subarray(0, length));
      }),
      { numRuns: 1000 },
    );
  });
});

test.each([
  ['{"descr": "|u1", "fortran_order": False, "shape": (1,), "extra": (1,)}'],
  ["{'descr': '|u1', 'fortran_order': False}"],
  ["{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (1,)}"],
  ["{'descr': False, 'fortran_order': False, 'shape': (1,)}"],
  ["{'descr': '|u1', 'fortran_order': False, 'shape': (1, -2)}"],
  ["{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999,)}"],
  ["{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (1,)}"],
  ["{'descr': '|u1' 'fortran_order': False, 'shape': (1,)}"],
])('the header %s is refused', (text) => {
  const frame = Buffer.from(npyHeader('|u1', [1], 192));
  frame.fill(' ', 10, 191);
  frame.write(text, 10, 'latin1');
  expect(() => parseNpyHeader(frame, 'odd.npy')).toThrow(/odd\.npy has the \.npy header/);
});

test('a huge header is not read, a missing file is an io-error', async () => {
  const bytes = Buffer.concat([Buffer.from('\x93NUMPY\x02\x00\xff\xff\xff\x7f', 'latin1'), Buffer.alloc(100)]);
  writeFileSync(join(folder, 'huge.npy'), bytes);
  await expect(readNpyHeader(join(folder, 'huge.npy'))).rejects.toMatchObject({ code: 'dataset-invalid' });
  await expect(readNpyHeader(join(folder, 'none.npy'))).rejects.toMatchObject({ code: 'io-error' });
});
