/** Compartments inside the nucleus, and the cytoplasm around it. */
import { addLongSpot, addSpot, type Body, coverage, pointIn, thickness, trace, traced, widthOf } from '../canvas';
import { addFilled } from './shell';
import { type DrawCompartment, type Sketch, widen } from './sketch';

/** The whole cell even, vacuoles dark, the nucleus not distinct. */
export const drawCytoplasm: DrawCompartment = (sketch) => {
  const { layer, cell, cytosol, habits, draws } = sketch;
  for (let i = 0; i < layer.length; i++) layer[i] = cytosol[i] as number;
  // Some proteins are a little richer or poorer in the nucleus.
  const share = 0.1 * habits.form + draws.normal(0, 0.05);
  for (const nucleus of cell.nuclei)
    addFilled(layer, nucleus, widen(sketch, 1), Math.max(-0.25, Math.min(0.22, share)));
  // Granules of a protein that gathers in a few places.
  if (habits.unevenness > 1.2)
    for (let granule = draws.integer(0, 2); granule > 0; granule--) {
      const at = pointIn(cell.mother, draws.angle(), draws.uniform(0.2, 0.8));
      addSpot(layer, at.x, at.y, widen(sketch, 1), draws.uniform(0.2, 0.5));
    }
};

/** One smooth disc; elongated or two in dividing cells. Some proteins spare the nucleolus. */
export const drawNucleus: DrawCompartment = (sketch) => {
  const { layer, cell, habits, draws } = sketch;
  const width = widthOf(layer);
  const spared = draws.chance(habits.form > 0.8 ? 0.5 : 0.08) ? draws.uniform(0.3, 0.7) : 0;
  for (const nucleus of cell.nuclei) {
    const grown = Math.exp(0.05 * habits.size) * draws.uniform(0.92, 1.05);
    const drawn = { ...nucleus, a: nucleus.a * grown, b: nucleus.b * grown };
    const notch = spared > 0 ? notchOf(drawn, draws.angle()) : undefined;
    const softness = widen(sketch, 0.6);
    const count = trace(drawn, 1 + 2.5 * softness, width);
    for (let i = 0; i < count; i++) {
      let value =
        coverage(traced.inward[i] as number, softness) * (0.72 + 0.28 * thickness(traced.radius[i] as number));
      const index = traced.index[i] as number;
      if (notch) {
        const column = index % width;
        const distance = Math.hypot(column - notch.x, (index - column) / width - notch.y) / notch.radius;
        if (distance < 1.3) value *= 1 - spared * Math.min(1, (1.3 - distance) / 0.6);
      }
      layer[index] = (layer[index] as number) + value;
    }
  }
};

function notchOf(nucleus: Body, angle: number): { x: number; y: number; radius: number } {
  return { ...pointIn(nucleus, angle, 0.75), radius: 0.5 * Math.min(nucleus.a, nucleus.b) };
}

/** One bright crescent or bean at one side of each nucleus, smaller than the nucleus. */
export const drawNucleolus: DrawCompartment = (sketch) => {
  const { layer, cell, habits, draws } = sketch;
  const faint = draws.chance(0.35) ? draws.uniform(0.05, 0.25) * Math.exp(0.2 * habits.form) : 0;
  for (const nucleus of cell.nuclei) {
    const radius = Math.sqrt(nucleus.a * nucleus.b);
    const angle = draws.angle();
    const length = radius * draws.uniform(0.48, 0.85) * Math.exp(0.08 * habits.size);
    const width = Math.max(0.9, radius * draws.uniform(0.18, 0.31));
    const curl = draws.uniform(0, 0.5);
    drawBean(sketch, nucleus, angle, length, width, curl);
    if (faint > 0) addFilled(layer, nucleus, widen(sketch, 0.8), Math.min(0.3, faint));
  }
};

/** Three overlapping long spots along the nucleus' edge: a bean, or a crescent when they curl around its centre. */
function drawBean(sketch: Sketch, nucleus: Body, angle: number, length: number, width: number, curl: number): void {
  const center = pointIn(nucleus, angle, 0.6);
  const outward = Math.atan2(center.y - nucleus.y, center.x - nucleus.x);
  const tangent = outward + Math.PI / 2;
  for (const step of [-1, 0, 1]) {
    const x = center.x + step * 0.8 * length * Math.cos(tangent) - step * step * curl * length * Math.cos(outward);
    const y = center.y + step * 0.8 * length * Math.sin(tangent) - step * step * curl * length * Math.sin(outward);
    const amplitude = (step === 0 ? 0.75 : 0.5) * sketch.draws.uniform(0.75, 1.1);
    const turned = tangent + step * curl * 0.8;
    addLongSpot(sketch.layer, x, y, widen(sketch, 0.75 * length), widen(sketch, width), turned, amplitude);
  }
}
