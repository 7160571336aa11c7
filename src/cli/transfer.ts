import { type Command, Option } from 'commander';
import type { TransferReport } from '../transfer';
import { addModelOptions, batchOptions, type ModelOptions, withModel } from './model';
import { addExamples, type CommandContext, realNumber, seedOption, wholeNumber, withContext } from './options';
import type { Progress } from './progress';
import { formatTable, share } from './text-table';

interface TransferCommandOptions extends ModelOptions {
  training: string;
  validation: string;
  test: string;
  out: string;
  layer: string;
  sizes?: number[];
  draws: number;
  classic?: string;
  fineTune?: 'all' | 'dense';
  fineTuneSizes?: number[];
  fineTuneDraws?: number;
  fineTuneRate: number;
  fineTuneIterations: number;
  embedded: number;
  seed: number;
}

/** `deepyeast transfer` */
export function register(program: Command): void {
  const command = program
    .command('transfer')
    .description(
      'New compartments from few cells: forest and L1-regularised logistic regression on a layer of the network (and on ' +
        'classic features), and fine-tuning, trained on 1 to 500 cells a class in several nested draws.',
    )
    .requiredOption('--training <folder>', 'labelled dataset of the new compartments')
    .requiredOption('--validation <folder>', 'another, on which settings are picked')
    .requiredOption('--test <folder>', 'another, on which accuracy is measured')
    .requiredOption('--out <folder>', 'folder for transfer.json, learning-curve.csv and embedding.csv')
    .option('--layer <name>', "the network's features", 'fc1')
    .option('--sizes <counts>', "cells a class (default: the paper's 1,3,5,10,25,50,100,250,500)", countList)
    .option('--draws <count>', 'random draws a size', wholeNumber(1, 1000), 10)
    .option(
      '--classic <folder>',
      'classic features too: a folder with training, validation and test, each of `deepyeast features --classic`',
    )
    .addOption(
      new Option('--fine-tune <layers>', 'fine-tune the network too: all layers, or the dense ones').choices([
        'all',
        'dense',
      ]),
    )
    .option('--fine-tune-sizes <counts>', 'cells a class for it (default: as --sizes)', countList)
    .option('--fine-tune-draws <count>', 'draws for it (default: as --draws)', wholeNumber(1, 1000))
    .option('--fine-tune-rate <number>', 'its learning rate', realNumber(1e-9), 0.005)
    .option('--fine-tune-iterations <count>', 'its mini-batches', wholeNumber(1, 1_000_000), 200)
    .option('--embedded <count>', 'test cells in the t-SNE; 0: none', wholeNumber(0, 100_000), 1000)
    .addOption(seedOption())
    .action(withContext<TransferCommandOptions>(run));
  addModelOptions(command);
  addExamples(
    command,
    'deepyeast transfer --model runs/first --training new/train --validation new/validation --test new/test --out transferred',
  );
}

/** Parser of whole numbers between commas. */
function countList(text: string): number[] {
  return text.split(',').map((part) => wholeNumber(1, Number.MAX_SAFE_INTEGER)(part.trim()));
}

async function run(context: CommandContext, options: TransferCommandOptions): Promise<void> {
  const [{ Dataset }, { transfer }, { featuresOfDataset }, { join }] = await Promise.all([
    import('../data/dataset.js'),
    import('../transfer/index.js'),
    import('../features/dataset-features.js'),
    import('node:path'),
  ]);
  const data = {
    training: await Dataset.open(options.training),
    validation: await Dataset.open(options.validation),
    test: await Dataset.open(options.test),
  };
  const { classic: folder } = options;
  const classic = folder !== undefined && {
    training: await featuresOfDataset(join(folder, 'training'), data.training),
    validation: await featuresOfDataset(join(folder, 'validation'), data.validation),
    test: await featuresOfDataset(join(folder, 'test'), data.test),
  };
  // Made when it is known how much there is to do.
  const bars: Progress[] = [];
  const report = await withModel(context, options, async (network, model) => {
    const record = { model, trainingData: options.training, testData: options.test };
    const found = await transfer(network, data, options.out, {
      ...batchOptions(context, options),
      layer: options.layer,
      draws: options.draws,
      seed: options.seed,
      threads: options.threads,
      embeddedCells: options.embedded,
      record,
      ...(options.sizes && { sizes: options.sizes }),
      ...(classic && { classic }),
      ...(options.fineTune && {
        fineTuning: {
          layers: options.fineTune,
          learningRate: options.fineTuneRate,
          iterations: options.fineTuneIterations,
          device: { device: options.device, ...(options.threads !== undefined && { threads: options.threads }) },
          ...(options.fineTuneSizes && { sizes: options.fineTuneSizes }),
          ...(options.fineTuneDraws !== undefined && { draws: options.fineTuneDraws }),
        },
      }),
      onProgress: (done, total) => {
        if (bars.length === 0) bars.push(context.progress({ label: 'learning', total, unit: 'fits' }));
        bars[0]?.update(done);
      },
    });
    return { ...record, ...found };
  });
  bars[0]?.finish();
  if (context.json) return context.printJson(report);
  await context.print(summary(report));
  context.say(`transfer.json, learning-curve.csv and embedding.csv are in ${options.out}`);
}

function summary({ curve }: TransferReport): string {
  const sizes = [...new Set(curve.map(({ size }) => size))].sort((a, b) => a - b);
  const methods = [...new Set(curve.map((point) => nameOf(point)))];
  const rows = methods.map((method) => [
    method,
    ...sizes.map((size) => share(curve.find((point) => nameOf(point) === method && point.size === size)?.mean)),
  ]);
  return formatTable(['test cells right, by cells a class', ...sizes.map(String)], rows);
}

const nameOf = ({ classifier, features, selection }: TransferReport['curve'][number]) =>
  `${classifier}, ${features}, ${selection === 'fixed' ? 'fixed settings' : 'picked on validation'}`;
