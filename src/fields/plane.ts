/** One two-dimensional image of a field of view in one channel, and what is done with the planes of a z-stack. */

/** Samples as the microscope stored them, row by row. */
export type PlaneData = Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array | Float32Array;

export interface Plane {
  /** Pixels. */
  width: number;
  height: number;
  /** `width * height` samples, row by row. */
  data: PlaneData;
}

/** The largest value of each pixel over planes of one size and sample type (maximum intensity projection). */
export function maximumProjection(planes: readonly Plane[]): Plane {
  const [first, ...others] = planes;
  if (!first) throw new RangeError('a maximum projection needs at least one plane');
  const data = first.data.slice();
  for (const { data: samples } of others) {
    for (let pixel = 0; pixel < data.length; pixel++) {
      const sample = samples[pixel] as number;
      if (sample > (data[pixel] as number)) data[pixel] = sample;
    }
  }
  return { width: first.width, height: first.height, data };
}

/**
 * Sharpness of a plane: the mean squared difference of pixels two apart, along rows and along columns (Brenner gradient:
 * Brenner et al. 1976, J. Histochem. Cytochem. 24:100). Camera and photon noise add about the same to every plane of a
 * stack, so the plane in focus has the largest value. It compares planes of one stack; it is no absolute scale.
 */
export function sharpness({ width, height, data }: Plane): number {
  let sum = 0;
  for (let y = 0; y < height; y++) {
    const row = y * width;
    for (let x = 0; x + 2 < width; x++) {
      const difference = (data[row + x + 2] as number) - (data[row + x] as number);
      sum += difference * difference;
    }
  }
  for (let y = 0; y + 2 < height; y++) {
    const row = y * width;
    for (let x = 0; x < width; x++) {
      const difference = (data[row + 2 * width + x] as number) - (data[row + x] as number);
      sum += difference * difference;
    }
  }
  const pairs = height * Math.max(width - 2, 0) + width * Math.max(height - 2, 0);
  return pairs === 0 ? 0 : sum / pairs;
}

/** Position of the sharpest plane of a stack; of equally sharp ones the first. */
export function sharpestPlane(planes: readonly Plane[]): number {
  let best = 0;
  let most = Number.NEGATIVE_INFINITY;
  for (const [index, plane] of planes.entries()) {
    const value = sharpness(plane);
    if (value > most) {
      most = value;
      best = index;
    }
  }
  return best;
}

/** Share of pixels above which a field counts as saturated. */
const mostSaturated = 0.5;

/** Why a plane cannot be a picture of cells (empty or saturated), or undefined. */
export function planeFault({ data }: Plane): string | undefined {
  const first = data[0] as number;
  let least = first;
  let most = first;
  for (let pixel = 1; pixel < data.length; pixel++) {
    const sample = data[pixel] as number;
    if (sample < least) least = sample;
    if (sample > most) most = sample;
  }
  if (least === most) return `is empty: every pixel is ${first}`;
  if (data instanceof Float32Array || !isFullScale(most)) return undefined;
  let full = 0;
  for (let pixel = 0; pixel < data.length; pixel++) if (data[pixel] === most) full++;
  const share = full / data.length;
  return share > mostSaturated
    ? `is saturated: ${Math.floor(share * 100)}% of the pixels have the highest value, ${most}`
    : undefined;
}

/** Whether a value is the highest of a camera of 8 to 16 bits, or of a sample type. */
function isFullScale(value: number): boolean {
  return value >= 255 && Number.isInteger(Math.log2(value + 1));
}
