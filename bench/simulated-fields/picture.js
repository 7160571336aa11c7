// The picture in docs/simulation.md: a simulated field, left both channels, right the marker with the truth's outlines.
//
//   node bench/simulated-fields/picture.js docs/images/simulated-field.png
import { writeFile } from 'node:fs/promises';
import { encodePng } from '../../dist/data/picture.js';
import { simulateField } from '../../dist/index.mjs';

const [path] = process.argv.slice(2);
if (!path) throw new Error('name the PNG that is to be written');

const side = 360;
const field = simulateField({
  seed: 4,
  size: side,
  cells: 50,
  diameter: 30,
  noise: 0.4,
  compartment: 'nuclear periphery',
  dead: 0.08,
  otherPlane: 0.12,
});

/** Counts as bytes on a logarithmic scale, so that dim and very bright cells are both seen. */
function logarithmic({ data }, high) {
  const sorted = [...data].sort((a, b) => a - b);
  const low = Math.log(sorted[Math.floor(0.02 * sorted.length)]);
  const range = Math.log(sorted[Math.floor(high * sorted.length)]) - low;
  return Uint8Array.from(data, (count) => Math.min(255, Math.max(0, (255 * (Math.log(count + 1) - low)) / range)));
}

const red = logarithmic(field.planes.rfp, 0.998);
const green = logarithmic(field.planes.gfp, 0.999);
const outline = { ok: [90, 220, 90], dead: [240, 70, 60], unsure: [90, 140, 255] };
const gap = 6;
const width = 2 * side + gap;
const pixels = new Uint8Array(width * side * 3).fill(255);
for (let row = 0; row < side; row++)
  for (let column = 0; column < side; column++) {
    const at = row * side + column;
    const left = (row * width + column) * 3;
    pixels.set([red[at], green[at], 0], left);
    const label = field.labels[at];
    const edge =
      label !== 0 &&
      [at - 1, at + 1, at - side, at + side].some(
        (near) => field.labels[near] !== undefined && field.labels[near] !== label,
      );
    const colour = edge ? outline[field.table[label - 1].flag] : [red[at], red[at], red[at]];
    pixels.set(colour, left + (side + gap) * 3);
  }
await writeFile(path, await encodePng({ width, height: side, pixels }));
