/** The classes of the DeepYeast screen, which label lists without a table of classes refer to and the simulator draws. */

/** The twelve classes of the DeepYeast data set, in the order of its HOwt_doc.txt. */
export const compartments = [
  'cell periphery',
  'cytoplasm',
  'endosome',
  'er',
  'golgi',
  'mitochondrion',
  'nuclear periphery',
  'nucleolus',
  'nucleus',
  'peroxisome',
  'spindle pole',
  'vacuole',
] as const;

/** The four classes of its transfer task, in the order of HOwt_transfer_doc.txt. */
export const transferCompartments = ['actin', 'bud neck', 'lipid particle', 'microtubule'] as const;

export type Compartment = (typeof compartments)[number] | (typeof transferCompartments)[number];
