/** The vacuole: its lumen or its membrane, where the red channel is dark. */
import { addFilled, addShell, drawProfile } from './shell';
import { type DrawCompartment, widen } from './sketch';

/** A large blob or several touching lobes, filled or rimmed. The cell's own vacuoles are drawn, so that red is dark there. */
export const drawVacuole: DrawCompartment = (sketch) => {
  const { layer, cell, habits, draws } = sketch;
  const rimmed = draws.chance(habits.form > 0.4 ? 0.85 : 0.12);
  for (const lobe of cell.vacuoles) {
    const amplitude = draws.logNormal(1, 0.18);
    if (rimmed) {
      const profile = drawProfile(draws, 0.2, 0.1);
      addShell(layer, lobe, widen(sketch, 0.75), amplitude, { inset: 0, profile, dome: draws.uniform(0.08, 0.35) });
    } else addFilled(layer, lobe, widen(sketch, 0.7), amplitude, draws.uniform(0.2, 0.6));
  }
};
