/** Strips and tiles to plain bytes. Nothing unpacks to more than the size that the page's tags give. */

import { promisify } from 'node:util';
import { inflate, inflateSync } from 'node:zlib';
import { unpackLzw } from './lzw';
import { unpackPackBits } from './packbits';
import { compressions } from './page';

const inflateAside = promisify(inflate);
/** From so many packed bytes on, Deflate is worth a thread of its own. */
const worthThread = 1 << 15;

/**
 * Unpacks one strip or tile.
 * @param most bytes of a whole strip or tile
 * @param least bytes that are needed of it: the last strip of a page may be shorter
 * @returns between `least` and `most` bytes, never the bytes of `packed` themselves
 * @throws Error where there are fewer or more
 */
export async function decompress(
  compression: number,
  packed: Uint8Array,
  most: number,
  least: number,
): Promise<Uint8Array> {
  const unpacked = await unpack(compression, packed, most);
  if (unpacked.length < least) {
    throw new Error(`is damaged or cut short: ${unpacked.length} bytes were unpacked, expected ${least}`);
  }
  return unpacked;
}

async function unpack(compression: number, packed: Uint8Array, most: number): Promise<Uint8Array> {
  switch (compression) {
    case compressions.none:
      return Uint8Array.from(packed.subarray(0, most));
    case compressions.lzw: {
      const output = new Uint8Array(most);
      return output.subarray(0, unpackLzw(packed, output));
    }
    case compressions.packBits: {
      const output = new Uint8Array(most);
      return output.subarray(0, unpackPackBits(packed, output));
    }
    case compressions.deflate:
    case compressions.oldDeflate:
      return aligned(await unpackDeflate(packed, most));
    case compressions.zstandard:
      return unpackZstandard(packed, most);
    default:
      throw new Error(`is compressed by an unknown method (${compression})`);
  }
}

async function unpackDeflate(packed: Uint8Array, most: number): Promise<Buffer> {
  // A chunk that holds everything saves joining pieces; one byte more shows that the data end there.
  const limits = { maxOutputLength: most, chunkSize: Math.max(64, most + 1) };
  try {
    return packed.length < worthThread ? inflateSync(packed, limits) : await inflateAside(packed, limits);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new Error('unpacks to more than its header says', { cause: error });
    }
    throw new Error(`is damaged or cut short: Deflate: ${(error as Error).message}`, { cause: error });
  }
}

/** The decoder is WebAssembly, made once. */
let zstandard: Promise<(packed: Uint8Array, most: number) => Uint8Array> | undefined;

async function unpackZstandard(packed: Uint8Array, most: number): Promise<Uint8Array> {
  zstandard ??= import('zstddec').then(async ({ ZSTDDecoder }) => {
    const decoder = new ZSTDDecoder();
    await decoder.init();
    return (bytes, size) => decoder.decode(bytes, size);
  });
  const decode = await zstandard;
  const unpacked = decode(packed, most);
  // The decoder says no more of data that are damaged or unpack to more than `most`.
  if (unpacked.length === 0) throw new Error('is damaged or cut short: its ZSTD data cannot be unpacked');
  return unpacked;
}

/** Samples are viewed as numbers of up to eight bytes, which must begin at a multiple of their size. */
function aligned(bytes: Buffer): Uint8Array {
  return bytes.byteOffset % 8 === 0
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
    : Uint8Array.from(bytes);
}
