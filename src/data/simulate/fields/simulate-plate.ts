import { mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { throwIfAborted } from '../../../abort';
import { DeepYeastError } from '../../../errors';
import { AtomicFile, writeFileAtomically } from '../../../files/atomic-file';
import { formatCsvRow } from '../../../files/csv';
import { requireNothingAt } from '../../../files/output-folder';
import { compiledModule } from '../../../files/separate-process';
import { writeTiff } from '../../../files/tiff/write';
import { writeFolder } from '../../../files/write-together';
import { type Compartment, compartments, transferCompartments } from '../../compartments';
import { workInOrder } from '../in-order';
import { requireShare, requireWhole } from '../option-checks';
import type { DrawnField } from './draw-field';
import { type HarmonyChannel, harmonyImageName, harmonyIndex } from './harmony-export';
import { type PlateData, PlatePainter } from './plate-painter';
import { mostWells, type PlannedField, type PlannedWell, type PlatePlan, planPlates } from './plate-plan';
import { type FieldRequest, type PlantedFault, plantedFaults } from './request';
import type { FieldContents } from './simulate-field';
import { cellTruthColumns, cellTruthRows, plateMap, wellTruth } from './truth-table';

/** Which channel of the images holds what. */
export type ChannelNumbers = { rfp: number; gfp: number };

export interface SimulatePlateOptions extends FieldContents {
  /** Folder that gets images, masks and tables. */
  out: string;
  /** On each plate; default 24. */
  wells?: number;
  /** Default 2. */
  fieldsPerWell?: number;
  /** Default 1. */
  plates?: number;
  /** Default one for every well; fewer grow in several. */
  proteins?: number;
  /** Default 0. */
  seed?: number;
  /** Numbers of the channels in the images' names; default rfp (the marker) 3, gfp (the protein) 1. */
  channels?: ChannelNumbers;
  /** How many wells are wholly bad, by what is wrong with them; default none. */
  badWells?: Partial<Record<PlantedFault, number>>;
  /** Share of proteins that live in two compartments; default 0. */
  mixtures?: number;
  /** The four compartments of the transfer task instead of the twelve. */
  transfer?: boolean;
  /** Default: as many as the process may use. The fields do not depend on it. */
  threads?: number;
  signal?: AbortSignal;
  onProgress?: (done: number, total: number) => void;
}

export interface SimulatedPlate {
  path: string;
  plates: number;
  wells: number;
  fields: number;
  /** Labels over all masks. */
  cells: number;
}

const usualChannels: ChannelNumbers = { rfp: 3, gfp: 1 };
const usualFields = 2;
/** Micrometres a pixel where the magnification is 1: see ../geometry. */
const pixelSize = 0.12;

/**
 * Draws plates of micrographs whose truth is known, as Opera Phenix and Operetta export theirs: 16-bit TIFFs named as
 * Harmony names them with an Index.idx.xml in `Images` (of several plates in `plate01/Images`, ...), a label image of every
 * field in `masks`, `truth.csv` (what every label is), `wells.csv`, `plate-map.csv` (well, protein, class) and
 * `simulation.json` (the settings). The same options give the same bytes; the folder appears whole or not at all. In
 * plates, `outOfFocus` is the share over all fields: some fields have a part that is out of focus.
 * Throws `invalid-argument`, `output-exists`, `io-error`, `disk-full`, `aborted`.
 */
export async function simulatePlate(options: SimulatePlateOptions): Promise<SimulatedPlate> {
  const { out, signal } = options;
  const data = plateData(options);
  const { plan } = data;
  const channels = harmonyChannels(options.channels ?? usualChannels);
  const threads = requireWhole('threads', options.threads ?? availableParallelism(), 1);
  const painter = new PlatePainter(data);
  // Every number is checked before anything is drawn.
  const first = painter.request(0);
  const pixelSizes = plan.plates.map((_, plate) => sizeOfPixel(painter, plan, plate));
  throwIfAborted(signal);
  await requireNothingAt(out);
  const labels = await writeFolder(out, async (folder) => {
    const place = new PlateFolders(folder, plan);
    await place.make();
    const drawn = await drawFields(
      join(folder, 'truth.csv'),
      place,
      { data, painter, channels, pixelSizes, threads },
      options,
    );
    for (const plate of plan.plates.keys())
      await writeIndex(place, plan, plate, first, channels, pixelSizes[plate] as number);
    await writeFileAtomically(join(folder, 'plate-map.csv'), plateMap(plan));
    await writeFileAtomically(join(folder, 'wells.csv'), wellTruth(plan));
    await writeFileAtomically(join(folder, 'simulation.json'), describe(options, data, first));
    await requireNothingAt(out);
    return drawn;
  });
  return {
    path: out,
    plates: plan.plates.length,
    wells: plan.wells.length,
    fields: plan.fields.length,
    cells: labels,
  };
}

interface PlateDrawing {
  readonly data: PlateData;
  readonly painter: PlatePainter;
  readonly channels: readonly [HarmonyChannel, HarmonyChannel];
  /** Micrometres of each plate. */
  readonly pixelSizes: readonly number[];
  readonly threads: number;
}

/** Draws all fields, with their masks and the rows of truth.csv; the number of labels. */
async function drawFields(
  truth: string,
  place: PlateFolders,
  { data, painter, channels, pixelSizes, threads }: PlateDrawing,
  { signal, onProgress }: SimulatePlateOptions,
): Promise<number> {
  const { plan } = data;
  const cells = await AtomicFile.create(truth);
  try {
    await cells.write(formatCsvRow(cellTruthColumns));
    let labels = 0;
    let done = 0;
    const module = () => compiledModule(__dirname, 'field-process');
    const workshop = { module, data, here: () => (index: number) => painter.draw(index), ahead: 2 };
    const numbers = plan.fields.map((_, index) => index);
    for await (const drawn of workInOrder(numbers, workshop, threads, signal)) {
      const field = plan.fields[done] as PlannedField;
      await writeField(place, plan, field, drawn, channels, pixelSizes[plan.wells[field.well]?.plate ?? 0] as number);
      await cells.write(cellTruthRows(plan, field, drawn.cells));
      labels += drawn.cells.length;
      done++;
      onProgress?.(done, plan.fields.length);
    }
    await cells.commit();
    return labels;
  } finally {
    await cells.abort();
  }
}

/** Writes the Index.idx.xml of one plate. */
async function writeIndex(
  place: PlateFolders,
  plan: PlatePlan,
  plate: number,
  { width, height }: FieldRequest,
  channels: readonly HarmonyChannel[],
  micrometres: number,
): Promise<void> {
  const fields = plan.fields
    .map((field) => ({ ...field, well: plan.wells[field.well] as PlannedWell }))
    .filter(({ well }) => well.plate === plate)
    .map((field) => ({ ...field, x: field.x * width * micrometres, y: field.y * height * micrometres }));
  const about = {
    name: plan.plates[plate] as string,
    rows: plan.rows,
    columns: plan.columns,
    width,
    height,
    pixelSize: micrometres,
    channels: [...channels].sort((a, b) => a.number - b.number),
    wells: plan.wells.filter((well) => well.plate === plate),
    fields,
  };
  const index = await AtomicFile.create(place.image(plate, 'Index.idx.xml'));
  try {
    for (const piece of harmonyIndex(about)) await index.write(piece);
    await index.commit();
  } finally {
    await index.abort();
  }
}

/** Where the files of each plate are: one plate's stand in the folder itself. */
class PlateFolders {
  readonly #folder: string;
  readonly #plates: readonly string[];

  constructor(folder: string, { plates }: PlatePlan) {
    this.#folder = folder;
    this.#plates = plates.length === 1 ? [''] : plates;
  }

  async make(): Promise<void> {
    for (const plate of this.#plates) {
      await mkdir(join(this.#folder, plate, 'Images'), { recursive: true });
      await mkdir(join(this.#folder, 'masks', plate), { recursive: true });
    }
  }

  image(plate: number, name: string): string {
    return join(this.#folder, this.#plates[plate] as string, 'Images', name);
  }

  mask(plate: number, name: string): string {
    return join(this.#folder, 'masks', this.#plates[plate] as string, name);
  }
}

async function writeField(
  place: PlateFolders,
  plan: PlatePlan,
  { well, field }: PlannedField,
  drawn: DrawnField,
  channels: readonly [HarmonyChannel, HarmonyChannel],
  micrometres: number,
): Promise<void> {
  const planned = plan.wells[well] as PlannedWell;
  const { plate } = planned;
  const size = { pixelSize: { x: micrometres, y: micrometres } };
  const [red, green] = channels.map(({ number }) => harmonyImageName(planned, field, number)) as [string, string];
  await writeTiff(place.image(plate, red), [drawn.red], size);
  await writeTiff(place.image(plate, green), [drawn.green], size);
  const { width, height } = drawn.red;
  const labels = drawn.cells.length < 2 ** 16 ? Uint16Array.from(drawn.labels) : drawn.labels;
  const mask = place.mask(plate, red.replace(/\.tiff$/, '_mask.tiff'));
  await writeTiff(mask, [{ width, height, data: labels }], { ...size, deflate: true });
}

/** Everything that decides what is drawn: `invalid-argument` for what cannot be. */
function plateData(options: SimulatePlateOptions): PlateData {
  const classes: readonly Compartment[] = options.transfer ? transferCompartments : compartments;
  const plates = requireWhole('plates', options.plates ?? 1, 1, 99);
  const wells = requireWhole('wells', options.wells ?? 24, 1, mostWells);
  const faults = options.badWells ?? {};
  for (const [kind, count] of Object.entries(faults)) {
    if (!(plantedFaults as readonly string[]).includes(kind))
      throw new DeepYeastError('invalid-argument', `badWells has "${kind}", expected ${plantedFaults.join(', ')}`);
    requireWhole(`badWells.${kind}`, count, 0);
  }
  const seed = requireWhole('seed', options.seed ?? 0, 0);
  const size = {
    plates,
    wells,
    fieldsPerWell: requireWhole('fieldsPerWell', options.fieldsPerWell ?? usualFields, 1, 99),
    proteins: requireWhole('proteins', options.proteins ?? plates * wells, 1, plates * wells),
    mixtures: requireShare('mixtures', options.mixtures ?? 0),
    faults,
  };
  const contents: Record<string, unknown> = {};
  for (const name of contentNames) if (options[name] !== undefined) contents[name] = options[name];
  return { seed, contents: { outOfFocus: usualLost, ...contents }, plan: planPlates(classes, size, seed) };
}

/** Share of all fields' area that is out of focus. */
const usualLost = 0.02;

const contentNames = [
  'size',
  'cells',
  'diameter',
  'noise',
  'difficulty',
  'clumped',
  'budded',
  'dead',
  'otherPlane',
  'debris',
  'outOfFocus',
  'vignetting',
] as const satisfies readonly (keyof FieldContents)[];

function sizeOfPixel(painter: PlatePainter, plan: PlatePlan, plate: number): number {
  const well = plan.wells.findIndex((planned) => planned.plate === plate);
  const field = plan.fields.findIndex((planned) => planned.well === well);
  return pixelSize / painter.request(field).plate.magnification;
}

/** The marker's channel and the protein's. */
function harmonyChannels({ rfp, gfp }: ChannelNumbers): [HarmonyChannel, HarmonyChannel] {
  requireWhole('channels.rfp', rfp, 1, 9);
  requireWhole('channels.gfp', gfp, 1, 9);
  if (rfp === gfp)
    throw new DeepYeastError('invalid-argument', `both channels have the number ${rfp}, expected two numbers`);
  return [
    { number: rfp, name: 'mCherry', excitation: 561, emission: 599 },
    { number: gfp, name: 'EGFP', excitation: 488, emission: 522 },
  ];
}

/** simulation.json: every number that decided what was drawn. */
function describe(options: SimulatePlateOptions, { seed, contents, plan }: PlateData, first: FieldRequest): string {
  const { channels = usualChannels, badWells = {}, mixtures = 0, fieldsPerWell = usualFields } = options;
  const { plates, wells, classes } = plan;
  const { width, height, noise, clumped, dead, otherPlane, debris, vignetting, difficulty } = first;
  const settings = {
    ...{
      seed,
      plates: plates.length,
      wells: wells.length / plates.length,
      fieldsPerWell,
      channels,
      badWells,
      mixtures,
    },
    // null: what the plates' own numbers make of it.
    ...{
      difficulty,
      width,
      height,
      cells: contents.cells ?? null,
      diameter: contents.diameter ?? null,
      noise,
      clumped,
    },
    ...{ budded: contents.budded ?? null, dead, otherPlane, debris, outOfFocus: contents.outOfFocus, vignetting },
  };
  return `${JSON.stringify({ simulated: settings, classes }, null, 2)}\n`;
}
