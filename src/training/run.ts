import { isDeepStrictEqual } from 'node:util';
import { DeepYeastError } from '../errors';
import { type Log, silent } from '../log';
import { readCheckpoint } from '../network/checkpoint';
import type { Network } from '../network/network';
import { identifyDataset } from './dataset-identity';
import { LogFile } from './log-file';
import type { TrainOptions } from './options';
import type { Preparation } from './prepare';
import { RunFolder, runFiles } from './run-folder';
import { initialState, stateOf, type TrainingState } from './state';

/** A run that has begun or goes on: its folder is locked, its log open, the network is in `state`. */
export interface Run {
  /** Undefined when nothing is written. */
  folder: RunFolder | undefined;
  log: LogFile | undefined;
  state: TrainingState;
  /** Whether last.safetensors holds `state`. */
  resumed: boolean;
  close(): Promise<void>;
}

/**
 * Brings the network into the state from which training goes on: the last checkpoint's, or a new run's first.
 *
 * @throws run-exists, run-locked, run-mismatch, run-invalid, model-invalid, images-truncated, disk-full, io-error
 */
export async function begin(network: Network, preparation: Preparation, options: TrainOptions): Promise<Run> {
  const log = options.log ?? silent;
  const { schedule } = preparation;
  if (options.run === undefined) {
    for (const line of schedule.describe()) log('info', line);
    await beginAnew(network, preparation);
    return { folder: undefined, log: undefined, state: initialState, resumed: false, close: async () => {} };
  }
  const training = await identifyDataset(options.training);
  const validation = options.validation ? await identifyDataset(options.validation) : null;
  const folder = await RunFolder.open(options.run, { resume: options.resume ?? false });
  try {
    await folder.describe({
      recipe: schedule.recipe,
      seed: network.seed,
      classes: [...network.classes],
      topology: network.topology,
      reportEvery: preparation.reportEvery,
      training,
      validation,
      ...(preparation.targets && { teacher: preparation.targets.teacher }),
    });
    for (const line of schedule.describe()) log('info', line);
    const resumed = await folder.has('last');
    const state = resumed ? await restore(network, folder.file('last'), options.log ?? silent) : initialState;
    if (state.iteration > schedule.iterations) {
      throw new DeepYeastError(
        'run-invalid',
        `${folder.file('last')} is at iteration ${state.iteration}; expected at most ${schedule.iterations} by the recipe`,
      );
    }
    if (state.best && !(await folder.has('best'))) {
      throw new DeepYeastError(
        'run-invalid',
        `${folder.path} holds no ${runFiles.best}; expected the model of iteration ${state.best.iteration}, the best so far`,
      );
    }
    if (!resumed) await beginAnew(network, preparation);
    if (options.resume) {
      const from = resumed ? `goes on from iteration ${state.iteration}` : 'has no checkpoint yet and begins';
      log('info', `${folder.path} ${from}`);
    }
    // What was reported after the checkpoint will be reported again.
    const logFile = await LogFile.open(folder.file('log'), state.iteration - state.interval.iterations, log);
    return {
      folder,
      log: logFile,
      state,
      resumed,
      close: async () => {
        try {
          await logFile.close();
        } finally {
          folder.close();
        }
      },
    };
  } catch (error) {
    folder.close();
    throw error;
  }
}

/** The first state of a run: the network's weights, no momentum, and the mean of the training set unless it has one. */
async function beginAnew(network: Network, { cells, images }: Preparation): Promise<void> {
  if (!network.inputTransform) {
    const { dataset, rows } = cells;
    const mean = await images.mean(rows.length === dataset.count ? undefined : rows);
    await network.setInputTransform({
      mean: Float32Array.from(mean),
      scale: 1,
      channels: [...dataset.channels],
      normalization: dataset.normalization,
      ...(dataset.description.cellDiameter !== undefined && { cellDiameter: dataset.description.cellDiameter }),
    });
  }
  for (const { name, shape, trainable } of network.native.tensors) {
    if (!trainable) continue;
    const count = shape.reduce((product, extent) => product * extent, 1);
    await network.native.setTensor(`velocity/${name}`, new Float32Array(count));
  }
}

async function restore(network: Network, path: string, log: Log): Promise<TrainingState> {
  const checkpoint = await readCheckpoint(path, { momentum: true });
  const { topology, seed, classes, inputTransform, tensors, plans } = checkpoint;
  const same = isDeepStrictEqual([topology, seed, classes], [network.topology, network.seed, network.classes]);
  if (!same || !inputTransform) {
    throw new DeepYeastError(
      'run-invalid',
      `${path} is not of the network that its run folder's recipe.json describes`,
    );
  }
  const state = stateOf(checkpoint, path);
  await network.setInputTransform(inputTransform);
  for (const [name, { values }] of tensors) await network.native.setTensor(name, values);
  if (plans !== undefined) {
    const warning = await network.native.usePlans(plans);
    if (warning !== '') log('warn', warning);
  }
  return state;
}
