/** Crops of cells, cut from the planes of a field of view: the images of a dataset. */

import { percentileRange, pixelNoise, type Range, requireBitDepth } from '../data/intensity';
import type { Normalization, PercentileNormalization } from '../data/normalization';
import { DeepYeastError } from '../errors';
import { loadAddon } from '../native';
import type { NativeCropOptions, NativeCropRule } from '../native/addon';
import type { Plane } from './plane';

export interface CropOptions {
  /** Width and height of the crops in pixels (64). */
  size?: number;
  /** Crop pixels a field pixel, 1/16 to 16 (1: crops are cut without resampling). */
  scale?: number;
  /** What lies outside the field: one value a plane. */
  backgrounds: readonly number[];
  /** The rule for intensities. A rule per dataset must hold its numbers. */
  normalization: Normalization;
}

export interface FieldCrops {
  /** [cells, size, size, channels] */
  pixels: Uint8Array;
  /** Samples that became 0 and 255, [cells][channels]; undefined where 8-bit samples were taken as they are. */
  ranges: Range[][] | undefined;
}

/**
 * Cuts a crop around each centre. The crop of size s begins at round(centre - (s - 1) / 2) and is padded by the
 * backgrounds where it reaches beyond the field; percentiles and noise are taken over the part inside the field. With a
 * scale other than 1 the crop is resampled around the exact centre: see native/fields/crops.h. Runs on a thread of its
 * own.
 *
 * @param planes one a channel, of the same size
 * @param centres x and y in pixels of the field, 0 the centre of the first one
 * @param name of the field, for messages
 * @throws image-invalid where the rule does not fit the samples; invalid-argument
 */
export async function cutCrops(
  planes: readonly Plane[],
  centres: readonly { x: number; y: number }[],
  options: CropOptions,
  name: string,
): Promise<FieldCrops> {
  const { normalization } = options;
  const [first] = planes;
  if (first === undefined) throw new DeepYeastError('invalid-argument', 'found no planes to cut cells from');
  if (normalization.rule === 'none') requireBytes(planes, name);
  if (normalization.rule === 'bit-depth')
    for (const plane of planes) requireBitDepth(plane.data, normalization.bits, name);
  const request: NativeCropOptions = {
    planes: planes.map((plane) => plane.data),
    width: first.width,
    height: first.height,
    centres: Float64Array.from(centres.flatMap(({ x, y }) => [x, y])),
    size: options.size ?? 64,
    scale: options.scale ?? 1,
    backgrounds: Float64Array.from(options.backgrounds),
  };
  const addon = loadAddon();
  const rule = await ruleFor(normalization, request, planes.length);
  const { pixels, ranges } = await addon.cutCrops({ ...request, rule });
  if (normalization.rule === 'none') return { pixels, ranges: undefined };
  const channels = planes.length;
  return {
    pixels,
    ranges: centres.map((_, cell) =>
      planes.map((_, channel): Range => {
        const at = (cell * channels + channel) * 2;
        return [ranges[at] as number, ranges[at + 1] as number];
      }),
    ),
  };
}

function requireBytes(planes: readonly Plane[], name: string): void {
  for (const { data } of planes) {
    if (data instanceof Uint8Array) continue;
    throw new DeepYeastError(
      'image-invalid',
      `${name}: has ${sampleType(data)} samples, expected 8 bits, which the rule takes as they are`,
    );
  }
}

/** In words, for messages: `16-bit`, `32-bit float`. */
export function sampleType(data: Plane['data']): string {
  const kind = data instanceof Float32Array ? ' float' : /^Int/.test(data.constructor.name) ? ' signed' : '';
  return `${data.BYTES_PER_ELEMENT * 8}-bit${kind}`;
}

/** The rule in the addon's words, with the numbers of the field where it is one per field. */
async function ruleFor(
  normalization: Normalization,
  request: NativeCropOptions,
  channels: number,
): Promise<NativeCropRule> {
  const fixed = (pairs: readonly Range[]): NativeCropRule => ({
    kind: 'ranges',
    ranges: Float64Array.from(pairs.flat()),
  });
  switch (normalization.rule) {
    case 'none':
      return { kind: 'stored' };
    case 'bit-depth':
      return fixed(Array.from({ length: channels }, (): Range => [0, 2 ** normalization.bits - 1]));
    case 'range':
      return fixed(normalization.ranges);
    case 'percentile': {
      if (normalization.ranges) return fixed(normalization.ranges);
      if (normalization.per === 'field') return fixed(await fieldRanges(normalization, request, channels));
      if (normalization.per === 'dataset') {
        throw new DeepYeastError(
          'invalid-argument',
          'percentiles of the whole dataset are not known while its fields are being read: take their numbers from a ' +
            'dataset or a model (--rule-from), or take percentiles per cell or field',
        );
      }
      const { low, high, noiseFloor, floor } = normalization;
      return { kind: 'percentiles', low, high, noiseFloor, floor };
    }
  }
}

/** As import's: percentiles over all crops of the field together, the floor from the mean of their noise. */
async function fieldRanges(
  normalization: PercentileNormalization,
  request: NativeCropOptions,
  channels: number,
): Promise<Range[]> {
  const { size } = request;
  const { samples } = await loadAddon().cutCrops(request);
  const area = size * size;
  const cells = samples.length / (area * channels);
  return Array.from({ length: channels }, (_, channel): Range => {
    const crops = Array.from({ length: cells }, (_, cell) =>
      samples.subarray((cell * channels + channel) * area, (cell * channels + channel + 1) * area),
    );
    if (crops.length === 0) return [0, 1];
    return percentileRange(
      crops,
      crops.map((crop) => pixelNoise(crop, size)),
      normalization,
    );
  });
}
