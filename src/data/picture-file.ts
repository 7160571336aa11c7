/** Pictures: PNG and JPEG of one page, grey or RGB, with 8 or 16 bits. */

import { decodePng, isPlainPng, readPngHeader, samplesOf } from '../files/png';
import type { RandomAccessFile } from '../files/random-access-file';
import { choosePlanes, rgbNames } from './choose-planes';
import { requireSize, withinBudget } from './image-limits';
import type { AcceptSize, ChannelChoice, RawImage } from './raw-image';

/** Bytes of a picture's file; what unpacks to the largest picture is smaller, unless it is full of other things. */
const mostFileBytes = 2 ** 28;

/** Samples as stored, interleaved. */
interface Decoded {
  width: number;
  height: number;
  bits: 8 | 16;
  samples: number;
  data: Uint8Array | Uint16Array;
}

/** @throws Error that says what is wrong, without the path */
export async function readPicture(
  file: RandomAccessFile,
  channels: readonly ChannelChoice[],
  accept: AcceptSize,
): Promise<RawImage> {
  if (file.length > mostFileBytes) {
    throw new Error(`has ${file.length} bytes, expected at most ${mostFileBytes} of a picture`);
  }
  const bytes = await file.read(0, file.length);
  requirePicture(bytes);
  const header = readPngHeader(bytes);
  if (header === undefined || !isPlainPng(header)) return decodeByLibrary(bytes, channels, accept);
  const { width, height } = header;
  requireSize(width, height);
  accept(width, height);
  return withinBudget(width * height * header.bits * samplesOf(header), async () =>
    choose(await decodePng(bytes, header), channels),
  );
}

/** By the first bytes: whatever else a general library might read never gets there. */
function requirePicture(bytes: Buffer): void {
  if (bytes.length === 0) throw new Error('is empty, expected an image');
  const png = bytes.length > 7 && bytes.toString('latin1', 0, 8) === '\x89PNG\r\n\x1a\n';
  const jpeg = bytes.length > 2 && bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;
  if (!png && !jpeg) throw new Error('is no image of a format that is read, expected PNG, JPEG or TIFF');
}

/** JPEG, and PNG with a palette, of few bits or interlaced. */
async function decodeByLibrary(
  bytes: Buffer,
  channels: readonly ChannelChoice[],
  accept: AcceptSize,
): Promise<RawImage> {
  const { default: sharp } = await import('sharp');
  // Metadata is cheap and says in which colour space the file is; naming that same space keeps sharp from converting.
  const {
    space,
    depth,
    width,
    height,
    channels: channelCount,
  } = await sharp(bytes, { limitInputPixels: false }).metadata();
  requireSize(width, height);
  accept(width, height);
  const bits = depth === 'uchar' ? 8 : depth === 'ushort' ? 16 : 0;
  if (bits === 0 || !['b-w', 'srgb', 'grey16', 'rgb16'].includes(space ?? '')) {
    throw new Error(
      `has samples of type ${depth} in the colour space ${space}, expected grey or RGB with 8 or 16 bits`,
    );
  }
  return withinBudget(width * height * bits * channelCount, async () => {
    const { data, info } = await sharp(bytes, { ignoreIcc: true, sequentialRead: true })
      .removeAlpha()
      .toColourspace(space as string)
      .raw({ depth: depth as 'uchar' | 'ushort' })
      .toBuffer({ resolveWithObject: true });
    const samples = bits === 8 ? data : new Uint16Array(data.buffer, data.byteOffset, data.length / 2);
    return choose({ width: info.width, height: info.height, bits, samples: info.channels, data: samples }, channels);
  });
}

function choose(picture: Decoded, channels: readonly ChannelChoice[]): RawImage {
  const { width, height, bits, samples, data } = picture;
  // The second of two and the fourth of four is alpha.
  const colours = samples >= 3 ? 3 : 1;
  const planes = choosePlanes(channels, colours, colours === 3 ? rgbNames : []).map((plane) =>
    deinterleave(data, samples, plane),
  );
  return { width, height, eightBit: bits === 8, sampleType: `${bits}-bit`, planes };
}

function deinterleave(data: Uint8Array | Uint16Array, samples: number, plane: number): Uint8Array | Uint16Array {
  if (samples === 1) return data;
  const length = data.length / samples;
  const values = data instanceof Uint16Array ? new Uint16Array(length) : new Uint8Array(length);
  for (let pixel = 0, from = plane; pixel < length; pixel++, from += samples) values[pixel] = data[from] as number;
  return values;
}
