/** How pixels become the network's input: part of every model. */
import type { Normalization } from '../data/normalization';

/** What happens to pixels before the first layer, part of the model: (pixel - mean) * scale. */
export interface InputTransform {
  /** Per pixel and channel, [size, size, channels]. */
  mean: Float32Array;
  scale: number;
  /** Names of the channels, in order. */
  channels: readonly string[];
  /** The intensity rule of the images it was trained on. */
  normalization: Normalization;
  /** Pixels of a typical cell in those images (DatasetDescription.cellDiameter), where it is known. */
  cellDiameter?: number;
}
