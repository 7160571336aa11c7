import type { Compartment } from '../../compartments';
import { drawBudNeck, drawMicrotubule, drawMitochondrion } from './filaments';
import { drawCellPeriphery, drawEr, drawNuclearPeriphery } from './membranes';
import { drawCytoplasm, drawNucleolus, drawNucleus } from './nucleus';
import type { DrawCompartment } from './sketch';
import { drawActin, drawEndosome, drawGolgi, drawLipidParticle, drawPeroxisome, drawSpindlePole } from './spots';
import { drawVacuole } from './vacuole';

export type { Habits, Sketch } from './sketch';

/** How each compartment is drawn. */
export const drawings: Record<Compartment, DrawCompartment> = {
  'cell periphery': drawCellPeriphery,
  cytoplasm: drawCytoplasm,
  endosome: drawEndosome,
  er: drawEr,
  golgi: drawGolgi,
  mitochondrion: drawMitochondrion,
  'nuclear periphery': drawNuclearPeriphery,
  nucleolus: drawNucleolus,
  nucleus: drawNucleus,
  peroxisome: drawPeroxisome,
  'spindle pole': drawSpindlePole,
  vacuole: drawVacuole,
  actin: drawActin,
  'bud neck': drawBudNeck,
  'lipid particle': drawLipidParticle,
  microtubule: drawMicrotubule,
};
