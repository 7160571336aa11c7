/** Pictures of a field with the outlines and numbers of its cells, for the eye. */

import { drawText } from '../data/lettering';
import { encodePng, type Picture } from '../data/picture';
import { writeFileAtomically } from '../files/atomic-file';
import type { Plane } from './plane';

/** What an overlay shows of a cell. */
export interface OverlayCell {
  label: number;
  /** The number written beside it. */
  number: number;
  /** Centre in pixels of the field. */
  x: number;
  y: number;
  border: boolean;
  /** Label of its mother, 0 where it is no bud. */
  budOf: number;
  flags: readonly string[];
}

type Colour = readonly [red: number, green: number, blue: number];

const colours = {
  good: [255, 220, 0],
  /** Touches the field's border and has no other flag. */
  border: [90, 160, 255],
  flagged: [255, 70, 50],
  bud: [0, 230, 230],
  number: [255, 255, 255],
  shadow: [0, 0, 0],
} as const satisfies Record<string, Colour>;

/** Percentiles of the field that become black and white; the brightest cells may be far brighter than the others. */
const contrast = { low: 1, high: 99.5, gamma: 0.6, samples: 20_000 };

/**
 * Draws the marker in grey with the outline of every cell: yellow, blue where it touches the field's border, red where it
 * is flagged otherwise; a line leads from a bud to its mother. The contrast is for the eye and changes no data.
 *
 * @param labels [height, width] of the marker
 */
export function drawOverlay(marker: Plane, labels: Uint32Array, cells: readonly OverlayCell[]): Picture {
  const { width, height } = marker;
  const pixels = new Uint8Array(width * height * 3);
  const grey = greyLevels(marker);
  for (let at = 0; at < width * height; at++) {
    const level = grey(marker.data[at] as number);
    pixels[3 * at] = level;
    pixels[3 * at + 1] = level;
    pixels[3 * at + 2] = level;
  }
  const picture = { width, height, pixels };
  drawOutlines(picture, labels, cells);
  const byLabel = new Map(cells.map((cell) => [cell.label, cell]));
  for (const cell of cells) {
    const mother = byLabel.get(cell.budOf);
    if (mother) drawLine(picture, cell, mother, colours.bud);
  }
  for (const { number, x, y } of cells) {
    const text = String(number);
    const left = Math.round(x - text.length * 3);
    const top = Math.round(y - 3);
    drawText(text, (u, v) => setPixel(picture, left + u + 1, top + v + 1, colours.shadow));
    drawText(text, (u, v) => setPixel(picture, left + u, top + v, colours.number));
  }
  return picture;
}

/** Draws and writes an overlay as a PNG, atomically. Throws `io-error`, `disk-full`. */
export async function writeOverlay(
  path: string,
  marker: Plane,
  labels: Uint32Array,
  cells: readonly OverlayCell[],
): Promise<void> {
  await writeFileAtomically(path, await encodePng(drawOverlay(marker, labels, cells)));
}

function greyLevels({ data }: Plane): (sample: number) => number {
  const step = Math.max(1, Math.floor(data.length / contrast.samples));
  const sample = new Float64Array(Math.ceil(data.length / step));
  for (let i = 0; i < sample.length; i++) sample[i] = data[i * step] as number;
  sample.sort();
  const at = (percent: number) => sample[Math.round((percent / 100) * (sample.length - 1))] as number;
  const low = at(contrast.low);
  const span = Math.max(at(contrast.high) - low, Number.MIN_VALUE);
  // The curve by a table: a power for every pixel would take as long as all else.
  const curve = Uint8Array.from({ length: 1025 }, (_, index) => Math.round(255 * (index / 1024) ** contrast.gamma));
  return (value) => curve[Math.round(Math.min(1, Math.max(0, (value - low) / span)) * 1024)] as number;
}

function drawOutlines({ width, height, pixels }: Picture, labels: Uint32Array, cells: readonly OverlayCell[]): void {
  const most = cells.reduce((largest, { label }) => Math.max(largest, label), 0);
  const colourOf: (Colour | undefined)[] = new Array(most + 1).fill(undefined);
  for (const { label, border, flags } of cells) {
    const others = flags.filter((flag) => flag !== 'border');
    colourOf[label] = others.length > 0 ? colours.flagged : border ? colours.border : colours.good;
  }
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      const label = labels[at] as number;
      if (label === 0) continue;
      const inside =
        (x === 0 || labels[at - 1] === label) &&
        (x === width - 1 || labels[at + 1] === label) &&
        (y === 0 || labels[at - width] === label) &&
        (y === height - 1 || labels[at + width] === label);
      const colour = colourOf[label];
      if (!inside && colour) pixels.set(colour, 3 * at);
    }
  }
}

function setPixel({ width, height, pixels }: Picture, x: number, y: number, colour: Colour): void {
  if (x >= 0 && y >= 0 && x < width && y < height) pixels.set(colour, 3 * (y * width + x));
}

function drawLine(
  picture: Picture,
  from: { x: number; y: number },
  to: { x: number; y: number },
  colour: Colour,
): void {
  const steps = Math.ceil(Math.max(Math.abs(to.x - from.x), Math.abs(to.y - from.y), 1));
  for (let step = 0; step <= steps; step++) {
    const share = step / steps;
    const x = Math.round(from.x + share * (to.x - from.x));
    const y = Math.round(from.y + share * (to.y - from.y));
    setPixel(picture, x, y, colour);
  }
}
