// Fresh random images for the race: each channel of each its own pattern of 8 x 8 random levels, smoothed, and noise.
// Noise alone would not do: all cells would look the same to the deeper layers, and batch normalization would divide by
// next to nothing, so that in training every tool's rounding errors would be all that is left.
import { randomFillSync } from 'node:crypto';

const size = 64;
const channels = 2;
const coarse = 8;
const step = size / coarse;

/** uint8 [count, 64, 64, 2]. */
export function randomCells(count) {
  const levels = randomFillSync(new Uint8Array(count * channels * (coarse + 1) ** 2));
  const cells = randomFillSync(new Uint8Array(count * size * size * channels)); // noise, to begin with
  for (let cell = 0; cell < count; cell++) {
    for (let channel = 0; channel < channels; channel++) {
      const grid = levels.subarray((cell * channels + channel) * (coarse + 1) ** 2);
      for (let y = 0; y < size; y++) {
        const row = Math.floor(y / step) * (coarse + 1);
        const down = (y % step) / step;
        for (let x = 0; x < size; x++) {
          const left = row + Math.floor(x / step);
          const right = (x % step) / step;
          const above = grid[left] * (1 - right) + grid[left + 1] * right;
          const below = grid[left + coarse + 1] * (1 - right) + grid[left + coarse + 2] * right;
          const i = ((cell * size + y) * size + x) * channels + channel;
          cells[i] = (7 * (above * (1 - down) + below * down) + cells[i]) / 8;
        }
      }
    }
  }
  return cells;
}
