/** The decompressors of zarrita, each bounded by the size that a chunk has: a few bytes may unpack to gigabytes. */

import { promisify } from 'node:util';
import { gunzip, inflate } from 'node:zlib';
import { parseWholeNumber } from '../files/number';

type Zarrita = typeof import('zarrita', { with: { 'resolution-mode': 'import' }});
type CodecEntry = Awaited<ReturnType<NonNullable<ReturnType<Zarrita['registry']['get']>>>>;
type ChunkMetadata = Parameters<CodecEntry['fromConfig']>[1];

interface Decoder {
  decode(bytes: Uint8Array): Uint8Array | Promise<Uint8Array>;
}

/** Unpacks to at most so many bytes, or throws. */
type BoundedDecode = (bytes: Uint8Array, most: number, codec: () => Promise<Decoder>) => Promise<Uint8Array>;

/** A checksum may stand behind the values. */
const checksumBytes = 64;

const unpackGzip = promisify(gunzip);
const unpackZlib = promisify(inflate);

const decoders: Record<string, BoundedDecode> = {
  gzip: (bytes, most) => unpackGzip(bytes, { maxOutputLength: most }),
  zlib: (bytes, most) => unpackZlib(bytes, { maxOutputLength: most }),
  zstd: unpackZstandard,
  blosc: async (bytes, most, codec) => {
    const header = view(bytes, 16);
    requireSize(header.getUint32(4, true), most);
    if (header.getUint32(12, true) !== bytes.length) throw new Error('is cut short');
    return (await codec()).decode(bytes);
  },
  lz4: async (bytes, most, codec) => {
    requireSize(view(bytes, 4).getUint32(0, true), most);
    return (await codec()).decode(bytes);
  },
};

/** ZSTD's decoder is WebAssembly, made once. */
let zstandard: Promise<(packed: Uint8Array, most: number) => Uint8Array> | undefined;

async function unpackZstandard(bytes: Uint8Array, most: number): Promise<Uint8Array> {
  zstandard ??= import('zstddec').then(async ({ ZSTDDecoder }) => {
    const decoder = new ZSTDDecoder();
    await decoder.init();
    return (packed, size) => decoder.decode(packed, size);
  });
  const decode = await zstandard;
  const unpacked = decode(bytes, most);
  if (unpacked.length === 0) throw new Error('is damaged or cut short');
  return unpacked;
}

function view(bytes: Uint8Array, least: number): DataView {
  if (bytes.length < least) throw new Error('is cut short');
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function requireSize(size: number, most: number): void {
  if (size > most) throw new Error(`unpacks to ${size} bytes, expected at most ${most}`);
}

let bounded: Promise<Zarrita> | undefined;

/** zarrita, with bounded decompressors in its registry. */
export function loadZarrita(): Promise<Zarrita> {
  bounded ??= import('zarrita').then((zarrita) => {
    for (const [name, decode] of Object.entries(decoders)) {
      const original = zarrita.registry.get(name);
      if (!original) continue;
      const entry = async () => boundedCodec(await original(), decode);
      zarrita.registry.set(name, entry).set(`numcodecs.${name}`, entry);
    }
    return zarrita;
  });
  return bounded;
}

function boundedCodec(original: CodecEntry, decode: BoundedDecode): CodecEntry {
  return {
    kind: 'bytes_to_bytes',
    fromConfig(configuration: unknown, metadata: ChunkMetadata) {
      const most =
        metadata.shape.reduce((product, size) => product * size, bytesOfType(metadata.dataType)) + checksumBytes;
      const codec = original.fromConfig(configuration, metadata);
      return {
        kind: 'bytes_to_bytes',
        encode: (bytes: Uint8Array) => codec.encode(bytes),
        decode: (bytes: Uint8Array) => decode(bytes, most, async () => codec),
      };
    },
  };
}

/** The digits of a type are its bits: uint16. */
function bytesOfType(type: string): number {
  return (parseWholeNumber(/\d+$/.exec(type)?.[0] ?? '') ?? 64) / 8;
}
