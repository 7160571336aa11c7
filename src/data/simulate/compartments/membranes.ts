/** Compartments whose light comes from a membrane at the cell's edge or around the nucleus. */
import { addCurve, type Body, type Curve, pointIn } from '../canvas';
import { addFilled, addShell, cutGaps, drawProfile } from './shell';
import { type DrawCompartment, type Sketch, widen } from './sketch';

/** A thin bright rim all around mother and bud, touching those of the neighbours. */
export const drawCellPeriphery: DrawCompartment = (sketch) => {
  const { layer, cell, habits, draws } = sketch;
  const sigma = widen(sketch, draws.uniform(0.6, 1.05) * Math.exp(0.12 * habits.size));
  const patchy = draws.chance(habits.form > 0.9 ? 0.8 : 0.06);
  const slow = 0.12 * Math.exp(0.4 * habits.unevenness);
  const dome = draws.uniform(0.02, 0.2);
  // A polarised protein is brighter in the bud.
  const budGain = draws.logNormal(Math.exp(0.25 * habits.form), 0.25);
  addShell(layer, cell.mother, sigma, 1, {
    profile: drawProfile(draws, slow, patchy ? 0.5 : 0.05),
    dome,
    outside: cell.bud,
  });
  if (cell.bud)
    addShell(layer, cell.bud, sigma, budGain, {
      profile: drawProfile(draws, slow, patchy ? 0.5 : 0.05),
      dome,
      outside: cell.mother,
    });
};

/** A ring with a darker centre around each nucleus, sometimes beaded by pore clusters. */
export const drawNuclearPeriphery: DrawCompartment = (sketch) => {
  const { cell, habits, draws } = sketch;
  const beads = draws.chance(habits.form > 0.5 ? 0.75 : 0.25) ? draws.uniform(0.3, 0.7) : 0.1;
  const dome = draws.uniform(0.06, 0.4) * Math.exp(0.15 * habits.size);
  for (const nucleus of cell.nuclei) drawNuclearRing(sketch, nucleus, 1, beads, dome);
};

function drawNuclearRing(sketch: Sketch, nucleus: Body, amplitude: number, beads: number, dome: number): void {
  const { layer, draws } = sketch;
  const slow = 0.15 * Math.exp(0.3 * sketch.habits.unevenness);
  addShell(layer, nucleus, widen(sketch, draws.uniform(0.7, 1.15)), amplitude, {
    inset: 0,
    profile: drawProfile(draws, slow, beads),
    dome,
  });
}

/** A bright ring around the nucleus, a broken thinner rim under the cell's edge, strands between the two. */
export const drawEr: DrawCompartment = (sketch) => {
  const { layer, cell, habits, draws } = sketch;
  const ring = draws.logNormal(1, 0.15);
  for (const nucleus of cell.nuclei) drawNuclearRing(sketch, nucleus, ring, 0.2, draws.uniform(0.08, 0.3));
  const rim = draws.logNormal(0.62 * Math.exp(0.2 * habits.form), 0.28);
  const sigma = widen(sketch, draws.uniform(0.65, 1));
  for (const host of cell.bud ? [cell.mother, cell.bud] : [cell.mother]) {
    const profile = drawProfile(draws, 0.28, 0.25);
    cutGaps(profile, draws.uniform(0.15, 0.5), draws.integer(2, 5), draws);
    addShell(layer, host, sigma, rim, {
      inset: draws.uniform(0.8, 2),
      profile,
      dome: draws.uniform(0, 0.15),
      outside: host === cell.mother ? cell.bud : cell.mother,
    });
  }
  const nucleus = cell.nuclei[0] as Body;
  for (let strand = draws.integer(0, 3); strand > 0; strand--) {
    const from = pointIn(nucleus, draws.angle(), 1);
    const direction = Math.atan2(from.y - nucleus.y, from.x - nucleus.x) + draws.normal(0, 0.5);
    const angle = direction - Math.atan2(cell.mother.sin, cell.mother.cos);
    const to = pointIn(cell.mother, angle, 0.93);
    addCurve(layer, bend(from, to, draws.normal(0, 0.2), draws.uniform(0.25, 0.7) * rim), widen(sketch, 0.8));
  }
  // Sheets of cortical membrane face on.
  for (let sheet = draws.integer(0, 3); sheet > 0; sheet--) {
    const at = pointIn(cell.mother, draws.angle(), draws.uniform(0.55, 0.9));
    addFilled(
      layer,
      { ...cell.mother, x: at.x, y: at.y, a: draws.uniform(2, 4.5), b: draws.uniform(1.2, 2.5), egg: 0 },
      widen(sketch, 1),
      rim * draws.uniform(0.3, 0.8),
      0,
    );
  }
};

/** A line from one point to another that bulges to one side. */
export function bend(
  from: { x: number; y: number },
  to: { x: number; y: number },
  bulge: number,
  amplitude: number,
  points = 7,
): Curve {
  const curve: Curve = { x: [], y: [], amplitude: [] };
  for (let i = 0; i < points; i++) {
    const t = i / (points - 1);
    const side = bulge * 4 * t * (1 - t);
    curve.x.push(from.x + t * (to.x - from.x) - side * (to.y - from.y));
    curve.y.push(from.y + t * (to.y - from.y) + side * (to.x - from.x));
    curve.amplitude.push(amplitude);
  }
  return curve;
}
