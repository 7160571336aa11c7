import { pixels } from './canvas';
import type { Truth } from './cell';
import type { ScreenPainter } from './painter';

/** Neighbouring crops of a screen. */
export interface Stretch {
  readonly start: number;
  /** [count, 64, 64, 2]. */
  readonly images: Uint8Array;
  readonly truths: Truth[];
}

export const bytesPerCrop = 2 * pixels;

export function drawStretch(painter: ScreenPainter, start: number, count: number): Stretch {
  const images = new Uint8Array(count * bytesPerCrop);
  const truths: Truth[] = [];
  for (let i = 0; i < count; i++) {
    const { image, truth } = painter.draw(start + i);
    images.set(image, i * bytesPerCrop);
    truths.push(truth);
  }
  return { start, images, truths };
}
