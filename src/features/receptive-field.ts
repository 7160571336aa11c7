import { DeepYeastError } from '../errors';
import type { NativeTopology } from '../native/addon';
import { layerNames } from '../network/topology';

/** What part of the crop a unit of a convolution sees. Position p of its map covers start + p * step ... + size. */
export interface ReceptiveField {
  /** Width and height in pixels. */
  size: number;
  /** Pixels between neighbouring positions. */
  step: number;
  /** First pixel of position 0; negative: the padding beyond the border. */
  start: number;
}

/** A rectangle of the crop, ends excluded; parts outside 0 ... imageSize are padding. */
export interface PatchRectangle {
  top: number;
  left: number;
  bottom: number;
  right: number;
}

/**
 * The receptive field of a layer's units, before its pool: convolutions widen it by two steps, 2x2 pools by one step and
 * double the step. Null for a dense layer, which sees the whole crop.
 * @throws invalid-argument for an unknown layer
 */
export function receptiveField(topology: NativeTopology, layer: string): ReceptiveField | null {
  let field: ReceptiveField = { size: 1, step: 1, start: 0 };
  for (const [b, block] of topology.blocks.entries()) {
    for (const [c] of block.entries()) {
      field = { size: field.size + 2 * field.step, step: field.step, start: field.start - field.step };
      if (layer === `conv${b + 1}_${c + 1}`) return field;
    }
    field = { size: field.size + field.step, step: 2 * field.step, start: field.start };
  }
  const names = layerNames(topology);
  if (names.includes(layer)) return null;
  throw new DeepYeastError('invalid-argument', `found the layer '${layer}', expected one of ${names.join(', ')}`);
}

/** The rectangle that a position (row, column) of the map sees. */
export function patchAt({ size, step, start }: ReceptiveField, row: number, column: number): PatchRectangle {
  const top = start + row * step;
  const left = start + column * step;
  return { top, left, bottom: top + size, right: left + size };
}
