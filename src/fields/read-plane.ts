/** One plane from wherever it is: a page of a TIFF, a PNG, an array of an OME-Zarr plate. */

import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { readImage } from '../data/image-file';
import { DeepYeastError, fileError } from '../errors';
import { isTiff, openTiff, type Samples, type TiffFile } from '../files/tiff';
import type { PlaneSource } from './layout/found-plane';
import type { Plane, PlaneData } from './plane';
import { readTiffContents, type TiffPlane } from './tiff-contents';
import type { ZarrPlanes } from './zarr-array';

/** Reads the planes of one field; a file with several of them is opened once. */
export class PlaneReader {
  private readonly tiffs = new Map<string, Promise<TiffFile>>();
  private readonly zarrs = new Map<string, Promise<ZarrPlanes>>();

  /** Sources with each plane of a file that holds a z-stack of its own. */
  async expand(sources: readonly PlaneSource[]): Promise<PlaneSource[]> {
    const [only] = sources;
    if (sources.length !== 1 || !only || only.zarr || only.page !== undefined || !(await isTiffFile(only.path))) {
      return [...sources];
    }
    const { path } = only;
    const planes = await this.planesOfChannel(path);
    return planes.map(({ page, sample, z }) => ({ path, page, sample, z: planes.length > 1 ? z : (only.z ?? z) }));
  }

  /** What a file holds whose name gives the channel: the planes of a z-stack, or one. */
  private async planesOfChannel(path: string): Promise<TiffPlane[]> {
    const tiff = await this.tiff(path);
    const { planes, channelNames, described } = await namingPath(path, () => readTiffContents(tiff));
    const [channels = []] = channelNames;
    const times = new Set(planes.map(({ t }) => t)).size;
    if (channelNames.length > 1 || channels.length > 1 || times > 1) {
      const what = described ? `${channels.length} channels and ${times} times` : `${planes.length} planes`;
      throw new DeepYeastError(
        'image-invalid',
        `${path} has ${what}${described ? '' : ' and does not say what they are'}, expected one channel, since its name gives the channel`,
      );
    }
    if (planes.some(({ fileName }) => fileName !== undefined)) {
      throw new DeepYeastError(
        'image-invalid',
        `${path} is one of several files of an image: list them without {channel} in the pattern`,
      );
    }
    return planes;
  }

  /** @throws image-invalid, io-error */
  async read(source: PlaneSource): Promise<Plane> {
    const { path, page, sample = 0 } = source;
    if (source.zarr) return (await this.zarr(join(path, source.zarr.array))).readPlane(source.zarr.index);
    if (page !== undefined) return this.readPage(path, page, sample);
    if (await isTiffFile(path)) {
      const [only, ...others] = await this.planesOfChannel(path);
      if (!only || others.length > 0) {
        throw new DeepYeastError(
          'image-invalid',
          `${path} holds ${others.length + 1} planes, expected one, since its name gives the plane`,
        );
      }
      return this.readPage(path, only.page, only.sample);
    }
    const image = await readImage(path, [
      { name: 'plane', ...(source.sample !== undefined && { plane: `${sample}` }) },
    ]);
    return { width: image.width, height: image.height, data: singlePrecision(image.planes[0] as Samples) };
  }

  async close(): Promise<void> {
    for (const tiff of this.tiffs.values()) await tiff.then((file) => file.close()).catch(() => {});
    this.tiffs.clear();
  }

  private async readPage(path: string, page: number, sample: number): Promise<Plane> {
    const tiff = await this.tiff(path);
    const found = tiff.pages[page];
    if (!found) {
      throw new DeepYeastError('image-invalid', `${path} has ${tiff.pages.length} pages, expected page ${page}`);
    }
    if (sample >= found.samples) {
      throw new DeepYeastError(
        'image-invalid',
        `${path}: page ${page} has ${found.samples} samples, expected sample ${sample}`,
      );
    }
    return { width: found.width, height: found.height, data: singlePrecision(await tiff.readPlane(page, sample)) };
  }

  private zarr(folder: string): Promise<ZarrPlanes> {
    let array = this.zarrs.get(folder);
    if (!array) {
      array = import('./zarr-array.js').then(({ openZarrPlanes }) => openZarrPlanes(folder));
      this.zarrs.set(folder, array);
    }
    return array;
  }

  private tiff(path: string): Promise<TiffFile> {
    let tiff = this.tiffs.get(path);
    if (!tiff) {
      tiff = openTiff(path);
      this.tiffs.set(path, tiff);
    }
    return tiff;
  }
}

function singlePrecision(samples: Samples): PlaneData {
  return samples instanceof Float64Array ? Float32Array.from(samples) : samples;
}

/** Errors that say nothing of the file get its path. */
export async function namingPath<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DeepYeastError) throw error;
    // A failed call of the system says nothing of the image.
    if ((error as NodeJS.ErrnoException).syscall !== undefined) throw fileError('read', path, error);
    const message = error instanceof Error ? error.message : String(error);
    throw new DeepYeastError('image-invalid', `${path}: ${message.split('\n', 1)[0]}`, { cause: error });
  }
}

/** Whether a file begins as a TIFF does. Throws `image-invalid` where it is missing, `io-error`. */
export async function isTiffFile(path: string): Promise<boolean> {
  const start = Buffer.alloc(8);
  try {
    const file = await open(path);
    try {
      await file.read(start, 0, start.length, 0);
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new DeepYeastError('image-invalid', `${path}: the file is missing`, { cause: error });
    }
    throw fileError('read', path, error);
  }
  return isTiff(start);
}
