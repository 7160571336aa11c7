/** How the real screen's cells and proteins are spread over the compartments, and what they are mistaken for. */

import type { Compartment } from '../compartments';

interface ClassShare {
  /** Cells and proteins (wells) of the class over the three real label lists. */
  readonly cells: number;
  readonly proteins: number;
}

/** Counted on the real label lists by bench/realism/measure.js. */
export const classShares: Record<Compartment, ClassShare> = {
  'cell periphery': { cells: 9454, proteins: 38 },
  cytoplasm: { cells: 9434, proteins: 707 },
  endosome: { cells: 4078, proteins: 11 },
  er: { cells: 9343, proteins: 146 },
  golgi: { cells: 3360, proteins: 11 },
  mitochondrion: { cells: 9350, proteins: 301 },
  'nuclear periphery': { cells: 9077, proteins: 32 },
  nucleolus: { cells: 9424, proteins: 52 },
  nucleus: { cells: 9379, proteins: 414 },
  peroxisome: { cells: 2141, proteins: 9 },
  'spindle pole': { cells: 7011, proteins: 28 },
  vacuole: { cells: 7949, proteins: 34 },
  actin: { cells: 2500, proteins: 25 },
  'bud neck': { cells: 2500, proteins: 15 },
  'lipid particle': { cells: 2500, proteins: 19 },
  microtubule: { cells: 2500, proteins: 10 },
};

/**
 * What a cell of a compartment is mistaken for, with the share of its cells that look so at the `paper` difficulty: the
 * confusions of the paper's network (its Figure 2), which come from dim, dividing and out-of-plane cells.
 */
export const lookalikes: Record<Compartment, Partial<Record<Compartment, number>>> = {
  'cell periphery': { er: 0.005 },
  cytoplasm: { er: 0.005, nucleus: 0.005 },
  endosome: { vacuole: 0.17, golgi: 0.01 },
  er: { 'nuclear periphery': 0.09 },
  golgi: { endosome: 0.16 },
  mitochondrion: { er: 0.005, cytoplasm: 0.005 },
  'nuclear periphery': { er: 0.01, nucleus: 0.005 },
  nucleolus: { nucleus: 0.06 },
  nucleus: { nucleolus: 0.06, cytoplasm: 0.005 },
  peroxisome: { 'spindle pole': 0.16 },
  'spindle pole': { peroxisome: 0.005, nucleolus: 0.005 },
  vacuole: { endosome: 0.015 },
  actin: { 'bud neck': 0.03, endosome: 0.02 },
  'bud neck': { actin: 0.03, 'cell periphery': 0.02 },
  'lipid particle': { peroxisome: 0.04, golgi: 0.03 },
  microtubule: { 'spindle pole': 0.06 },
};

/** Cytosolic haze beside a compartment, over that of the median one. */
export const hazeOf: Record<Compartment, number> = {
  'cell periphery': 1,
  cytoplasm: 0.5,
  endosome: 1.9,
  er: 1,
  golgi: 0.5,
  mitochondrion: 1.5,
  'nuclear periphery': 0.8,
  nucleolus: 0.8,
  nucleus: 1,
  peroxisome: 0.8,
  'spindle pole': 1.3,
  vacuole: 0.7,
  actin: 1,
  'bud neck': 1,
  'lipid particle': 0.8,
  microtubule: 1.2,
};
