/** Compartments drawn as lines: tubes of mitochondria, microtubules, the ring at the bud's neck. */
import { addCurve, addSpot, type Body, pointIn } from '../canvas';
import { bend } from './membranes';
import { addFilled } from './shell';
import { type DrawCompartment, drawCount, type Sketch, widen } from './sketch';

/** A line in space, in units of the half axes of its body: x and y across the focal plane, z along the optical axis. */
interface Tube {
  readonly x: number[];
  readonly y: number[];
  readonly z: number[];
  readonly amplitude: number[];
}

/** Pixels between the points of a tube. */
const tubeStep = 1.2;

/**
 * A tube that wanders over a sphere of radius `depth` inside a body of half axes 1, from `start` or from anywhere. Its
 * brightness wanders too: swellings and constrictions.
 */
function wander(sketch: Sketch, radius: number, length: number, depth: number, start?: readonly number[]): Tube {
  const { draws } = sketch;
  const tube: Tube = { x: [], y: [], z: [], amplitude: [] };
  let [x, y, z] = (start ?? direction(draws)) as [number, number, number];
  // A heading at right angles to the place on the unit sphere.
  let [u, v, w] = direction(draws) as [number, number, number];
  let bright = draws.logNormal(0.9, 0.25);
  const arc = tubeStep / (depth * radius);
  const turning = 0.3 * Math.sqrt(tubeStep);
  for (let run = 0; run < length; run += tubeStep) {
    const along = u * x + v * y + w * z;
    u -= along * x;
    v -= along * y;
    w -= along * z;
    const norm = 1 / Math.max(1e-6, Math.hypot(u, v, w));
    u *= norm;
    v *= norm;
    w *= norm;
    tube.x.push(depth * x);
    tube.y.push(depth * y);
    tube.z.push(depth * z);
    tube.amplitude.push(bright);
    // The third direction, to turn the heading in the tangent plane.
    const [p, q, r] = [y * w - z * v, z * u - x * w, x * v - y * u];
    const [cos, sin] = [Math.cos(arc), Math.sin(arc)];
    [x, u] = [cos * x + sin * u, cos * u - sin * x];
    [y, v] = [cos * y + sin * v, cos * v - sin * y];
    [z, w] = [cos * z + sin * w, cos * w - sin * z];
    const turn = draws.normal(0, turning);
    u += turn * p;
    v += turn * q;
    w += turn * r;
    bright = Math.max(0.2, Math.min(1.8, bright ** 0.96 * Math.exp(draws.normal(0, 0.2))));
  }
  return tube;
}

function direction(draws: Sketch['draws']): number[] {
  const z = draws.uniform(-1, 1);
  const angle = draws.angle();
  const across = Math.sqrt(1 - z * z);
  return [across * Math.cos(angle), across * Math.sin(angle), z];
}

/**
 * Adds a tube as it is seen: in focus near the plane `focus`, wider and dimmer above and below it; where it runs along
 * the optical axis, at the edge of the cell most of all, its light adds up to a bright spot.
 */
function addTube(sketch: Sketch, host: Body, tube: Tube, sigma: number, focus: number): void {
  const radius = Math.sqrt(host.a * host.b);
  const depthOfField = 6 * sketch.magnification;
  const scale = tubeStep / (sigma * Math.sqrt(2 * Math.PI));
  for (let i = 0; i < tube.x.length; i++) {
    const [x, y] = [tube.x[i] as number, tube.y[i] as number];
    const away = ((tube.z[i] as number) * radius - focus) / depthOfField;
    const wider = 1 + away * away;
    const amplitude = (scale * (tube.amplitude[i] as number)) / wider ** 1.25;
    // What is dimmer is part of the glow.
    if (wider > 6) continue;
    const at = pointIn(host, Math.atan2(y, x), Math.hypot(x, y));
    addSpot(sketch.layer, at.x, at.y, sigma * Math.sqrt(Math.min(4, wider)), amplitude);
  }
}

/** Bent tubes and a branching network, most of it just under the cell's surface, sometimes fragments. */
export const drawMitochondrion: DrawCompartment = (sketch) => {
  const { layer, cell, habits, draws } = sketch;
  const hosts = cell.bud ? [cell.mother, cell.bud] : [cell.mother];
  const fragmented = draws.chance(habits.form > 1.2 ? 0.4 : 0.06);
  const sigma = widen(sketch, 0.85 * Math.exp(0.1 * habits.size + draws.normal(0, 0.12)));
  // Tubes far above and below the focal plane add a glow.
  const glow = draws.uniform(0, 0.35) * Math.exp(0.2 * habits.haze);
  for (const host of hosts) {
    addFilled(layer, host, widen(sketch, 1.2), glow, 0.4);
    const radius = Math.sqrt(host.a * host.b);
    const focus = radius * draws.normal(0, 0.2);
    const tubes = fragmented ? drawCount(sketch, 8, 4, 12) : drawCount(sketch, 3, 2, 6);
    for (let tube = 0; tube < (host === cell.mother ? tubes : Math.ceil(tubes / 2)); tube++) {
      const length = fragmented ? radius * draws.uniform(0.15, 0.45) : radius * draws.uniform(1.2, 3.4);
      const depth = draws.chance(0.8) ? draws.uniform(0.8, 0.92) : draws.uniform(0.35, 0.8);
      const drawn = wander(sketch, radius, length, depth);
      addTube(sketch, host, drawn, sigma, focus);
      if (fragmented || !draws.chance(0.5)) continue;
      // A branch leaves the tube somewhere in a direction of its own.
      const from = draws.integer(0, drawn.x.length - 1);
      const start = [drawn.x, drawn.y, drawn.z].map((axis) => (axis[from] as number) / depth);
      addTube(sketch, host, wander(sketch, radius, radius * draws.uniform(0.4, 1.6), depth, start), sigma, focus);
    }
  }
};

/** One thin line across the cell, longer in dividing cells, with a brighter end at the spindle pole (transfer). */
export const drawMicrotubule: DrawCompartment = (sketch) => {
  const { layer, cell, draws } = sketch;
  const nucleus = cell.nuclei[0] as Body;
  const sigma = widen(sketch, 0.65);
  const angle = cell.axis + draws.normal(0, cell.stage === 'unbudded' ? 1 : 0.25);
  const half = cell.diameter * (cell.stage === 'dividing' ? draws.uniform(0.4, 0.7) : draws.uniform(0.18, 0.42));
  const middle =
    cell.stage === 'dividing' && cell.bud
      ? pointIn(cell.mother, angle - Math.atan2(cell.mother.sin, cell.mother.cos), 0.6)
      : nucleus;
  const from = { x: middle.x - half * Math.cos(angle), y: middle.y - half * Math.sin(angle) };
  const to = { x: middle.x + half * Math.cos(angle), y: middle.y + half * Math.sin(angle) };
  addCurve(layer, bend(from, to, draws.normal(0, 0.12), draws.uniform(0.7, 1)), sigma);
  if (draws.chance(0.5))
    addCurve(
      layer,
      { x: [middle.x - 0.5, middle.x + 0.5], y: [middle.y, middle.y], amplitude: [1.6, 1.6] },
      widen(sketch, 0.9),
    );
};

/** A short bright bar or ring between mother and bud (transfer). */
export const drawBudNeck: DrawCompartment = (sketch) => {
  const { layer, cell, draws } = sketch;
  const { mother, bud } = cell;
  const angle = cell.axis - Math.atan2(mother.sin, mother.cos);
  const neck = pointIn(mother, angle, bud ? 0.98 : 0.95);
  const half = bud ? draws.uniform(0.28, 0.5) * Math.min(bud.a, 0.45 * mother.b) : draws.uniform(1.5, 2.5);
  const across = cell.axis + Math.PI / 2 + draws.normal(0, 0.15);
  const gap = draws.chance(0.25) ? draws.uniform(1, 1.8) : 0;
  for (const side of gap > 0 ? [-1, 1] : [0]) {
    const x = neck.x + side * gap * Math.cos(cell.axis);
    const y = neck.y + side * gap * Math.sin(cell.axis);
    const from = { x: x - half * Math.cos(across), y: y - half * Math.sin(across) };
    const to = { x: x + half * Math.cos(across), y: y + half * Math.sin(across) };
    addCurve(layer, bend(from, to, draws.normal(0, 0.1), 1, 5), widen(sketch, 0.75));
  }
};
