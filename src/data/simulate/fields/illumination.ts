/** Uneven light: the lamp is brightest somewhere near the middle of the field, and falls off towards the corners. */
import type { Draws } from '../draws';

export interface Illumination {
  /** The brightest place, in pixels. */
  readonly x: number;
  readonly y: number;
  /** Share of the light that is missing at the furthest corner. */
  readonly vignetting: number;
}

export function drawIllumination(width: number, height: number, vignetting: number, draws: Draws): Illumination {
  return { x: width * draws.uniform(0.3, 0.7), y: height * draws.uniform(0.3, 0.7), vignetting };
}

/** Lights an image in place: every pixel's light and the background's are scaled by the lamp. */
export function illuminate(image: Float32Array, width: number, background: number, lamp: Illumination): void {
  const height = image.length / width;
  const furthest = Math.max(lamp.x, width - lamp.x) ** 2 + Math.max(lamp.y, height - lamp.y) ** 2;
  const fall = lamp.vignetting / furthest;
  for (let row = 0, at = 0; row < height; row++) {
    const away = (row - lamp.y) ** 2;
    for (let column = 0; column < width; column++, at++) {
      const dx = column - lamp.x;
      image[at] = (1 - fall * (dx * dx + away)) * ((image[at] as number) + background);
    }
  }
}
