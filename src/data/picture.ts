/** Crops as pictures: the cytosol marker in red, the tagged protein in green. */
import sharp from 'sharp';

/** RGB pixels, [height, width, 3]. */
export interface Picture {
  width: number;
  height: number;
  pixels: Uint8Array;
}

/** Grey of what lies outside a crop, such as the padding that a unit at the border sees. */
const outside = 128;

/** A picture filled with one grey. */
export function blankPicture(width: number, height: number, grey = 255): Picture {
  return { width, height, pixels: new Uint8Array(width * height * 3).fill(grey) };
}

/**
 * Draws a part of a crop into a square of a picture, by nearest pixel. What lies outside the crop is mid-grey.
 * @param crop uint8 [size, size, channels]; channel 0 becomes red, 1 green, 2 blue; a single one grey
 * @param part in pixels of the crop, ends excluded
 */
export function drawCrop(
  picture: Picture,
  square: { left: number; top: number; side: number },
  crop: Uint8Array,
  size: number,
  channels: number,
  part: { top: number; left: number; bottom: number; right: number } = { top: 0, left: 0, bottom: size, right: size },
): void {
  for (let y = 0; y < square.side; y++) {
    const row = part.top + Math.floor(((y + 0.5) * (part.bottom - part.top)) / square.side);
    for (let x = 0; x < square.side; x++) {
      const column = part.left + Math.floor(((x + 0.5) * (part.right - part.left)) / square.side);
      const to = ((square.top + y) * picture.width + square.left + x) * 3;
      const inside = row >= 0 && row < size && column >= 0 && column < size;
      for (let c = 0; c < 3; c++) {
        const channel = channels === 1 ? 0 : c;
        const value = channel < channels ? crop[(row * size + column) * channels + channel] : 0;
        picture.pixels[to + c] = inside ? (value as number) : outside;
      }
    }
  }
}

/** PNG of a picture. */
export function encodePng({ width, height, pixels }: Picture): Promise<Buffer> {
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .png({ compressionLevel: 9 })
    .toBuffer();
}

/** WebP of a picture: a third of the PNG's bytes, for pages that carry hundreds of cells. */
export function encodeWebp({ width, height, pixels }: Picture): Promise<Buffer> {
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .webp({ quality: 82 })
    .toBuffer();
}

/** A grid of crops (or parts of them), row by row. */
export function cropGrid(
  tiles: readonly (readonly (CropTile | undefined)[])[],
  { size, channels, side, gap = 2 }: { size: number; channels: number; side: number; gap?: number },
): Picture {
  const columns = Math.max(1, ...tiles.map((row) => row.length));
  const picture = blankPicture(columns * (side + gap) + gap, Math.max(1, tiles.length) * (side + gap) + gap);
  for (const [r, row] of tiles.entries()) {
    for (const [c, tile] of row.entries()) {
      if (!tile) continue;
      const square = { left: gap + c * (side + gap), top: gap + r * (side + gap), side };
      drawCrop(picture, square, tile.crop, size, channels, tile.part);
    }
  }
  return picture;
}

export interface CropTile {
  crop: Uint8Array;
  part?: { top: number; left: number; bottom: number; right: number };
}
