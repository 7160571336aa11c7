/** Pictures made for print: crops resampled, smoothed and stretched, as the single cells shown in a figure. */
import { pixels, size } from './canvas';
import type { Draws } from './draws';
import { blur } from './optics';

const channel = new Float32Array(pixels);
const resampled = new Float32Array(pixels);

/** Enlarges the crop a little, smooths it, and stretches or dims each channel on its own. */
export function applyFigureAppearance(image: Uint8Array, draws: Draws): void {
  const zoom = draws.uniform(1, 1.2);
  const smoothing = draws.uniform(0.6, 1);
  for (const which of [0, 1]) {
    for (let i = 0; i < pixels; i++) channel[i] = image[2 * i + which] as number;
    enlarge(zoom);
    blur(resampled, smoothing);
    const gain = which === 0 ? draws.uniform(0.5, 1.05) : draws.uniform(0.9, 1.4);
    const dark = draws.uniform(-12, 6);
    for (let i = 0; i < pixels; i++) {
      const value = gain * ((resampled[i] as number) + dark);
      image[2 * i + which] = Math.round(Math.min(255, Math.max(0, value)));
    }
  }
}

/** Linear interpolation around the crop's centre. */
function enlarge(zoom: number): void {
  const center = (size - 1) / 2;
  for (let row = 0; row < size; row++) {
    const y = center + (row - center) / zoom;
    const top = Math.min(size - 2, Math.floor(y));
    const down = y - top;
    for (let column = 0; column < size; column++) {
      const x = center + (column - center) / zoom;
      const left = Math.min(size - 2, Math.floor(x));
      const right = x - left;
      const at = top * size + left;
      const upper = (1 - right) * (channel[at] as number) + right * (channel[at + 1] as number);
      const lower = (1 - right) * (channel[at + size] as number) + right * (channel[at + size + 1] as number);
      resampled[row * size + column] = (1 - down) * upper + down * lower;
    }
  }
}
