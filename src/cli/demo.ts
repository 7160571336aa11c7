import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { Command } from 'commander';
import type { Dataset } from '../data/dataset';
import { type SimulatedScreen, simulate, writePreview } from '../data/simulate';
import { DeepYeastError, fileError } from '../errors';
import { evaluate, type IntensityBaseline, intensityBaseline, type Report } from '../evaluation';
import { writeFileAtomically } from '../files/atomic-file';
import { formatCsvRow } from '../files/csv';
import { makeFolders } from '../files/make-folders';
import { Network } from '../network';
import { type Recipe, train } from '../training';
import { type DemonstratedScreen, demonstrateScreen, describeScreen } from './demo-screen';
import { addExamples, type CommandContext, jsonOption, seedOption, threadsOption, withContext } from './options';
import { share } from './text-table';

interface DemoCommandOptions {
  quick?: boolean;
  out?: string;
  seed: number;
  threads?: number;
}

/** How much is drawn and trained: what two cores manage in about five minutes, or in one. */
const sizes = {
  full: { cells: 33000, proteins: 900, batchSize: 16, iterations: 2125, reports: 3 },
  quick: { cells: 3800, proteins: 270, batchSize: 20, iterations: 40, reports: 1 },
} as const;

/**
 * 2,125 small batches are all that two cores manage, a cell seen once or twice: nothing is learned by heart, so dropout
 * (the paper's 0.5 is made for 300 epochs) would only slow the learning down; a tenth of the paper's rate suits the small
 * batches and falls to zero. The rarest class has a quarter of the cells of the commonest: shown a little
 * more often, it is learned in that time too.
 */
const dropout = 0;
const recipe = {
  learningRate: 0.012,
  schedule: { kind: 'cosine', warmUpEpochs: 0.1 },
  momentum: 0.9,
  momentumForm: 'caffe',
  weightDecay: 0.0005,
  augmentation: 'flips-and-turns',
  classSampling: 'square-root',
} as const satisfies Partial<Recipe>;

/** `deepyeast demo` */
export function register(program: Command): void {
  const command = program
    .command('demo')
    .description(
      'Simulates cells, trains the 11-layer network on them, scores it on held-out proteins and screens a plate of ' +
        'micrographs with it, all on this machine: a first look in a few minutes.',
    )
    .option('--quick', 'about one minute: too little training for good scores')
    .option('--out <folder>', 'folder for everything that is written (default: demo, or the first free demo-2, ...)')
    .addOption(seedOption())
    .addOption(threadsOption())
    .addOption(jsonOption())
    .action(withContext<DemoCommandOptions>(run));
  addExamples(command, 'deepyeast demo', 'deepyeast demo --quick --out /tmp/demo --seed 3');
}

async function run(context: CommandContext, options: DemoCommandOptions): Promise<void> {
  const size = options.quick ? sizes.quick : sizes.full;
  const threads = options.threads === undefined ? {} : { threads: options.threads };
  const out = await outputFolder(options.out);
  const screen = await drawScreen(context, { seed: options.seed, ...threads }, out, size);
  const path = join(out, 'run');
  const classes = screen.train.classes;
  const trainingRate = await useNetwork(
    Network.create({ classes, seed: options.seed, dropout, log: context.log, ...threads }),
    (network) => trainNetwork(context, network, screen, path, size),
  );
  await useNetwork(Network.load(path, threads), async (network) => {
    const { report, rate } = await score(context, network, screen.test);
    const baseline = await intensityBaseline(screen.train, screen.test);
    const plate = await demonstrateScreen(context, path, out, { seed: options.seed, ...threads });
    if (!context.json) {
      await context.print(table(report, baseline, { trainingRate, predictionRate: rate }, describeScreen(plate)));
    }
    await writeResults(context, network, { ...report, intensityBaseline: baseline, plate }, out);
  });
}

/** Releases the network after the work, however it ends. */
async function useNetwork<Result>(
  made: Promise<Network>,
  work: (network: Network) => Promise<Result>,
): Promise<Result> {
  const network = await made;
  try {
    return await work(network);
  } finally {
    await network.close();
  }
}

/** The folder asked for, which must be new or empty; without one the first name that is. */
async function outputFolder(asked: string | undefined): Promise<string> {
  const isFree = async (path: string) => {
    try {
      return (await readdir(path)).length === 0;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
      throw fileError('read', path, error);
    }
  };
  let out = asked ?? 'demo';
  for (let i = 2; !(await isFree(out)); i++) {
    if (asked !== undefined) throw new DeepYeastError('output-exists', `${out} exists and is not an empty folder`);
    out = `demo-${i}`;
  }
  try {
    makeFolders(out);
  } catch (error) {
    throw fileError('create the folder', out, error);
  }
  return out;
}

async function drawScreen(
  context: CommandContext,
  { seed, threads }: { seed: number; threads?: number },
  out: string,
  { cells, proteins }: { cells: number; proteins: number },
): Promise<SimulatedScreen> {
  const bar = context.progress({ label: 'simulate', total: cells, unit: 'cells' });
  const screen = await simulate({
    out: join(out, 'screen'),
    cells,
    proteins,
    seed,
    ...(threads !== undefined && { threads }),
    signal: context.signal,
    onProgress: (done) => bar.update(done),
  });
  bar.finish();
  return screen;
}

/** Trains, and returns the cells per second. The run folder keeps the model of the lowest validation loss. */
async function trainNetwork(
  context: CommandContext,
  network: Network,
  { train: training, validation }: SimulatedScreen,
  run: string,
  { batchSize, iterations, reports }: { batchSize: number; iterations: number; reports: number },
): Promise<number> {
  const bar = context.progress({ label: 'train', total: iterations * batchSize, unit: 'cells' });
  let seconds = 0;
  let done = 0;
  for await (const interval of train(network, {
    training,
    validation,
    recipe: { ...recipe, batchSize, iterations },
    run,
    reportEvery: Math.ceil(iterations / reports),
    signal: context.signal,
    log: context.log,
    onProgress: (iteration) => bar.update(iteration * batchSize),
  })) {
    const images = interval.iteration * batchSize - done;
    done += images;
    seconds += images / interval.imagesPerSecond;
    const right = interval.validation ? `, ${share(interval.validation.accuracy)} of the validation cells right` : '';
    context.say(`after ${done} cells: loss ${interval.loss.toFixed(3)}${right}`);
  }
  bar.finish();
  return done / seconds;
}

async function score(
  context: CommandContext,
  network: Network,
  test: Dataset,
): Promise<{ report: Report; rate: number }> {
  const bar = context.progress({ label: 'evaluate', total: test.count, unit: 'cells' });
  const start = performance.now();
  const predictions = await network.predict(test, { signal: context.signal, onProgress: (done) => bar.update(done) });
  const rate = (1000 * test.count) / (performance.now() - start);
  bar.finish();
  return { report: await evaluate(predictions, test), rate };
}

/** The scores in a few lines. */
function table(
  { cells, proteins, classes }: Report,
  baseline: IntensityBaseline,
  { trainingRate, predictionRate }: { trainingRate: number; predictionRate: number },
  plate: [string, string][],
): string {
  const hardest = classes
    .filter(({ recall }) => recall !== null)
    .sort((a, b) => (a.recall as number) - (b.recall as number))
    .slice(0, 3)
    .map(({ name, recall }) => `${name} ${share(recall)}`);
  const rows: [string, string][] = [
    ['held-out cells', `${share(cells.accuracy)} right, ${cells.correct} of ${cells.count}`],
    ['held-out proteins', `${share(proteins.accuracy)} right, ${proteins.correct} of ${proteins.count}`],
    ['brightness alone', `${share(baseline.accuracy)} of the cells right: logistic regression on intensity moments`],
    ['hardest classes', hardest.join(', ')],
    ['training', `${trainingRate.toFixed(0)} cells/s`],
    ['prediction', `${predictionRate.toFixed(0)} cells/s`],
    ...plate,
  ];
  return `\n${rows.map(([name, value]) => `${name.padEnd(18)} ${value}`).join('\n')}\n\n`;
}

/** Writes the files to look at and names each, metrics.json last: where it stands, all the others do. */
async function writeResults(
  context: CommandContext,
  network: Network,
  report: Report & { intensityBaseline: IntensityBaseline; plate: DemonstratedScreen },
  out: string,
): Promise<void> {
  const { classes, counts } = report.confusion;
  const confusion = [['true', ...classes], ...counts.map((row, index) => [classes[index] as string, ...row])];
  const files: [what: string, name: string, write: (path: string) => Promise<void>][] = [
    ['example cells', 'preview.png', (path) => writePreview(path)],
    ['confusion matrix', 'confusion.csv', (path) => writeFileAtomically(path, confusion.map(formatCsvRow).join(''))],
    ['model', 'model.safetensors', (path) => network.save(path)],
    ['all scores', 'metrics.json', (path) => writeFileAtomically(path, `${JSON.stringify(report, null, 2)}\n`)],
  ];
  const paths: Record<string, string> = {};
  for (const [what, name, write] of files) {
    const path = join(out, name);
    await write(path);
    paths[name] = path;
    if (!context.json) await context.print(`${what.padEnd(18)} ${path}\n`);
  }
  const { cells, proteins, intensityBaseline, plate } = report;
  if (context.json) await context.printJson({ cells, proteins, intensityBaseline, plate, files: paths });
}
