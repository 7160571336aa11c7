/** Pictures made for print: crops resampled, smoothed and stretched, as the single cells shown in a figure. */
import { pixels } from './canvas';
import type { Draws } from './draws';
import { blur, enlarge } from './optics';

const channel = new Float32Array(pixels);

/** How far crops are enlarged and how wide they are smoothed, in pixels. */
export interface Print {
  readonly zoom: readonly [least: number, most: number];
  readonly smoothing: readonly [least: number, most: number];
}

const figure: Print = { zoom: [1, 1.2], smoothing: [0.6, 1] };
/** Figures of different papers. */
export const anyFigure: Print = { zoom: [1, 1.5], smoothing: [0.6, 1.6] };

/** Enlarges the crop a little, smooths it, and stretches or dims each channel on its own. */
export function applyFigureAppearance(image: Uint8Array, draws: Draws, print: Print = figure): void {
  const zoom = draws.uniform(...print.zoom);
  const smoothing = draws.uniform(...print.smoothing);
  for (const which of [0, 1]) {
    for (let i = 0; i < pixels; i++) channel[i] = image[2 * i + which] as number;
    enlarge(channel, zoom);
    blur(channel, smoothing);
    const gain = which === 0 ? draws.uniform(0.5, 1.05) : draws.uniform(0.9, 1.4);
    const dark = draws.uniform(-12, 6);
    for (let i = 0; i < pixels; i++) {
      const value = gain * ((channel[i] as number) + dark);
      image[2 * i + which] = Math.round(Math.min(255, Math.max(0, value)));
    }
  }
}
