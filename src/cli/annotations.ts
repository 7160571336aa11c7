import type { Command } from 'commander';
import type { Annotations } from '../proteins';
import { addExamples, type CommandContext, jsonOption, withContext } from './options';

interface AnnotationsCommandOptions {
  out: string;
  protein?: string;
  compartments?: string;
  single?: boolean;
}

/** `deepyeast annotations` */
export function register(program: Command): void {
  const command = program
    .command('annotations')
    .description(
      "Tables that say where proteins are, such as Huh et al. 2003's: as a table protein,class for `import --classes`; " +
        'of two tables the proteins on which they agree.',
    )
    .argument('<tables...>', 'one or two tables, separated by commas or tabs')
    .requiredOption('--out <file>', 'table with the columns protein and class (a+b for two compartments)')
    .option('--protein <column>', 'column of the names (default: protein, yORF or ORF)')
    .option(
      '--compartments <column>',
      'column of the compartments (default: compartments, class, localization summary or label)',
    )
    .option('--single', 'keep proteins of a single compartment only')
    .addOption(jsonOption())
    .action(withContext<AnnotationsCommandOptions, [paths: string[]]>(run));
  addExamples(
    command,
    'deepyeast annotations huh2003.txt chong2015.csv --single --out labels.csv',
    "deepyeast annotations allOrfData.txt --protein yORF --compartments 'localization summary' --out huh.csv",
  );
}

async function run(context: CommandContext, options: AnnotationsCommandOptions, paths: string[]): Promise<void> {
  const [{ intersectAnnotations, readAnnotations }, { writeRecords }, { DeepYeastError }] = await Promise.all([
    import('../proteins/index.js'),
    import('../files/record-table.js'),
    import('../errors.js'),
  ]);
  if (paths.length > 2) {
    throw new DeepYeastError('invalid-argument', `found ${paths.length} tables, expected one or two`);
  }
  const columns = {
    ...(options.protein !== undefined && { protein: options.protein }),
    ...(options.compartments !== undefined && { compartments: options.compartments }),
  };
  const [first, second] = await Promise.all(paths.map((path) => readAnnotations(path, columns)));
  const agreement = second && intersectAnnotations(first as Annotations, second);
  const kept = [...(agreement?.kept ?? (first as Annotations))]
    .filter(([, places]) => !options.single || places.length === 1)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  await writeRecords(
    options.out,
    kept.map(([protein, places]) => ({ protein, class: places.join('+') })),
    { columns: ['protein', 'class'] },
  );
  const { kept: _, ...counts } = agreement ?? { kept: null };
  if (context.json) return context.printJson({ out: options.out, proteins: kept.length, ...counts });
  if (agreement) {
    context.say(
      `${agreement.both} proteins are in both tables: ${agreement.agree} agree, ${agreement.overlap} in part, ` +
        `${agreement.disagree} disagree; ${agreement.onlyFirst} and ${agreement.onlySecond} are in one only`,
    );
  }
  context.say(`${kept.length} proteins in ${options.out}`);
}
