/** Planes of Zarr arrays. Chunks are found and unpacked by zarrita; sizes were checked before (see zarr-metadata.ts). */

import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DeepYeastError, fileError } from '../errors';
import { mostSamples } from '../files/tiff';
import type { Plane, PlaneData } from './plane';
import { loadZarrita } from './zarr-codecs';
import { chunkBytes, readZarrNode, type ZarrArrayInfo } from './zarr-metadata';

type Values = PlaneData | Float64Array | BigInt64Array | BigUint64Array;

interface Chunk {
  data: Values;
  shape: number[];
  stride: number[];
}

/** An open array, of which planes are read. */
export interface ZarrPlanes {
  /**
   * Reads one plane.
   * @param index on each axis but the last two, which are y and x
   * @throws image-invalid with the path and what is wrong; io-error
   */
  readPlane(index: readonly number[]): Promise<Plane>;
}

/** Opens an array. Throws `image-invalid`, `io-error`. */
export async function openZarrPlanes(folder: string): Promise<ZarrPlanes> {
  const node = await readZarrNode(folder);
  if (!node?.array) throw new DeepYeastError('image-invalid', `${folder} is no Zarr array, expected one`);
  const { array, version } = node;
  const [height, width] = array.shape.slice(-2) as [number, number];
  if (width * height > mostSamples) {
    throw new DeepYeastError('image-invalid', `${folder} has planes of ${width} x ${height} pixels, too many`);
  }
  const chunkOf = await openChunks(folder, version, array);
  return { readPlane: (index) => readPlane(folder, array, chunkOf, index) };
}

async function readPlane(
  folder: string,
  { shape, chunkShape }: ZarrArrayInfo,
  chunkOf: (position: number[]) => Promise<Chunk>,
  index: readonly number[],
): Promise<Plane> {
  const [height, width] = shape.slice(-2) as [number, number];
  if (index.length !== shape.length - 2 || index.some((at, axis) => !(at >= 0 && at < (shape[axis] as number)))) {
    throw new DeepYeastError(
      'image-invalid',
      `${folder} has the shape ${shape.join(' x ')}, which has no plane ${index.join(', ')}`,
    );
  }
  const [chunkHeight, chunkWidth] = chunkShape.slice(-2) as [number, number];
  const outer = index.map((at, axis) => Math.floor(at / (chunkShape[axis] as number)));
  let data: Values | undefined;
  for (let row = 0; row * chunkHeight < height; row++) {
    for (let column = 0; column * chunkWidth < width; column++) {
      const chunk = await chunkOf([...outer, row, column]);
      data ??= new (chunk.data.constructor as new (length: number) => Values)(width * height);
      const within = index.reduce(
        (offset, at, axis) => offset + (at % (chunkShape[axis] as number)) * (chunk.stride[axis] as number),
        0,
      );
      copyChunk(chunk, within, data, { width, height, left: column * chunkWidth, top: row * chunkHeight });
    }
  }
  return { width, height, data: toPlaneData(folder, data as Values) };
}

function copyChunk(
  { data, shape, stride }: Chunk,
  offset: number,
  target: Values,
  { width, height, left, top }: { width: number; height: number; left: number; top: number },
): void {
  const [chunkHeight, chunkWidth] = shape.slice(-2) as [number, number];
  const [down, across] = stride.slice(-2) as [number, number];
  const rows = Math.min(chunkHeight, height - top);
  const columns = Math.min(chunkWidth, width - left);
  for (let y = 0; y < rows; y++) {
    const start = offset + y * down;
    const place = (top + y) * width + left;
    if (across === 1) (target as Uint8Array).set((data as Uint8Array).subarray(start, start + columns), place);
    else for (let x = 0; x < columns; x++) target[place + x] = data[start + x * across] as number;
  }
}

function toPlaneData(folder: string, data: Values): PlaneData {
  if (data instanceof Float64Array) return Float32Array.from(data);
  if (!(data instanceof BigInt64Array || data instanceof BigUint64Array)) return data;
  // Label images are often of 64 bits, with values that need far fewer: those of which the upper word is 0.
  const words = new Uint32Array(data.buffer, data.byteOffset, data.length * 2);
  const values = new Uint32Array(data.length);
  for (let pixel = 0; pixel < data.length; pixel++) {
    if (words[2 * pixel + 1] !== 0) {
      throw new DeepYeastError('image-invalid', `${folder} has the value ${data[pixel]}, expected 0 to 4294967295`);
    }
    values[pixel] = words[2 * pixel] as number;
  }
  return values;
}

/** How the chunks of an array are got, each whole. */
async function openChunks(
  folder: string,
  version: 2 | 3,
  info: ZarrArrayInfo,
): Promise<(position: number[]) => Promise<Chunk>> {
  const zarrita = await loadZarrita();
  const store = new ChunkFiles(folder, chunkBytes(info));
  const values = info.chunkShape.reduce((product, size) => product * size, 1);
  const naming = async <Result>(what: string, work: () => Promise<Result>) => {
    try {
      return await work();
    } catch (error) {
      if (error instanceof DeepYeastError) throw error;
      const cause = (error as Error).cause ?? error;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new DeepYeastError('image-invalid', `${folder}: ${what} ${reason.split('\n', 1)[0]}`, { cause: error });
    }
  };
  const array = await naming('its metadata:', () =>
    (version === 2 ? zarrita.open.v2 : zarrita.open.v3)(store, { kind: 'array' }),
  );
  return (position) =>
    naming(`the chunk ${position.join(', ')}:`, async () => {
      const { data, shape, stride } = (await array.getChunk(position)) as unknown as Chunk;
      if (data.length !== values) throw new Error(`has ${data.length} values, expected ${values}`);
      return { data, shape, stride };
    });
}

/** The files of one array, read no further than an unpacked chunk is long. */
class ChunkFiles {
  constructor(
    private readonly folder: string,
    private readonly chunkBytes: number,
  ) {}

  async get(key: string): Promise<Uint8Array | undefined> {
    return this.read(key, (size) => ({ start: 0, length: size }));
  }

  async getRange(
    key: string,
    range: { offset: number; length: number } | { suffixLength: number },
  ): Promise<Uint8Array | undefined> {
    return this.read(key, (size) =>
      'suffixLength' in range
        ? { start: size - range.suffixLength, length: range.suffixLength }
        : { start: range.offset, length: range.length },
    );
  }

  private async read(
    key: string,
    part: (size: number) => { start: number; length: number },
  ): Promise<Uint8Array | undefined> {
    const path = join(this.folder, key);
    try {
      // Asked before opening, since opening a named pipe waits for its writer.
      if (!(await stat(path)).isFile()) throw new DeepYeastError('image-invalid', `${path} is no file`);
      const file = await open(path);
      try {
        const { size } = await file.stat();
        const { start, length } = part(size);
        // What does not shrink grows by a header and a little more.
        const most = this.chunkBytes + this.chunkBytes / 64 + 2 ** 24;
        if (!(start >= 0 && length >= 0 && start + length <= size)) {
          throw new DeepYeastError(
            'image-invalid',
            `${path} is cut short: it has ${size} bytes, expected ${start + length}`,
          );
        }
        if (length > most) {
          throw new DeepYeastError(
            'image-invalid',
            `${path} has a chunk of ${length} bytes, expected at most ${Math.floor(most)}`,
          );
        }
        const bytes = new Uint8Array(length);
        let filled = 0;
        while (filled < length) {
          const { bytesRead } = await file.read(bytes, filled, length - filled, start + filled);
          if (bytesRead === 0) throw new DeepYeastError('image-invalid', `${path} was cut short while it was read`);
          filled += bytesRead;
        }
        return bytes;
      } finally {
        await file.close();
      }
    } catch (error) {
      // A chunk without a file holds the fill value.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw fileError('read', path, error);
    }
  }
}
