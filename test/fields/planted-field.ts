/** Fields of view with planted cells: discs with blurred edges on a sloping background with noise. */
import type { Plane } from '../../src/fields/plane';

export interface PlantedCell {
  x: number;
  y: number;
  radius: number;
  level: number;
  /** Pixels over which the edge falls off; default 1. */
  blur?: number;
}

/** Rows of cells 36 pixels apart, 20 across, of levels that differ a little. */
export function plantedRows(across: number, down: number): PlantedCell[] {
  return Array.from({ length: across * down }, (_, i) => ({
    x: 30 + 36 * (i % across),
    y: 30 + 36 * Math.floor(i / across),
    radius: 10 + (i % 3) / 2,
    level: 3000 + 150 * (i % 7),
  }));
}

/** A linear congruential generator: numbers of [0, 1) that are the same in every run. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

export function plantedField(width: number, height: number, cells: readonly PlantedCell[], noise = 15): Plane {
  const random = generator(5);
  const data = new Uint16Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let light = 0;
      for (const cell of cells) {
        const inside = cell.radius - Math.hypot(x - cell.x, y - cell.y);
        light = Math.max(light, cell.level / (1 + Math.exp((-1.6 * inside) / (cell.blur ?? 1))));
      }
      const normal = 2 * (random() + random() + random() - 1.5);
      data[y * width + x] = Math.round(300 + 0.2 * x + light + noise * normal);
    }
  }
  return { width, height, data };
}
