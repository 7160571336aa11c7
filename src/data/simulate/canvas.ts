/** Drawing on one channel: a square of float32 intensities to which shapes are added. Positions are in pixels, (0, 0) is
 * the centre of the first pixel. Shapes reach over the border without harm. A crop has the width `size`; the single cells
 * of a field are drawn on squares of other widths. */

/** Pixels along a side of every simulated crop. */
export const size = 64;
export const pixels = size * size;

/** The widest square on which a cell may be drawn. */
export const largestWidth = 448;

/** One channel's intensities, row by row: as many rows as columns. */
export type Layer = Float32Array;

/** Pixels along a side of a layer. */
export function widthOf(layer: Layer): number {
  return Math.sqrt(layer.length);
}

/** An ellipse (or an egg) somewhere on the canvas: a cell, a bud, a nucleus, a vacuole's lobe. */
export interface Body {
  readonly x: number;
  readonly y: number;
  /** Half axes in pixels: `a` along (cos, sin), `b` across. */
  readonly a: number;
  readonly b: number;
  readonly cos: number;
  readonly sin: number;
  /** How much wider the end at +a is than the end at -a: 0 is an ellipse. */
  readonly egg: number;
}

export function body(x: number, y: number, a: number, b: number, angle: number, egg = 0): Body {
  return { x, y, a, b, cos: Math.cos(angle), sin: Math.sin(angle), egg };
}

/** The point of a body in direction `angle` (the ellipse's parameter) at a fraction of the way from centre to edge. */
export function pointIn(shape: Body, angle: number, fraction: number): { x: number; y: number } {
  const u = fraction * Math.cos(angle);
  const along = shape.a * u;
  const across = shape.b * fraction * Math.sin(angle) * (1 + shape.egg * u);
  return {
    x: shape.x + along * shape.cos - across * shape.sin,
    y: shape.y + along * shape.sin + across * shape.cos,
  };
}

/** 0 at a body's centre, 1 on its edge. */
export function radiusIn(shape: Body, x: number, y: number): number {
  const dx = x - shape.x;
  const dy = y - shape.y;
  const u = (dx * shape.cos + dy * shape.sin) / shape.a;
  const v = (dy * shape.cos - dx * shape.sin) / (shape.b * (1 + shape.egg * Math.max(-1, Math.min(1, u))));
  return Math.hypot(u, v);
}

/** Half the width of a body's circumscribed square, with a margin. */
function reach(shape: Body, margin: number): number {
  return Math.max(shape.a, shape.b * (1 + Math.abs(shape.egg))) + margin;
}

/**
 * The pixels around a body that trace() found last, in arrays that every call uses again (a callback per pixel would box
 * its numbers): their positions on the canvas; their distance from the edge in pixels, positive inside; their radius, 0 at
 * the centre and 1 on the edge; their place along and across the body in units of its half axes.
 */
export const traced = {
  index: new Uint32Array(largestWidth * largestWidth),
  inward: new Float32Array(largestWidth * largestWidth),
  radius: new Float32Array(largestWidth * largestWidth),
  along: new Float32Array(largestWidth * largestWidth),
  across: new Float32Array(largestWidth * largestWidth),
};

/**
 * Finds every pixel of a square of `width` pixels inside a body or within `margin` pixels of it; returns how many are in
 * `traced`.
 */
export function trace(shape: Body, margin: number, width: number): number {
  const { x, y, a, b, cos, sin, egg } = shape;
  const extent = reach(shape, margin);
  const left = Math.max(0, Math.ceil(x - extent));
  const right = Math.min(width - 1, Math.floor(x + extent));
  const top = Math.max(0, Math.ceil(y - extent));
  const bottom = Math.min(width - 1, Math.floor(y + extent));
  const [overA, overB] = [1 / a, 1 / b];
  // No pixel of a larger radius is within the margin: most of the square around the body is done with at once.
  const furthest = (1 + margin / Math.min(a, b)) ** 2;
  // Along a row the radius' square, with the body as wide everywhere as at its wider end, is at least
  // square * dx * dx + 2 * linear * dy * dx + constant * dy * dy.
  const overWidest = overB / (1 + Math.abs(egg));
  const [squareA, squareB] = [overA * overA, overWidest * overWidest];
  const square = cos * cos * squareA + sin * sin * squareB;
  const linear = cos * sin * (squareA - squareB);
  const constant = sin * sin * squareA + cos * cos * squareB;
  let count = 0;
  for (let row = top; row <= bottom; row++) {
    const dy = row - y;
    const root = (linear * dy) ** 2 - square * (constant * dy * dy - furthest);
    if (root < -1e-6) continue;
    const middle = x - (linear * dy) / square;
    // A pixel more on either side, so that rounding decides nothing.
    const half = Math.sqrt(Math.max(0, root)) / square + 1;
    const first = Math.max(left, Math.ceil(middle - half));
    const last = Math.min(right, Math.floor(middle + half));
    for (let column = first; column <= last; column++) {
      const dx = column - x;
      const u = (dx * cos + dy * sin) * overA;
      const straight = (dy * cos - dx * sin) * overB;
      const v = egg === 0 ? straight : straight / (1 + egg * (u > 1 ? 1 : u < -1 ? -1 : u));
      const distance = u * u + v * v;
      if (distance >= furthest) continue;
      const radius = Math.sqrt(distance);
      // First-order distance to the level set radius = 1: its value over the length of its gradient.
      const slope = Math.sqrt(u * u * overA * overA + v * v * overB * overB);
      const inward = slope > 1e-9 ? ((1 - radius) * radius) / slope : Math.min(a, b);
      if (inward <= -margin) continue;
      traced.index[count] = row * width + column;
      traced.inward[count] = inward;
      traced.radius[count] = radius;
      traced.along[count] = u;
      traced.across[count] = v;
      count++;
    }
  }
  return count;
}

/** 0 outside, 1 inside, half on the edge; `softness` is the sigma of the edge's blur, at least a pixel's own width. */
export function coverage(inward: number, softness: number): number {
  const width = 1 + 2.5 * softness;
  const t = inward / width + 0.5;
  return t <= 0 ? 0 : t >= 1 ? 1 : t * t * (3 - 2 * t);
}

/** Thickness of a ball, seen from above, `radius` of the way from its centre to its edge: 1 to 0. */
export function thickness(radius: number): number {
  return radius < 1 ? Math.sqrt(1 - radius * radius) : 0;
}

/** Adds a round Gaussian spot with its peak `amplitude`. */
export function addSpot(layer: Layer, x: number, y: number, sigma: number, amplitude: number): void {
  const extent = 3 * sigma;
  const width = widthOf(layer);
  const left = Math.max(0, Math.ceil(x - extent));
  const right = Math.min(width - 1, Math.floor(x + extent));
  const top = Math.max(0, Math.ceil(y - extent));
  const bottom = Math.min(width - 1, Math.floor(y + extent));
  const scale = -0.5 / (sigma * sigma);
  for (let column = left; column <= right; column++) across[column] = Math.exp(scale * (column - x) * (column - x));
  for (let row = top; row <= bottom; row++) {
    const factor = amplitude * Math.exp(scale * (row - y) * (row - y));
    const start = row * width;
    for (let column = left; column <= right; column++)
      layer[start + column] = (layer[start + column] as number) + factor * (across[column] as number);
  }
}
const across = new Float64Array(largestWidth);

/** Adds a Gaussian spot of two different widths, the first along `angle`. */
export function addLongSpot(
  layer: Layer,
  x: number,
  y: number,
  sigmaAlong: number,
  sigmaAcross: number,
  angle: number,
  amplitude: number,
): void {
  const cos = Math.cos(angle) / sigmaAlong;
  const sin = Math.sin(angle) / sigmaAlong;
  const cosAcross = Math.cos(angle) / sigmaAcross;
  const sinAcross = Math.sin(angle) / sigmaAcross;
  const extent = 3 * Math.max(sigmaAlong, sigmaAcross);
  const width = widthOf(layer);
  const left = Math.max(0, Math.ceil(x - extent));
  const right = Math.min(width - 1, Math.floor(x + extent));
  const top = Math.max(0, Math.ceil(y - extent));
  const bottom = Math.min(width - 1, Math.floor(y + extent));
  for (let row = top; row <= bottom; row++) {
    const dy = row - y;
    for (let column = left; column <= right; column++) {
      const dx = column - x;
      const along = dx * cos + dy * sin;
      const over = dy * cosAcross - dx * sinAcross;
      const index = row * width + column;
      layer[index] = (layer[index] as number) + amplitude * Math.exp(-0.5 * (along * along + over * over));
    }
  }
}

/** A line through points, each with its own brightness. */
export interface Curve {
  readonly x: number[];
  readonly y: number[];
  readonly amplitude: number[];
}

/** Adds a soft line whose crest is about its points' amplitudes. */
export function addCurve(layer: Layer, curve: Curve, sigma: number): void {
  const step = Math.max(0.6, 0.8 * sigma);
  // Spots of one sigma, `step` apart, add up to a crest of sigma * sqrt(2 pi) / step.
  const scale = step / (sigma * Math.sqrt(2 * Math.PI));
  let carried = 0;
  for (let i = 1; i < curve.x.length; i++) {
    const x0 = curve.x[i - 1] as number;
    const y0 = curve.y[i - 1] as number;
    const dx = (curve.x[i] as number) - x0;
    const dy = (curve.y[i] as number) - y0;
    const from = curve.amplitude[i - 1] as number;
    const to = curve.amplitude[i] as number;
    const length = Math.hypot(dx, dy);
    let at = carried;
    for (; at < length; at += step) {
      const t = at / length;
      addSpot(layer, x0 + t * dx, y0 + t * dy, sigma, scale * (from + t * (to - from)));
    }
    carried = at - length;
  }
}
