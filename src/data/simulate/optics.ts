/** What the microscope does to the light: blur by its point-spread function, and a little of each colour elsewhere. */
import { type Layer, pixels, size } from './canvas';

/** Half the width of the blur's window: sigma up to 1.8 fits, wider blurs are done in several passes. */
const radius = 5;
const widestSigma = 1.8;
const scratch = new Float32Array(pixels);

/** Blurs a layer in place with a Gaussian of `sigma` pixels; the border pixels are repeated beyond the border. */
export function blur(layer: Layer, sigma: number): void {
  if (sigma <= 0) return;
  // Variances add: n passes of sigma / sqrt(n).
  const passes = Math.ceil((sigma / widestSigma) ** 2);
  const weights = gaussianWeights(sigma / Math.sqrt(passes));
  for (let pass = 0; pass < passes; pass++) {
    blurLines(layer, scratch, 1, size, weights);
    blurLines(scratch, layer, size, 1, weights);
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

/**
 * Blurs along rows or columns: pixels of a line are `stride` apart, lines `lineStride`. The eleven pixels around the one
 * that is computed move through variables, so that each is read once.
 */
function blurLines(source: Layer, target: Layer, stride: number, lineStride: number, weights: Float32Array): void {
  const [w0, w1, w2, w3, w4, w5] = weights as unknown as [number, number, number, number, number, number];
  for (let line = 0; line < size; line++) {
    const start = line * lineStride;
    const end = start + size * stride;
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

/** Moves a layer by less than a pixel, (dx, dy) from -1 to 1, by linear interpolation: how two channels are aligned. */
export function shift(layer: Layer, dx: number, dy: number): void {
  moveLines(layer, dx, 1, size);
  moveLines(layer, dy, size, 1);
}

function moveLines(layer: Layer, offset: number, stride: number, lineStride: number): void {
  if (offset === 0) return;
  const part = Math.abs(offset);
  const step = offset > 0 ? -stride : stride;
  for (let line = 0; line < size; line++) {
    const start = line * lineStride + (offset > 0 ? (size - 1) * stride : 0);
    // Away from the neighbour that is mixed in, so that it is still the old one.
    for (let i = 0; i < size - 1; i++) {
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
