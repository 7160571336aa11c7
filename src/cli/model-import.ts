import { type Command, Option } from 'commander';
import { DeepYeastError } from '../errors';
import { parseNumber } from '../files/number';
import {
  addExamples,
  type CommandContext,
  jsonOption,
  nameList,
  realNumber,
  wholeNumber,
  withContext,
} from './options';
import { alignedRows } from './text-table';

interface ImportCommandOptions {
  out: string;
  format?: 'keras' | 'caffe';
  prototxt?: string;
  mean?: string;
  scale?: number;
  epsilon?: number;
  imageSize?: number;
  classes?: string;
  channels?: string[];
  licence?: string;
}

/** `deepyeast model import` */
export function registerImport(program: Command): void {
  const command = program
    .command('import')
    .description(
      'Take over a network from Keras 2 (.h5, .hdf5: weights or whole model) or Caffe (.caffemodel with --prototxt) as a ' +
        'model file of deepyeast.',
    )
    .argument('<weights>', "the other program's file")
    .requiredOption('--out <file>', 'model file to write (.safetensors)')
    .addOption(new Option('--format <name>', 'default: by the ending of the file').choices(['keras', 'caffe']))
    .option('--prototxt <file>', 'Caffe: the layers')
    .option('--mean <value>', 'subtracted from the pixels: a number (Keras: 127.5), or for Caffe a .binaryproto image')
    .addOption(
      new Option('--scale <factor>', 'multiplied after that (Keras: 1/127.5; Caffe: what the prototxt says)').argParser(
        realNumber(0),
      ),
    )
    .addOption(
      new Option(
        '--epsilon <number>',
        'Keras weights alone: of the batch normalizations (default 0.001; a whole model says its own)',
      ).argParser(realNumber(0)),
    )
    .addOption(
      new Option(
        '--image-size <pixels>',
        'width of the images it was trained on, where the file does not say it; another one than it says is refused',
      ).argParser(wholeNumber(1, 4096)),
    )
    .option('--classes <names>', 'class names in the order of the outputs, between commas, or a table of classes')
    .addOption(
      new Option('--channels <names>', "channel names in the order of the network's input (two: rfp,gfp)").argParser(
        nameList,
      ),
    )
    .option('--licence <spdx>', 'licence of the weights, kept in the model: MIT, CC-BY-4.0 ...')
    .addOption(jsonOption())
    .action(withContext<ImportCommandOptions>(run));
  addExamples(
    command,
    'deepyeast model import deepyeast-weights-22-0.902.hdf5 --licence MIT --out deepyeast.safetensors',
    'deepyeast model import snapshot.caffemodel --prototxt train.prototxt --mean mean.binaryproto --out model.safetensors',
  );
}

async function run(context: CommandContext, options: ImportCommandOptions, path?: string): Promise<void> {
  const file = path as string;
  const [{ importCaffe, importKeras }, { writeModel }, { describeModel }] = await Promise.all([
    import('../network/exchange/index.js'),
    import('../network/checkpoint.js'),
    import('../network/model-description.js'),
  ]);
  const { scale, epsilon, channels, imageSize } = options;
  const common = {
    ...(scale !== undefined && { scale }),
    ...(channels && { channels }),
    ...(imageSize !== undefined && { imageSize }),
    log: context.log,
    ...(options.classes !== undefined && { classes: await classNames(options.classes) }),
  };
  const number = parseNumber(options.mean ?? '') ?? Number.NaN;
  let model: Awaited<ReturnType<typeof importKeras>>;
  if (formatOf(file, options) === 'keras') {
    if (options.mean !== undefined && Number.isNaN(number)) {
      throw new DeepYeastError(
        'invalid-argument',
        `--mean is "${options.mean}"; expected a number for a Keras network`,
      );
    }
    model = await importKeras(file, {
      ...common,
      ...(epsilon !== undefined && { epsilon }),
      ...(!Number.isNaN(number) && { mean: number }),
    });
  } else {
    if (options.prototxt === undefined) {
      throw new DeepYeastError('invalid-argument', `${file} is of Caffe; expected its layers as well: --prototxt FILE`);
    }
    const mean = Number.isNaN(number) ? options.mean : number;
    model = await importCaffe(file, { ...common, prototxt: options.prototxt, ...(mean !== undefined && { mean }) });
  }
  if (options.licence !== undefined) model.about = { ...model.about, licence: options.licence };
  await writeModel(options.out, model);
  const description = await describeModel(options.out);
  if (context.json) await context.printJson(description);
  context.say(
    alignedRows([
      ['read', `${file} (${description.about?.source?.format})`],
      ['layers', String(description.layers.length)],
      ['parameters', description.parameters.toLocaleString('en-US')],
      ['input', `${description.imageSize} x ${description.imageSize}, ${description.input?.channels.join(', ')}`],
      ['classes', `${description.classes.length}: ${description.classes.join(', ')}`],
      ['written', options.out],
    ]),
  );
}

function formatOf(file: string, { format, prototxt }: ImportCommandOptions): 'keras' | 'caffe' {
  if (format !== undefined) return format;
  if (/\.(h5|hdf5|keras)$/i.test(file)) return 'keras';
  if (prototxt !== undefined || /\.caffemodel$/i.test(file)) return 'caffe';
  throw new DeepYeastError(
    'invalid-argument',
    `${file} ends neither in .h5, .hdf5 nor .caffemodel; say what it is: --format keras or --format caffe`,
  );
}

/** Names between commas; or a file with a table of classes, as `deepyeast import --classes` takes it. */
async function classNames(text: string): Promise<string[]> {
  if (!/\.(txt|csv|tsv)$/i.test(text)) return nameList(text);
  const { readClassTable } = await import('../data/label-list.js');
  return [...(await readClassTable(text)).classes];
}
