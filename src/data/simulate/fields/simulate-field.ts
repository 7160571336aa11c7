import { DeepYeastError } from '../../../errors';
import { type Compartment, compartments, transferCompartments } from '../../compartments';
import { medianDiameter } from '../geometry';
import { requireBetween, requireOneOf, requireShare, requireWhole } from '../option-checks';
import {
  type Difficulty,
  difficulties,
  fieldTraits,
  type PlateTraits,
  type ProteinTraits,
  plateTraits,
  proteinTraits,
} from '../traits';
import type { CameraPlane } from './camera';
import { drawField } from './draw-field';
import { type FieldRequest, magnified, type PlantedFault, plantedFaults } from './request';
import type { SimulatedFieldCell } from './truth';

/** What is in a field of view, whatever its place on a plate. */
export interface FieldContents {
  /** Pixels along a side, or both sides; default 1,080. */
  size?: number | { width: number; height: number };
  /** Mothers and single cells with their centre in the field, about; default as many as cover a fifth of it. */
  cells?: number;
  /** Median diameter of a cell in pixels; default the plate's, 31 to 51. */
  diameter?: number;
  /** Factor on the noise; default 1, that of the simulated crops. The real fields in docs/simulation.md have about 0.25. */
  noise?: number;
  /** Default `paper`. */
  difficulty?: Difficulty;
  /** Share of the cells that lie in clumps, touching each other; default 0.8. */
  clumped?: number;
  /** Share of the cells that have a bud; default 0.34. */
  budded?: number;
  /** Share of the cells that are dead; default 0.03. */
  dead?: number;
  /** Cells in another plane, for every cell of the field; default 0.06. */
  otherPlane?: number;
  /** Heaps of debris, for every cell of the field; default 0.06. */
  debris?: number;
  /** Share of the area that is out of focus; default 0. */
  outOfFocus?: number;
  /** Share of the light that is missing at the darkest corner; default 0.3. */
  vignetting?: number;
}

export interface SimulateFieldOptions extends FieldContents {
  /** Default 0. */
  seed?: number;
  /** Which of the seed's fields, plates and proteins: fields of one plate share its optics. Default 0. */
  field?: number;
  plate?: number;
  protein?: number;
  /** The protein's compartment; default `cytoplasm`. */
  compartment?: Compartment;
  /** Something that is wrong with the whole field. */
  fault?: PlantedFault;
}

export interface SimulatedField {
  readonly width: number;
  readonly height: number;
  /** The cytosolic marker and the tagged protein, as the camera counts them. */
  readonly planes: { readonly rfp: CameraPlane; readonly gfp: CameraPlane };
  /** The truth masks: 0 background, 1 ... n one label a body (a bud has its own). */
  readonly labels: Uint32Array;
  /** What every label is, in order. */
  readonly table: SimulatedFieldCell[];
}

/**
 * Draws one field of view: what its camera would count, the truth masks and what every mask is. The same options give the
 * same field. A mask's outline is where a body's light, seen alone, has fallen to 40% of its own level. Takes about a
 * second for 1,080 x 1,080 pixels and hundreds of cells, during which nothing else runs on its thread; `simulatePlate`
 * draws on several. Throws `invalid-argument`.
 */
export function simulateField(options: SimulateFieldOptions = {}): SimulatedField {
  const { seed = 0, field = 0, plate = 0, protein = 0, compartment = 'cytoplasm', fault } = options;
  if (fault !== undefined) requireOneOf('fault', fault, plantedFaults);
  const classes: readonly Compartment[] =
    [compartments, transferCompartments].find((list) => (list as readonly Compartment[]).includes(compartment)) ?? [];
  if (classes.length === 0)
    throw new DeepYeastError(
      'invalid-argument',
      `compartment is "${compartment}", expected one of ${[...compartments, ...transferCompartments].join(', ')}`,
    );
  const request = fieldRequest(options, {
    seed,
    field,
    compartment,
    second: undefined,
    classes,
    protein: proteinTraits(seed, protein),
    plate: plateTraits(seed, plate),
    fault: fault ?? '',
  });
  const { red, green, labels, cells } = drawField(request);
  return { width: request.width, height: request.height, planes: { rfp: red, gfp: green }, labels, table: cells };
}

/** Whose field it is and where. */
interface FieldPlace {
  readonly seed: number;
  readonly field: number;
  readonly compartment: Compartment;
  readonly second: Compartment | undefined;
  readonly classes: readonly Compartment[];
  readonly protein: ProteinTraits;
  readonly plate: PlateTraits;
  readonly fault: PlantedFault | '';
}

/** The whole request of one field, every number checked: `invalid-argument`. */
export function fieldRequest(contents: FieldContents, place: FieldPlace): FieldRequest {
  const { size = 1080, difficulty = 'paper' } = contents;
  const { width, height } = typeof size === 'number' ? { width: size, height: size } : size;
  for (const side of [width, height]) requireWhole('size', side, 64, 8192);
  requireOneOf('difficulty', difficulty, difficulties);
  const { diameter } = contents;
  if (diameter !== undefined) requireBetween('diameter', diameter, 8, 100);
  const plate = diameter === undefined ? place.plate : magnified(place.plate, diameter / medianDiameter);
  const usual = medianDiameter * plate.magnification;
  const cellsThatCover = (share: number) => Math.round((share * width * height) / ((Math.PI / 4) * usual ** 2));
  const share = (name: keyof FieldContents, usually: number) =>
    requireShare(name, (contents[name] as number | undefined) ?? usually);
  const cells = requireWhole('cells', contents.cells ?? Math.max(1, cellsThatCover(usualCover)), 0);
  if (cells > Math.max(1, cellsThatCover(mostCover)))
    throw new DeepYeastError(
      'invalid-argument',
      `cells is ${cells}, but at most ${cellsThatCover(mostCover)} cells of ${usual.toFixed(0)} pixels fit into ${width} x ${height} pixels`,
    );
  return {
    ...place,
    plate,
    difficulty,
    width,
    height,
    cells: place.fault === 'sparse' ? Math.ceil(cells / 50) : cells,
    traits: fieldTraits(place.seed, place.field),
    largestDiameter: diameter === undefined ? largestInCrop : Number.POSITIVE_INFINITY,
    noise: requireBetween('noise', contents.noise ?? 1, 0.01, 10),
    clumped: share('clumped', 0.8),
    budded: contents.budded === undefined ? undefined : share('budded', 0),
    dead: share('dead', 0.03),
    otherPlane: share('otherPlane', 0.06),
    debris: share('debris', 0.06),
    outOfFocus: share('outOfFocus', 0),
    vignetting: share('vignetting', 0.3),
  };
}

/** Shares of a field's area under mothers and single cells: the usual one, and the largest that can be asked for. */
const usualCover = 0.2;
const mostCover = 0.55;
/** A crop of 64 pixels holds it. */
const largestInCrop = 54;
