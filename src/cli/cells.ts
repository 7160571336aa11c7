import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ChannelChoice } from '../data/image-file';
import { exitStatus } from '../errors';
import { type Layout, layouts } from '../fields/layout';
import { type CellFlag, cellFlags } from '../fields/measure';
import {
  addNormalizationOptions,
  type NormalizationOptions,
  parseChannels,
  requestedNormalization,
} from './image-source';
import {
  addExamples,
  type CommandContext,
  jsonOption,
  nameList,
  realNumber,
  threadsOption,
  wholeNumber,
  withContext,
} from './options';
import type { Progress } from './progress';

interface CellsCommandOptions extends NormalizationOptions {
  out: string;
  channels: ChannelChoice[];
  layout?: Layout | 'auto';
  pattern?: string;
  plateMap?: string;
  classes?: string;
  z?: 'best' | 'max' | number;
  t?: number;
  diameter?: number | 'auto';
  buds?: 'apart' | 'with-mother';
  masks?: string;
  masksFrom?: string;
  masksPattern?: string;
  zarrLabels?: string;
  overlays?: string;
  size: number;
  pixelSize?: number;
  fieldPixelSize?: number;
  cellDiameter?: number;
  model?: string;
  drop?: CellFlag[];
  onError: 'stop' | 'skip';
  threads?: number;
}

/** `deepyeast cells` */
export function register(program: Command): void {
  const command = program
    .command('cells')
    .description('make a dataset of the cells in fields of view: find (or take masks), measure, cut')
    .argument('<plate...>', 'folders of micrographs, as the microscope wrote them')
    .requiredOption(
      '--out <folder>',
      'folder of the new dataset; what is done before its end lies in FOLDER.unfinished',
    )
    .addOption(
      new Option(
        '--channels <names>',
        'which channel is what, the cytosolic marker first, as in rfp=ch3,gfp=ch1: number or name of the channel',
      )
        .argParser(parseChannels)
        .makeOptionMandatory(),
    )
    .addOption(
      new Option('--layout <name>', 'how the microscope names its files (default: told from the names)').choices([
        'auto',
        ...layouts,
      ]),
    )
    .option(
      '--pattern <pattern>',
      'how paths are made up instead; {plate} {well} or {row} and {column}, {field} {channel} {z} {t} {protein} and any other name',
    )
    .option('--plate-map <table>', 'CSV or TSV with the columns well and, as far as known, plate, protein, class, ...')
    .option('--classes <file>', 'a CSV "protein,class", where the plate map has no classes')
    .addOption(
      new Option(
        '--z <plane>',
        'of a z-stack the sharpest plane, the maximum of all, or the one of this number',
      ).argParser(parsePlane),
    )
    .addOption(new Option('--t <time>', 'time point, where there are several').argParser(wholeNumber(0, 1e6)))
    .addOption(
      new Option(
        '--diameter <pixels>',
        'of a typical cell in the fields, or auto: measured on a few fields (default: auto)',
      ).argParser(parseDiameter),
    )
    .addOption(
      new Option('--buds <policy>', 'whether a bud is a cell of its own (default: apart)').choices([
        'apart',
        'with-mother',
      ]),
    )
    .option('--masks <folder>', 'write a label image a field (TIFF)')
    .option('--zarr-labels <name>', 'write the label images into the OME-Zarr plate itself, as labels of this name')
    .option('--overlays <folder>', 'write a picture a field with outlines and numbers (PNG)')
    .option('--masks-from <folder>', 'take the masks of another program instead: TIFF, PNG or .npy, one a field')
    .option(
      '--masks-pattern <pattern>',
      'how the names of those masks are made up (default: as the images, with _mask, ...)',
    )
    .addOption(
      new Option('--size <pixels>', 'width and height of the crops').default(64).argParser(wholeNumber(1, 1024)),
    )
    .addOption(
      new Option('--pixel-size <micrometres>', 'of the crops: fields are resampled to it').argParser(
        realNumber(1e-3, 1e3),
      ),
    )
    .addOption(
      new Option(
        '--field-pixel-size <micrometres>',
        'of the fields, where their files do not say it (or not rightly)',
      ).argParser(realNumber(1e-3, 1e3)),
    )
    .addOption(
      new Option('--cell-diameter <pixels>', 'resample so that a typical cell is so wide in the crops')
        .argParser(realNumber(2, 1e3))
        .conflicts('model'),
    )
    .option('--model <model>', 'resample so that cells are as wide as those that this model was trained on')
    .addOption(
      new Option('--drop <flags>', `leave out cells with one of these flags: ${cellFlags.join(', ')}`).argParser(
        parseFlags,
      ),
    )
    .addOption(
      new Option('--on-error <what>', 'a field that cannot be used: stop, or skip it (listed, exit status 5)')
        .choices(['stop', 'skip'])
        .default('stop'),
    );
  addNormalizationOptions(command).addOption(threadsOption()).addOption(jsonOption());
  addExamples(
    command,
    'deepyeast cells PLATE --channels rfp=ch3,gfp=ch1 --plate-map map.csv --out data/cells --overlays look',
    "deepyeast cells fields --pattern '{plate}_{well}_s{field}_w{channel}.tif' --channels rfp=2,gfp=1 --out data/cells --masks masks",
    'deepyeast cells PLATE --masks-from cellpose --channels rfp=ch3,gfp=ch1 --drop dead,merged --out data/cells',
  );
  command.action(withContext(run));
}

async function run(context: CommandContext, options: CellsCommandOptions, ...plates: string[]): Promise<number> {
  const { cellsOfPlates, skippedFieldsFile } = await import('../fields/cells.js');
  const { channels, model, ruleFrom: _, ...rest } = options;
  const sources = plates.flat();
  const { modelCellDiameter } = await import('../network/cell-diameter.js');
  const cellDiameter = model === undefined ? options.cellDiameter : await modelCellDiameter(model);
  let bar: Progress | undefined;
  const result = await cellsOfPlates({
    ...rest,
    sources,
    channels: new Map(channels.map(({ name, plane = name }) => [name, plane])),
    cellDiameter,
    normalization: await requestedNormalization(options, channels),
    signal: context.signal,
    log: context.log,
    onProgress: (done, total) => {
      bar ??= context.progress({ label: 'cells', total, unit: 'fields' }, done);
      bar.update(done);
    },
  });
  bar?.finish();
  const { dataset, fields, skipped, empty, diameter } = result;
  const counts = dataset.classes.map((name, index) => ({
    name,
    cells: dataset.labels.reduce((sum, label) => sum + (label === index ? 1 : 0), 0),
  }));
  if (context.json) {
    const { path, count, size, channels: names, normalization } = dataset;
    await context.printJson({
      dataset: path,
      cells: count,
      dropped: result.cells - count,
      fields,
      empty,
      skipped,
      diameter: diameter ?? null,
      size,
      channels: names,
      classes: counts,
      normalization,
    });
  } else {
    const classes = counts.map(({ name, cells }) => `${name} ${cells}`).join(', ');
    const dropped = result.cells - dataset.count;
    context.say(
      `${dataset.count} cells of ${fields} fields in ${dataset.path}${dropped > 0 ? ` (${dropped} dropped)` : ''}: ${classes || 'no classes'}`,
    );
    if (skipped.length > 0) context.say(`${skipped.length} fields skipped: ${options.out}/${skippedFieldsFile}`);
  }
  return skipped.length > 0 ? exitStatus.skipped : 0;
}

function parsePlane(text: string): 'best' | 'max' | number {
  return text === 'best' || text === 'max' ? text : wholeNumber(0, 1e6)(text);
}

function parseDiameter(text: string): number | 'auto' {
  return text === 'auto' ? text : realNumber(2, 1e4)(text);
}

function parseFlags(text: string): CellFlag[] {
  return nameList(text).map((name) => {
    const flag = cellFlags.find((known) => known === name);
    if (flag === undefined) throw new InvalidArgumentError(`Expected flags among ${cellFlags.join(', ')}.`);
    return flag;
  });
}
