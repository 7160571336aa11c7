import type { Command } from 'commander';
import type { Device } from '../network';
import { lateProgress } from './late-progress';
import { addExamples, type CommandContext, deviceOption, jsonOption, threadsOption, withContext } from './options';

interface ProfilesOptions {
  features: string;
  out: string;
  threads?: number;
  device: Device;
}

/** `deepyeast screen profiles` */
export function registerProfiles(screen: Command): void {
  const command = screen
    .command('profiles')
    .description("Features of every cell of a screen as one table, by pycytominer's conventions.")
    .argument('<results>', 'folder of results')
    .option('--features <layer>', "layer of the screen's model, or classic", 'fc1')
    .requiredOption('--out <file>', 'table: .parquet, or .csv')
    .addOption(threadsOption())
    .addOption(deviceOption())
    .addOption(jsonOption());
  addExamples(
    command,
    'deepyeast screen profiles results --out profiles.parquet',
    'deepyeast screen profiles results --features classic --out profiles.parquet',
  );
  command.action(withContext<ProfilesOptions, [results: string]>(run));
}

async function run(context: CommandContext, options: ProfilesOptions, results: string): Promise<void> {
  const { writeScreenProfiles } = await import('../screen/index.js');
  const { features, threads, device, out } = options;
  const bar = lateProgress(context, { label: 'profiles', unit: 'parts' });
  const written = await writeScreenProfiles(results, out, {
    ...{ features, threads, device, signal: context.signal },
    onProgress: bar.update,
  });
  bar.finish();
  if (context.json) return context.printJson({ out, ...written });
  context.say(`${written.features} features of ${written.cells} cells: ${out}`);
}
