/** The cells of one crop: the one in the middle, where there is one, and its neighbours. */
import type { Quality } from './cell-request';
import type { Draws } from './draws';
import { type CellShape, drawCellShape, drawDiameter, type ShapeNeeds, type Stage } from './geometry';
import { addCell, addDebris, type CellLight, type Content, neighbourOf, type Scene, shapeNeeds } from './scene';
import type { PlateTraits, ProteinTraits } from './traits';

/** What all cells of a crop have in common. */
export interface CrowdRequest {
  readonly quality: Quality;
  readonly content: Content;
  readonly protein: ProteinTraits;
  readonly plate: PlateTraits;
  /** Of the cell in the middle, in pixels. */
  readonly defocus: number;
}

/** The cell in the middle as drawn; no stage and no diameter where the crop shows none. */
export interface Crowd {
  readonly stage: Stage | '';
  readonly diameter: number;
  /** Neighbours asked for; those that would lie on another cell are left out. */
  readonly neighbours: number;
}

interface Circle {
  x: number;
  y: number;
  radius: number;
}

/** How many neighbours a crop has: the weights of none, one, two, ... */
const neighbourWeights = [0.12, 0.26, 0.28, 0.2, 0.1, 0.04];
/** The middle of a crop of 64 pixels. */
const centre = 31.5;

/** Draws the cells of a crop into an empty scene. */
export function addCrowd(scene: Scene, request: CrowdRequest, draws: Draws): Crowd {
  const { quality, content, plate, defocus } = request;
  const needs = shapeNeeds(content);
  const middle = drawMiddle(quality, draws);
  let stage: Stage | '' = '';
  let diameter = 0;
  const taken: Circle[] = [];
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
    addCell(scene, shape, lightOf(request, defocus, draws), draws, true);
    taken.push(...circlesOf(shape));
    if (quality === 'missegmented') {
      const towards = Math.atan2(centre - middle.y, centre - middle.x);
      const other = neighbourOf(middle, towards, draws, needs, plate.magnification);
      addCell(scene, other, lightOf(request, defocus, draws), draws, true);
    }
  } else {
    if (quality === 'debris') addDebris(scene, draws);
    middle.radius = draws.uniform(16, 24);
  }
  const neighbours = draws.weighted(neighbourWeights);
  addNeighbours(scene, request, { middle, taken, count: neighbours, needs }, draws);
  return { stage, diameter, neighbours };
}

/** Where the cell in the middle lies: near the centre, but for a cell of which the crop shows half. */
function drawMiddle(quality: Quality, draws: Draws): Circle {
  const middle = { x: centre + draws.normal(0, 0.9), y: centre + draws.normal(0, 0.9), radius: 0 };
  if (quality === 'half') {
    const angle = draws.angle();
    const away = draws.uniform(20, 30);
    middle.x += away * Math.cos(angle);
    middle.y += away * Math.sin(angle);
  }
  return middle;
}

/** How bright one cell is, and how far out of focus. */
function lightOf({ content, protein, plate }: CrowdRequest, defocus: number, draws: Draws): CellLight {
  // A thick cell is bright in both channels; how much it makes of either protein is its own.
  const both = draws.logNormal(1, 0.24);
  const red = both * draws.logNormal(1, 0.1);
  const green = both * draws.logNormal(1, 0.35);
  return { content, habits: protein.habits, red, green, defocus, magnification: plate.magnification };
}

/** Cells around the middle one, where they have room. */
function addNeighbours(
  scene: Scene,
  request: CrowdRequest,
  place: { middle: Circle; taken: readonly Circle[]; count: number; needs: ShapeNeeds },
  draws: Draws,
): void {
  const { middle, taken, count, needs } = place;
  const first = draws.angle();
  const placed = [...taken];
  for (let i = 0; i < count; i++) {
    const angle = first + (2 * Math.PI * (i + draws.uniform(-0.25, 0.25))) / Math.max(count, 3);
    const shape = neighbourOf(middle, angle, draws, needs, request.plate.magnification);
    const far = draws.chance(0.15) ? draws.uniform(1, 3) : Math.abs(draws.normal(0, 0.5));
    const circles = circlesOf(shape);
    // Cells lie beside each other: one that would lie on another is left out.
    const overlaps = circles.some((a) =>
      placed.some((b) => Math.hypot(a.x - b.x, a.y - b.y) < 0.92 * (a.radius + b.radius)),
    );
    if (overlaps) continue;
    placed.push(...circles);
    addCell(scene, shape, lightOf(request, far, draws), draws, false);
  }
}

/** A cell as one or two circles, for telling whether cells overlap. */
function circlesOf(shape: CellShape): Circle[] {
  const bodies = shape.bud ? [shape.mother, shape.bud] : [shape.mother];
  return bodies.map(({ x, y, a, b }) => ({ x, y, radius: Math.sqrt(a * b) }));
}
