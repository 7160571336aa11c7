/** What the microscope does to the light: blur by its point-spread function, and a little of each colour elsewhere. */
import { type Layer, pixels, size } from './canvas';

/** Half the width of the blur's window: sigma up to 1.8 fits, wider blurs are done in several passes. */
const radius = 5;
const widestSigma = 1.8;
const scratch = new Float32Array(pixels);
const line = new Float32Array(size + 2 * radius);

/** Blurs a layer in place with a Gaussian of `sigma` pixels; the border pixels are repeated beyond the border. */
export function blur(layer: Layer, sigma: number): void {
  if (sigma <= 0) return;
  // Variances add: n passes of sigma / sqrt(n).
  const passes = Math.ceil((sigma / widestSigma) ** 2);
  const weights = gaussianWeights(sigma / Math.sqrt(passes));
  for (let pass = 0; pass < passes; pass++) {
    blurRows(layer, scratch, weights);
    blurColumns(scratch, layer, weights);
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

function blurRows(source: Layer, target: Layer, weights: Float32Array): void {
  const [w0, w1, w2, w3, w4, w5] = weights as unknown as [number, number, number, number, number, number];
  for (let row = 0; row < size; row++) {
    const start = row * size;
    for (let i = 0; i < radius; i++) {
      line[i] = source[start] as number;
      line[radius + size + i] = source[start + size - 1] as number;
    }
    for (let i = 0; i < size; i++) line[radius + i] = source[start + i] as number;
    for (let i = 0; i < size; i++)
      target[start + i] =
        w0 * (line[i + 5] as number) +
        w1 * ((line[i + 4] as number) + (line[i + 6] as number)) +
        w2 * ((line[i + 3] as number) + (line[i + 7] as number)) +
        w3 * ((line[i + 2] as number) + (line[i + 8] as number)) +
        w4 * ((line[i + 1] as number) + (line[i + 9] as number)) +
        w5 * ((line[i] as number) + (line[i + 10] as number));
  }
}

function blurColumns(source: Layer, target: Layer, weights: Float32Array): void {
  const [w0, w1, w2, w3, w4, w5] = weights as unknown as [number, number, number, number, number, number];
  const above = (row: number, distance: number) => Math.max(0, row - distance) * size;
  const below = (row: number, distance: number) => Math.min(size - 1, row + distance) * size;
  for (let row = 0; row < size; row++) {
    const start = row * size;
    const a1 = above(row, 1);
    const a2 = above(row, 2);
    const a3 = above(row, 3);
    const a4 = above(row, 4);
    const a5 = above(row, 5);
    const b1 = below(row, 1);
    const b2 = below(row, 2);
    const b3 = below(row, 3);
    const b4 = below(row, 4);
    const b5 = below(row, 5);
    for (let i = 0; i < size; i++)
      target[start + i] =
        w0 * (source[start + i] as number) +
        w1 * ((source[a1 + i] as number) + (source[b1 + i] as number)) +
        w2 * ((source[a2 + i] as number) + (source[b2 + i] as number)) +
        w3 * ((source[a3 + i] as number) + (source[b3 + i] as number)) +
        w4 * ((source[a4 + i] as number) + (source[b4 + i] as number)) +
        w5 * ((source[a5 + i] as number) + (source[b5 + i] as number));
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
