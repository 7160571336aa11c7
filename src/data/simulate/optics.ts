/** What the microscope does to the light: blur by its point-spread function, and a little of each colour elsewhere. */
import { type Layer, size, widthOf } from './canvas';

/** Half the width of the blur's window: sigma up to 1.8 fits, wider blurs are done in several passes. */
const radius = 5;
const widestSigma = 1.8;
let scratch = new Float32Array(0);

/**
 * Blurs an image in place with a Gaussian of `sigma` pixels; the border pixels are repeated beyond the border. A square
 * unless its width is given; at least six pixels wide and high.
 */
export function blur(layer: Float32Array, sigma: number, width = widthOf(layer)): void {
  if (sigma <= 0) return;
  const height = layer.length / width;
  if (scratch.length < layer.length) scratch = new Float32Array(layer.length);
  // Variances add: n passes of sigma / sqrt(n).
  const passes = Math.ceil((sigma / widestSigma) ** 2);
  const weights = gaussianWeights(sigma / Math.sqrt(passes));
  for (let pass = 0; pass < passes; pass++) {
    blurLines(layer, scratch, { count: height, length: width, stride: 1, lineStride: width }, weights);
    blurLines(scratch, layer, { count: width, length: height, stride: width, lineStride: 1 }, weights);
  }
}

/** Weights at distances 0 to `radius`, of sum 1 over the window. */
function gaussianWeights(sigma: number): Float32Array {
  const weights = new Float32Array(radius + 1);
  let total = 0;
  for (let i = 0; i <= radius; i++) {
    const weight = Math.exp((-0.5 * i * i) / (sigma * sigma));
    weights[i] = weight;
    total += i === 0 ? weight : 2 * weight;
  }
  for (let i = 0; i <= radius; i++) weights[i] = (weights[i] as number) / total;
  return weights;
}

/** The rows or the columns of an image: how many, how long, how far apart a line's pixels and the lines are. */
interface Lines {
  readonly count: number;
  readonly length: number;
  readonly stride: number;
  readonly lineStride: number;
}

/**
 * Blurs along rows or columns. The eleven pixels around the one
 * that is computed move through variables, so that each is read once.
 */
function blurLines(source: Float32Array, target: Float32Array, lines: Lines, weights: Float32Array): void {
  const { count, length, stride, lineStride } = lines;
  const [w0, w1, w2, w3, w4, w5] = weights as unknown as [number, number, number, number, number, number];
  for (let line = 0; line < count; line++) {
    const start = line * lineStride;
    const end = start + length * stride;
    let middle = source[start] as number;
    let l1 = middle;
    let l2 = middle;
    let l3 = middle;
    let l4 = middle;
    let l5 = middle;
    let r1 = source[start + stride] as number;
    let r2 = source[start + 2 * stride] as number;
    let r3 = source[start + 3 * stride] as number;
    let r4 = source[start + 4 * stride] as number;
    let r5 = source[start + 5 * stride] as number;
    for (let at = start, next = start + 6 * stride; at < end; at += stride, next += stride) {
      target[at] = w0 * middle + w1 * (l1 + r1) + w2 * (l2 + r2) + w3 * (l3 + r3) + w4 * (l4 + r4) + w5 * (l5 + r5);
      l5 = l4;
      l4 = l3;
      l3 = l2;
      l2 = l1;
      l1 = middle;
      middle = r1;
      r1 = r2;
      r2 = r3;
      r3 = r4;
      r4 = r5;
      // Beyond the border its last pixel goes on.
      if (next < end) r5 = source[next] as number;
    }
  }
}

/** What blur() would leave at one pixel, up to what lies beyond the window. */
export function blurredAt(layer: Layer, index: number, sigma: number): number {
  const size = widthOf(layer);
  const column = index % size;
  const row = (index - column) / size;
  const scale = -0.5 / (sigma * sigma);
  let sum = 0;
  let total = 0;
  for (let y = Math.max(0, row - radius); y <= Math.min(size - 1, row + radius); y++)
    for (let x = Math.max(0, column - radius); x <= Math.min(size - 1, column + radius); x++) {
      const weight = Math.exp(scale * ((x - column) ** 2 + (y - row) ** 2));
      sum += weight * (layer[y * size + x] as number);
      total += weight;
    }
  return sum / total;
}

/**
 * Moves an image by less than a pixel, (dx, dy) from -1 to 1, by linear interpolation: how two channels are aligned. A
 * square unless its width is given.
 */
export function shift(layer: Float32Array, dx: number, dy: number, width = widthOf(layer)): void {
  const height = layer.length / width;
  moveLines(layer, dx, { count: height, length: width, stride: 1, lineStride: width });
  moveLines(layer, dy, { count: width, length: height, stride: width, lineStride: 1 });
}

function moveLines(layer: Float32Array, offset: number, lines: Lines): void {
  const { count, length, stride, lineStride } = lines;
  if (offset === 0) return;
  const part = Math.abs(offset);
  const step = offset > 0 ? -stride : stride;
  for (let line = 0; line < count; line++) {
    const start = line * lineStride + (offset > 0 ? (length - 1) * stride : 0);
    // Away from the neighbour that is mixed in, so that it is still the old one.
    for (let i = 0; i < length - 1; i++) {
      const at = start + i * step;
      layer[at] = (1 - part) * (layer[at] as number) + part * (layer[at + step] as number);
    }
  }
}

/** Adds a slope across the crop: uneven illumination, or the light of something bright outside. */
export function addGradient(layer: Layer, strength: number, angle: number): void {
  const stepX = (strength * Math.cos(angle)) / size;
  const stepY = (strength * Math.sin(angle)) / size;
  for (let row = 0; row < size; row++)
    for (let column = 0; column < size; column++) {
      const at = row * size + column;
      layer[at] = (layer[at] as number) + stepX * (column - size / 2) + stepY * (row - size / 2);
    }
}

const enlarged = new Float32Array(size * size);

/** Enlarges a crop around its centre in place, by linear interpolation. */
export function enlarge(layer: Layer, zoom: number): void {
  if (zoom === 1) return;
  const center = (size - 1) / 2;
  for (let row = 0; row < size; row++) {
    const y = center + (row - center) / zoom;
    const top = Math.min(size - 2, Math.floor(y));
    const down = y - top;
    for (let column = 0; column < size; column++) {
      const x = center + (column - center) / zoom;
      const left = Math.min(size - 2, Math.floor(x));
      const right = x - left;
      const at = top * size + left;
      const upper = (1 - right) * (layer[at] as number) + right * (layer[at + 1] as number);
      const lower = (1 - right) * (layer[at + size] as number) + right * (layer[at + size + 1] as number);
      enlarged[row * size + column] = (1 - down) * upper + down * lower;
    }
  }
  layer.set(enlarged);
}
