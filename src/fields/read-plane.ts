/** One plane from wherever it is: a page of a TIFF, a PNG, an array of an OME-Zarr plate. */

import { open } from 'node:fs/promises';
import { readImage } from '../data/image-file';
import { DeepYeastError, fileError } from '../errors';
import type { PlaneSource } from './layout/found-plane';
import type { Plane, PlaneData } from './plane';
import { openTiffPages, type TiffPages } from './tiff-pages';

/** Reads the planes of one field; a file with several of them is opened once. */
export class PlaneReader {
  private readonly tiffs = new Map<string, Promise<TiffPages>>();

  /** Sources with each plane of a file that holds a z-stack of its own. */
  async expand(sources: readonly PlaneSource[]): Promise<PlaneSource[]> {
    const [only] = sources;
    if (sources.length !== 1 || !only || only.zarr || only.page !== undefined || !(await isTiff(only.path))) {
      return [...sources];
    }
    const { pages, samples } = await this.tiff(only.path);
    if (samples !== 1) throw this.several(only.path, `${samples} samples a pixel`);
    if (pages !== 1) throw this.several(only.path, `${pages} pages`);
    return [{ ...only, page: 0, sample: 0 }];
  }

  private several(path: string, what: string): DeepYeastError {
    return new DeepYeastError(
      'image-invalid',
      `${path} has ${what}, expected one plane of one channel, since its name gives the channel`,
    );
  }

  async read(source: PlaneSource): Promise<Plane> {
    if (source.page !== undefined || (await isTiff(source.path))) {
      const tiff = await this.tiff(source.path);
      return tiff.readPlane(source.page ?? 0, source.sample ?? 0);
    }
    const { width, height, planes } = await readImage(source.path, [{ name: 'plane' }]);
    return { width, height, data: planes[0] as PlaneData };
  }

  private tiff(path: string): Promise<TiffPages> {
    let tiff = this.tiffs.get(path);
    if (!tiff) {
      tiff = openTiffPages(path);
      this.tiffs.set(path, tiff);
    }
    return tiff;
  }
}

async function isTiff(path: string): Promise<boolean> {
  const head = Buffer.alloc(4);
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new DeepYeastError('image-invalid', `${path}: the file is missing`, { cause: error });
    }
    throw fileError('read', path, error);
  }
  try {
    await file.read(head, 0, 4, 0);
  } catch (error) {
    throw fileError('read', path, error);
  } finally {
    await file.close();
  }
  const version = head[0] === 0x49 ? head.readUInt16LE(2) : head.readUInt16BE(2);
  return (head[0] === 0x49 || head[0] === 0x4d) && head[0] === head[1] && (version === 42 || version === 43);
}
