/** Draws one crop of the screen, from its place in the plan to its bytes and the record of what was planted. */

import type { Compartment } from '../compartments';
import { applyFigureAppearance } from './appearance';
import { digitize, expose } from './camera';
import { pixels } from './canvas';
import { hazeOf } from './classes';
import { type ContentRequest, chooseContent } from './content';
import { Draws } from './draws';
import { type CellShape, drawCellShape, drawDiameter, type Stage } from './geometry';
import { addGradient, blur, shift } from './optics';
import { applyRule } from './rule';
import {
  addArtefact,
  addCell,
  addDebris,
  type CellLight,
  clearScene,
  createScene,
  neighbourOf,
  shapeNeeds,
  structurePeak,
} from './scene';
import { difficultyNumbers, type FieldTraits, type PlateTraits } from './traits';

/** What a crop shows: a good cell, or one of the kinds that a quality filter should find. */
export const qualities = ['cell', 'empty', 'debris', 'half', 'missegmented', 'artefact'] as const;
export type Quality = (typeof qualities)[number];
const nonCellWeights = [0.16, 0.18, 0.25, 0.26, 0.15];

/** `crop`: a screen's crops after the intensity rule. `figure`: those resampled, smoothed and stretched for print. */
export const appearances = ['crop', 'figure'] as const;
export type Appearance = (typeof appearances)[number];

/** One crop to draw. */
export interface CellRequest extends ContentRequest {
  readonly seed: number;
  /** The crop's number in the screen: with the seed it fixes everything random about it. */
  readonly index: number;
  readonly plate: PlateTraits;
  readonly field: FieldTraits;
  /** Share of crops that are no good cell. */
  readonly nonCells: number;
  readonly appearance: Appearance;
}

/** What was planted in a crop: the columns of cells.csv that training ignores. */
export interface Truth {
  quality: Quality;
  /** The compartment whose protein was drawn: another than the label's where the label is wrong. */
  truth: Compartment;
  /** The compartment that the cell looks like where that is another one, else ''. */
  looks: Compartment | '';
  stage: Stage | '';
  /** Pixels. */
  diameter: number;
  defocus: number;
  psf: number;
  haze: number;
  photonsRed: number;
  photonsGreen: number;
  neighbours: number;
}

/** Names of the truth's columns in cells.csv, in order. */
export const truthColumns = [
  'quality',
  'compartments',
  'truth',
  'looks',
  'stage',
  'diameter',
  'defocus',
  'psf',
  'haze',
  'photons_red',
  'photons_green',
  'neighbours',
] as const;

export interface DrawnCell {
  /** [64, 64, 2] bytes: red, green. */
  readonly image: Uint8Array;
  readonly truth: Truth;
}

const scene = createScene();
const counts = new Uint16Array(pixels);

/** Draws one crop; the same request gives the same bytes. */
export function drawCell(request: CellRequest): DrawnCell {
  const { seed, index, protein, plate, field } = request;
  const numbers = difficultyNumbers[request.difficulty];
  const draws = new Draws(seed, 'cell', index);
  const { content, truth, looks } = chooseContent(request, draws);
  const quality: Quality = draws.chance(request.nonCells)
    ? (qualities[1 + draws.weighted(nonCellWeights)] as Quality)
    : 'cell';
  const needs = shapeNeeds(content);
  const defocus = draws.chance(numbers.outOfFocus) ? draws.uniform(1.2, 2.6) : Math.abs(draws.normal(0, 0.3));
  const { habits } = protein;

  clearScene(scene);
  const light = (own: number): CellLight => {
    // A thick cell is bright in both channels; how much it makes of either protein is its own.
    const both = draws.logNormal(1, 0.24);
    const red = both * draws.logNormal(1, 0.1);
    const green = both * draws.logNormal(1, 0.35);
    return { content, habits, red, green, defocus: own, magnification: plate.magnification };
  };
  let stage: Stage | '' = '';
  let diameter = 0;
  const taken: { x: number; y: number; radius: number }[] = [];
  const middle = { x: 31.5 + draws.normal(0, 0.9), y: 31.5 + draws.normal(0, 0.9), radius: 0 };
  if (quality === 'half') {
    const angle = draws.angle();
    const away = draws.uniform(20, 30);
    middle.x += away * Math.cos(angle);
    middle.y += away * Math.sin(angle);
  }
  if (quality !== 'empty' && quality !== 'debris') {
    diameter = drawDiameter(draws, plate.magnification);
    if (quality === 'missegmented') {
      // The middle of the crop is where two cells touch.
      const angle = draws.angle();
      middle.x += 0.5 * diameter * Math.cos(angle);
      middle.y += 0.5 * diameter * Math.sin(angle);
    }
    const shape = drawCellShape(middle.x, middle.y, diameter, draws, needs);
    stage = shape.stage;
    middle.radius = Math.sqrt(shape.mother.a * shape.mother.b);
    addCell(scene, shape, light(defocus), draws, true);
    taken.push(...circlesOf(shape));
    if (quality === 'missegmented') {
      const towards = Math.atan2(31.5 - middle.y, 31.5 - middle.x);
      addCell(scene, neighbourOf(middle, towards, draws, needs, plate.magnification), light(defocus), draws, true);
    }
  } else {
    if (quality === 'debris') addDebris(scene, draws);
    middle.radius = draws.uniform(16, 24);
  }
  const neighbours = draws.weighted([0.12, 0.26, 0.28, 0.2, 0.1, 0.04]);
  addNeighbours(neighbours);
  if (quality === 'artefact') addArtefact(scene, draws);

  function addNeighbours(count: number): void {
    const first = draws.angle();
    const placed: { x: number; y: number; radius: number }[] = [...taken];
    for (let i = 0; i < count; i++) {
      const angle = first + (2 * Math.PI * (i + draws.uniform(-0.25, 0.25))) / Math.max(count, 3);
      const shape = neighbourOf(middle, angle, draws, needs, plate.magnification);
      const far = draws.chance(0.15) ? draws.uniform(1, 3) : Math.abs(draws.normal(0, 0.5));
      const circles = circlesOf(shape);
      // Cells lie beside each other: one that would lie on another is left out.
      const overlaps = circles.some((a) =>
        placed.some((b) => Math.hypot(a.x - b.x, a.y - b.y) < 0.92 * (a.radius + b.radius)),
      );
      if (overlaps) continue;
      placed.push(...circles);
      addCell(scene, shape, light(far), draws, false);
    }
  }

  const usualHaze = protein.haze * Math.exp(0.15 * habits.haze) * hazeOf[truth];
  const haze = Math.min(0.85, usualHaze * draws.logNormal(1, 0.35));
  const psf = Math.hypot(plate.greenBlur, field.defocus);
  const photonsRed = plate.redPhotons * field.redBrightness * numbers.light * draws.logNormal(1, 0.2);
  const expression = field.greenBrightness * protein.expression * draws.logNormal(1, 0.25);
  const photonsGreen = plate.greenPhotons * numbers.light * expression;
  // Bright compartments of well exposed cells saturate now and then; an exposure is not set so high that whole cells do.
  const filled = content.some(({ compartment }) => compartment === 'cytoplasm');
  const level = filled ? draws.uniform(1.05, 1.2) : Math.max(draws.uniform(0.6, 1), haze + 0.4);
  const saturated = draws.chance(0.26) && photonsGreen > 500 ? level : 4;
  observe();

  function observe(): void {
    const { red, structure, haze: cytosol } = scene;
    const scale = 1 / structurePeak(scene, psf, quality === 'cell');
    // Autofluorescence does not know how much protein there is: it weighs more in a dim one.
    const auto = Math.min(0.3, 0.05 / expression);
    for (let i = 0; i < pixels; i++)
      structure[i] = scale * (structure[i] as number) + (haze + auto) * (cytosol[i] as number);
    blur(structure, psf);
    blur(red, Math.hypot(plate.redBlur, field.defocus));
    for (let i = 0; i < pixels; i++) red[i] = (red[i] as number) + plate.crosstalk * (structure[i] as number);
    addGradient(red, field.gradient * draws.uniform(0, 1), draws.angle());
    addGradient(structure, field.gradient * draws.uniform(0, 1), draws.angle());
    const pixelDraws = new Draws(seed, 'pixels', index);
    expose(
      red,
      {
        photons: photonsRed,
        background: plate.redBackground * photonsRed,
        readNoise: plate.redNoise * plate.redPhotons,
        saturation: 4,
      },
      pixelDraws,
    );
    expose(
      structure,
      {
        photons: photonsGreen,
        background: plate.greenBackground * plate.greenPhotons,
        readNoise: plate.greenNoise * plate.greenPhotons,
        saturation: saturated,
      },
      pixelDraws,
    );
    shift(red, plate.shiftX, plate.shiftY);
  }

  const image = new Uint8Array(2 * pixels);
  applyRule(digitize(scene.red, counts), image, 0);
  applyRule(digitize(scene.structure, counts), image, 1);
  if (request.appearance === 'figure') applyFigureAppearance(image, draws);
  return {
    image,
    truth: { quality, truth, looks, stage, diameter, defocus, psf, haze, photonsRed, photonsGreen, neighbours },
  };
}

/** A cell as one or two circles, for telling whether cells overlap. */
function circlesOf(shape: CellShape): { x: number; y: number; radius: number }[] {
  const bodies = shape.bud ? [shape.mother, shape.bud] : [shape.mother];
  return bodies.map(({ x, y, a, b }) => ({ x, y, radius: Math.sqrt(a * b) }));
}
