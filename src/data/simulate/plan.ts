/** The plan of a screen: which proteins there are, on which plates, in which part, and which cells each of them has. */
import { DeepYeastError } from '../../errors';
import type { Compartment } from '../compartments';
import { shareOut } from '../share-out';
import { classShares } from './classes';
import { Draws } from './draws';

export const parts = ['train', 'validation', 'test'] as const;
export type Part = (typeof parts)[number];
export const partShares: Record<Part, number> = { train: 0.72, validation: 0.14, test: 0.14 };

/** A well of real label lists, which a planned one is like. */
export interface LikeWell {
  readonly plate: string;
  readonly well: string;
  readonly compartment: Compartment;
  readonly cells: { readonly name: string; readonly field: string }[];
}

/** The wells of one part of the real lists. */
export interface LikeList {
  readonly part: Part;
  readonly wells: readonly LikeWell[];
}

export interface PlannedProtein {
  /** plate/well. */
  readonly name: string;
  readonly plate: string;
  readonly well: string;
  readonly part: Part;
  readonly compartment: Compartment;
  /** Of a protein that lives in two compartments. */
  second?: Compartment | undefined;
}

/** Every crop of the screen, part by part; a crop's number is its position. */
export interface ScreenPlan {
  readonly classes: readonly Compartment[];
  readonly proteins: readonly PlannedProtein[];
  /** Names of the plates and of the fields (plate/well/field). */
  readonly plates: readonly string[];
  readonly fields: readonly string[];
  readonly cells: readonly PlannedCell[];
}

export interface PlannedCell {
  readonly name: string;
  /** Positions in the plan's lists. */
  readonly protein: number;
  readonly plate: number;
  readonly field: number;
  /** Name of the field within its well. */
  readonly fieldName: string;
}

/** Plates of the real screen. */
const plateCount = 11;
/** Proteins a class gets before the rest is shared out, if there are enough: three go into the test part. */
const proteinsFirst = 12;
const cellsPerField = 6;

/** A screen with the real screen's class sizes: `cells` crops of `proteinCount` proteins. */
export function planScreen(
  classes: readonly Compartment[],
  cells: number,
  proteinCount: number,
  mixtures: number,
  seed: number,
): ScreenPlan {
  const least = parts.length * classes.length;
  if (proteinCount < least || cells < proteinCount)
    throw new DeepYeastError(
      'invalid-argument',
      `found ${cells} cells of ${proteinCount} proteins, expected at least ${least} proteins (one a class and part) and as many cells`,
    );
  const draws = new Draws(seed, 'plan', 0);
  const partCounts = shareOutOver(
    cells,
    parts.map((part) => partShares[part]),
    classes.length,
  );
  const first = Math.min(proteinsFirst, Math.floor(proteinCount / classes.length));
  // The real numbers of proteins differ a hundredfold; their roots are uneven enough and leave no class a single one.
  const extra = shareOut(
    proteinCount - first * classes.length,
    classes.map((name) => Math.sqrt(classShares[name].proteins)),
    0,
  );
  const names = new WellNames(draws);
  const screen = new ScreenBuilder(classes);
  for (const part of parts) {
    const shares: { protein: PlannedProtein; cells: number }[] = [];
    const inAll = partCounts[parts.indexOf(part)] as number;
    const budgets = shareOutOver(
      inAll,
      classes.map((name) => classShares[name].cells),
      1,
    );
    for (const [index, compartment] of classes.entries()) {
      const inPart = splitProteins(first + (extra[index] as number))[part];
      const budget = budgets[index] as number;
      const count = Math.min(inPart, budget);
      const weights = Array.from({ length: count }, () => draws.logNormal(1, 0.5));
      for (const size of shareOut(budget, weights))
        shares.push({ protein: { ...names.next(), part, compartment }, cells: size });
    }
    for (const { protein, cells: count } of shares) screen.addWell(protein, count, draws);
  }
  screen.addMixtures(mixtures, draws);
  return screen.plan();
}

/** A screen with the cells of label lists: each well's number of cells and class, the lists' own names. */
export function planLike(
  classes: readonly Compartment[],
  lists: readonly LikeList[],
  mixtures: number,
  seed: number,
): ScreenPlan {
  const draws = new Draws(seed, 'plan', 0);
  const screen = new ScreenBuilder(classes);
  for (const { part, wells } of lists)
    for (const { plate, well, compartment, cells } of wells) {
      const protein = screen.addProtein({ name: wellName(plate, well), plate, well, part, compartment });
      for (const { name, field } of cells) screen.addCell(protein, field, name);
    }
  screen.addMixtures(mixtures, draws);
  return screen.plan();
}

export function wellName(plate: string, well: string): string {
  return plate === '' ? well : `${plate}/${well}`;
}

/** At least three proteins in test and two in validation where there are enough; at least one in each part. */
function splitProteins(count: number): Record<Part, number> {
  const test = Math.max(Math.round(partShares.test * count), Math.min(3, Math.floor(count / 3)));
  const validation = Math.max(Math.round(partShares.validation * count), Math.min(2, Math.floor(count / 3)));
  return { train: count - test - validation, validation, test };
}

/** As shareOut, with a least number that raises only what would be below it. */
function shareOutOver(total: number, weights: readonly number[], least: number): number[] {
  const counts = shareOut(total, weights, 0);
  return counts.every((count) => count >= least) ? counts : shareOut(total, weights, least);
}

/** Names of wells, no two alike: 384-well plates, row and column as in the real screen's file names. */
class WellNames {
  readonly #taken = new Set<string>();
  readonly #draws: Draws;

  constructor(draws: Draws) {
    this.#draws = draws;
  }

  next(): { name: string; plate: string; well: string } {
    for (;;) {
      const plate = `plate${digits(this.#draws.integer(1, plateCount), 2)}`;
      const well = `${digits(this.#draws.integer(1, 16), 3)}${digits(this.#draws.integer(1, 24), 3)}000`;
      const name = wellName(plate, well);
      if (this.#taken.has(name)) continue;
      this.#taken.add(name);
      return { name, plate, well };
    }
  }
}

function digits(value: number, width: number): string {
  return String(value).padStart(width, '0');
}

class ScreenBuilder {
  readonly #classes: readonly Compartment[];
  readonly #proteins: PlannedProtein[] = [];
  readonly #cells: PlannedCell[] = [];
  readonly #plates = new Map<string, number>();
  readonly #fields = new Map<string, number>();

  constructor(classes: readonly Compartment[]) {
    this.#classes = classes;
  }

  addProtein(protein: PlannedProtein): number {
    return this.#proteins.push(protein) - 1;
  }

  addCell(protein: number, field: string, name: string): void {
    const { plate, name: well } = this.#proteins[protein] as PlannedProtein;
    const fieldIndex = positionOf(this.#fields, `${well}/${field}`);
    this.#cells.push({ name, protein, plate: positionOf(this.#plates, plate), field: fieldIndex, fieldName: field });
  }

  /** A protein with `count` cells in as many fields as that takes. */
  addWell(well: PlannedProtein, count: number, draws: Draws): void {
    const protein = this.addProtein(well);
    const fields = Math.max(1, Math.round(count / cellsPerField));
    for (let i = 0; i < count; i++) {
      const field = draws.integer(0, fields - 1);
      const image = positionOf(this.#fields, `${well.name}/${field}`);
      this.addCell(protein, String(field), `${well.name}-${field}-${image}-${i}`);
    }
  }

  addMixtures(rate: number, draws: Draws): void {
    for (const protein of this.#proteins) {
      if (!draws.chance(rate) || this.#classes.length < 2) continue;
      const own = this.#classes.indexOf(protein.compartment);
      protein.second = this.#classes[(own + draws.integer(1, this.#classes.length - 1)) % this.#classes.length];
    }
  }

  plan(): ScreenPlan {
    return {
      classes: this.#classes,
      proteins: this.#proteins,
      plates: [...this.#plates.keys()],
      fields: [...this.#fields.keys()],
      cells: this.#cells,
    };
  }
}

function positionOf(positions: Map<string, number>, name: string): number {
  const found = positions.get(name);
  if (found !== undefined) return found;
  positions.set(name, positions.size);
  return positions.size - 1;
}
