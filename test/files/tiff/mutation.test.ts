import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DeepYeastError } from '../../../src/errors';
import { RandomAccessFile } from '../../../src/files/random-access-file';
import { TiffFile } from '../../../src/files/tiff';
import { bytesOf, soundFiles } from './matrix';

/** More by DEEPYEAST_FUZZ_RUNS. */
const numRuns = Number(process.env.DEEPYEAST_FUZZ_RUNS ?? 1000);

/** Reads everything that a file has: whatever is wrong with it is image-invalid, and nothing else happens. */
async function readAll(bytes: Uint8Array): Promise<void> {
  try {
    const tiff = await TiffFile.open('a.tif', RandomAccessFile.of(bytes));
    for (const page of tiff.pages) {
      const samples = Array.from({ length: Math.min(page.samples, 4) }, (_, sample) => sample);
      const planes = await tiff.readPlanes(page.index, samples);
      for (const plane of planes) expect(plane.length).toBe(page.width * page.height);
    }
    expect(tiff.dimensions.slices * tiff.dimensions.times).toBeGreaterThan(0);
    await tiff.omePlanes();
  } catch (error) {
    if (!(error instanceof DeepYeastError)) throw error;
    expect(error.code).toBe('image-invalid');
    expect(error.message).toMatch(/^a\.tif: [a-zA-Z]/);
    expect(error.message).not.toMatch(/of undefined|NaN|DataView|out of range|Invalid typed array|Cannot read/);
  }
}

type Change = { at: number; value: number } | { at: number; size: number; from: number } | { cut: number };

const changes: fc.Arbitrary<Change[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ at: fc.nat(), value: fc.integer({ min: 0, max: 255 }) }) },
    { weight: 2, arbitrary: fc.record({ at: fc.nat(), value: fc.constantFrom(0, 1, 2, 127, 128, 255) }) },
    { weight: 1, arbitrary: fc.record({ at: fc.nat(), size: fc.integer({ min: 1, max: 40 }), from: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ cut: fc.nat() }) },
  ),
  { minLength: 1, maxLength: 8 },
);

function mutate(original: Buffer, edits: readonly Change[]): Buffer {
  let bytes: Buffer = Buffer.from(original);
  for (const edit of edits) {
    if (bytes.length === 0) break;
    if ('cut' in edit) bytes = bytes.subarray(0, edit.cut % (bytes.length + 1));
    else if ('value' in edit) bytes[edit.at % bytes.length] = edit.value;
    else bytes.copy(bytes, edit.at % bytes.length, edit.from % bytes.length, (edit.from % bytes.length) + edit.size);
  }
  return bytes;
}

/** Where the directories of a file are: most of what a reader trusts. */
function directoryBytes(bytes: Buffer): number[] {
  const little = bytes[0] === 0x49;
  const big = (little ? bytes.readUInt16LE(2) : bytes.readUInt16BE(2)) === 43;
  const start = big
    ? Number(little ? bytes.readBigUInt64LE(8) : bytes.readBigUInt64BE(8))
    : little
      ? bytes.readUInt32LE(4)
      : bytes.readUInt32BE(4);
  return Array.from({ length: 16 }, (_, at) => at).concat(Array.from({ length: 200 }, (_, at) => start + at));
}

test('TIFF files changed or cut anywhere: read or image-invalid', async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...soundFiles), changes, (file, edits) => readAll(mutate(bytesOf(file), edits))),
    { numRuns, endOnFailure: true },
  );
}, 600_000);

test('TIFF files whose directories are changed: read or image-invalid', async () => {
  const edits = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...soundFiles), edits, async (file, changed) => {
      const bytes = bytesOf(file);
      const places = directoryBytes(bytes).filter((at) => at < bytes.length);
      for (const [at, value] of changed) bytes[places[at % places.length]!] = value;
      await readAll(bytes);
    }),
    { numRuns, endOnFailure: true },
  );
}, 600_000);
