import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { addModelRunOptions, type ModelOptions } from './model';
import { addExamples, type CommandContext, wholeNumber, withContext } from './options';

interface WorkbenchCommandOptions extends Omit<ModelOptions, 'model' | 'batchSize'> {
  model?: string;
  folder?: string;
  who?: string;
  host: string;
  port: number;
}

/** `deepyeast workbench` */
export function register(program: Command): void {
  const command = program
    .command('workbench')
    .description('Look at the cells of a dataset, correct their labels and retrain, in the browser, on this machine.')
    .argument('<data>', 'dataset folder')
    .option('--model <model>', 'model file, or run folder: predictions, the queue and training need one')
    .option('--folder <folder>', 'where the journal labels.jsonl lies (default: DATA.workbench, beside the dataset)')
    .option('--who <name>', 'who labels, as the journal writes it (default: the name of the account)')
    .option('--host <address>', 'address to listen at; any but 127.0.0.1 lets other machines in', '127.0.0.1')
    .option('--port <number>', 'port to listen at; 0: any that is free', wholeNumber(0, 65_535), 0)
    .action(withContext<WorkbenchCommandOptions, [data: string]>(run));
  addModelRunOptions(command);
  addExamples(command, 'deepyeast workbench data/test --model runs/first');
}

async function run(context: CommandContext, options: WorkbenchCommandOptions, data: string): Promise<void> {
  const [{ Workbench, serveWorkbench }, { modelPath }] = await Promise.all([
    import('../workbench/index.js'),
    import('../network/checkpoint.js'),
  ]);
  const { folder, host, port, device, precision, threads, allowRuleMismatch } = options;
  const workbench = await Workbench.open(data, {
    who: options.who ?? accountName(),
    allowRuleMismatch: allowRuleMismatch ?? false,
    device: { device, ...(precision !== undefined && { precision }), ...(threads !== undefined && { threads }) },
    ...(folder !== undefined && { folder }),
    ...(options.model !== undefined && { model: await modelPath(options.model) }),
  });
  try {
    const server = await serveWorkbench(workbench, { host, port, log: context.log });
    if (host !== '127.0.0.1')
      context.log('warn', `listening at ${host}: whoever has the address with its token can label`);
    if (context.json) await context.printJson({ address: server.address, port: server.port, folder: workbench.folder });
    else await context.print(`${server.address}\n`);
    context.say('Open the address in a browser; Ctrl-C ends the workbench. Every answer is on the disk already.');
    await new Promise<void>((resolve) => {
      if (context.signal.aborted) resolve();
      context.signal.addEventListener('abort', () => resolve());
    });
    await server.close();
  } catch (error) {
    await workbench.close();
    throw error;
  }
}

function accountName(): string {
  try {
    return userInfo().username;
  } catch {
    // An account without a name, as in some containers.
    return '';
  }
}
