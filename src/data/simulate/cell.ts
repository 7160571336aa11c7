/** Draws one crop of the screen, from its place in the plan to its bytes and the record of what was planted. */

import type { Compartment } from '../compartments';
import { anyFigure, applyFigureAppearance } from './appearance';
import { digitize } from './camera';
import { pixels } from './canvas';
import { chooseContent } from './cell-content';
import { type CellRequest, type Quality, qualities } from './cell-request';
import { addCrowd } from './crowd';
import { Draws } from './draws';
import type { Stage } from './geometry';
import { applyToCounts, applyToScene } from './microscope';
import { drawExposure, observe } from './observation';
import { applyRule } from './rule';
import { addArtefact, clearScene, createScene } from './scene';
import { difficultyNumbers } from './traits';

export { type Appearance, appearances, type CellRequest, type Quality, qualities } from './cell-request';

/** How often a crop that is no good cell is of each of the other kinds. */
const nonCellWeights = [0.16, 0.18, 0.25, 0.26, 0.15];

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
  const { protein, plate } = request;
  const draws = new Draws(request.seed, 'cell', request.index);
  const { content, truth, looks } = chooseContent(request, draws);
  const quality: Quality = draws.chance(request.nonCells)
    ? (qualities[1 + draws.weighted(nonCellWeights)] as Quality)
    : 'cell';
  const { outOfFocus } = difficultyNumbers[request.difficulty];
  const defocus = draws.chance(outOfFocus) ? draws.uniform(1.2, 2.6) : Math.abs(draws.normal(0, 0.3));

  clearScene(scene);
  const { stage, diameter, neighbours } = addCrowd(scene, { quality, content, protein, plate, defocus }, draws);
  if (quality === 'artefact') addArtefact(scene, draws);
  const exposure = drawExposure(request, truth, content, draws);
  const { microscope } = request;
  const microscopeDraws = new Draws(request.seed, 'microscope pixels', request.index);
  if (microscope) applyToScene(scene, microscope, microscopeDraws);
  observe(scene, request, exposure, quality === 'cell', draws);
  if (microscope) {
    applyToCounts(scene.red, 0, microscope, microscopeDraws);
    applyToCounts(scene.structure, 1, microscope, microscopeDraws);
  }

  const image = new Uint8Array(2 * pixels);
  applyRule(digitize(scene.red, counts), image, 0);
  applyRule(digitize(scene.structure, counts), image, 1);
  if (request.appearance === 'figure') applyFigureAppearance(image, draws);
  if (microscope?.printed) applyFigureAppearance(image, draws, anyFigure);
  const { haze, psf, photonsRed, photonsGreen } = exposure;
  return {
    image,
    truth: { quality, truth, looks, stage, diameter, defocus, psf, haze, photonsRed, photonsGreen, neighbours },
  };
}
