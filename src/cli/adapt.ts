import type { Command } from 'commander';
import type { Adaptation } from '../training/adaptation';
import { addModelOptions, type ModelOptions, withModel } from './model';
import { addExamples, type CommandContext, realNumber, wholeNumber, withContext } from './options';
import { formatTable, share as percent } from './text-table';

interface AdaptCommandOptions extends ModelOptions {
  data: string;
  out: string;
  layers: number;
  share: number;
}

/** `deepyeast adapt` */
export function register(program: Command): void {
  const command = program
    .command('adapt')
    .description(
      'Fit a model to the images of another microscope, without labels, from a hundred cells on: statistics of its first ' +
        'layers move to those of the new cells. Try both models on labelled wells before you rely on either.',
    )
    .requiredOption('--data <dataset>', 'cells of the new microscope; labels are not read')
    .requiredOption('--out <file>', 'model file to write (.safetensors)')
    .option('--layers <count>', 'convolutions, from the first on, that are fitted', wholeNumber(1, 4096), 1)
    .option(
      '--share <number>',
      'how far their statistics move to those of the new cells, at most 1',
      realNumber(1e-6),
      0.5,
    )
    .action(withContext<AdaptCommandOptions>(run));
  addModelOptions(command);
  addExamples(command, 'deepyeast adapt --model runs/first --data data/new --out adapted.safetensors');
}

async function run(context: CommandContext, options: AdaptCommandOptions): Promise<void> {
  const [{ Dataset }, { adaptModel }] = await Promise.all([
    import('../data/dataset.js'),
    import('../training/adapt-model.js'),
  ]);
  const data = await Dataset.open(options.data);
  const adaptation = await withModel(context, options, (network) =>
    adaptModel(network, options.model, data, options.out, {
      layers: options.layers,
      share: options.share,
      allowRuleMismatch: options.allowRuleMismatch ?? false,
      signal: context.signal,
    }).then((found) => ({ ...found, classes: network.classes })),
  );
  if (context.json) return context.printJson({ path: options.out, ...adaptation });
  await context.print(table(adaptation));
  context.say(
    `${percent(adaptation.changed / adaptation.cells)} of ${adaptation.cells} cells are called otherwise than before; ` +
      `statistics of ${adaptation.layers.join(', ')} moved by ${adaptation.share}; ${options.out} is the model`,
  );
}

function table({ calls, classes, cells }: Adaptation & { classes: readonly string[] }): string {
  const rows = calls.map((count, label) => [classes[label] as string, String(count), percent(count / cells)]);
  return formatTable(['called before', 'cells', 'share'], rows);
}
