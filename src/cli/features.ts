import { type Command, Option } from 'commander';
import { exitStatus } from '../errors';
import { type Stage, type Summary, stages, summaries } from '../features/extraction';
import { addCellSourceOptions, type CellSourceOptions, openCellSource, type SkippedCell } from './cell-source';
import { addModelOptions, batchOptions, type ModelOptions, withModel } from './model';
import { addExamples, type CommandContext, withContext } from './options';

interface FeaturesCommandOptions extends ModelOptions, CellSourceOptions {
  data: string;
  layer: string;
  stage: Stage;
  summary: Summary;
  out: string;
}

/** `deepyeast features` */
export function register(program: Command): void {
  const command = program
    .command('features')
    .description(
      "A layer's outputs for every cell: features.npy (float32, one row a cell) beside cells.csv, and features.json, " +
        'which says layer, stage and model.',
    )
    .requiredOption('--data <source>', 'dataset folder, or a folder of images')
    .requiredOption('--layer <name>', 'conv1_1 ... fc1 ...; the last one gives the logits')
    .addOption(
      new Option(
        '--stage <name>',
        'which value of the layer: its own output, after normalization, after ReLU, after the pool',
      )
        .choices(stages)
        .default('activated'),
    )
    .addOption(
      new Option(
        '--summary <kind>',
        "of a convolution's maps: each unit's maximum over positions, its mean, both (maxima, then means), or whole maps",
      )
        .choices(summaries)
        .default('maximum'),
    )
    .requiredOption('--out <folder>', 'folder for the three files')
    .action(withContext<FeaturesCommandOptions>(run));
  addModelOptions(addCellSourceOptions(command));
  addExamples(
    command,
    'deepyeast features --model runs/first --data data/test --layer fc1 --out features/fc1',
    'deepyeast features --model runs/first --data data/test --layer conv3_4 --summary both --out features/conv3_4',
  );
}

async function run(context: CommandContext, options: FeaturesCommandOptions): Promise<number> {
  const [{ describeSource }, { writeFeatures }] = await Promise.all([
    import('../evaluation/index.js'),
    import('../features/extraction.js'),
  ]);
  const skipped: SkippedCell[] = [];
  const source = await openCellSource(context, options.data, options, { defaultPattern: '*', skipped });
  const { count } = describeSource(source);
  const bar = context.progress({ label: options.layer, total: count, unit: 'cells' });
  const result = await withModel(context, options, async (network, model) => {
    const record = { model, data: { path: options.data, cells: count }, skipped };
    const { layer, stage, summary } = options;
    const description = await writeFeatures(network, source, options.out, {
      ...batchOptions(context, options),
      layer,
      stage,
      summary,
      record,
      onProgress: (done) => bar.update(done),
    });
    return { ...record, ...description };
  });
  bar.finish();
  if (context.json) await context.printJson(result);
  context.say(`${options.layer} (${result.stage}) [${result.shape.join(', ')}] is in ${options.out}/features.npy`);
  if (skipped.length > 0) context.say(`${skipped.length} images skipped`);
  return skipped.length > 0 ? exitStatus.skipped : 0;
}
