import { writeFileAtomically } from '../../files/atomic-file';
import { type Compartment, compartments, transferCompartments } from '../compartments';
import { size } from './canvas';
import { type Appearance, drawCell } from './cell';
import { drawText } from './lettering';
import { type Difficulty, fieldTraits, plateTraits, proteinTraits } from './traits';

export interface PreviewOptions {
  /** Default 0. */
  seed?: number;
  /** Default `paper`. */
  difficulty?: Difficulty;
  /** The four compartments of the transfer task instead of the twelve. */
  transfer?: boolean;
  /** Default `crop`. */
  appearance?: Appearance;
}

/** Cells of each class side by side, and panels in a row. */
const cellsPerClass = 4;
const columns = 3;
const zoom = 2;
const gap = 12;
const caption = 24;

/**
 * Writes a contact sheet (PNG): for every class its name and four of its cells, the cytosol in red, the protein in green.
 * Good cells that look like their class; the same options give the same picture. Throws `io-error`, `disk-full`.
 */
export async function writePreview(path: string, options: PreviewOptions = {}): Promise<void> {
  const classes: readonly Compartment[] = options.transfer ? transferCompartments : compartments;
  const tile = size * zoom;
  const panelWidth = cellsPerClass * (tile + 2) + gap;
  const panelHeight = tile + caption + gap;
  const width = columns * panelWidth + gap;
  const height = Math.ceil(classes.length / columns) * panelHeight + gap;
  const picture = new Uint8Array(width * height * 3).fill(255);
  for (const [index, compartment] of classes.entries()) {
    const left = gap + (index % columns) * panelWidth;
    const top = gap + Math.floor(index / columns) * panelHeight;
    drawText(compartment, (x, y) => {
      for (let dy = 0; dy < 2; dy++)
        for (let dx = 0; dx < 2; dx++) {
          const at = ((top + 3 + 2 * y + dy) * width + left + 2 * x + dx) * 3;
          picture.fill(30, at, at + 3);
        }
    });
    for (let i = 0; i < cellsPerClass; i++) {
      const image = drawExample(classes, compartment, i, options);
      const x = left + i * (tile + 2);
      paste(picture, width, x, top + caption, image);
    }
  }
  const { default: sharp } = await import('sharp'); // on first use: it takes a while to load
  const png = await sharp(picture, { raw: { width, height, channels: 3 } })
    .png({ compressionLevel: 9 })
    .toBuffer();
  await writeFileAtomically(path, png);
}

/** A good cell that looks like its class: every example is another protein on another plate. */
function drawExample(
  classes: readonly Compartment[],
  compartment: Compartment,
  example: number,
  options: PreviewOptions,
): Uint8Array {
  const { seed = 0, difficulty = 'paper', appearance = 'crop' } = options;
  for (let attempt = 0; ; attempt++) {
    const index = (attempt * cellsPerClass + example) * classes.length + classes.indexOf(compartment);
    const { image, truth } = drawCell({
      seed,
      index,
      compartment,
      protein: proteinTraits(seed, index),
      plate: plateTraits(seed, index),
      field: fieldTraits(seed, index),
      difficulty,
      nonCells: 0,
      classes,
      appearance,
    });
    if (truth.looks === '' && truth.truth === compartment && truth.defocus < 0.8) return image;
  }
}

function paste(picture: Uint8Array, width: number, left: number, top: number, image: Uint8Array): void {
  for (let row = 0; row < size * zoom; row++)
    for (let column = 0; column < size * zoom; column++) {
      const from = 2 * (Math.floor(row / zoom) * size + Math.floor(column / zoom));
      const to = 3 * ((top + row) * width + left + column);
      picture[to] = image[from] as number;
      picture[to + 1] = image[from + 1] as number;
      picture[to + 2] = 0;
    }
}
