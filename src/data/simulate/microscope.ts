/**
 * Microscopes and programs that differ from lab to lab: what `appearance: 'varied'` does to a crop beside the screen's own
 * optics. The ranges cover, with room to spare, what bench/realism/measure.js reads off real crops: dim proteins, uneven
 * cytoplasm, light of vacuoles, noise that resampling has made correlated, and pictures made for print.
 */
import { type Layer, pixels } from './canvas';
import { Draws } from './draws';
import { blur, enlarge } from './optics';
import type { Scene } from './scene';

/** What the pictures of a field have of their own; shares are of the light between background and brightest light. */
export interface MicroscopeTraits {
  /** How many times the crop is enlarged, around its centre. */
  readonly zoom: number;
  /** Sigma of the blur that resampling adds, in pixels. */
  readonly blur: number;
  /** Exponents of the red and the green light. */
  readonly gamma: readonly [red: number, green: number];
  /** Deviation of the noise beside that of the photons. */
  readonly noise: readonly [red: number, green: number];
  /** Sigma of the blur of that noise, in pixels: 0 is white. */
  readonly noiseBlur: number;
  /** Deviation of the light of the cytoplasm from place to place, and the width of the places in pixels. */
  readonly texture: number;
  readonly textureWidth: number;
  /** Green light of every cell, with or without protein, over the compartment's; part of it comes from vacuoles. */
  readonly autofluorescence: number;
  readonly fromVacuoles: number;
  /** Whether the crop was enlarged, smoothed and stretched for print. */
  readonly printed: boolean;
}

export function microscopeTraits(seed: number, field: number): MicroscopeTraits {
  const draws = new Draws(seed, 'microscope', field);
  const logUniform = (low: number, high: number) => Math.exp(draws.uniform(Math.log(low), Math.log(high)));
  const sometimes = (probability: number, usual: number, other: () => number) => {
    const value = other();
    return draws.chance(probability) ? value : usual;
  };
  const gamma = () => Math.exp(draws.truncatedNormal(0, 0.22, -0.5, 0.5));
  return {
    printed: draws.chance(0.2),
    zoom: sometimes(0.5, 1, () => logUniform(1, 1.4)),
    blur: sometimes(0.5, 0, () => draws.uniform(0.3, 1.1)),
    gamma: [gamma(), gamma()],
    noise: [sometimes(0.4, 0, () => logUniform(0.01, 0.06)), sometimes(0.6, 0, () => logUniform(0.01, 0.12))],
    noiseBlur: sometimes(0.5, 0, () => draws.uniform(0.3, 0.8)),
    texture: draws.uniform(0, 0.12),
    textureWidth: draws.uniform(1.2, 3),
    autofluorescence: sometimes(0.5, 0, () => logUniform(0.03, 0.3)),
    fromVacuoles: draws.uniform(0, 1),
  };
}

const field = new Float32Array(pixels);

/** Fills `field` with smooth noise of mean 0 and deviation 1. */
function drawSmoothNoise(sigma: number, draws: Draws): void {
  for (let i = 0; i < pixels; i++) field[i] = draws.normal();
  blur(field, sigma);
  let square = 0;
  for (let i = 0; i < pixels; i++) square += (field[i] as number) ** 2;
  const scale = 1 / Math.sqrt(square / pixels);
  for (let i = 0; i < pixels; i++) field[i] = scale * (field[i] as number);
}

/** Makes the light of a scene uneven and adds autofluorescence, before the optics see it. */
export function applyToScene(scene: Scene, traits: MicroscopeTraits, draws: Draws): void {
  drawSmoothNoise(traits.textureWidth, draws);
  for (let i = 0; i < pixels; i++) {
    const factor = Math.max(0, 1 + traits.texture * (field[i] as number));
    scene.red[i] = factor * (scene.red[i] as number);
    scene.structure[i] = factor * (scene.structure[i] as number);
    scene.haze[i] = factor * (scene.haze[i] as number);
  }
  if (traits.autofluorescence === 0) return;
  // The body of a cell is its cytosol without the holes that vacuoles leave in it.
  field.set(scene.red);
  blur(field, 4);
  for (let i = 0; i < pixels; i++) {
    const cytosol = scene.red[i] as number;
    const hole = Math.max(0, (field[i] as number) - cytosol);
    const light = (1 - traits.fromVacuoles) * cytosol + 2 * traits.fromVacuoles * hole;
    scene.haze[i] = (scene.haze[i] as number) + traits.autofluorescence * light;
  }
}

const sorted = new Float32Array(pixels);

/** Enlarges, blurs and bends what the camera counted of one channel, and adds noise. */
export function applyToCounts(layer: Layer, channel: 0 | 1, traits: MicroscopeTraits, draws: Draws): void {
  enlarge(layer, traits.zoom);
  blur(layer, traits.blur);
  sorted.set(layer);
  sorted.sort();
  const background = sorted[Math.floor(0.05 * pixels)] as number;
  const range = (sorted[Math.floor(0.995 * pixels)] as number) - background;
  if (range <= 0) return;
  const gamma = traits.gamma[channel];
  for (let i = 0; i < pixels; i++) {
    const light = ((layer[i] as number) - background) / range;
    if (light > 0) layer[i] = background + range * light ** gamma;
  }
  const noise = traits.noise[channel];
  if (noise === 0) return;
  drawSmoothNoise(traits.noiseBlur, draws);
  for (let i = 0; i < pixels; i++) layer[i] = (layer[i] as number) + noise * range * (field[i] as number);
}
