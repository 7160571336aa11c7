import { DeepYeastError } from '../errors';
import type { NativeTopology } from '../native/addon';
import { tensorsOf } from './tensors';

/** Blocks of convolutions and hidden dense layers of a network. */
export interface Depth {
  blocks: readonly (readonly number[])[];
  dense: readonly number[];
}

/**
 * Networks by their number of layers with weights. 11 is the paper's (Pärnamaa & Parts 2017, Figure 2a). The paper says
 * that it tried 5, 9 and 13 layers without giving their block lists; these are ours: the channels double where the image
 * halves, as in the paper's, so that layers differ in number only.
 *
 * Parameters for 64x64x2 and 12 classes, `parameterCount(topologyOf({ depth, classes: 12 }))`:
 * 5: 8,766,476; 9: 9,804,684; 11: 10,985,356; 13: 12,102,028.
 */
export const depths: Readonly<Record<5 | 9 | 11 | 13, Depth>> = {
  5: { blocks: [[64], [128], [256]], dense: [512] },
  9: {
    blocks: [
      [64, 64],
      [128, 128],
      [256, 256],
    ],
    dense: [512, 512],
  },
  11: {
    blocks: [
      [64, 64],
      [128, 128],
      [256, 256, 256, 256],
    ],
    dense: [512, 512],
  },
  // A fourth block rather than six convolutions of one size: the receptive field grows with the depth.
  13: {
    blocks: [
      [64, 64],
      [128, 128],
      [256, 256, 256],
      [512, 512, 512],
    ],
    dense: [512, 512],
  },
};

/**
 * By which part of a preset's channels and units a network has: a quarter of the multiply-adds for half of them. Parameters
 * of the 11-layer network for 12 classes: full 10,985,356; half 2,749,388; quarter 688,876.
 */
export const widths = { full: 1, half: 0.5, quarter: 0.25 } as const;
export type Width = keyof typeof widths;

export interface TopologyOptions {
  /** Number of classes. */
  classes: number;
  /** Image channels, 1 to 8; default 2 (cytosol marker, protein). */
  channels?: number;
  /** Width and height of the images in pixels, divisible by 2^blocks; default 64. */
  size?: number;
  /** A preset; default 11, the paper's. */
  depth?: keyof typeof depths;
  /** Of the preset; default full. */
  width?: Width;
  /** Channels of each block's 3x3 convolutions; overrides `depth`. */
  blocks?: readonly (readonly number[])[];
  /** Units of the hidden dense layers; overrides `depth`. */
  dense?: readonly number[];
  /** Probability of dropping a unit after each hidden dense layer; default 0.5. */
  dropout?: number;
  normalizationEpsilon?: number;
  normalizationMomentum?: number;
}

/**
 * The full topology for some options. The native core checks its sizes (`invalid-topology`) when a network is made.
 *
 * @throws invalid-argument for a depth or a width that is no preset
 */
export function topologyOf(options: TopologyOptions): NativeTopology {
  const preset = depths[options.depth ?? 11];
  if (preset === undefined) {
    throw new DeepYeastError(
      'invalid-argument',
      `depth is ${String(options.depth)}; expected ${Object.keys(depths).join(', ')}, or give blocks and dense`,
    );
  }
  const { width = 'full' } = options;
  if (!Object.hasOwn(widths, width)) {
    throw new DeepYeastError(
      'invalid-argument',
      `width is ${String(width)}; expected ${Object.keys(widths).join(', ')}, or give blocks and dense`,
    );
  }
  const narrowed = (layers: readonly number[]) => layers.map((count) => count * widths[width]);
  return {
    imageSize: options.size ?? 64,
    channels: options.channels ?? 2,
    blocks: options.blocks?.map((block) => [...block]) ?? preset.blocks.map(narrowed),
    dense: options.dense ? [...options.dense] : narrowed(preset.dense),
    classes: options.classes,
    dropout: options.dropout ?? 0.5,
    normalizationEpsilon: options.normalizationEpsilon ?? 1e-5,
    normalizationMomentum: options.normalizationMomentum ?? 0.1,
  };
}

/** Names of the layers with weights, first to last: conv1_1 ... fc3. */
export function layerNames(topology: NativeTopology): string[] {
  return tensorsOf(topology)
    .filter(({ name }) => name.endsWith('.weight'))
    .map(({ name }) => name.slice(0, -'.weight'.length));
}

/** Number of trainable parameters. */
export function parameterCount(topology: NativeTopology): number {
  return tensorsOf(topology)
    .filter(({ trainable }) => trainable)
    .reduce((sum, { shape }) => sum + shape.reduce((product, extent) => product * extent, 1), 0);
}
