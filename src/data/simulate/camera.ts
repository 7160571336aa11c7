/** The camera: shot noise, read noise, an offset, saturation, whole numbers. */
import type { Layer } from './canvas';
import { pixels } from './canvas';
import type { Draws } from './draws';
import { mostCounts } from './rule';

/** Standard normal quantiles at (i + 1/2) / 65536: half a random word gives one variate. */
const normalQuantiles = (() => {
  const table = new Float32Array(65536);
  for (let i = 0; i < 32768; i++) {
    const value = normalQuantile((i + 0.5) / 65536);
    table[i] = value;
    table[65535 - i] = -value;
  }
  return table;
})();

/** Quantile of the standard normal below 1/2 (P. J. Acklam's rational approximation, relative error below 1.2e-9). */
function normalQuantile(p: number): number {
  if (p < 0.02425) {
    const q = Math.sqrt(-2 * Math.log(p));
    return (
      (((((-7.784894002430293e-3 * q - 3.223964580411365e-1) * q - 2.400758277161838) * q - 2.549732539343734) * q +
        4.374664141464968) *
        q +
        2.938163982698783) /
      ((((7.784695709041462e-3 * q + 3.224671290700398e-1) * q + 2.445134137142996) * q + 3.754408661907416) * q + 1)
    );
  }
  const q = p - 0.5;
  const r = q * q;
  return (
    ((((((-3.969683028665376e1 * r + 2.209460984245205e2) * r - 2.759285104469687e2) * r + 1.38357751867269e2) * r -
      3.066479806614716e1) *
      r +
      2.506628277459239) *
      q) /
    (((((-5.447609879822406e1 * r + 1.615858368580409e2) * r - 1.556989798598866e2) * r + 6.680131188771972e1) * r -
      1.328068155288572e1) *
      r +
      1)
  );
}

export interface Exposure {
  /** Photons per unit of intensity. */
  readonly photons: number;
  /** Photons everywhere: medium, stray light. */
  readonly background: number;
  /** Read noise in photons. */
  readonly readNoise: number;
  /** Intensity from which the camera saturates. */
  readonly saturation: number;
}

/** Turns intensities into noisy photon counts in place. Two variates come from each random word. */
export function expose(layer: Float32Array, exposure: Exposure, pixelDraws: Draws): void {
  const { photons, background, readNoise, saturation } = exposure;
  const most = saturation * photons + background;
  const readVariance = readNoise * readNoise;
  for (let i = 0; i < layer.length; i += 2) {
    const word = pixelDraws.word();
    const first = photons * (layer[i] as number) + background;
    const second = photons * (layer[i + 1] as number) + background;
    // A gradient may leave less than no light.
    const noisyFirst = first + Math.sqrt(Math.abs(first) + readVariance) * (normalQuantiles[word & 0xffff] as number);
    const noisySecond = second + Math.sqrt(Math.abs(second) + readVariance) * (normalQuantiles[word >>> 16] as number);
    layer[i] = Math.min(noisyFirst, most);
    layer[i + 1] = Math.min(noisySecond, most);
  }
}

/** Whole numbers of the camera, its gain such that the brightest pixel is near the top. */
export function digitize(layer: Layer, counts: Uint16Array): Uint16Array {
  let most = 1;
  for (let i = 0; i < pixels; i++) if ((layer[i] as number) > most) most = layer[i] as number;
  // An offset keeps dark pixels above zero.
  const offset = 0.04 * mostCounts + 0.5;
  const gain = (0.95 * mostCounts) / most;
  for (let i = 0; i < pixels; i++) {
    const count = (gain * (layer[i] as number) + offset) | 0;
    counts[i] = Math.max(0, count);
  }
  return counts;
}
