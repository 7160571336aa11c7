/** The shape of one cell: outline, bud, nuclei and vacuoles. Lengths are in pixels of about 0.12 um. */
import { type Body, body, pointIn, radiusIn } from './canvas';
import type { Draws } from './draws';

/** Where in its cycle a cell is: no bud, a small one, a large one with one nucleus, dividing with the nucleus in both. */
export type Stage = 'unbudded' | 'small-bud' | 'large-bud' | 'dividing';

export interface CellShape {
  readonly mother: Body;
  readonly bud: Body | undefined;
  readonly stage: Stage;
  /** Direction from mother to bud, or where a bud would come. */
  readonly axis: number;
  readonly nuclei: readonly Body[];
  readonly vacuoles: readonly Body[];
  /** How much of the cytosol's light is missing where a vacuole lies in the focal plane, 0 to 1. */
  readonly vacuoleDepth: number;
  /** Diameter of the circle with the mother's area. */
  readonly diameter: number;
}

/** Population numbers of the cell's shape, measured on real crops by bench/realism/measure.js. */
const population = {
  diameter: { median: 34, deviation: 0.17, low: 20, high: 48 },
  aspect: { mean: 1.12, deviation: 0.13, low: 1, high: 1.6 },
  stages: { unbudded: 0.66, 'small-bud': 0.14, 'large-bud': 0.1, dividing: 0.1 },
  /** Diameter of the nucleus over that of the cell. */
  nucleus: { mean: 0.42, deviation: 0.055, low: 0.3, high: 0.54 },
} as const;

/** Pixels of the largest cell whatever the magnification: a crop of 64 holds it. */
const largestSeen = 54;

const stageNames = Object.keys(population.stages) as Stage[];
const stageWeights = Object.values(population.stages);

/** Median diameter of the population's cells in pixels, where the magnification is 1. */
export const medianDiameter: number = population.diameter.median;

/**
 * Diameter of one more cell of the population, in pixels; `magnification` is that of its plate's images. None is larger
 * than `largest`: a screen's crops are made to hold a cell.
 */
export function drawDiameter(draws: Draws, magnification: number, largest = largestSeen): number {
  const { median, deviation, low, high } = population.diameter;
  return Math.min(largest, magnification * Math.min(high, Math.max(low, draws.logNormal(median, deviation))));
}

/** A lobe inside `host` that avoids `others` as far as a few tries allow. */
function placeInside(host: Body, radius: number, others: readonly Body[], draws: Draws): { x: number; y: number } {
  let best = { x: host.x, y: host.y };
  let bestGap = Number.NEGATIVE_INFINITY;
  const room = Math.max(0.05, 1 - (radius + 1.5) / host.b);
  for (let attempt = 0; attempt < 6; attempt++) {
    const candidate = pointIn(host, draws.angle(), room * Math.sqrt(draws.uniform(0.05, 1)));
    let gap = Number.POSITIVE_INFINITY;
    for (const other of others)
      gap = Math.min(
        gap,
        Math.hypot(candidate.x - other.x, candidate.y - other.y) - radius - Math.min(other.a, other.b),
      );
    if (gap > bestGap) {
      best = candidate;
      bestGap = gap;
    }
    if (gap > -0.2 * radius) break;
  }
  return best;
}

function drawNuclei(mother: Body, bud: Body | undefined, stage: Stage, axis: number, draws: Draws): Body[] {
  const { mean, deviation, low, high } = population.nucleus;
  const ratio = draws.truncatedNormal(mean, deviation, low, high);
  const radius = ratio * Math.sqrt(mother.a * mother.b);
  const squash = draws.uniform(0.86, 1);
  if (stage === 'dividing' && bud) {
    // Anaphase: one dumb-bell through the neck, or two nuclei moved apart.
    const near = { x: mother.x + Math.cos(axis) * 0.45 * mother.a, y: mother.y + Math.sin(axis) * 0.45 * mother.a };
    if (draws.chance(0.4)) {
      const x = (near.x + bud.x) / 2;
      const y = (near.y + bud.y) / 2;
      const half = Math.hypot(bud.x - near.x, bud.y - near.y) / 2 + 0.6 * radius;
      return [body(x, y, half, 0.6 * radius, axis)];
    }
    const away = draws.uniform(-0.5, 0.35);
    const x = mother.x + Math.cos(axis) * away * mother.a;
    const y = mother.y + Math.sin(axis) * away * mother.a;
    const shrink = draws.uniform(0.72, 0.88);
    return [
      body(x, y, radius * shrink, radius * shrink * squash, axis),
      body(bud.x, bud.y, radius * shrink, radius * shrink * squash, axis + draws.normal(0, 0.3)),
    ];
  }
  // Elsewhere it lies off the centre, towards the bud when there is one.
  const direction = stage === 'unbudded' ? draws.angle() : axis + draws.normal(0, 0.5);
  const room = Math.max(0.08, 1 - (radius + 1.5) / mother.b);
  const offset = Math.min(room, draws.uniform(0.1, 0.6));
  const center = pointIn(mother, direction - Math.atan2(mother.sin, mother.cos), offset);
  return [body(center.x, center.y, radius, radius * squash, draws.angle())];
}

/** What a cell must have so that its protein can be seen at all. */
export interface ShapeNeeds {
  /** A vacuole of some size. */
  readonly vacuole?: boolean;
  /** A bud. */
  readonly bud?: boolean;
  /** This stage of the cycle, whatever the population's shares are. */
  readonly stage?: Stage;
}

function drawVacuoles(
  mother: Body,
  bud: Body | undefined,
  nuclei: readonly Body[],
  needed: boolean,
  draws: Draws,
): Body[] {
  const radius = Math.sqrt(mother.a * mother.b);
  if (needed && draws.chance(0.45)) return drawLobes(mother, radius, nuclei, draws);
  const kind = draws.weighted([needed ? 0 : 0.16, 0.5, 0.22, 0.12]);
  const vacuoles: Body[] = [];
  const add = (host: Body, size: number) => {
    const at = placeInside(host, size, [...nuclei, ...vacuoles], draws);
    vacuoles.push(body(at.x, at.y, size * draws.uniform(1, 1.2), size * draws.uniform(0.85, 1), draws.angle()));
  };
  if (kind === 1) add(mother, radius * draws.truncatedNormal(needed ? 0.47 : 0.4, 0.11, 0.2, 0.68));
  else if (kind === 2) for (let i = 0; i < 2; i++) add(mother, radius * draws.uniform(0.2, 0.38));
  else if (kind === 3) for (let i = draws.integer(3, 5); i > 0; i--) add(mother, radius * draws.uniform(0.13, 0.26));
  if (bud && kind > 0 && draws.chance(0.35)) add(bud, Math.min(bud.a, bud.b) * draws.uniform(0.25, 0.5));
  return vacuoles;
}

/** Two to four lobes that touch. */
function drawLobes(mother: Body, radius: number, nuclei: readonly Body[], draws: Draws): Body[] {
  const first = radius * draws.uniform(0.28, 0.48);
  const at = placeInside(mother, 1.5 * first, nuclei, draws);
  const lobes = [body(at.x, at.y, first * draws.uniform(1, 1.2), first, draws.angle())];
  for (let more = draws.integer(1, 3); more > 0; more--) {
    const size = first * draws.uniform(0.6, 1.05);
    let best: { x: number; y: number } | undefined;
    let bestRoom = Number.POSITIVE_INFINITY;
    for (let attempt = 0; attempt < 4; attempt++) {
      const angle = draws.angle();
      const distance = (first + size) * draws.uniform(0.8, 0.95);
      const point = { x: at.x + distance * Math.cos(angle), y: at.y + distance * Math.sin(angle) };
      const room = radiusIn(mother, point.x, point.y);
      if (room < bestRoom) {
        best = point;
        bestRoom = room;
      }
    }
    if (best && bestRoom < 0.8) lobes.push(body(best.x, best.y, size * draws.uniform(1, 1.15), size, draws.angle()));
  }
  return lobes;
}

/** Draws the shape of one cell with the mother's centre at (x, y). */
export function drawCellShape(x: number, y: number, diameter: number, draws: Draws, needs: ShapeNeeds = {}): CellShape {
  const { mean, deviation, low, high } = population.aspect;
  const aspect = draws.truncatedNormal(mean, deviation, low, high);
  const radius = diameter / 2;
  const angle = draws.angle();
  const egg = draws.normal(0, 0.05);
  const mother = body(x, y, radius * Math.sqrt(aspect), radius / Math.sqrt(aspect), angle, egg);
  const drawn = stageNames[draws.weighted(stageWeights)] as Stage;
  const cycle = needs.stage ?? (needs.bud && drawn === 'unbudded' ? 'large-bud' : drawn);
  // Buds come at the ends more often than at the sides.
  const budAngle = (draws.chance(0.5) ? 0 : Math.PI) + draws.normal(0, 0.45);
  const edge = pointIn(mother, budAngle, 1);
  const axis = Math.atan2(edge.y - y, edge.x - x);
  let bud: Body | undefined;
  if (cycle !== 'unbudded') {
    const ratio = cycle === 'small-bud' ? draws.uniform(0.2, 0.48) : draws.uniform(0.48, 0.82);
    const budRadius = ratio * radius;
    const distance = Math.hypot(edge.x - x, edge.y - y) + 0.66 * budRadius;
    bud = body(x + Math.cos(axis) * distance, y + Math.sin(axis) * distance, 1.06 * budRadius, 0.96 * budRadius, axis);
  }
  const nuclei = drawNuclei(mother, bud, cycle, axis, draws);
  const vacuoles = drawVacuoles(mother, bud, nuclei, needs.vacuole === true, draws);
  // A vacuole whose protein is seen lies in the focal plane, and so does the hole that it leaves in the cytosol.
  const vacuoleDepth = needs.vacuole ? draws.uniform(0.4, 0.8) : draws.uniform(0.2, 0.75);
  return { mother, bud, stage: cycle, axis, nuclei, vacuoles, vacuoleDepth, diameter };
}

/** Where things without a place of their own lie: a point of the cell between two fractions of the way to its edge. */
export function placeInCell(
  shape: CellShape,
  draws: Draws,
  options: { from?: number; to?: number; outside?: readonly Body[]; budShare?: number } = {},
): { x: number; y: number; host: Body } {
  const { from = 0, to = 0.9, outside = [], budShare } = options;
  const { mother, bud } = shape;
  const share = bud ? (budShare ?? (bud.a * bud.b) / (bud.a * bud.b + mother.a * mother.b)) : 0;
  const host = bud && draws.chance(share) ? bud : mother;
  let point = { x: host.x, y: host.y };
  for (let attempt = 0; attempt < 6; attempt++) {
    point = pointIn(host, draws.angle(), Math.sqrt(draws.uniform(from * from, to * to)));
    if (!outside.some((other) => radiusIn(other, point.x, point.y) < 1)) break;
  }
  return { ...point, host };
}
