import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { throwIfAborted } from '../../abort';
import { DeepYeastError } from '../../errors';
import { requireNothingAt } from '../../files/output-folder';
import { writeFolder } from '../../files/write-together';
import { type Compartment, compartments, transferCompartments } from '../compartments';
import { Dataset } from '../dataset';
import { DatasetWriter } from '../dataset-writer';
import { defaultNormalization } from '../normalization';
import { size } from './canvas';
import { type Appearance, appearances, type Truth, truthColumns } from './cell';
import { drawScreen } from './crew';
import { medianDiameter } from './geometry';
import { readLikeLists } from './like';
import { requireOneOf, requireShare, requireWhole } from './option-checks';
import type { ScreenData } from './painter';
import { type Part, type PlannedProtein, parts, planLike, planScreen, type ScreenPlan } from './plan';
import { bytesPerCrop } from './stretch';
import { type Difficulty, difficulties, difficultyNumbers } from './traits';

export interface SimulateOptions {
  /** Folder that gets the datasets `train`, `validation` and `test`. */
  out: string;
  /** Crops over the three parts; default 9,000. Not together with `like`. */
  cells?: number;
  /** Proteins over the three parts; default one for every 40 cells. Not together with `like`. */
  proteins?: number;
  /** Default 0. */
  seed?: number;
  /** Default `paper`: see traits.ts for the numbers of each. */
  difficulty?: Difficulty;
  /** Label lists of a real screen, one to be split or three in the order of the parts: the same wells with as many cells. */
  like?: string | readonly string[];
  /** The four compartments of the transfer task instead of the twelve. */
  transfer?: boolean;
  /** Share of crops that are no good cell (column `quality`); default the difficulty's. */
  nonCells?: number;
  /** Share of proteins that live in two compartments (column `compartments`); default 0. */
  mixtures?: number;
  /** Default `crop`. */
  appearance?: Appearance;
  /** Default: as many as the process may use. The crops do not depend on it. */
  threads?: number;
  signal?: AbortSignal;
  onProgress?: (done: number, total: number) => void;
}

export interface SimulatedScreen {
  train: Dataset;
  validation: Dataset;
  test: Dataset;
}

/** Names of the channels: those of import. */
export const channels = ['rfp', 'gfp'] as const;

/**
 * Draws a screen of two-channel 64x64 crops and writes it as three datasets, split by protein 72/14/14. The same options
 * give the same bytes. The columns of cells.csv after the known ones hold what was planted in every crop.
 * Throws `invalid-argument`, `labels-invalid` (a label list), `output-exists`, `io-error`, `disk-full`, `aborted`.
 */
export async function simulate(options: SimulateOptions): Promise<SimulatedScreen> {
  const { out, signal, onProgress } = options;
  const seed = options.seed ?? 0;
  const difficulty = requireOneOf('difficulty', options.difficulty ?? 'paper', difficulties);
  const appearance = requireOneOf('appearance', options.appearance ?? 'crop', appearances);
  const nonCells = requireShare('nonCells', options.nonCells ?? difficultyNumbers[difficulty].nonCells);
  const mixtures = requireShare('mixtures', options.mixtures ?? 0);
  const threads = requireWhole('threads', options.threads ?? availableParallelism(), 1);
  throwIfAborted(signal);
  const plan = await makePlan(options, seed, mixtures);
  const screen: ScreenData = {
    seed,
    difficulty,
    nonCells,
    appearance,
    classes: plan.classes,
    proteins: plan.proteins.map(({ compartment, second }) => ({ compartment, second })),
    protein: Uint32Array.from(plan.cells, (cell) => cell.protein),
    plate: Uint32Array.from(plan.cells, (cell) => cell.plate),
    field: Uint32Array.from(plan.cells, (cell) => cell.field),
  };
  const provenance = { simulated: { seed, difficulty, nonCells, mixtures, appearance, cells: plan.cells.length } };
  for (const part of parts) await requireNothingAt(join(out, part));
  const writers = new Map<Part, DatasetWriter>();
  await writeFolder(out, async (folder) => {
    try {
      for (const part of parts)
        writers.set(
          part,
          await DatasetWriter.create(join(folder, part), {
            classes: [...plan.classes],
            channels: [...channels],
            size,
            normalization: defaultNormalization,
            provenance,
            cellDiameter: medianDiameter,
            extraColumns: truthColumns,
          }),
        );
      for await (const { start, images, truths } of drawScreen(screen, threads, signal)) {
        for (const [offset, truth] of truths.entries()) {
          const { part, cell } = describe(plan, start + offset, truth);
          const image = images.subarray(offset * bytesPerCrop, (offset + 1) * bytesPerCrop);
          await (writers.get(part) as DatasetWriter).append(image, cell);
        }
        onProgress?.(start + truths.length, plan.cells.length);
      }
      for (const writer of writers.values()) await writer.commit();
      for (const part of parts) await requireNothingAt(join(out, part));
    } catch (error) {
      for (const writer of writers.values()) await writer.abort();
      throw error;
    }
  });
  const opened = (part: Part) => Dataset.open(join(out, part));
  return { train: await opened('train'), validation: await opened('validation'), test: await opened('test') };
}

async function makePlan(options: SimulateOptions, seed: number, mixtures: number): Promise<ScreenPlan> {
  const classes: readonly Compartment[] = options.transfer ? transferCompartments : compartments;
  if (options.like !== undefined) {
    if (options.cells !== undefined || options.proteins !== undefined)
      throw new DeepYeastError(
        'invalid-argument',
        'label lists fix the numbers of cells and proteins: give either them or the numbers',
      );
    const lists = typeof options.like === 'string' ? [options.like] : options.like;
    return planLike(classes, await readLikeLists(lists, classes), mixtures, seed);
  }
  const cells = requireWhole('cells', options.cells ?? 9000, 1);
  const usual = Math.round(cells / 40);
  const proteins = options.proteins ?? Math.min(2000, Math.max(parts.length * classes.length, usual));
  return planScreen(classes, cells, requireWhole('proteins', proteins, 1), mixtures, seed);
}

function describe(plan: ScreenPlan, index: number, truth: Truth) {
  const planned = plan.cells[index] as ScreenPlan['cells'][number];
  const protein = plan.proteins[planned.protein] as PlannedProtein;
  const number = (value: number) => String(Math.round(value * 1000) / 1000);
  const cell = {
    cell: planned.name,
    label: plan.classes.indexOf(protein.compartment),
    protein: protein.name,
    plate: protein.plate,
    well: protein.well,
    field: planned.fieldName,
    x: '',
    y: '',
    source: 'simulated',
    quality: truth.quality,
    compartments: protein.second ? `${protein.compartment}+${protein.second}` : '',
    truth: truth.truth,
    looks: truth.looks,
    stage: truth.stage,
    diameter: number(truth.diameter),
    defocus: number(truth.defocus),
    psf: number(truth.psf),
    haze: number(truth.haze),
    photons_red: number(truth.photonsRed),
    photons_green: number(truth.photonsGreen),
    neighbours: number(truth.neighbours),
  };
  return { part: protein.part, cell };
}
