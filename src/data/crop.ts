import { DeepYeastError } from '../errors';
import type { RawImage, Samples } from './image-file';

/** What to do with an image of another size than the dataset's. */
export const fits = ['error', 'crop', 'pad', 'crop-or-pad'] as const;
export type Fit = (typeof fits)[number];

/** Throws `image-invalid` where `fit` does not allow an image of another size than the dataset's. */
export function requireFit(width: number, height: number, size: number, fit: Fit, name: string): void {
  const larger = width > size || height > size;
  const smaller = width < size || height < size;
  if ((larger && !fit.startsWith('crop')) || (smaller && !fit.endsWith('pad'))) {
    const wanted = larger && smaller ? 'crop-or-pad' : larger ? 'crop' : 'pad';
    throw new DeepYeastError(
      'image-invalid',
      `${name}: has ${width} x ${height} pixels, expected ${size} x ${size} (--fit ${wanted} takes it)`,
    );
  }
}

/**
 * Cuts the centre of an image that is larger than `size` pixels, if `fit` allows. What is smaller stays as it is: it is
 * padded after normalization (padImage), so that padding takes no part in percentiles. Otherwise `image-invalid`.
 */
export function cropImage(image: RawImage, size: number, fit: Fit, name: string): RawImage {
  const { width, height } = image;
  requireFit(width, height, size, fit, name);
  if (width <= size && height <= size) return image;
  const left = Math.max(0, Math.floor((width - size) / 2));
  const top = Math.max(0, Math.floor((height - size) / 2));
  const columns = Math.min(width, size);
  const rows = Math.min(height, size);
  const planes = image.planes.map((plane) => {
    const kept = new (plane.constructor as new (length: number) => Samples)(rows * columns);
    for (let row = 0; row < rows; row++) {
      const start = (top + row) * width + left;
      kept.set(plane.subarray(start, start + columns), row * columns);
    }
    return kept;
  });
  return { ...image, width: columns, height: rows, planes };
}

/** Puts pixels [height, width, channels] into the centre of zeros [size, size, channels]. */
export function padImage(
  pixels: Uint8Array,
  width: number,
  height: number,
  size: number,
  channels: number,
): Uint8Array {
  if (width === size && height === size) return pixels;
  const padded = new Uint8Array(size * size * channels);
  const left = Math.floor((size - width) / 2);
  const top = Math.floor((size - height) / 2);
  for (let row = 0; row < height; row++) {
    const line = pixels.subarray(row * width * channels, (row + 1) * width * channels);
    padded.set(line, ((top + row) * size + left) * channels);
  }
  return padded;
}
