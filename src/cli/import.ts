import type { Command } from 'commander';
import { exitStatus } from '../errors';
import {
  addImageSourceOptions,
  addNormalizationOptions,
  type ImageSourceOptions,
  type NormalizationOptions,
  planOptions,
  requestedNormalization,
} from './image-source';
import { addExamples, type CommandContext, jsonOption, withContext } from './options';
import type { Progress } from './progress';

interface ImportCommandOptions extends ImageSourceOptions, NormalizationOptions {
  out: string;
}

/** `deepyeast import` */
export function register(program: Command): void {
  const command = program
    .command('import')
    .description('make a dataset from images of cells (PNG, JPEG, TIFF)')
    .argument('<source>', 'folder of the images')
    .requiredOption('--out <folder>', 'folder of the new dataset');
  addNormalizationOptions(addImageSourceOptions(command)).addOption(jsonOption());
  addExamples(
    command,
    'deepyeast import deepyeast-images --labels HOwt_train.txt --out data/train',
    'deepyeast import sorted-by-class --out data/all',
    "deepyeast import wt2-cells --pattern '{protein}/{protein}_{field}_rfp_{cell}_{channel}.tif' \\",
    '    --channels rfp,gfp --classes proteins.csv --out data/wt2',
    'deepyeast import screen --rule-from model.safetensors --on-error skip --out data/screen',
  );
  command.action(withContext(run));
}

async function run(context: CommandContext, options: ImportCommandOptions, source: string): Promise<number> {
  const { importImages, skippedFile } = await import('../data/import.js');
  const plan = planOptions(source, options);
  const channels = plan.channels ?? [{ name: 'rfp' }, { name: 'gfp' }];
  let bar: Progress | undefined;
  let shown = '';
  const onProgress = (done: number, total: number, stage: 'measure' | 'import') => {
    if (stage !== shown) {
      bar?.finish();
      bar = context.progress({ label: stage === 'measure' ? 'measuring' : 'importing', total, unit: 'images' });
      shown = stage;
    }
    bar?.update(done);
  };
  const { dataset, skipped } = await importImages({
    ...plan,
    out: options.out,
    size: options.size,
    fit: options.fit,
    onError: options.onError,
    normalization: await requestedNormalization(options, channels),
    signal: context.signal,
    log: context.log,
    onProgress,
  });
  bar?.finish();
  const { classes, normalization, labels } = dataset;
  const counts = classes.map((name, index) => ({
    name,
    cells: labels.reduce((sum, label) => sum + (label === index ? 1 : 0), 0),
  }));
  if (context.json) {
    const { path, count, size, channels: names } = dataset;
    await context.printJson({
      dataset: path,
      cells: count,
      size,
      channels: names,
      classes: counts,
      normalization,
      skipped,
    });
  } else {
    context.say(
      `${dataset.count} cells in ${dataset.path}: ${counts.map(({ name, cells }) => `${name} ${cells}`).join(', ') || 'no classes'}`,
    );
    if (skipped.length > 0) context.say(`${skipped.length} images skipped: ${options.out}/${skippedFile}`);
  }
  return skipped.length > 0 ? exitStatus.skipped : 0;
}
