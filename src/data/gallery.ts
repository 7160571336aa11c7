/** A picture of any labelled dataset: some cells of every class. */

import { DeepYeastError } from '../errors';
import { writeFileAtomically } from '../files/atomic-file';
import { permutation } from '../random';
import { analysisDraw } from '../random-draws';
import { contactSheet } from './contact-sheet';
import type { Dataset } from './dataset';
import { encodePng } from './picture';

export interface GalleryOptions {
  /** Cells of each class, as far as there are so many; default 4. */
  cellsPerClass?: number;
  /** Of the draw; default 0. */
  seed?: number;
}

export interface GalleryClass {
  name: string;
  /** Cells of the class in the dataset. */
  cells: number;
  /** Positions in the dataset of those that are shown, in the order of the picture. */
  shown: number[];
}

/**
 * Writes a PNG with the name and random cells of every class, channel 0 in red, 1 in green (the paper's Figures 1b and
 * 4a). The same seed draws the same cells.
 * @throws labels-invalid without labelled cells, images-truncated, io-error, disk-full
 */
export async function writeGallery(
  dataset: Dataset,
  path: string,
  { cellsPerClass = 4, seed = 0 }: GalleryOptions = {},
): Promise<GalleryClass[]> {
  const classes = dataset.classes.map((name, label): GalleryClass => {
    const own = [...dataset.labels.keys()].filter((cell) => dataset.labels[cell] === label);
    const order = permutation(seed, 'analysis', analysisDraw('gallery', label), own.length).subarray(0, cellsPerClass);
    return { name, cells: own.length, shown: Array.from(order, (at) => own[at] as number) };
  });
  const present = classes.filter(({ cells }) => cells > 0);
  if (present.length === 0) {
    throw new DeepYeastError('labels-invalid', `${dataset.path} has no labelled cell; expected some to show`);
  }
  const { size, channels } = dataset;
  const bytes = size * size * channels.length;
  const panels = [];
  for (const { name, shown } of present) {
    const images = await dataset.readImages(Uint32Array.from(shown));
    panels.push({ name, crops: shown.map((_, i) => images.subarray(i * bytes, (i + 1) * bytes)) });
  }
  // Crops of the usual size at twice their size; large ones as they are.
  const zoom = Math.max(1, Math.floor(128 / size));
  await writeFileAtomically(path, await encodePng(contactSheet(panels, { size, channels: channels.length, zoom })));
  return classes;
}
