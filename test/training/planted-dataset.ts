import type { Dataset } from '../../src/data/dataset';
import { DatasetWriter } from '../../src/data/dataset-writer';
import { RandomStream } from '../../src/random';

const classes = ['nucleus', 'vacuole', 'er'];

/**
 * A dataset in which a class is a place: noise in both channels and, in the second, a bright square whose corner tells
 * the class. Labels go round; `label` changes them.
 */
export async function plantedDataset(
  path: string,
  options: { cells: number; size?: number; seed?: number; label?: (index: number) => number; channels?: string[] },
): Promise<Dataset> {
  const { cells, size = 16, seed = 1, label = (index) => index % classes.length, channels = ['rfp', 'gfp'] } = options;
  const writer = await DatasetWriter.create(path, {
    classes,
    channels,
    size,
    normalization: { rule: 'none' },
    provenance: null,
  });
  const depth = channels.length;
  for (let cell = 0; cell < cells; cell++) {
    const noise = new RandomStream(seed, 'simulation', cell, 0);
    const image = Uint8Array.from({ length: size * size * depth }, (_, i) => Math.floor(64 * noise.uniform(i)));
    const corner = Math.max(0, label(cell));
    for (let y = 0; y < size / 2; y++) {
      for (let x = 0; x < size / 2; x++) {
        const row = y + (corner % 2) * (size / 2);
        const column = x + Math.floor(corner / 2) * (size / 2);
        const position = (row * size + column) * depth + 1;
        image[position] = (image[position] as number) + 100;
      }
    }
    await writer.append(image, {
      ...{ cell: `cell${cell}`, label: label(cell), protein: `P${cell % 10}`, plate: '1', well: `A${cell % 10}` },
      ...{ field: `${cell % 4}`, x: '', y: '', source: 'made' },
    });
  }
  return writer.commit();
}

/** A network small enough for tests of whole runs. */
export const smallNetwork = { size: 16, blocks: [[8], [16]], dense: [16], seed: 3, threads: 1 };
