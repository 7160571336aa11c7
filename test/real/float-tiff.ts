import { openTiff, writeTiff } from '../../src/files/tiff';

/** A float32 TIFF of one channel. */
export interface FloatImage {
  width: number;
  height: number;
  values: Float32Array;
}

export async function readFloatTiff(path: string): Promise<FloatImage> {
  const tiff = await openTiff(path);
  try {
    const [page] = tiff.pages;
    const values = (await tiff.readPlane(0)) as Float32Array;
    return { width: page!.width, height: page!.height, values };
  } finally {
    await tiff.close();
  }
}

/** Writes one uncompressed page. */
export async function writeFloatTiff(path: string, { width, height, values }: FloatImage): Promise<void> {
  await writeTiff(path, [{ width, height, data: values }]);
}
