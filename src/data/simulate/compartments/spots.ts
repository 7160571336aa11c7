/** Compartments seen as separate dots or droplets. */
import { addLongSpot, addSpot, type Body, body, pointIn } from '../canvas';
import { placeInCell } from '../geometry';
import { type DrawCompartment, drawCount, type Sketch, widen } from './sketch';

/** A dot at some depth: out of the focal plane it is wider and dimmer. */
function addDot(sketch: Sketch, x: number, y: number, sigma: number, amplitude: number, depth: number): void {
  const wide = Math.hypot(widen(sketch, sigma), 0.9 * depth);
  addSpot(sketch.layer, x, y, wide, amplitude * Math.exp(-0.35 * depth * depth));
}

/** Three to eight blurred dots of unequal brightness, some beside a vacuole. */
export const drawEndosome: DrawCompartment = (sketch) => {
  const { layer, cell, habits, draws } = sketch;
  const spread = 0.45 * Math.exp(0.2 * habits.unevenness);
  for (let left = drawCount(sketch, 4.5, 3, 8); left > 0; left--) {
    const vacuole = cell.vacuoles[0];
    const beside = vacuole && draws.chance(0.45 + 0.1 * habits.form);
    const at = beside
      ? pointIn(vacuole, draws.angle(), 1.12)
      : placeInCell(cell, draws, { to: 0.85, outside: cell.nuclei });
    const sigma = 1.25 * Math.exp(0.15 * habits.size + draws.normal(0, 0.2));
    const amplitude = Math.min(2.2, draws.logNormal(1, spread));
    const depth = Math.abs(draws.normal(0, 0.7));
    if (draws.chance(0.35))
      addLongSpot(
        layer,
        at.x,
        at.y,
        widen(sketch, sigma * draws.uniform(1.3, 2)),
        widen(sketch, sigma),
        draws.angle(),
        amplitude * Math.exp(-0.35 * depth * depth),
      );
    else addDot(sketch, at.x, at.y, sigma, amplitude, depth);
  }
};

/** Pixels between the centres of two Golgi stacks, where there is room. */
const stackDistance = 5.5;

/** Five to twelve larger, uneven, irregular spots all through the cell. */
export const drawGolgi: DrawCompartment = (sketch) => {
  const { cell, habits, draws } = sketch;
  // Stacks lie apart from one another: what others have taken is kept out of like the organelles.
  const outside = [...cell.nuclei, ...cell.vacuoles];
  for (let left = drawCount(sketch, 6.5, 5, 12); left > 0; left--) {
    const at = placeInCell(cell, draws, { to: 0.9, outside });
    const apart = stackDistance * sketch.magnification;
    outside.push(body(at.x, at.y, apart, apart, 0));
    const sigma = 1.8 * Math.exp(0.14 * habits.size + draws.normal(0, 0.2));
    const amplitude = Math.min(2, draws.logNormal(1, 0.35 * Math.exp(0.2 * habits.unevenness)));
    const depth = Math.abs(draws.normal(0, 0.6));
    addDot(sketch, at.x, at.y, sigma, amplitude, depth);
    // A second and a third cisterna make the outline irregular.
    for (let part = draws.integer(0, 3); part > 0; part--) {
      const angle = draws.angle();
      const away = sketch.magnification * sigma * draws.uniform(0.8, 1.7);
      const share = draws.uniform(0.4, 0.9);
      addDot(
        sketch,
        at.x + away * Math.cos(angle),
        at.y + away * Math.sin(angle),
        0.85 * sigma,
        amplitude * share,
        depth,
      );
    }
  }
};

/** Two to ten small round sharp dots, many near the edge. */
export const drawPeroxisome: DrawCompartment = (sketch) => {
  const { cell, habits, draws } = sketch;
  const spread = 0.3 * Math.exp(0.2 * habits.unevenness);
  for (let left = drawCount(sketch, 5, 2, 10); left > 0; left--) {
    const near = draws.chance(0.65);
    const at = placeInCell(cell, draws, { from: near ? 0.68 : 0, to: 0.9, outside: cell.vacuoles });
    const amplitude = Math.min(1.8, draws.logNormal(1, spread));
    addDot(sketch, at.x, at.y, 0.75 * Math.exp(0.12 * habits.size + draws.normal(0, 0.12)), amplitude, depthOf(sketch));
  }
};

function depthOf(sketch: Sketch): number {
  return Math.abs(sketch.draws.normal(0, 0.5));
}

/** One small sharp dot at the nucleus' edge; two in dividing cells, and in some with a bud. */
export const drawSpindlePole: DrawCompartment = (sketch) => {
  const { cell, habits, draws } = sketch;
  const sigma = 0.75 * Math.exp(0.12 * habits.size + draws.normal(0, 0.1));
  const dot = (nucleus: Body, angle: number, amplitude: number) => {
    const at = pointIn(nucleus, angle, 1);
    addDot(sketch, at.x, at.y, sigma, amplitude, 0);
  };
  const first = cell.nuclei[0] as Body;
  const second = cell.nuclei[1];
  // The spindle lies along the axis of division.
  const towards = (nucleus: Body) => cell.axis - Math.atan2(nucleus.sin, nucleus.cos);
  const dimmer = Math.min(1.3, draws.logNormal(0.85, 0.2));
  if (second) {
    dot(first, towards(first) + Math.PI + draws.normal(0, 0.3), 1);
    dot(second, towards(second) + draws.normal(0, 0.3), dimmer);
  } else if (cell.stage === 'dividing' || (cell.stage === 'large-bud' && draws.chance(0.7))) {
    const angle = towards(first) + draws.normal(0, 0.25);
    dot(first, angle, 1);
    dot(first, angle + Math.PI, dimmer);
  } else {
    const angle = draws.angle();
    dot(first, angle, 1);
    // A short spindle: the second pole still beside the first.
    if (draws.chance(0.3)) dot(first, angle + draws.uniform(0.25, 0.65), dimmer);
  }
};

/** Four to ten round bright droplets (transfer). */
export const drawLipidParticle: DrawCompartment = (sketch) => {
  const { cell, habits, draws } = sketch;
  for (let left = drawCount(sketch, 6.5, 4, 10); left > 0; left--) {
    const at = placeInCell(cell, draws, { from: 0.2, to: 0.86, outside: cell.nuclei });
    const sigma = 1.05 * Math.exp(0.1 * habits.size + draws.normal(0, 0.15));
    addDot(sketch, at.x, at.y, sigma, Math.min(1.8, draws.logNormal(1, 0.25)), Math.abs(draws.normal(0, 0.4)));
  }
};

/** Cortical patches gathered in the bud, or at the end where one will come (transfer). */
export const drawActin: DrawCompartment = (sketch) => {
  const { cell, habits, draws } = sketch;
  const { mother, bud } = cell;
  const end = cell.axis - Math.atan2(mother.sin, mother.cos);
  for (let left = drawCount(sketch, 10, 6, 18); left > 0; left--) {
    const sigma = 0.85 * Math.exp(0.1 * habits.size + draws.normal(0, 0.12));
    const amplitude = Math.min(1.8, draws.logNormal(1, 0.35));
    const gathered = draws.chance(0.8);
    const host = bud && gathered ? bud : mother;
    const angle = bud || !gathered ? draws.angle() : end + draws.normal(0, 0.5);
    const at = pointIn(
      host,
      angle,
      bud && gathered ? Math.sqrt(draws.uniform(0.15, 1)) * 0.95 : draws.uniform(0.85, 0.97),
    );
    addDot(sketch, at.x, at.y, sigma, amplitude, Math.abs(draws.normal(0, 0.4)));
  }
};
