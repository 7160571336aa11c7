/** Compartments drawn as lines: tubes of mitochondria, microtubules, the ring at the bud's neck. */
import { addCurve, type Body, type Curve, pointIn } from '../canvas';
import { bend } from './membranes';
import { addFilled } from './shell';
import { type DrawCompartment, drawCount, type Sketch, widen } from './sketch';

/** A tube that wanders through a body: it starts somewhere near the edge and mostly follows it. */
function wander(sketch: Sketch, host: Body, length: number, cortical: boolean): Curve {
  const { draws } = sketch;
  const curve: Curve = { x: [], y: [], amplitude: [] };
  const radius = Math.sqrt(host.a * host.b);
  let angle = draws.angle();
  let fraction = cortical ? draws.uniform(0.74, 0.9) : draws.uniform(0.25, 0.8);
  const way = draws.chance(0.5) ? 1 : -1;
  let drift = cortical ? 0 : draws.normal(0, 0.25);
  let bright = draws.logNormal(0.85, 0.25);
  for (let run = 0; run < length; run += 1.6) {
    const at = pointIn(host, angle, fraction);
    curve.x.push(at.x);
    curve.y.push(at.y);
    curve.amplitude.push(bright);
    const turning = cortical ? 1 : Math.cos(Math.min(1.4, Math.abs(drift) * 4));
    angle += (way * turning * 1.6) / (radius * Math.max(0.35, fraction));
    drift += draws.normal(0, cortical ? 0.02 : 0.07);
    fraction += drift * (1.6 / radius) * 2 + draws.normal(0, 0.012);
    if (fraction > 0.9 || fraction < 0.15) {
      fraction = Math.max(0.15, Math.min(0.9, fraction));
      drift = -0.5 * drift;
    }
    bright = Math.max(0.3, Math.min(1.7, bright * Math.exp(draws.normal(0, 0.22))));
  }
  return curve;
}

/** Bent tubes and a branching network, often against the cell's edge, sometimes fragments. */
export const drawMitochondrion: DrawCompartment = (sketch) => {
  const { layer, cell, habits, draws } = sketch;
  const hosts = cell.bud ? [cell.mother, cell.bud] : [cell.mother];
  const fragmented = draws.chance(habits.form > 1.2 ? 0.5 : 0.15);
  const sigma = widen(sketch, 0.85 * Math.exp(0.1 * habits.size + draws.normal(0, 0.12)));
  // Tubes above and below the focal plane add a glow.
  const glow = draws.uniform(0, 0.3) * Math.exp(0.2 * habits.haze);
  for (const host of hosts) {
    addFilled(layer, host, widen(sketch, 1.2), glow, 0.4);
    const radius = Math.sqrt(host.a * host.b);
    const tubes = fragmented ? drawCount(sketch, 6, 3, 9) : drawCount(sketch, 2.6, 1, 5);
    for (let tube = 0; tube < (host === cell.mother ? tubes : Math.ceil(tubes / 2)); tube++) {
      const length = fragmented ? radius * draws.uniform(0.15, 0.45) : radius * draws.uniform(0.9, 3.6);
      const curve = wander(sketch, host, length, draws.chance(0.62));
      addCurve(layer, curve, sigma);
      if (!fragmented && draws.chance(0.4)) {
        // A branch leaves the tube somewhere and ends elsewhere in the cell.
        const start = draws.integer(0, curve.x.length - 1);
        const from = { x: curve.x[start] as number, y: curve.y[start] as number };
        const to = pointIn(host, draws.angle(), draws.uniform(0.3, 0.88));
        addCurve(layer, bend(from, to, draws.normal(0, 0.25), draws.uniform(0.5, 1)), sigma);
      }
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
