/** `deepyeast model`, and for the commands that run a model their options and the model they name. */
import type { Command } from 'commander';
import type { Device, Network, Precision } from '../network';
import { registerExport } from './model-export';
import { registerImport } from './model-import';
import { registerShow } from './model-show';
import {
  addExamples,
  type CommandContext,
  deviceOption,
  jsonOption,
  precisionOption,
  threadsOption,
  wholeNumber,
} from './options';

/** `deepyeast model show|import|export` */
export function register(program: Command): void {
  const command = program
    .command('model')
    .description('Show a model, take one over from Keras or Caffe, or write it as ONNX or for the BioImage Model Zoo.');
  registerShow(command);
  registerImport(command);
  registerExport(command);
  addExamples(
    command,
    'deepyeast model show runs/first',
    'deepyeast model import deepyeast-weights-22-0.902.hdf5 --out deepyeast.safetensors',
    'deepyeast model export runs/first --out model.onnx',
  );
}

export interface ModelOptions {
  model: string;
  batchSize?: number;
  threads?: number;
  device: Device;
  precision?: Precision;
  allowRuleMismatch?: boolean;
}

/** Adds --model and what addModelRunOptions adds. */
export function addModelOptions(command: Command): Command {
  command.requiredOption('--model <model>', 'model file, or run folder, whose best model is taken');
  return addModelRunOptions(command);
}

/** How a model is run: --allow-rule-mismatch, --batch-size, --threads, --device, --precision and --json. */
export function addModelRunOptions(command: Command): Command {
  return command
    .option('--allow-rule-mismatch', "take a dataset made by another intensity rule than the model's training set")
    .option('--batch-size <cells>', 'cells computed at once; more takes more memory', wholeNumber(1, 65536))
    .addOption(threadsOption())
    .addOption(deviceOption())
    .addOption(precisionOption())
    .addOption(jsonOption());
}

/** What results say of the model that made them. */
export interface ModelRecord {
  path: string;
  sha256: string;
}

/** Loads the model, lets `work` use it, and releases it whatever happens. */
export async function withModel<Result>(
  context: CommandContext,
  options: ModelOptions,
  work: (network: Network, record: ModelRecord) => Promise<Result>,
): Promise<Result> {
  const [{ Network }, { modelPath }, { fileDigest }] = await Promise.all([
    import('../network/index.js'),
    import('../network/checkpoint.js'),
    import('../files/digest.js'),
  ]);
  const path = await modelPath(options.model);
  const network = await Network.load(path, {
    device: options.device,
    ...(options.precision !== undefined && { precision: options.precision }),
    ...(options.threads !== undefined && { threads: options.threads }),
    log: context.log,
  });
  try {
    return await work(network, { path, sha256: await fileDigest(path) });
  } finally {
    await network.close();
  }
}

/** BatchOptions and RuleOptions of the library. */
export function batchOptions(context: CommandContext, options: ModelOptions) {
  return {
    ...(options.batchSize !== undefined && { batchSize: options.batchSize }),
    allowRuleMismatch: options.allowRuleMismatch ?? false,
    signal: context.signal,
  };
}
