import type { Command } from 'commander';
import type { CalibrationReport } from '../evaluation';
import { addModelOptions, batchOptions, type ModelOptions, withModel } from './model';
import { addExamples, type CommandContext, wholeNumber, withContext } from './options';
import { formatTable, share } from './text-table';

interface CalibrateCommandOptions extends ModelOptions {
  validation: string;
  test?: string;
  unseen?: string;
  out: string;
  bins: number;
}

/** `deepyeast calibrate` */
export function register(program: Command): void {
  const command = program
    .command('calibrate')
    .description(
      'Whether probabilities are right as often as they say: reliability diagram and expected calibration error, and the ' +
        'temperature that mends them, fitted on validation. With --unseen, how well the largest probability tells cells ' +
        'of compartments that the network never saw.',
    )
    .requiredOption('--validation <folder>', 'labelled dataset on which the temperature is fitted')
    .option('--test <folder>', 'labelled dataset on which it is tried')
    .option('--unseen <folder>', 'dataset of compartments that the network never saw')
    .requiredOption('--out <folder>', 'folder for calibration.json and reliability.csv')
    .option('--bins <count>', 'bins of the reliability diagram', wholeNumber(1, 1000), 15)
    .action(withContext<CalibrateCommandOptions>(run));
  addModelOptions(command);
  addExamples(
    command,
    'deepyeast calibrate --model runs/first --validation data/validation --test data/test --out calibrated',
    'deepyeast calibrate --model runs/first --validation data/validation --unseen actin/test --out calibrated',
  );
}

async function run(context: CommandContext, options: CalibrateCommandOptions): Promise<void> {
  const [{ Dataset }, { calibrateModel }] = await Promise.all([
    import('../data/dataset.js'),
    import('../evaluation/index.js'),
  ]);
  const validation = await Dataset.open(options.validation);
  const test = options.test === undefined ? undefined : await Dataset.open(options.test);
  const unseen = options.unseen === undefined ? undefined : await Dataset.open(options.unseen);
  const report = await withModel(context, options, async (network, model) => {
    const record = { model, validationData: options.validation, testData: options.test ?? null };
    const found = await calibrateModel(network, validation, options.out, {
      ...batchOptions(context, options),
      bins: options.bins,
      record,
      ...(test && { test }),
      ...(unseen && { unseen }),
    });
    return { ...record, ...found };
  });
  if (context.json) return context.printJson(report);
  await context.print(summary(report));
  context.say(`calibration.json and reliability.csv are in ${options.out}`);
}

function summary({ temperature, validation, test, unseen }: CalibrationReport): string {
  const row = (name: string, { before, after }: NonNullable<CalibrationReport['test']>) => [
    name,
    `${before.cells}`,
    share(before.accuracy),
    share(before.expectedCalibrationError),
    share(after.expectedCalibrationError),
    before.negativeLogLikelihood.toFixed(3),
    after.negativeLogLikelihood.toFixed(3),
  ];
  const rows = [row('validation', validation), ...(test ? [row('test', test)] : [])];
  const header = ['part', 'cells', 'right', 'ECE', 'ECE at T', 'NLL', 'NLL at T'];
  const lines = [
    `temperature ${temperature.toFixed(3)}, fitted on validation`,
    '',
    formatTable(header, rows).trimEnd(),
  ];
  if (unseen) {
    const middle = unseen.thresholds[9];
    lines.push(
      '',
      `unseen compartments: area under ROC ${unseen.areaUnderRoc?.toFixed(3) ?? '-'} over ${unseen.cells} cells; at ` +
        `--reject 0.5 ${share(middle?.unseenRejected)} of them are uncertain, ${share(middle?.answered)} of the known ` +
        `cells are answered, ${share(middle?.accuracyOfAnswered)} of these right`,
    );
  }
  return `${lines.join('\n')}\n`;
}
