/**
 * Gabor filters beside the network's units: Pearson correlation between a unit's map and the energy map of every filter
 * of a bank (the paper's Supplementary Figure 4), over all positions of all cells.
 */
import type { Dataset } from '../data/dataset';
import { DeepYeastError } from '../errors';
import type { BatchOptions, Network } from '../network/network';
import { type RuleOptions, requireModelRule } from '../prediction/rule-match';
import { cropsOf } from './layer-features';

export interface GaborFilter {
  /** Cycles per pixel. */
  frequency: number;
  /** Direction of the wave, in radians from the rows' direction. */
  angle: number;
}

/** Wavelengths of the bank in pixels. */
export const gaborWavelengths = [3, 5, 9, 16] as const;
export const gaborAngles = 6;

/** Four scales, six angles. */
export const gaborBank: readonly GaborFilter[] = gaborWavelengths.flatMap((wavelength) =>
  Array.from({ length: gaborAngles }, (_, i) => ({ frequency: 1 / wavelength, angle: (i * Math.PI) / gaborAngles })),
);

/** Deviation of the Gaussian envelope for a bandwidth of one octave, times the frequency. */
const deviationTimesFrequency = (Math.sqrt(Math.LN2 / 2) / Math.PI) * 3;

/** One axis of a complex filter whose envelope is round, so that it is a product of two one-dimensional ones. */
function axis(frequency: number, deviation: number, radius: number): { real: Float64Array; imaginary: Float64Array } {
  const length = 2 * radius + 1;
  const real = new Float64Array(length);
  const imaginary = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    const x = i - radius;
    const envelope = Math.exp((-0.5 * x * x) / (deviation * deviation)) / (Math.sqrt(2 * Math.PI) * deviation);
    real[i] = envelope * Math.cos(2 * Math.PI * frequency * x);
    imaginary[i] = envelope * Math.sin(2 * Math.PI * frequency * x);
  }
  return { real, imaginary };
}

/**
 * The magnitude of a complex Gabor filter's response at every pixel: scikit-image's `gabor` (bandwidth 1, three
 * deviations) of the image minus its mean, zeros beyond the border.
 * @param image [size, size]
 */
export function gaborEnergy(image: ArrayLike<number>, size: number, { frequency, angle }: GaborFilter): Float64Array {
  const deviation = deviationTimesFrequency / frequency;
  const reach = 3 * deviation * Math.max(Math.abs(Math.cos(angle)), Math.abs(Math.sin(angle)));
  const radius = Math.ceil(Math.max(reach, 1));
  const across = axis(frequency * Math.cos(angle), deviation, radius);
  const down = axis(frequency * Math.sin(angle), deviation, radius);
  let mean = 0;
  for (let i = 0; i < size * size; i++) mean += (image[i] as number) / (size * size);
  const rowReal = new Float64Array(size * size);
  const rowImaginary = new Float64Array(size * size);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      let real = 0;
      let imaginary = 0;
      const first = Math.max(0, x - radius);
      const last = Math.min(size - 1, x + radius);
      for (let at = first; at <= last; at++) {
        const value = (image[y * size + at] as number) - mean;
        real += value * (across.real[at - x + radius] as number);
        imaginary += value * (across.imaginary[at - x + radius] as number);
      }
      rowReal[y * size + x] = real;
      rowImaginary[y * size + x] = imaginary;
    }
  }
  const energy = new Float64Array(size * size);
  const real = new Float64Array(size);
  const imaginary = new Float64Array(size);
  for (let y = 0; y < size; y++) {
    real.fill(0);
    imaginary.fill(0);
    const first = Math.max(0, y - radius);
    const last = Math.min(size - 1, y + radius);
    for (let at = first; at <= last; at++) {
      const a = down.real[at - y + radius] as number;
      const b = down.imaginary[at - y + radius] as number;
      for (let x = 0; x < size; x++) {
        const c = rowReal[at * size + x] as number;
        const d = rowImaginary[at * size + x] as number;
        real[x] = (real[x] as number) + a * c - b * d;
        imaginary[x] = (imaginary[x] as number) + a * d + b * c;
      }
    }
    for (let x = 0; x < size; x++) energy[y * size + x] = Math.hypot(real[x] as number, imaginary[x] as number);
  }
  return energy;
}

/** Means over squares of `factor` pixels: a map at the resolution of a layer. */
function pool(map: Float64Array, size: number, factor: number): Float64Array {
  if (factor === 1) return map;
  const side = size / factor;
  const pooled = new Float64Array(side * side);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const at = Math.floor(y / factor) * side + Math.floor(x / factor);
      pooled[at] = (pooled[at] as number) + (map[y * size + x] as number) / (factor * factor);
    }
  }
  return pooled;
}

/** Energy maps of all filters and channels for one crop, [filters * channels][size * size]; channel by channel. */
function energiesOf(crop: Uint8Array, size: number, channels: number): Float64Array[] {
  return Array.from({ length: channels }, (_, channel) => {
    const image = Float64Array.from({ length: size * size }, (_, i) => crop[i * channels + channel] as number);
    return gaborBank.map((filter) => gaborEnergy(image, size, filter));
  }).flat();
}

export interface GaborCorrelation {
  unit: string;
  /** The channel and filter with the largest absolute correlation; null for a constant unit. */
  channel: string | null;
  wavelength: number | null;
  angleDegrees: number | null;
  correlation: number | null;
  /** The largest absolute correlation with the energy maps of other cells. */
  permuted: number | null;
}

/** Sums from which Pearson correlations of every unit with every filter follow. */
class CrossMoments {
  readonly #units: Float64Array;
  readonly #unitSquares: Float64Array;
  readonly #filters: Float64Array;
  readonly #filterSquares: Float64Array;
  readonly #products: Float64Array;
  readonly #filterCount: number;
  #positions = 0;

  constructor(units: number, filters: number) {
    this.#units = new Float64Array(units);
    this.#unitSquares = new Float64Array(units);
    this.#filters = new Float64Array(filters);
    this.#filterSquares = new Float64Array(filters);
    this.#products = new Float64Array(units * filters);
    this.#filterCount = filters;
  }

  /** @param maps one cell's, [positions, units]; @param energies [positions, filters] */
  add(maps: Float32Array, energies: Float64Array, positions: number): void {
    const units = this.#units.length;
    const filters = this.#filterCount;
    for (let position = 0; position < positions; position++) {
      const energy = energies.subarray(position * filters, (position + 1) * filters);
      for (let f = 0; f < filters; f++) {
        const value = energy[f] as number;
        this.#filters[f] = (this.#filters[f] as number) + value;
        this.#filterSquares[f] = (this.#filterSquares[f] as number) + value * value;
      }
      for (let u = 0; u < units; u++) {
        const value = maps[position * units + u] as number;
        if (value === 0) continue;
        this.#units[u] = (this.#units[u] as number) + value;
        this.#unitSquares[u] = (this.#unitSquares[u] as number) + value * value;
        const row = u * filters;
        for (let f = 0; f < filters; f++) {
          this.#products[row + f] = (this.#products[row + f] as number) + value * (energy[f] as number);
        }
      }
    }
    this.#positions += positions;
  }

  /** Null where one of the two is constant. */
  correlation(unit: number, filter: number): number | null {
    const n = this.#positions;
    const u = this.#units[unit] as number;
    const f = this.#filters[filter] as number;
    const unitSquares = this.#unitSquares[unit] as number;
    const filterSquares = this.#filterSquares[filter] as number;
    const unitVariance = unitSquares - (u * u) / n;
    const filterVariance = filterSquares - (f * f) / n;
    if (!(unitVariance > 1e-12 * unitSquares && filterVariance > 1e-12 * filterSquares)) return null;
    const covariance = (this.#products[unit * this.#filterCount + filter] as number) - (u * f) / n;
    return Math.max(-1, Math.min(1, covariance / Math.sqrt(unitVariance * filterVariance)));
  }

  strongest(unit: number): { filter: number; correlation: number } | null {
    let best: { filter: number; correlation: number } | null = null;
    for (let filter = 0; filter < this.#filterCount; filter++) {
      const correlation = this.correlation(unit, filter);
      if (correlation === null) continue;
      if (best === null || Math.abs(correlation) > Math.abs(best.correlation)) best = { filter, correlation };
    }
    return best;
  }
}

/**
 * The strongest Gabor filter of every unit of some convolutions. The permuted value pairs each cell's maps with the
 * energy maps of the cell before it.
 * @param cells positions in the dataset; a hundred are enough, every position of every cell counts
 * @throws invalid-argument for a dense layer or fewer than two cells, and what network.activations throws
 */
export async function gaborCorrelations(
  network: Network,
  dataset: Dataset,
  cells: Uint32Array,
  layers: readonly string[],
  options: BatchOptions & RuleOptions = {},
): Promise<Map<string, GaborCorrelation[]>> {
  requireModelRule(network, dataset, options);
  if (cells.length < 2) {
    throw new DeepYeastError('invalid-argument', `found ${cells.length} cells, expected at least two`);
  }
  const { imageSize, channels } = network.topology;
  const filters = gaborBank.length * channels;
  const plans = layers.map((layer) => {
    const [height = 0, , units] = network.activationShape(layer);
    if (units === undefined) {
      throw new DeepYeastError('invalid-argument', `${layer} has no maps; expected a convolution`);
    }
    const moments = new CrossMoments(units, filters);
    const permuted = new CrossMoments(units, filters);
    return { layer, side: height, units, moments, permuted };
  });
  const bytes = imageSize * imageSize * channels;
  // The last cell's energies stand in for "the cell before" the first one.
  let before = energiesOf(await dataset.readImages(cells.slice(-1)), imageSize, channels);
  for await (const { count, pixels } of cropsOf(dataset, cells, options.signal)) {
    const energies = Array.from({ length: count }, (_, i) =>
      energiesOf(pixels.subarray(i * bytes, (i + 1) * bytes), imageSize, channels),
    );
    for (const { layer, side, units, moments, permuted } of plans) {
      let previous = before;
      for await (const { start, count: cellsHere, values } of network.activations(pixels, layer, options)) {
        for (let i = 0; i < cellsHere; i++) {
          const maps = values.subarray(i * side * side * units, (i + 1) * side * side * units);
          const own = energies[start + i] as Float64Array[];
          moments.add(maps, interleaved(own, imageSize, side), side * side);
          permuted.add(maps, interleaved(previous, imageSize, side), side * side);
          previous = own;
        }
      }
    }
    before = energies.at(-1) as Float64Array[];
  }
  const channelNames = dataset.channels;
  return new Map(
    plans.map(({ layer, units, moments, permuted }) => [
      layer,
      Array.from({ length: units }, (_, u): GaborCorrelation => {
        const best = moments.strongest(u);
        const unit = `${layer}_${u}`;
        if (!best) {
          return { unit, channel: null, wavelength: null, angleDegrees: null, correlation: null, permuted: null };
        }
        const { frequency, angle } = gaborBank[best.filter % gaborBank.length] as GaborFilter;
        const none = permuted.strongest(u);
        return {
          unit,
          channel: channelNames[Math.floor(best.filter / gaborBank.length)] as string,
          wavelength: Math.round(1 / frequency),
          angleDegrees: Math.round((180 * angle) / Math.PI),
          correlation: best.correlation,
          permuted: none && Math.abs(none.correlation),
        };
      }),
    ]),
  );
}

/** Pooled to a layer's resolution, [positions, filters]. */
function interleaved(energies: readonly Float64Array[], size: number, side: number): Float64Array {
  const filters = energies.length;
  const rows = new Float64Array(side * side * filters);
  for (const [f, energy] of energies.entries()) {
    const pooled = pool(energy, size, size / side);
    for (let position = 0; position < side * side; position++)
      rows[position * filters + f] = pooled[position] as number;
  }
  return rows;
}
