/** Membranes seen edge on: a soft line along a body's outline, brighter here than there. */
import { type Body, coverage, type Layer, thickness, trace, traced, widthOf } from '../canvas';
import type { Draws } from '../draws';

const samples = 64;

/** Brightness around an outline, sampled at equal steps of the ellipse's parameter. */
export type Profile = Float32Array;

/** A profile around 1: slow changes of the given strength, beads of another. Never negative. */
export function drawProfile(draws: Draws, slow: number, beads: number): Profile {
  const profile = new Float32Array(samples).fill(1);
  for (let order = 1; order <= 4; order++) {
    const strength = (slow / Math.sqrt(order)) * draws.normal();
    const phase = draws.angle();
    for (let i = 0; i < samples; i++)
      profile[i] = (profile[i] as number) + strength * Math.cos((order * 2 * Math.PI * i) / samples + phase);
  }
  if (beads > 0)
    for (let i = 0; i < samples; i++) profile[i] = (profile[i] as number) * Math.max(0, 1 + beads * draws.normal());
  for (let i = 0; i < samples; i++) profile[i] = Math.max(0, profile[i] as number);
  return profile;
}

/** Cuts gaps into a profile: `share` of the outline goes dark, in `pieces` stretches. */
export function cutGaps(profile: Profile, share: number, pieces: number, draws: Draws): void {
  for (let piece = 0; piece < pieces; piece++) {
    const start = draws.integer(0, samples - 1);
    const length = Math.round((share * samples * draws.uniform(0.5, 1.5)) / pieces);
    const left = draws.uniform(0, 0.25);
    for (let i = 0; i < length; i++) {
      const at = (start + i) % samples;
      const edge = Math.min(1, Math.min(i, length - 1 - i) / 2);
      profile[at] = (profile[at] as number) * (1 - edge * (1 - left));
    }
  }
}

/**
 * Adds a membrane: Gaussian across with `sigma`, its crest `inset` pixels inside the outline, 1 x `amplitude` x profile.
 * `dome` adds the light of the membrane above and below the focal plane inside the outline.
 */
export function addShell(
  layer: Layer,
  shape: Body,
  sigma: number,
  amplitude: number,
  options: { inset?: number; profile?: Profile; dome?: number; outside?: Body | undefined } = {},
): void {
  const { inset = 0.7, profile, dome = 0, outside } = options;
  const scale = -0.5 / (sigma * sigma);
  const hidden = outside ? 1 / Math.min(outside.a, outside.b) : 0;
  const width = widthOf(layer);
  const count = trace(shape, 3 * sigma, width);
  for (let i = 0; i < count; i++) {
    const index = traced.index[i] as number;
    const inward = traced.inward[i] as number;
    const from = inward - inset;
    const line = from * from * scale;
    let value = line > -8 ? Math.exp(line) : 0;
    if (profile && value > 0)
      value *= sampleProfile(profile, Math.atan2(traced.across[i] as number, traced.along[i] as number));
    if (dome > 0 && inward > -1) value += dome * coverage(inward, sigma) * (1 - Math.min(1, value));
    if (value <= 0) continue;
    if (outside) {
      // Inside the bud (or the mother) there is no membrane of the other.
      const column = index % width;
      const distance = Math.hypot(column - outside.x, (index - column) / width - outside.y) * hidden;
      if (distance < 1) value *= Math.max(0, Math.min(1, (distance - 0.75) * 4));
    }
    layer[index] = (layer[index] as number) + amplitude * value;
  }
}

/** A profile's value in direction `angle`, between its samples by linear interpolation. */
function sampleProfile(profile: Profile, angle: number): number {
  const turn = (angle / (2 * Math.PI) + 1) * samples;
  const first = Math.floor(turn);
  const part = turn - first;
  return (1 - part) * (profile[first % samples] as number) + part * (profile[(first + 1) % samples] as number);
}

/** Adds a filled body with a soft edge; `dome` of it follows the thickness of a ball, the rest is flat. */
export function addFilled(layer: Layer, shape: Body, softness: number, amplitude: number, dome = 0.3): void {
  const count = trace(shape, 1 + 2.5 * softness, widthOf(layer));
  for (let i = 0; i < count; i++) {
    const covered = coverage(traced.inward[i] as number, softness);
    if (covered <= 0) continue;
    const index = traced.index[i] as number;
    layer[index] =
      (layer[index] as number) + amplitude * covered * (1 - dome + dome * thickness(traced.radius[i] as number));
  }
}
