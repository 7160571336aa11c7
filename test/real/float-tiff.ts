import { readFile, writeFile } from 'node:fs/promises';
import { fromArrayBuffer } from 'geotiff';

/** A float32 TIFF of one channel. */
export interface FloatImage {
  width: number;
  height: number;
  values: Float32Array;
}

export async function readFloatTiff(path: string): Promise<FloatImage> {
  const bytes = await readFile(path);
  const tiff = await fromArrayBuffer(
    bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer,
  );
  const image = await tiff.getImage();
  const [values] = (await image.readRasters()) as unknown as [Float32Array];
  return { width: image.getWidth(), height: image.getHeight(), values };
}

/** Writes one uncompressed strip, little endian. */
export async function writeFloatTiff(path: string, { width, height, values }: FloatImage): Promise<void> {
  const short = 3;
  const long = 4;
  const entries: [tag: number, type: number, value: number][] = [
    [256, long, width],
    [257, long, height],
    [258, short, 32], // bits a sample
    [259, short, 1], // no compression
    [262, short, 1], // black is zero
    [273, long, 0], // where the strip begins, set below
    [277, short, 1], // samples a pixel
    [278, long, height], // rows a strip
    [279, long, values.byteLength],
    [339, short, 3], // IEEE floating point
  ];
  const start = 8 + 2 + 12 * entries.length + 4;
  const bytes = Buffer.alloc(start + values.byteLength);
  bytes.write('II', 0, 'latin1');
  bytes.writeUInt16LE(42, 2);
  bytes.writeUInt32LE(8, 4);
  bytes.writeUInt16LE(entries.length, 8);
  entries.forEach(([tag, type, value], i) => {
    const at = 10 + 12 * i;
    bytes.writeUInt16LE(tag, at);
    bytes.writeUInt16LE(type, at + 2);
    bytes.writeUInt32LE(1, at + 4);
    if (type === short) bytes.writeUInt16LE(value, at + 8);
    else bytes.writeUInt32LE(tag === 273 ? start : value, at + 8);
  });
  Buffer.from(values.buffer, values.byteOffset, values.byteLength).copy(bytes, start);
  await writeFile(path, bytes);
}
