/** One crop's light before the optics: the cell in the middle, its neighbours, or what is there instead of a cell. */

import type { Compartment } from '../compartments';
import { type Body, coverage, type Layer, size, thickness, trace, traced, widthOf } from './canvas';
import { drawings, type Habits } from './compartments';
import { addFilled } from './compartments/shell';
import type { Draws } from './draws';
import { type CellShape, drawCellShape, drawDiameter, type ShapeNeeds } from './geometry';
import { blurredAt } from './optics';

/** The light of one crop, by where it comes from. */
export interface Scene {
  /** The cytosolic marker. */
  readonly red: Layer;
  /** The tagged protein's compartment; its brightest parts are about 1. */
  readonly structure: Layer;
  /** Where green haze and autofluorescence are: the cytosol. */
  readonly haze: Layer;
  /** 1 where the cell in the middle is. */
  readonly middle: Layer;
  /** Where the cell that is being drawn has its cytosol, and the light of its compartment. */
  readonly cytosol: Layer;
  readonly own: Layer;
}

/** A dark scene of `width` pixels along a side. */
export function createScene(width = size): Scene {
  const layer = () => new Float32Array(width * width);
  return { red: layer(), structure: layer(), haze: layer(), middle: layer(), cytosol: layer(), own: layer() };
}

export function clearScene(scene: Scene): void {
  scene.red.fill(0);
  scene.structure.fill(0);
  scene.haze.fill(0);
  scene.middle.fill(0);
}

/** What a cell shows: one compartment, or several with their weights. */
export type Content = readonly { readonly compartment: Compartment; readonly weight: number }[];

/** Shapes without which a compartment could not be seen. */
export function shapeNeeds(content: Content): ShapeNeeds {
  return {
    vacuole: content.some(({ compartment }) => compartment === 'vacuole'),
    bud: content.some(({ compartment }) => compartment === 'bud neck'),
  };
}

/** Sigma, in pixels, of the blur of a cell's edge before the optics. */
export const edgeSoftness = 1.1;

/** How one cell of a scene is drawn. */
export interface CellLight {
  readonly content: Content;
  readonly habits: Habits;
  /** Brightness of its red and its green light. */
  readonly red: number;
  readonly green: number;
  /** Extra blur, in pixels. */
  readonly defocus: number;
  readonly magnification: number;
}

/**
 * Adds a cell to a scene: its cytosol to red and haze, its compartments to structure. Returns the share of its light that
 * follows the thickness of a ball; the rest is flat.
 */
export function addCell(scene: Scene, shape: CellShape, light: CellLight, draws: Draws, isMiddle: boolean): number {
  const { defocus, magnification } = light;
  const { red, haze, structure, middle, cytosol, own } = scene;
  const [from, to] = rowsOf(shape, widthOf(red));
  if (from >= to) return 0;
  cytosol.fill(0, from, to);
  const dome = fillCytosol(cytosol, shape, defocus, draws);
  for (let i = from; i < to; i++) {
    const value = cytosol[i] as number;
    if (value === 0) continue;
    red[i] = (red[i] as number) + light.red * value;
    haze[i] = (haze[i] as number) + light.green * value;
    if (isMiddle) middle[i] = value;
  }
  for (const { compartment, weight } of light.content) {
    own.fill(0, from, to);
    drawings[compartment]({ layer: own, cell: shape, cytosol, habits: light.habits, draws, magnification, defocus });
    const factor = weight * light.green;
    for (let i = from; i < to; i++) structure[i] = (structure[i] as number) + factor * (own[i] as number);
  }
  return dome;
}

/** Pixels from the first row that a cell's light reaches to the end of the last, on a square of `width` pixels. */
function rowsOf(shape: CellShape, width: number): [from: number, to: number] {
  let top = width;
  let bottom = 0;
  for (const host of shape.bud ? [shape.mother, shape.bud] : [shape.mother]) {
    const extent = Math.max(host.a, host.b) * 1.15 + 11;
    top = Math.min(top, Math.floor(host.y - extent));
    bottom = Math.max(bottom, Math.ceil(host.y + extent));
  }
  return [Math.max(0, top) * width, Math.max(0, Math.min(width, bottom + 1)) * width];
}

/**
 * The brightest green light, after a blur of `psf` pixels, of the cell in the middle or anywhere: what a scene's structure
 * is divided by to be as bright as others. 0.5 where there is no light.
 */
export function structurePeak({ structure, middle }: Scene, psf: number, onlyMiddle: boolean): number {
  const width = widthOf(structure);
  let most = 0;
  let brightest = -1;
  for (let i = width + 1; i < structure.length - width - 1; i++) {
    const value = structure[i] as number;
    if (value <= 0 || (onlyMiddle && (middle[i] as number) < 0.2)) continue;
    const around =
      2 * value +
      (structure[i - 1] as number) +
      (structure[i + 1] as number) +
      (structure[i - width] as number) +
      (structure[i + width] as number);
    if (around > most) {
      most = around;
      brightest = i;
    }
  }
  if (brightest < 0) return 0.5;
  return Math.max(0.1, Math.min(1.5, blurredAt(structure, brightest, psf)));
}

/** The cell's own cytosol: mother and bud, thinner at the edge, darker in the vacuoles and a little in the nucleus. */
function fillCytosol(cytosol: Layer, shape: CellShape, defocus: number, draws: Draws): number {
  const softness = edgeSoftness + defocus;
  const dome = draws.uniform(0.4, 0.95);
  const hosts: Body[] = shape.bud ? [shape.mother, shape.bud] : [shape.mother];
  for (const host of hosts) {
    const count = trace(host, 1 + 1.5 * softness, widthOf(cytosol));
    for (let i = 0; i < count; i++) {
      const flat = 1 - dome + dome * thickness(traced.radius[i] as number);
      const value = coverage(traced.inward[i] as number, softness) * flat;
      const index = traced.index[i] as number;
      if (value > (cytosol[index] as number)) cytosol[index] = value;
    }
  }
  // Smooth texture: a few wide patches a little brighter or darker.
  const { mother } = shape;
  const strength = draws.uniform(0.03, 0.14);
  for (let patch = 0; patch < 9; patch++) {
    const x = mother.x + mother.a * draws.uniform(-0.9, 0.9);
    const y = mother.y + mother.a * draws.uniform(-0.9, 0.9);
    scaleInside(
      cytosol,
      { ...mother, x, y, a: draws.uniform(1.8, 5.5), b: draws.uniform(1.5, 3.5), egg: 0 },
      1 + strength * draws.normal(),
      1.5,
    );
  }
  for (const vacuole of shape.vacuoles) scaleInside(cytosol, vacuole, 1 - shape.vacuoleDepth, 0.4 + defocus);
  const nuclear = draws.uniform(0.86, 1.04);
  for (const nucleus of shape.nuclei) scaleInside(cytosol, nucleus, nuclear, 0.6 + defocus);
  return dome;
}

function scaleInside(cytosol: Layer, shape: Body, factor: number, softness: number): void {
  const count = trace(shape, 1 + 1.5 * softness, widthOf(cytosol));
  for (let i = 0; i < count; i++) {
    const inside = coverage(traced.inward[i] as number, softness);
    const index = traced.index[i] as number;
    cytosol[index] = (cytosol[index] as number) * (1 + (factor - 1) * inside);
  }
}

/** Places a neighbour whose outline comes within `gap` pixels of a cell in the middle, in direction `angle`. */
export function neighbourOf(
  middle: { x: number; y: number; radius: number },
  angle: number,
  draws: Draws,
  needs: ShapeNeeds,
  magnification: number,
): CellShape {
  const diameter = drawDiameter(draws, magnification);
  const gap = draws.weighted([0.55, 0.45]) === 0 ? draws.uniform(-1.5, 1.5) : draws.uniform(1.5, 9);
  const distance = middle.radius + diameter / 2 + gap;
  const x = middle.x + distance * Math.cos(angle);
  const y = middle.y + distance * Math.sin(angle);
  return drawCellShape(x, y, diameter, draws, needs);
}

/** Adds light that is no cell: a few uneven lumps in both channels. */
export function addDebris(scene: Scene, draws: Draws): void {
  const x = 31.5 + draws.normal(0, 3);
  const y = 31.5 + draws.normal(0, 3);
  const red = draws.logNormal(0.5, 0.6);
  const green = draws.logNormal(0.6, 0.6);
  for (let lump = draws.integer(1, 5); lump > 0; lump--) {
    const at = {
      x: x + draws.normal(0, 4),
      y: y + draws.normal(0, 4),
      a: draws.uniform(1.5, 6),
      b: draws.uniform(1, 4),
      egg: draws.normal(0, 0.2),
      ...turn(draws.angle()),
    };
    addFilled(scene.red, at, draws.uniform(0.3, 1.5), red * draws.uniform(0.4, 1), 0.5);
    addFilled(scene.structure, at, draws.uniform(0.3, 1.5), green * draws.uniform(0.4, 1), 0.5);
  }
}

/** Adds a very bright blot or streak somewhere over the crop. */
export function addArtefact(scene: Scene, draws: Draws): void {
  const streak = draws.chance(0.4);
  const at = {
    x: draws.uniform(12, 52),
    y: draws.uniform(12, 52),
    a: streak ? draws.uniform(14, 40) : draws.uniform(5, 12),
    b: streak ? draws.uniform(0.8, 2) : draws.uniform(4, 9),
    egg: 0,
    ...turn(draws.angle()),
  };
  const softness = draws.uniform(0.5, 4);
  addFilled(scene.red, at, softness, draws.uniform(1.5, 6), 0.6);
  addFilled(scene.structure, at, softness, draws.uniform(1.5, 6), 0.6);
}

function turn(angle: number): { cos: number; sin: number } {
  return { cos: Math.cos(angle), sin: Math.sin(angle) };
}
