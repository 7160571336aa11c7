/** A small plate of round cells whose places are known, in Harmony's naming. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeTiff } from '../../src/files/tiff';
import { RandomSequence, RandomStream } from '../../src/random';

export interface PlantedCell {
  x: number;
  y: number;
  radius: number;
}

export interface PlantedField {
  well: string;
  field: number;
  /** Paths of the images, below the plate: marker and protein. */
  marker: string;
  protein: string;
  cells: PlantedCell[];
}

export interface PlantedPlate {
  path: string;
  fields: PlantedField[];
}

export interface PlantedPlateOptions {
  wells?: readonly [row: number, column: number][];
  fieldsPerWell?: number;
  width?: number;
  height?: number;
  /** Cells a field. */
  cells?: number;
  /** Mean radius in pixels. */
  radius?: number;
  seed?: number;
}

const two = (value: number) => String(value).padStart(2, '0');

/** Draws and writes a plate; the same options give the same bytes. */
export async function writePlantedPlate(path: string, options: PlantedPlateOptions = {}): Promise<PlantedPlate> {
  const {
    wells = [
      [1, 1],
      [2, 3],
    ],
    fieldsPerWell = 2,
    width = 150,
    height = 130,
    seed = 1,
  } = options;
  mkdirSync(path, { recursive: true });
  const fields: PlantedField[] = [];
  for (const [row, column] of wells) {
    for (let field = 1; field <= fieldsPerWell; field++) {
      const draws = new RandomSequence(new RandomStream(seed, 'simulation', row * 100 + column, field));
      const cells = placeCells(draws, width, height, options.cells ?? 9, options.radius ?? 9);
      const name = (channel: number) => `r${two(row)}c${two(column)}f${two(field)}p01-ch${channel}sk1fk1fl1.tiff`;
      const [marker, protein] = [name(3), name(1)];
      const bright = cells.map(() => 900 + 2500 * draws.uniform());
      const marked = draw(cells, width, height, 200, bright, draws);
      const tagged = draw(
        cells.map((cell) => ({ ...cell, radius: cell.radius / 2 })),
        width,
        height,
        150,
        bright,
        draws,
      );
      await writeTiff(join(path, marker), [{ width, height, data: marked }]);
      await writeTiff(join(path, protein), [{ width, height, data: tagged }]);
      fields.push({ well: `${String.fromCharCode(64 + row)}${two(column)}`, field, marker, protein, cells });
    }
  }
  return { path, fields };
}

/** None touches another one or the border. */
function placeCells(
  draws: RandomSequence,
  width: number,
  height: number,
  count: number,
  radius: number,
): PlantedCell[] {
  const cells: PlantedCell[] = [];
  for (let attempt = 0; cells.length < count && attempt < 5000; attempt++) {
    const r = radius * (0.85 + 0.3 * draws.uniform());
    const margin = r + 4;
    const x = margin + (width - 2 * margin) * draws.uniform();
    const y = margin + (height - 2 * margin) * draws.uniform();
    if (cells.every((cell) => Math.hypot(cell.x - x, cell.y - y) > cell.radius + r + 6))
      cells.push({ x, y, radius: r });
  }
  return cells;
}

function draw(
  cells: readonly PlantedCell[],
  width: number,
  height: number,
  background: number,
  levels: readonly number[],
  draws: RandomSequence,
): Uint16Array {
  const values = new Float64Array(width * height).fill(background);
  for (const [index, { x, y, radius }] of cells.entries()) {
    const reach = Math.ceil(radius + 5);
    for (let v = Math.max(0, Math.floor(y) - reach); v <= Math.min(height - 1, y + reach); v++) {
      for (let u = Math.max(0, Math.floor(x) - reach); u <= Math.min(width - 1, x + reach); u++) {
        // A blurred disc: half of its level lies on its edge.
        const share = 1 / (1 + Math.exp((Math.hypot(u - x, v - y) - radius) / 0.7));
        values[v * width + u] = (values[v * width + u] as number) + (levels[index] as number) * share;
      }
    }
  }
  return Uint16Array.from(values, (value) => Math.max(0, Math.round(value + 24 * (draws.uniform() - 0.5))));
}

/** A plate map for its wells: protein, class, and a column of its own. */
export function writePlantedMap(path: string): void {
  writeFileSync(path, 'Well,protein,class,strain\nA1,Sec63,er,s-17\nB3,Nup49,nuclear_periphery,s-18\n');
}
