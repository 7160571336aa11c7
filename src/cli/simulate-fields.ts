import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  type ChannelNumbers,
  type PlantedFault,
  plantedFaults,
  type SimulatePlateOptions,
  simulatePlate,
} from '../data/simulate/fields';
import { DeepYeastError } from '../errors';
import { parseNumber } from '../files/number';
import { lateProgress } from './late-progress';
import { type CommandContext, realNumber, wholeNumber } from './options';

/** Options of `deepyeast simulate --fields`. */
export interface FieldsCommandOptions {
  wells?: number;
  fieldsPerWell?: number;
  plates?: number;
  channels?: ChannelNumbers;
  badWells?: Partial<Record<PlantedFault, number>>;
  fieldSize?: number;
  cellsPerField?: number;
  diameter?: number;
  noise?: number;
  clumped?: number;
  budded?: number;
  dead?: number;
  otherPlane?: number;
  debris?: number;
  outOfFocus?: number;
  vignetting?: number;
}

const only = 'with --fields: ';

/** The options that say something of whole fields alone. */
const fieldOptions = [
  new Option('--wells <number>', `${only}wells of each plate (default: 24)`).argParser(wholeNumber(1, 1536)),
  new Option('--fields-per-well <number>', `${only}default: 2`).argParser(wholeNumber(1, 99)),
  new Option('--plates <number>', `${only}default: 1`).argParser(wholeNumber(1, 99)),
  new Option('--channels <roles>', `${only}numbers of the channels (default: rfp=ch3,gfp=ch1)`).argParser(
    channelNumbers,
  ),
  new Option('--bad-wells <kind=count,...>', `${only}wells of the kinds ${plantedFaults.join(', ')}`).argParser(
    badWells,
  ),
  new Option('--field-size <pixels>', `${only}pixels along a side (default: 1080)`).argParser(wholeNumber(64, 8192)),
  new Option('--cells-per-field <number>', `${only}default: as many as cover a fifth of the field`).argParser(
    wholeNumber(0, 1e6),
  ),
  new Option('--diameter <pixels>', `${only}median of the cells (default: the plate's, 31 to 51)`).argParser(
    realNumber(8, 100),
  ),
  new Option('--noise <factor>', `${only}over that of the simulated crops (default: 1)`).argParser(
    realNumber(0.01, 10),
  ),
  new Option('--clumped <share>', `${only}cells that lie in clumps (default: 0.8)`).argParser(realNumber(0, 1)),
  new Option('--budded <share>', `${only}cells with a bud (default: 0.34)`).argParser(realNumber(0, 1)),
  new Option('--dead <share>', `${only}dead cells (default: 0.03)`).argParser(realNumber(0, 1)),
  new Option('--other-plane <share>', `${only}cells in another plane, over the others (default: 0.06)`).argParser(
    realNumber(0, 1),
  ),
  new Option('--debris <share>', `${only}heaps of debris, over the cells (default: 0.06)`).argParser(realNumber(0, 1)),
  new Option('--out-of-focus <share>', `${only}area that is out of focus (default: 0.02)`).argParser(realNumber(0, 1)),
  new Option('--vignetting <share>', `${only}light that is missing in the darkest corner (default: 0.3)`).argParser(
    realNumber(0, 1),
  ),
];

/** Adds --fields and its options. */
export function addFieldOptions(command: Command): void {
  command.addOption(
    new Option(
      '--fields',
      'whole fields of view instead: images named as by Harmony, truth masks, plate map',
    ).conflicts(['cells', 'like', 'nonCells', 'appearance', 'preview']),
  );
  for (const option of fieldOptions) command.addOption(option);
}

/** Refuses options of fields where there are none. */
export function requireNoFieldOptions(options: Record<string, unknown>): void {
  const given = fieldOptions.find((option) => options[option.attributeName()] !== undefined);
  if (given) throw new DeepYeastError('invalid-argument', `${given.long} is of whole fields: give --fields as well`);
}

/** Draws plates of fields, and says what was made. */
export async function simulateFields(
  context: CommandContext,
  { fieldSize, cellsPerField, ...options }: FieldsCommandOptions & Omit<SimulatePlateOptions, 'size' | 'cells'>,
): Promise<void> {
  const bar = context.json ? undefined : lateProgress(context, { label: 'simulate', unit: 'fields' });
  const plate = await simulatePlate({
    ...options,
    ...(fieldSize !== undefined && { size: fieldSize }),
    ...(cellsPerField !== undefined && { cells: cellsPerField }),
    signal: context.signal,
    onProgress: (done, total) => bar?.update(done, total),
  });
  bar?.finish();
  const { path, plates, wells, fields, cells } = plate;
  const onPlates = plates === 1 ? '' : ` on ${plates} plates`;
  context.say(`${path}: ${fields} fields of ${wells} wells${onPlates}, ${cells} cells`);
  if (context.json) await context.printJson(plate);
}

/** `rfp=ch3,gfp=1` */
function channelNumbers(text: string): ChannelNumbers {
  const numbers = keyedNumbers(text.replaceAll(/=\s*ch/g, '='));
  const { rfp, gfp } = numbers ?? {};
  if (rfp === undefined || gfp === undefined || Object.keys(numbers ?? {}).length !== 2)
    throw new InvalidArgumentError('Expected the numbers of both channels, such as rfp=ch3,gfp=ch1.');
  return { rfp, gfp };
}

/** `empty=1,saturated=2` */
function badWells(text: string): Partial<Record<PlantedFault, number>> {
  const counts = keyedNumbers(text);
  if (!counts || Object.keys(counts).some((kind) => !(plantedFaults as readonly string[]).includes(kind)))
    throw new InvalidArgumentError(
      `Expected kinds with a number, such as empty=1; kinds: ${plantedFaults.join(', ')}.`,
    );
  return counts as Partial<Record<PlantedFault, number>>;
}

/** Names with whole numbers, each name once; undefined for anything else. */
function keyedNumbers(text: string): Record<string, number> | undefined {
  const pairs = text.split(',').map((pair) => /^\s*([a-z-]+)\s*=\s*(\d{1,6})\s*$/.exec(pair));
  const numbers = new Map<string, number>();
  for (const pair of pairs) {
    if (!pair || numbers.has(pair[1] as string)) return undefined;
    numbers.set(pair[1] as string, parseNumber(pair[2] as string) ?? Number.NaN);
  }
  return Object.fromEntries(numbers);
}
