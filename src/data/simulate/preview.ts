import { writeFileAtomically } from '../../files/atomic-file';
import { type Compartment, compartments, transferCompartments } from '../compartments';
import { contactSheet } from '../contact-sheet';
import { encodePng } from '../picture';
import { size } from './canvas';
import { type Appearance, drawCell } from './cell';
import { microscopeTraits } from './microscope';
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

/** Cells of each class side by side. */
const cellsPerClass = 4;

/**
 * Writes a contact sheet (PNG): for every class its name and four of its cells, the cytosol in red, the protein in green.
 * Good cells that look like their class; the same options give the same picture. Throws `io-error`, `disk-full`.
 */
export async function writePreview(path: string, options: PreviewOptions = {}): Promise<void> {
  const classes: readonly Compartment[] = options.transfer ? transferCompartments : compartments;
  const panels = classes.map((name) => ({
    name,
    crops: Array.from({ length: cellsPerClass }, (_, i) => drawExample(classes, name, i, options)),
  }));
  await writeFileAtomically(path, await encodePng(contactSheet(panels, { size, channels: 2, zoom: 2 })));
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
      ...(appearance === 'varied' && { microscope: microscopeTraits(seed, index) }),
    });
    if (truth.looks === '' && truth.truth === compartment && truth.defocus < 0.8) return image;
  }
}
