/** How a microscope and a camera see a scene: haze, blur, crosstalk, uneven light, photons and noise. */
import type { Compartment } from '../compartments';
import { expose } from './camera';
import { pixels } from './canvas';
import type { CellRequest } from './cell-request';
import { hazeOf } from './classes';
import { Draws } from './draws';
import { addGradient, blur, shift } from './optics';
import { type Content, type Scene, structurePeak } from './scene';
import { difficultyNumbers } from './traits';

/** What decides how a crop is seen, beside its field and plate. */
export interface Exposure {
  /** Protein outside its compartment, as a share of the peak. */
  readonly haze: number;
  /** Width of the green channel's blur, in pixels. */
  readonly psf: number;
  readonly photonsRed: number;
  readonly photonsGreen: number;
  /** How much of the protein this crop has, against the usual. */
  readonly expression: number;
  /** The level at which the green channel saturates. */
  readonly saturation: number;
}

/** A level so high that nothing saturates. */
const unsaturated = 4;

/** Draws the exposure of a crop whose cells show `content`, the protein of the compartment `truth`. */
export function drawExposure(request: CellRequest, truth: Compartment, content: Content, draws: Draws): Exposure {
  const { protein, plate, field } = request;
  const numbers = difficultyNumbers[request.difficulty];
  const usualHaze = protein.haze * Math.exp(0.15 * protein.habits.haze) * hazeOf[truth];
  const haze = Math.min(0.85, usualHaze * draws.logNormal(1, 0.35));
  const psf = Math.hypot(plate.greenBlur, field.defocus);
  const photonsRed = plate.redPhotons * field.redBrightness * numbers.light * draws.logNormal(1, 0.2);
  const expression = field.greenBrightness * protein.expression * draws.logNormal(1, 0.25);
  const photonsGreen = plate.greenPhotons * numbers.light * expression;
  // Bright compartments of well exposed cells saturate now and then; an exposure is not set so high that whole cells do.
  const filled = content.some(({ compartment }) => compartment === 'cytoplasm');
  const level = filled ? draws.uniform(1.05, 1.2) : Math.max(draws.uniform(0.6, 1), haze + 0.4);
  const saturation = draws.chance(0.26) && photonsGreen > 500 ? level : unsaturated;
  return { haze, psf, photonsRed, photonsGreen, expression, saturation };
}

/**
 * Turns the light of a scene into what the camera counts, in place: `red` and `structure`.
 * @param middleOnly whether the green channel is scaled by its peak within the cell in the middle, or by that anywhere
 */
export function observe(
  scene: Scene,
  request: CellRequest,
  exposure: Exposure,
  middleOnly: boolean,
  draws: Draws,
): void {
  const { plate, field } = request;
  const { red, structure, haze: cytosol } = scene;
  const scale = 1 / structurePeak(scene, exposure.psf, middleOnly);
  // Autofluorescence does not know how much protein there is: it weighs more in a dim one.
  const autofluorescence = Math.min(0.3, 0.05 / exposure.expression);
  for (let i = 0; i < pixels; i++)
    structure[i] = scale * (structure[i] as number) + (exposure.haze + autofluorescence) * (cytosol[i] as number);
  blur(structure, exposure.psf);
  blur(red, Math.hypot(plate.redBlur, field.defocus));
  for (let i = 0; i < pixels; i++) red[i] = (red[i] as number) + plate.crosstalk * (structure[i] as number);
  addGradient(red, field.gradient * draws.uniform(0, 1), draws.angle());
  addGradient(structure, field.gradient * draws.uniform(0, 1), draws.angle());
  const pixelDraws = new Draws(request.seed, 'pixels', request.index);
  expose(
    red,
    {
      photons: exposure.photonsRed,
      background: plate.redBackground * exposure.photonsRed,
      readNoise: plate.redNoise * plate.redPhotons,
      saturation: unsaturated,
    },
    pixelDraws,
  );
  expose(
    structure,
    {
      photons: exposure.photonsGreen,
      background: plate.greenBackground * plate.greenPhotons,
      readNoise: plate.greenNoise * plate.greenPhotons,
      saturation: exposure.saturation,
    },
    pixelDraws,
  );
  shift(red, plate.shiftX, plate.shiftY);
}
