import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Normalization } from '../src/data/normalization';
import { npyHeader } from '../src/files/npy';
import { Network } from '../src/network';
import { RandomStream } from '../src/random';

export const smallSize = 16;

/** What a row of a made dataset says; label -1 or absent: none. */
export interface MadeCell {
  label?: number;
  protein?: string;
  plate?: string;
  well?: string;
  field?: string;
  quality?: string;
}

/**
 * A dataset of 16 x 16 noise crops as NumPy and pandas would write it. Cells of label k are brighter in the k-th
 * quarter, so that even an untrained network tells some apart.
 */
export function writeMadeDataset(
  path: string,
  cells: readonly MadeCell[],
  classes: readonly string[],
  options: { normalization?: Normalization; channels?: readonly string[]; seed?: number } = {},
): void {
  const { normalization = { rule: 'none' }, channels = ['rfp', 'gfp'], seed = 5 } = options;
  const bytes = smallSize * smallSize * channels.length;
  const noise = new RandomStream(seed, 'simulation', 0, 0);
  const pixels = new Uint8Array(cells.length * bytes);
  for (let i = 0; i < pixels.length; i++) {
    const cell = cells[Math.floor(i / bytes)] as MadeCell;
    const quarter = Math.floor(((i % bytes) * 4) / bytes);
    pixels[i] = Math.floor((quarter === cell.label ? 255 : 150) * noise.uniform(i));
  }
  const rows = cells.map(({ label = -1, protein = '', plate = '', well = '', field = '', quality = '' }, i) =>
    [`cell${i}`, label < 0 ? '' : label, protein, plate, well, field, '', '', 'made', quality].join(','),
  );
  mkdirSync(path, { recursive: true });
  writeFileSync(
    join(path, 'images.npy'),
    Buffer.concat([npyHeader('|u1', [cells.length, smallSize, smallSize, channels.length]), pixels]),
  );
  writeFileSync(
    join(path, 'cells.csv'),
    ['cell,label,protein,plate,well,field,x,y,source,quality', ...rows, ''].join('\n'),
  );
  writeFileSync(join(path, 'dataset.json'), JSON.stringify({ classes, channels, normalization }));
}

/** A screen of labelled cells: one class a protein, a few fields each. */
export function madeCells(count: number, classes: number): MadeCell[] {
  return Array.from({ length: count }, (_, i) => {
    const protein = i % (classes * 5);
    return {
      label: protein % classes,
      protein: `YAL${protein}`,
      plate: 'p1',
      well: `A${protein}`,
      field: String(Math.floor(i / (classes * 5)) % 3),
    };
  });
}

/** A network for 16 x 16 crops with an input transform; untrained, and different for each seed. */
export async function smallNetwork(
  classes: readonly string[],
  options: { seed?: number; normalization?: Normalization; channels?: readonly string[] } = {},
): Promise<Network> {
  const { seed = 3, normalization = { rule: 'none' }, channels = ['rfp', 'gfp'] } = options;
  const network = await Network.create({
    classes,
    channels: channels.length,
    size: smallSize,
    blocks: [[8], [16]],
    dense: [16],
    seed,
    threads: 1,
  });
  const mean = new Float32Array(smallSize * smallSize * channels.length).fill(80);
  await network.setInputTransform({ mean, scale: 1 / 40, channels, normalization });
  return network;
}
