/** JPEG within TIFF (compression 7): strips or tiles are JPEG files that may share their tables. */

/** APP14 of Adobe with the transform that follows: 0 leaves three components as they are, 1 makes RGB of YCbCr. */
const adobe = [0xff, 0xee, 0, 14, 0x41, 0x64, 0x6f, 0x62, 0x65, 0, 100, 0, 0, 0, 0];
const startOfImage = 0xd8;
const endOfImage = 0xd9;

export interface JpegBlock {
  /** Columns and rows of the page that the block must have at least, and its full size. */
  width: number;
  least: number;
  most: number;
  components: 1 | 3;
  ycbcr: boolean;
}

/**
 * Unpacks one strip or tile to its samples, interleaved.
 * @throws Error where the JPEG is damaged, or has another size or number of components than the tags say
 */
export async function unpackJpeg(
  data: Uint8Array,
  tables: Uint8Array | undefined,
  block: JpegBlock,
): Promise<Uint8Array> {
  const { default: sharp } = await import('sharp');
  const whole = joinTables(data, tables, block.components === 3 ? (block.ycbcr ? 1 : 0) : undefined);
  const limits = { limitInputPixels: block.width * block.most, ignoreIcc: true, failOn: 'warning' as const };
  const { data: samples, info } = await sharp(whole, limits)
    .toColourspace(block.components === 3 ? 'srgb' : 'b-w')
    .raw()
    .toBuffer({ resolveWithObject: true });
  if (info.width !== block.width || info.height < block.least || info.channels !== block.components) {
    throw new Error(
      `is damaged: it has JPEG data of ${info.width} x ${info.height} pixels with ${info.channels} samples, expected ${block.width} x ${block.most} with ${block.components}`,
    );
  }
  return samples;
}

function joinTables(data: Uint8Array, tables: Uint8Array | undefined, transform: number | undefined): Buffer {
  const [first, second, third] = data;
  if (first !== 0xff || second !== startOfImage || third !== 0xff)
    throw new Error('is damaged: its JPEG data do not begin as JPEG');
  const parts: Uint8Array[] = [Uint8Array.of(0xff, startOfImage)];
  if (transform !== undefined) parts.push(Uint8Array.from([...adobe, transform]));
  if (tables && tables.length > 4) {
    const end = tables.at(-1) === endOfImage && tables.at(-2) === 0xff ? tables.length - 2 : tables.length;
    parts.push(tables.subarray(2, end));
  }
  parts.push(data.subarray(2));
  return Buffer.concat(parts);
}
