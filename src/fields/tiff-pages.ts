/** The pages of a TIFF as planes. The one place of src/fields that knows how TIFF files are read. */

import { readFile } from 'node:fs/promises';
import { DeepYeastError, fileError } from '../errors';
import { checkTiffStructure } from '../files/tiff-structure';
import type { Plane, PlaneData } from './plane';

export interface TiffPages {
  pages: number;
  /** Samples a pixel of the first page. */
  samples: number;
  /** The image description of the first page: OME-XML, ImageJ's, or anything. */
  description: string | undefined;
  /** Pixels of the first page. */
  width: number;
  height: number;
  /** One sample of one page, both from 0. */
  readPlane(page: number, sample: number): Promise<Plane>;
}

/**
 * Opens a TIFF.
 * @throws image-invalid, with the path and the reason; io-error where the file cannot be read
 */
export async function openTiffPages(path: string): Promise<TiffPages> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw invalid(path, new Error('the file is missing'));
    throw fileError('read', path, error);
  }
  try {
    checkTiffStructure(bytes);
    const { fromArrayBuffer } = await import('geotiff');
    const tiff = await fromArrayBuffer(
      bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer,
    );
    const first = await tiff.getImage(0);
    const description = await first.getFileDirectory().loadValue('ImageDescription');
    return {
      pages: await tiff.getImageCount(),
      samples: first.getSamplesPerPixel(),
      description: typeof description === 'string' ? description : undefined,
      width: first.getWidth(),
      height: first.getHeight(),
      async readPlane(page, sample) {
        try {
          const image = await tiff.getImage(page);
          const [values] = (await image.readRasters({ samples: [sample] })) as unknown as [PlaneData | Float64Array];
          const data = values instanceof Float64Array ? Float32Array.from(values) : values;
          return { width: image.getWidth(), height: image.getHeight(), data };
        } catch (error) {
          throw invalid(path, error);
        }
      },
    };
  } catch (error) {
    throw invalid(path, error);
  }
}

function invalid(path: string, cause: unknown): DeepYeastError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new DeepYeastError('image-invalid', `${path}: ${message.split('\n', 1)[0]}`, { cause });
}
