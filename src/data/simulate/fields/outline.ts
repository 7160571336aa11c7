/** Where a body's outline is seen. */
import { type Body, coverage, thickness } from '../canvas';

/** The outline is drawn where the light has fallen to this share of the body's own level: its steepest slope. */
const outlineLevel = 0.4;
const samples = 40;

export interface BodyLight {
  /** Sigma of the blur of the body's edge before the optics, in pixels. */
  readonly softness: number;
  /** Share of the light that follows the thickness of a ball; the rest is flat. */
  readonly dome: number;
  /** Sigma of all blur by the optics, in pixels. */
  readonly blur: number;
}

/**
 * How far inside its geometric edge, in pixels, the outline of a body is seen: where its light, blurred by the optics, is
 * 40% of the brightest. Negative for a small or far defocused body, whose blurred light is wider than the body. The body
 * is taken for a disc of its area: for a radial profile f the Gaussian blur at radius r is the integral over s of
 * f(s) s / v exp(-(r^2 + s^2) / 2v) I0(r s / v), v the blur's variance, I0 the modified Bessel function.
 */
export function outlineInset(body: Body, { softness, dome, blur }: BodyLight): number {
  const radius = Math.sqrt(body.a * body.b);
  const variance = Math.max(0.09, blur * blur);
  const reach = radius + 1 + 1.25 * softness;
  const step = reach / samples;
  const rings = Array.from({ length: samples }, (_, i) => {
    const at = (i + 0.5) * step;
    const light = coverage(radius - at, softness) * (1 - dome + dome * thickness(at / radius));
    return { at, weight: (light * at * step) / variance };
  });
  const blurred = (r: number) => {
    let sum = 0;
    for (const { at, weight } of rings)
      sum += weight * Math.exp((-0.5 * (r - at) * (r - at)) / variance) * scaledBessel((r * at) / variance);
    return sum;
  };
  const level = outlineLevel * blurred(0);
  // The blurred light falls all the way outwards.
  let low = 0;
  let high = radius + 3 * blur + 2;
  for (let halving = 0; halving < 14; halving++) {
    const middle = (low + high) / 2;
    if (blurred(middle) > level) low = middle;
    else high = middle;
  }
  return radius - (low + high) / 2;
}

/** exp(-x) I0(x) for x >= 0 (Abramowitz and Stegun, 9.8.1 and 9.8.2). */
function scaledBessel(x: number): number {
  if (x < 3.75) {
    const t = (x / 3.75) ** 2;
    const series =
      1 + t * (3.5156229 + t * (3.0899424 + t * (1.2067492 + t * (0.2659732 + t * (0.0360768 + t * 0.0045813)))));
    return Math.exp(-x) * series;
  }
  const t = 3.75 / x;
  const series =
    0.39894228 +
    t *
      (0.01328592 +
        t *
          (0.00225319 +
            t *
              (-0.00157565 +
                t * (0.00916281 + t * (-0.02057706 + t * (0.02635537 + t * (-0.01647633 + t * 0.00392377)))))));
  return series / Math.sqrt(x);
}
