// A plate of any number of fields from a few drawn ones: links under Harmony's names.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';

const program = join(import.meta.dirname, '../../dist/cli/main.js');
const two = (value) => String(value).padStart(2, '0');

/**
 * Draws `drawn` fields of `size` pixels with `cells` cells each and links to them as often as it takes, up to 384 wells.
 * @returns the folder of the images
 */
export function makePlate(folder, { fields, drawn = 4, size = 1080, cells = 400, fieldsPerWell = 50 }) {
  const source = join(folder, 'drawn');
  const each = ['--fields-per-well', '1', '--field-size', String(size), '--cells-per-field', String(cells)];
  const drawing = ['simulate', '--fields', '--out', source, '--wells', String(drawn), '--diameter', '30', ...each];
  execFileSync(process.execPath, [program, ...drawing, '--seed', '1'], { stdio: 'ignore' });
  const images = readdirSync(join(source, 'Images')).filter((name) => name.endsWith('.tiff'));
  const markers = images.filter((name) => name.includes('-ch3')).sort();
  const plate = join(folder, 'plate');
  mkdirSync(plate);
  for (let index = 0; index < fields; index++) {
    const marker = markers[index % markers.length];
    const well = Math.floor(index / fieldsPerWell);
    const place = `r${two(1 + (well % 16))}c${two(1 + Math.floor(well / 16))}f${two(1 + (index % fieldsPerWell))}p01`;
    for (const channel of [1, 3]) {
      const image = join(source, 'Images', marker.replace('-ch3', `-ch${channel}`));
      symlinkSync(resolve(image), join(plate, `${place}-ch${channel}sk1fk1fl1.tiff`));
    }
  }
  return plate;
}

/** From the images of a plate to a dataset, in this process: the whole chain. Resolves to the number of cells. */
export async function plateToDataset(plate, out, { threads, diameter }) {
  const { cellsOfPlates } = await import('../../dist/index.mjs');
  const channels = new Map([
    ['rfp', 'ch3'],
    ['gfp', 'ch1'],
  ]);
  const { dataset } = await cellsOfPlates({ sources: [plate], channels, out, threads, diameter });
  return dataset.count;
}
