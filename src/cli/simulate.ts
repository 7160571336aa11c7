import { type Command, Option } from 'commander';
import { type Appearance, appearances, type Difficulty, difficulties, simulate, writePreview } from '../data/simulate';
import { DeepYeastError } from '../errors';
import { lateProgress } from './late-progress';
import {
  addExamples,
  jsonOption,
  nameList,
  realNumber,
  seedOption,
  threadsOption,
  wholeNumber,
  withContext,
} from './options';
import { addFieldOptions, type FieldsCommandOptions, requireNoFieldOptions, simulateFields } from './simulate-fields';

interface SimulateCommandOptions extends FieldsCommandOptions {
  fields?: boolean;
  out?: string;
  preview?: string;
  cells?: number;
  proteins?: number;
  like?: string[];
  transfer?: boolean;
  nonCells?: number;
  mixtures?: number;
  difficulty: Difficulty;
  appearance: Appearance;
  seed: number;
  threads?: number;
}

export function register(program: Command): void {
  const most = 1e9;
  const command = program
    .command('simulate')
    .description(
      'Draw a screen of two-channel cells with their compartments. DIR/train, DIR/validation and DIR/test are datasets, ' +
        'split by protein 72/14/14; cells.csv tells what was planted in every crop. With --fields: a plate of whole ' +
        'fields of view in DIR/Images, with truth masks, truth.csv and plate-map.csv.',
    )
    .option('--out <dir>', 'folder that gets the three datasets, or the plate')
    .option('--preview <file.png>', 'contact sheet: every class with a few of its cells')
    .addOption(
      new Option('--cells <number>', 'crops over the three parts (default: 9000)').argParser(wholeNumber(1, most)),
    )
    .addOption(
      new Option(
        '--proteins <number>',
        'proteins over the three parts (default: one for 40 cells), or over the wells (default: one for each)',
      ).argParser(wholeNumber(1, most)),
    )
    .addOption(
      new Option(
        '--like <list>[,<list>,<list>]',
        'real label list (split 72/14/14), or three for train, validation, test: as many cells of each of their wells',
      )
        .argParser(nameList)
        .conflicts(['cells', 'proteins']),
    )
    .option('--transfer', 'the four compartments of the transfer task instead of the twelve')
    .addOption(
      new Option('--non-cells <rate>', "share of crops that are no good cell (default: the difficulty's)").argParser(
        realNumber(0, 1),
      ),
    )
    .addOption(
      new Option('--mixtures <rate>', 'share of proteins that live in two compartments (default: 0)').argParser(
        realNumber(0, 1),
      ),
    )
    .addOption(new Option('--difficulty <name>', 'how clean the screen is').choices(difficulties).default('paper'))
    .addOption(
      new Option('--appearance <name>', 'crops of a screen, as printed in a figure, or of many microscopes')
        .choices(appearances)
        .default('crop'),
    )
    .addOption(seedOption())
    .addOption(threadsOption())
    .addOption(jsonOption());
  addFieldOptions(command);
  addExamples(
    command,
    'deepyeast simulate --out screen --cells 9000 --seed 1',
    'deepyeast simulate --out screen --like HOwt_train.txt,HOwt_val.txt,HOwt_test.txt',
    'deepyeast simulate --preview cells.png',
    'deepyeast simulate --fields --out plate --wells 24 --seed 1',
    'deepyeast simulate --fields --out bad --wells 96 --bad-wells empty=2,out-of-focus=1,saturated=1',
  );
  command.action(
    withContext<SimulateCommandOptions>(async (context, options) => {
      const { fields, out, preview, like, ...rest } = options;
      if (fields) {
        if (out === undefined) throw new DeepYeastError('invalid-argument', 'nothing to make: give --out');
        const { cells: _crops, nonCells: _rate, appearance: _print, ...plate } = rest;
        await simulateFields(context, { ...plate, out });
        return;
      }
      requireNoFieldOptions({ ...options });
      if (out === undefined && preview === undefined)
        throw new DeepYeastError('invalid-argument', 'nothing to make: give --out, --preview or both');
      const result: Record<string, unknown> = {};
      if (out !== undefined) {
        const bar = context.json ? undefined : lateProgress(context, { label: 'simulate', unit: 'cells' });
        const screen = await simulate({
          ...rest,
          ...(like ? { like } : {}),
          out,
          signal: context.signal,
          onProgress: (done, total) => bar?.update(done, total),
        });
        bar?.finish();
        for (const [part, dataset] of Object.entries(screen)) {
          result[part] = { path: dataset.path, cells: dataset.count };
          context.say(`${dataset.path}: ${dataset.count} cells`);
        }
      }
      if (preview !== undefined) {
        const { seed, difficulty, transfer = false, appearance } = options;
        await writePreview(preview, { seed, difficulty, transfer, appearance });
        result.preview = preview;
        context.say(preview);
      }
      if (context.json) await context.printJson(result);
    }),
  );
}
