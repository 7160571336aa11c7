/** A living cell of a field, in the focal plane or away from it. */
import type { Compartment } from '../../compartments';
import { type ChosenContent, chooseContent } from '../cell-content';
import { hazeOf } from '../classes';
import type { Draws } from '../draws';
import { type CellShape, drawCellShape, drawDiameter, type ShapeNeeds, type Stage } from '../geometry';
import { addCell, edgeSoftness, shapeNeeds, structurePeak } from '../scene';
import { difficultyNumbers } from '../traits';
import type { CellFocus } from './focus';
import type { BodyLight } from './outline';
import { addPatch, type FieldLight, openPatch, type Patch } from './patch';
import { bodiesOf, movedShape } from './placement';
import type { FieldRequest } from './request';

/** What one cell is, before it has a place. */
export interface CellPlan {
  /** Around (0, 0). */
  readonly shape: CellShape;
  readonly chosen: ChosenContent;
}

const buddedStages: readonly Stage[] = ['small-bud', 'large-bud', 'dividing'];

export function planCell(request: FieldRequest, draws: Draws): CellPlan {
  const chosen = chooseContent(request, draws);
  const needs: ShapeNeeds = { ...shapeNeeds(chosen.content), ...drawStage(request, draws) };
  const diameter = drawDiameter(draws, request.plate.magnification, request.largestDiameter);
  return { shape: drawCellShape(0, 0, diameter, draws, needs), chosen };
}

/** The stage, where the request says how many cells have a bud. */
function drawStage({ budded }: FieldRequest, draws: Draws): { stage?: Stage } {
  if (budded === undefined) return {};
  if (!draws.chance(budded)) return { stage: 'unbudded' };
  return { stage: buddedStages[draws.weighted([0.4, 0.3, 0.3])] as Stage };
}

/** How a cell was drawn, for the truth table. */
export interface DrawnLight {
  /** The patch on which it was drawn, for its outline. */
  readonly patch: Patch;
  readonly body: BodyLight;
  readonly looks: Compartment | '';
  /** Blur of the cell itself and by its distance from the focal plane, in pixels. */
  readonly defocus: number;
  readonly red: number;
  readonly green: number;
}

/**
 * Draws a cell at the place of `shape`; undefined where none of its light falls into the field. Its light is that of a
 * crop's cell (see ../cell.ts): there the cell in the middle has a compartment of brightness 1 and the photons differ from
 * crop to crop; here the photons are the field's and the brightness differs from cell to cell.
 */
export function drawLivingCell(
  field: FieldLight,
  request: FieldRequest,
  { shape, chosen }: CellPlan,
  focus: CellFocus,
  draws: Draws,
): DrawnLight | undefined {
  const { plate, protein, traits } = request;
  const { habits } = protein;
  const numbers = difficultyNumbers[request.difficulty];
  const own = draws.chance(numbers.outOfFocus) ? draws.uniform(1.2, 2.6) : Math.abs(draws.normal(0, 0.3));
  const both = draws.logNormal(1, 0.24);
  const red = focus.brightness * both * draws.logNormal(1, 0.1);
  const green = focus.brightness * draws.logNormal(1, 0.3);
  const cytosolic = draws.logNormal(1, 0.35) * both;
  const usualHaze = protein.haze * Math.exp(0.15 * habits.haze) * hazeOf[chosen.truth];
  const haze = Math.min(0.85, usualHaze * draws.logNormal(1, 0.35));
  const patch = openPatch(field, bodiesOf(shape), 12 + 3 * Math.hypot(own, focus.blur));
  if (!patch) return undefined;
  const { scene } = patch;
  const light = { content: chosen.content, habits, red, green: 1, defocus: own, magnification: plate.magnification };
  const dome = addCell(scene, movedShape(shape, -patch.left, -patch.top), light, draws, true);
  const psf = Math.hypot(plate.greenBlur, traits.defocus);
  const scale = green / structurePeak(scene, psf, true);
  // Autofluorescence does not know how much protein there is: it weighs more in a dim one.
  const auto = Math.min(0.3, 0.05 / (traits.greenBrightness * protein.expression));
  const diffuse = green * cytosolic * (haze + auto);
  const { structure, haze: cytosol } = scene;
  for (let i = 0; i < structure.length; i++)
    structure[i] = scale * (structure[i] as number) + diffuse * (cytosol[i] as number);
  addPatch(field, patch, focus.blur);
  const blur = Math.hypot(plate.redBlur, traits.defocus, focus.blur);
  return {
    patch,
    body: { softness: edgeSoftness + own, dome, blur },
    looks: chosen.looks,
    defocus: Math.hypot(own, focus.blur),
    red,
    green,
  };
}
