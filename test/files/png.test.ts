import { crc32, deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodePng, isPlainPng, readPngHeader } from '../../src/files/png';

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const colourTypes = { 1: 0, 2: 4, 3: 2, 4: 6 } as const;
type SampleCount = keyof typeof colourTypes;

function chunk(type: string, data: Uint8Array): Buffer {
  const bytes = Buffer.alloc(12 + data.length);
  bytes.writeUInt32BE(data.length, 0);
  bytes.write(type, 4, 'latin1');
  bytes.set(data, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + data.length)), 8 + data.length);
  return bytes;
}

function header(width: number, height: number, bits: number, colourType: number, interlaced = 0): Buffer {
  const data = Buffer.alloc(13);
  data.writeUInt32BE(width, 0);
  data.writeUInt32BE(height, 4);
  data.set([bits, colourType, 0, 0, interlaced], 8);
  return chunk('IHDR', data);
}

/** Rows filtered as the standard (section 9) says, each by its own filter. */
function filterRows(rows: Uint8Array[], pixelBytes: number, filters: readonly number[]): Buffer {
  const before = (bytes: Uint8Array | undefined, at: number) => (bytes && at >= 0 ? bytes[at]! : 0);
  const filtered = rows.map((row, index) => {
    const above = rows[index - 1];
    const filter = filters[index % filters.length]!;
    const predicted = (at: number) => {
      const [a, b, c] = [before(row, at - pixelBytes), before(above, at), before(above, at - pixelBytes)];
      const estimate = a + b - c;
      const distances = [a, b, c].map((value) => Math.abs(estimate - value));
      const nearest = [a, b, c][distances.indexOf(Math.min(...distances))]!;
      return [0, a, b, Math.floor((a + b) / 2), nearest][filter]!;
    };
    return Buffer.from([filter, ...row.map((value, at) => value - predicted(at))]);
  });
  return Buffer.concat(filtered);
}

interface Picture {
  width: number;
  samples: SampleCount;
  bits: 8 | 16;
  rows: Uint8Array[];
}

function encode({ width, samples, bits, rows }: Picture, filters: readonly number[], pieces = 1): Buffer {
  const packed = deflateSync(filterRows(rows, (samples * bits) / 8, filters));
  const step = Math.ceil(packed.length / pieces);
  const data = Array.from({ length: pieces }, (_, at) => chunk('IDAT', packed.subarray(at * step, (at + 1) * step)));
  const start = header(width, rows.length, bits, colourTypes[samples]);
  return Buffer.concat([signature, start, chunk('tEXt', Buffer.from('a\0b')), ...data, chunk('IEND', Buffer.alloc(0))]);
}

const pictures = fc
  .record({
    width: fc.integer({ min: 1, max: 9 }),
    height: fc.integer({ min: 1, max: 7 }),
    samples: fc.constantFrom<SampleCount[]>(1, 2, 3, 4),
    bits: fc.constantFrom<(8 | 16)[]>(8, 16),
  })
  .chain(({ width, height, samples, bits }) => {
    const length = (width * samples * bits) / 8;
    const row = fc.uint8Array({ minLength: length, maxLength: length });
    return fc.record({
      width: fc.constant(width),
      samples: fc.constant(samples),
      bits: fc.constant(bits),
      rows: fc.array(row, { minLength: height, maxLength: height }),
    });
  });

async function decode(bytes: Buffer) {
  const found = readPngHeader(bytes)!;
  expect(isPlainPng(found)).toBe(true);
  return decodePng(bytes, found);
}

const picture: Picture = { width: 2, samples: 1, bits: 8, rows: [Uint8Array.of(1, 2), Uint8Array.of(3, 200)] };

test('every filter, sample count and size of samples; data in several pieces', async () => {
  const filters = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 7 });
  await fc.assert(
    fc.asyncProperty(pictures, filters, fc.integer({ min: 1, max: 3 }), async (given, chosen, pieces) => {
      const { width, height, samples, bits, data } = await decode(encode(given, chosen, pieces));
      expect({ width, height, samples, bits }).toEqual({
        width: given.width,
        height: given.rows.length,
        samples: given.samples,
        bits: given.bits,
      });
      const stored = Buffer.concat(given.rows);
      const expected =
        bits === 8 ? [...stored] : Array.from({ length: stored.length / 2 }, (_, at) => stored.readUInt16BE(2 * at));
      expect([...data]).toEqual(expected);
    }),
    { numRuns: 300 },
  );
});

test('a large picture, which is unpacked on another thread', async () => {
  const rows = Array.from({ length: 700 }, (_, y) => Uint8Array.from({ length: 600 }, (_, x) => (x * y) % 251));
  const { data } = await decode(encode({ width: 600, samples: 1, bits: 8, rows }, [4, 1, 0, 3, 2]));
  expect(Buffer.compare(data as Uint8Array, Buffer.concat(rows))).toBe(0);
});

describe('what is not taken here', () => {
  test.each([
    ['a palette', header(2, 2, 8, 3)],
    ['four bits', header(2, 2, 4, 0)],
    ['interlaced', header(2, 2, 8, 0, 1)],
  ])('%s', (_, start) => {
    expect(isPlainPng(readPngHeader(Buffer.concat([signature, start]))!)).toBe(false);
  });

  test('what is no PNG', () => {
    expect(readPngHeader(Buffer.from('GIF89a and more than thirty bytes of it'))).toBeUndefined();
  });
});

describe('damage', () => {
  const parts = (...chunks: Buffer[]) => Buffer.concat([signature, header(2, 2, 8, 0), ...chunks]);
  const data = (bytes: number[]) => chunk('IDAT', deflateSync(Uint8Array.from(bytes)));

  test.each([
    ['too few rows', parts(data([0, 1, 2])), /cut short: 3 bytes were unpacked, expected 6/],
    ['more than the header says', parts(data(new Array(4000).fill(0))), /unpacks to more than its header says/],
    ['an unknown filter', parts(data([0, 1, 2, 9, 1, 2])), /a row of the unknown filter 9/],
    ['no pixels', parts(chunk('IEND', Buffer.alloc(0))), /it has no pixels/],
    ['an unknown critical chunk', parts(chunk('ABCD', Buffer.alloc(3))), /unknown kind "ABCD"/],
    ['an animation', parts(chunk('acTL', Buffer.alloc(8)), data([0, 1, 2, 0, 1, 2])), /is an animation/],
  ])('%s', async (_, bytes, message) => {
    await expect(decode(bytes)).rejects.toThrow(message);
  });

  test('a wrong checksum', async () => {
    const bytes = encode(picture, [1]);
    const at = bytes.indexOf('IDAT');
    bytes[at + 5]! ^= 1;
    await expect(decode(bytes)).rejects.toThrow(/checksum of its IDAT data is wrong/);
  });

  test('a header without pixels', () => {
    expect(() => readPngHeader(Buffer.concat([signature, header(0, 2, 8, 0)]))).toThrow(/no pixels/);
  });

  test('cut anywhere: right or refused', async () => {
    const bytes = encode(picture, [4], 2);
    for (let length = 33; length < bytes.length; length++) {
      await decode(bytes.subarray(0, length)).then(
        ({ data: found }) => expect([...found]).toEqual([1, 2, 3, 200]),
        (error) => expect(error.message).toMatch(/cut short|damaged/),
      );
    }
  });
});

test('changed or cut anywhere: read or refused with a reason', async () => {
  const edits = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(pictures, edits, fc.double({ min: 0, max: 2, noNaN: true }), async (given, changed, part) => {
      const bytes = encode(given, [4, 3, 1], 2).subarray();
      for (const [at, value] of changed) bytes[at % bytes.length] = value;
      // Checksums are mended in half of the runs, or hardly anything would come past them.
      if (changed[0]![0] % 2 === 0) mendChecksums(bytes);
      const cut = bytes.subarray(0, Math.min(bytes.length, Math.floor(bytes.length * part)));
      try {
        const found = readPngHeader(cut);
        if (found && isPlainPng(found) && found.width * found.height < 2 ** 22) await decodePng(cut, found);
      } catch (error) {
        expect((error as Error).message).toMatch(/^(is |has |unpacks )/);
        expect((error as Error).message).not.toMatch(/of undefined|NaN|out of range|Invalid typed array|Cannot read/);
      }
    }),
    { numRuns: Number(process.env.DEEPYEAST_FUZZ_RUNS ?? 1000) },
  );
}, 600_000);

function mendChecksums(bytes: Buffer): void {
  for (let at = 8; at + 12 <= bytes.length; ) {
    const end = at + 8 + bytes.readUInt32BE(at);
    if (end + 4 > bytes.length) return;
    bytes.writeUInt32BE(crc32(bytes.subarray(at + 4, end)), end);
    at = end + 4;
  }
}
