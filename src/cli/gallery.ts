import type { Command } from 'commander';
import { addExamples, type CommandContext, jsonOption, seedOption, wholeNumber, withContext } from './options';
import { formatTable } from './text-table';

interface GalleryCommandOptions {
  out: string;
  cells: number;
  seed: number;
}

/** `deepyeast gallery` */
export function register(program: Command): void {
  const command = program
    .command('gallery')
    .description('A picture of a labelled dataset: some cells of every class, the marker in red, the protein in green.')
    .argument('<data>', 'dataset folder')
    .option('--out <file.png>', 'the picture', 'gallery.png')
    .option('--cells <count>', 'cells of each class', wholeNumber(1, 100), 4)
    .addOption(seedOption())
    .addOption(jsonOption())
    .action(withContext<GalleryCommandOptions, [data: string]>(run));
  addExamples(command, 'deepyeast gallery data/test --cells 6 --out gallery.png');
}

async function run(context: CommandContext, options: GalleryCommandOptions, data: string): Promise<void> {
  const [{ Dataset }, { writeGallery }] = await Promise.all([
    import('../data/dataset.js'),
    import('../data/gallery.js'),
  ]);
  const { out, cells: cellsPerClass, seed } = options;
  const classes = await writeGallery(await Dataset.open(data), out, { cellsPerClass, seed });
  if (context.json) return context.printJson({ out, classes });
  await context.print(
    formatTable(
      ['class', 'cells', 'shown'],
      classes.map(({ name, cells, shown }) => [name, String(cells), String(shown.length)]),
    ),
  );
  context.say(out);
}
