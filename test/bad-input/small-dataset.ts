import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { npyHeader } from '../../src/files/npy';
import { RandomStream } from '../../src/random';

/** What a hand-made dataset differs in from the good one; see writeSmallDataset. */
export interface SmallDatasetChanges {
  cells?: number;
  size?: number;
  channels?: readonly string[];
  classes?: readonly string[];
  /** Label of each row. */
  label?: (index: number) => number | string;
  /** Replaces the header of images.npy. */
  header?: Uint8Array;
  /** Replaces cells.csv. */
  table?: (rows: string[]) => string;
  /** Bytes kept of images.npy. */
  imageBytes?: number;
}

/** A dataset of small noise images in the form that NumPy and pandas would write, without the library's own writer. */
export function writeSmallDataset(path: string, changes: SmallDatasetChanges = {}): void {
  const { cells = 24, size = 8, channels = ['rfp', 'gfp'], classes = ['nucleus', 'vacuole', 'er'] } = changes;
  const label = changes.label ?? ((index: number) => index % classes.length);
  const noise = new RandomStream(5, 'simulation', 0, 0);
  const pixels = Uint8Array.from({ length: cells * size * size * channels.length }, (_, i) =>
    Math.floor(256 * noise.uniform(i)),
  );
  const header = changes.header ?? npyHeader('|u1', [cells, size, size, channels.length]);
  const images = Buffer.concat([header, pixels]);
  const rows = Array.from(
    { length: cells },
    (_, i) => `cell${i},${label(i)},P${i % 6},plate1,A${i % 6},${i % 3},,,made`,
  );
  const lines = ['cell,label,protein,plate,well,field,x,y,source', ...rows];
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'images.npy'), images.subarray(0, changes.imageBytes ?? images.length));
  writeFileSync(join(path, 'cells.csv'), changes.table ? changes.table(lines) : `${lines.join('\n')}\n`);
  writeFileSync(join(path, 'dataset.json'), JSON.stringify({ classes, channels, normalization: { rule: 'none' } }));
}
