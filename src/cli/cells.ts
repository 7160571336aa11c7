import { type Command, Option } from 'commander';
import { exitStatus } from '../errors';
import { requestedNormalization } from './image-source';
import { lateProgress } from './late-progress';
import { addExamples, type CommandContext, jsonOption, threadsOption, wholeNumber, withContext } from './options';
import { addPlateOptions, channelMap, type PlateCommandOptions } from './plate-options';

interface CellsCommandOptions extends PlateCommandOptions {
  out: string;
  masks?: string;
  zarrLabels?: string;
  overlays?: string;
  size: number;
  model?: string;
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
    .option('--masks <folder>', 'write a label image a field (TIFF)')
    .option('--zarr-labels <name>', 'write the label images into the OME-Zarr plate itself, as labels of this name')
    .option('--overlays <folder>', 'write a picture a field with outlines and numbers (PNG)')
    .addOption(
      new Option('--size <pixels>', 'width and height of the crops').default(64).argParser(wholeNumber(1, 1024)),
    )
    .addOption(
      new Option(
        '--model <model>',
        'resample so that cells are as wide as those that this model was trained on',
      ).conflicts('cellDiameter'),
    )
    .addOption(
      new Option('--on-error <what>', 'a field that cannot be used: stop, or skip it (listed, exit status 5)')
        .choices(['stop', 'skip'])
        .default('stop'),
    );
  addPlateOptions(command).addOption(threadsOption()).addOption(jsonOption());
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
  const bar = lateProgress(context, { label: 'cells', unit: 'fields', goesOn: true });
  const result = await cellsOfPlates({
    ...rest,
    sources,
    channels: channelMap(channels),
    cellDiameter,
    normalization: await requestedNormalization(options, channels),
    signal: context.signal,
    log: context.log,
    onProgress: bar.update,
  });
  bar.finish();
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
