import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseSafetensorsHeader, SafetensorsFile, safetensorsHeader } from '../../src/files/safetensors';
import { DeepYeastError } from '../../src/index';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'deepyeast-safetensors-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A file with any header. */
function encode(header: unknown, dataBytes: number, length?: bigint): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const start = Buffer.alloc(8);
  start.writeBigUInt64LE(length ?? BigInt(json.length));
  return Buffer.concat([start, json, Buffer.alloc(dataBytes)]);
}

const parse = (bytes: Uint8Array) => parseSafetensorsHeader(bytes, bytes.length, 'model');
const entry = (begin: number, end: number, shape = [(end - begin) / 4], dtype = 'F32') => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

describe('parseSafetensorsHeader', () => {
  it('gives metadata and tensors in the order of their values', () => {
    const bytes = encode(
      { b: entry(8, 24, [2, 2]), __metadata__: { format: 'x' }, a: entry(0, 8), e: entry(8, 8) },
      24,
    );
    const { metadata, tensors, dataOffset } = parse(bytes);
    expect([...metadata]).toEqual([['format', 'x']]);
    expect([...tensors.keys()]).toEqual(['a', 'e', 'b']);
    expect(tensors.get('b')).toEqual({ dtype: 'F32', shape: [2, 2], begin: 8, end: 24 });
    expect(dataOffset).toBe(bytes.length - 24);
  });

  it('takes scalars, other types and names of any kind', () => {
    const bytes = encode(
      `{"__proto__":${JSON.stringify(entry(0, 4, []))},"h":${JSON.stringify(entry(4, 8, [2], 'F16'))}}`,
      8,
    );
    const { tensors } = parse(bytes);
    expect(tensors.get('__proto__')?.shape).toEqual([]);
    expect(tensors.get('h')?.dtype).toBe('F16');
  });

  it.each([
    ['nothing', Buffer.alloc(0), /has 0 bytes; expected a safetensors file/],
    ['seven bytes', Buffer.alloc(7), /has 7 bytes/],
    [
      'a header longer than the file',
      encode({}, 0, 50n),
      /ends inside its header: found 10 bytes, expected at least 58/,
    ],
    [
      'a header of 2^63 bytes',
      encode({}, 0, 2n ** 63n),
      /says its header has 9223372036854775808 bytes; expected at most/,
    ],
    ['no JSON', encode('{"a"', 0), /header that is not JSON/],
    ['broken UTF-8', Buffer.from(encode('{"a":0}', 0)).fill(0xff, 10, 11), /header that is not JSON/],
    ['an entry that is text', encode({ a: 'F32' }, 0), /entry that is not a JSON object/],
    ['a list', encode([], 0), /not a JSON object/],
    ['an unknown type', encode({ a: entry(0, 4, [1], 'F33') }, 4), /tensor "a" with the type "F33"/],
    ['a type of Object.prototype', encode({ a: entry(0, 4, [1], 'toString') }, 4), /the type "toString"/],
    ['a negative extent', encode({ a: entry(0, 4, [-1]) }, 4), /a shape that is not a list of counts/],
    ['a fractional extent', encode({ a: entry(0, 4, [1.5]) }, 4), /a shape that is not a list of counts/],
    ['a shape beyond 2^53', encode({ a: entry(0, 4, [2 ** 40, 2 ** 40]) }, 4), /4 bytes; expected/],
    ['one offset', encode({ a: { ...entry(0, 4), data_offsets: [0] } }, 4), /data_offsets that are not two/],
    [
      'offsets the wrong way round',
      encode({ a: { ...entry(0, 4, [1]), data_offsets: [4, 0] } }, 4),
      /-4 bytes; expected 4/,
    ],
    [
      'bytes that do not fit the shape',
      encode({ a: entry(0, 8, [3]) }, 8),
      /8 bytes; expected 12 for F32 of shape \[3\]/,
    ],
    ['a gap', encode({ a: entry(0, 4), b: entry(8, 12) }, 12), /tensor "b" at byte 8; expected it at 4/],
    ['an overlap', encode({ a: entry(0, 8), b: entry(4, 12) }, 12), /tensor "b" at byte 4; expected it at 8/],
    ['values cut off', encode({ a: entry(0, 8) }, 7), /is truncated: found \d+ bytes, expected \d+; copy it again/],
    ['values too many', encode({ a: entry(0, 8) }, 9), /is longer than its header says/],
    ['metadata that is no text', encode({ __metadata__: { a: 1 } }, 0), /__metadata__\."a" that is not text/],
    ['metadata that is a list', encode({ __metadata__: [] }, 0), /__metadata__ that is not a JSON object/],
  ])('answers %s', (_, bytes, message) => {
    expect(() => parse(bytes)).toThrow(message);
    expect(() => parse(bytes)).toThrow(expect.objectContaining({ code: 'model-invalid' }));
  });

  /** Parses, or throws the typed error; anything else is a defect. */
  function parseOrTypedError(bytes: Uint8Array): void {
    try {
      const { tensors } = parse(bytes);
      let position = 0;
      for (const { begin, end } of tensors.values()) {
        expect(begin).toBe(position);
        position = end;
      }
    } catch (error) {
      expect(error).toBeInstanceOf(DeepYeastError);
      expect((error as DeepYeastError).code).toBe('model-invalid');
    }
  }

  it('answers any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), parseOrTypedError), { numRuns: 500 });
  });

  it('answers any JSON as a header', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.nat(64), (value, dataBytes) => parseOrTypedError(encode(value, dataBytes))),
      { numRuns: 500 },
    );
  });

  it('answers headers that are nearly right', () => {
    const number = fc.oneof(fc.nat(64), fc.constantFrom(-1, 0.5, 2 ** 31, 2 ** 53, Number.MAX_VALUE, null, '4', [4]));
    const tensor = fc.record(
      {
        dtype: fc.constantFrom('F32', 'F16', 'I64', 'BOOL', '', 7, null),
        shape: fc.oneof(fc.array(number, { maxLength: 3 }), number),
        data_offsets: fc.oneof(fc.array(number, { maxLength: 3 }), number),
      },
      { requiredKeys: [] },
    );
    const header = fc.dictionary(fc.constantFrom('a', 'b', '__metadata__', '__proto__', 'constructor'), tensor);
    fc.assert(
      fc.property(header, fc.nat(64), (value, dataBytes) => parseOrTypedError(encode(value, dataBytes))),
      { numRuns: 2000 },
    );
  });

  it('answers good files with some bytes changed', () => {
    const good = encode({ a: entry(0, 8, [2, 1]), __metadata__: { format: 'deepyeast' } }, 8);
    const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), fc.nat(good.length), (changes, cut) => {
        const bytes = Buffer.from(good);
        for (const [position, value] of changes) bytes[position] = value;
        parseOrTypedError(bytes);
        parseOrTypedError(bytes.subarray(0, cut));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('safetensorsHeader', () => {
  it('is read back, and aligned', () => {
    const metadata = new Map([['classes', '["Zelle","細胞"]']]);
    const header = safetensorsHeader(metadata, [
      { name: 'conv1_1.weight', shape: [4, 3, 3, 2] },
      { name: 'fc1.bias', shape: [3] },
    ]);
    expect(header.length % 8).toBe(0);
    const parsed = parseSafetensorsHeader(header, header.length + 4 * (72 + 3), 'model');
    expect(parsed.metadata).toEqual(metadata);
    expect([...parsed.tensors]).toEqual([
      ['conv1_1.weight', { dtype: 'F32', shape: [4, 3, 3, 2], begin: 0, end: 288 }],
      ['fc1.bias', { dtype: 'F32', shape: [3], begin: 288, end: 300 }],
    ]);
    expect(parsed.dataOffset).toBe(header.length);
  });
});

describe('SafetensorsFile', () => {
  it('reads values by name, wherever they lie', async () => {
    // A header of a length that leaves the values at an odd byte.
    const header =
      '{"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]} }';
    const bytes = encode(header.padEnd(header.length + (header.length % 2 ? 0 : 1)), 12);
    expect((bytes.length - 12) % 4).not.toBe(0);
    [0.5, -1.25, 3e38].forEach((value, i) => {
      bytes.writeFloatLE(value, bytes.length - 12 + 4 * i);
    });
    const path = join(folder, 'odd.safetensors');
    writeFileSync(path, bytes);
    const file = await SafetensorsFile.open(path);
    expect([...(await file.values('a'))]).toEqual([0.5]);
    expect([...(await file.values('b'))]).toEqual([-1.25, Math.fround(3e38)]);
    await expect(file.values('c')).rejects.toMatchObject({ code: 'model-invalid' });
    await file.close();
  });

  it('says what is no file', async () => {
    await expect(SafetensorsFile.open(folder)).rejects.toMatchObject({ code: 'model-invalid' });
    await expect(SafetensorsFile.open(join(folder, 'none'))).rejects.toMatchObject({ code: 'io-error' });
  });

  it("is read by Python's safetensors and reads what that writes", async (context) => {
    const python = process.env.DEEPYEAST_PYTHON ?? 'python3';
    try {
      execFileSync(python, ['-c', 'import numpy, safetensors.numpy'], { stdio: 'ignore' });
    } catch {
      return context.skip(`${python} (DEEPYEAST_PYTHON) has no numpy and safetensors`);
    }
    const ours = join(folder, 'ours.safetensors');
    const header = safetensorsHeader(new Map([['format', 'deepyeast']]), [{ name: 'x/y.z', shape: [2, 2] }]);
    writeFileSync(ours, Buffer.concat([header, Buffer.from(Float32Array.of(1, 2, 3, 4).buffer)]));
    const theirs = join(folder, 'theirs.safetensors');
    const script = `
import sys, numpy, safetensors
from safetensors.numpy import load_file, save_file
with safetensors.safe_open(sys.argv[1], 'numpy') as file:
    assert file.metadata() == {'format': 'deepyeast'}, file.metadata()
x = load_file(sys.argv[1])['x/y.z']
assert x.dtype == numpy.float32 and x.tolist() == [[1, 2], [3, 4]], x
save_file({'double': 2 * x, 'first': x[0]}, sys.argv[2], {'note': 'from Python'})
`;
    execFileSync(python, ['-c', script, ours, theirs]);
    const file = await SafetensorsFile.open(theirs);
    expect(file.header.metadata.get('note')).toBe('from Python');
    expect([...(await file.values('double'))]).toEqual([2, 4, 6, 8]);
    expect([...(await file.values('first'))]).toEqual([1, 2]);
    await file.close();
  });
});
