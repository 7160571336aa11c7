import type { Command } from 'commander';
import type { Explanation } from '../features/explain';
import { addModelOptions, batchOptions, type ModelOptions, withModel } from './model';
import { addExamples, type CommandContext, nameList, seedOption, wholeNumber, withContext } from './options';
import { formatTable, share } from './text-table';

interface ExplainCommandOptions extends ModelOptions {
  data: string;
  out: string;
  layers?: string[];
  cells: number;
  embedded: number;
  gabor: number;
  patches: number;
  classic?: string;
  umap: boolean;
  occlusion?: string[];
  seed: number;
}

/** `deepyeast explain` */
export function register(program: Command): void {
  const count = wholeNumber(1, Number.MAX_SAFE_INTEGER);
  const command = program
    .command('explain')
    .description(
      'What the units of every layer respond to: mutual information with the class, the patches that excite them most, ' +
        't-SNE and UMAP of the same cells, the classic feature and the Gabor filter that each resembles most.',
    )
    .requiredOption('--data <folder>', 'labelled dataset')
    .requiredOption('--out <folder>', 'folder for explain.json, tables and sheets of patches')
    .option('--layers <names>', 'some layers only, as in conv1_1,fc1', nameList)
    .option('--cells <count>', 'cells, class-stratified', count, 10_000)
    .option('--embedded <count>', 'of these, cells in the embeddings', count, 1000)
    .option('--gabor <count>', 'of these, cells for the Gabor filters; 0: none', wholeNumber(0, 1_000_000), 100)
    .option('--patches <count>', 'patches a unit', count, 9)
    .option('--classic <folder>', 'classic features of the same dataset (`deepyeast features --classic`)')
    .option('--no-umap', 'leave UMAP out')
    .option('--occlusion <cells>', 'names of cells: also where in them their class is seen (occlusion.png)', nameList)
    .addOption(seedOption())
    .action(withContext<ExplainCommandOptions>(run));
  addModelOptions(command);
  addExamples(
    command,
    'deepyeast explain --model runs/first --data data/test --out explained',
    'deepyeast explain --model runs/first --data data/test --layers conv3_4,fc1 --cells 2000 --out explained',
  );
}

async function run(context: CommandContext, options: ExplainCommandOptions): Promise<void> {
  const [{ Dataset }, { explain }, { featuresOfDataset }, { writeOcclusionSheet }] = await Promise.all([
    import('../data/dataset.js'),
    import('../features/explain.js'),
    import('../features/dataset-features.js'),
    import('../features/occlusion-sheet.js'),
  ]);
  const dataset = await Dataset.open(options.data);
  const classic = options.classic === undefined ? undefined : await featuresOfDataset(options.classic, dataset);
  const result = await withModel(context, options, async (network, model) => {
    const layers = options.layers ?? network.layerNames;
    const total = layers.length * Math.min(dataset.count, options.cells);
    const bar = context.progress({ label: 'explaining', total, unit: 'cells' });
    const record = { model, data: { path: options.data, cells: dataset.count } };
    const explanation = await explain(network, dataset, options.out, {
      ...batchOptions(context, options),
      layers,
      cells: options.cells,
      embeddedCells: options.embedded,
      gaborCells: options.gabor,
      patches: options.patches,
      umap: options.umap,
      seed: options.seed,
      record,
      ...(classic && { classic }),
      onProgress: (done) => bar.update(done),
    });
    bar.finish();
    if (options.occlusion) {
      await writeOcclusionSheet(network, dataset, options.occlusion, options.out, batchOptions(context, options));
    }
    return { ...record, ...explanation };
  });
  if (context.json) return context.printJson(result);
  await context.print(summary(result));
  context.say(`explain.json, units.csv, embeddings.csv, neighbours.csv and the patches are in ${options.out}`);
}

const bits = (value: number | null) => (value === null ? '-' : value.toFixed(3));

function summary({ layers, classic, classEntropy, cells, embeddedCells }: Explanation): string {
  const rows = [...layers, ...(classic ? [{ ...classic, purity: null }] : [])].map((layer) => [
    layer.layer,
    `${layer.receptiveField}`,
    `${layer.units}`,
    `${layer.constantUnits}`,
    bits(layer.medianInformation),
    bits(layer.maximumInformation),
    bits(layer.medianPermuted),
    share(layer.purity?.features ?? null),
    share(layer.purity?.tsne ?? null),
  ]);
  const table = formatTable(
    ['layer', 'field', 'units', 'constant', 'median bits', 'most', 'permuted', 'purity', 'in t-SNE'],
    rows,
  );
  return (
    `${table}information about the class in bits over ${cells} cells, of at most ${bits(classEntropy)}; purity: share of ` +
    `the ten nearest of ${embeddedCells} cells that are of the same class\n`
  );
}
