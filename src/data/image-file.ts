/**
 * Raw samples of an image file. PNG, JPEG and what else sharp reads are decoded by picture-file.ts, TIFF by files/tiff. No
 * colour profile, gamma or orientation is applied: a microscope's numbers are taken as stored.
 */

import { DeepYeastError } from '../errors';
import { RandomAccessFile } from '../files/random-access-file';
import { isTiff, TiffFile } from '../files/tiff';
import { readPicture } from './picture-file';
import type { AcceptSize, ChannelChoice, RawImage } from './raw-image';
import { readTiffImage } from './tiff-image';

export type { Samples } from '../files/tiff';
export type { AcceptSize, ChannelChoice, RawImage } from './raw-image';

/**
 * Reads the chosen channels of an image file. Everything that is wrong with the file itself is `image-invalid`, with
 * the path and the reason; a file that is there but cannot be read (permissions, too many open files) is `io-error`.
 */
export async function readImage(
  path: string,
  channels: readonly ChannelChoice[],
  accept: AcceptSize = () => {},
): Promise<RawImage> {
  const file = await RandomAccessFile.open(path);
  try {
    const start = await file.read(0, Math.min(8, file.length));
    if (!isTiff(start)) return await readPicture(file, channels, accept);
    return await readTiffImage(await TiffFile.open(path, file), channels, accept);
  } catch (error) {
    if (error instanceof DeepYeastError) throw error;
    const [reason] = (error instanceof Error ? error.message : String(error)).split('\n', 1);
    throw new DeepYeastError('image-invalid', `${path}: ${reason}`, { cause: error });
  } finally {
    await file.close();
  }
}
