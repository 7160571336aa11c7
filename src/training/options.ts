import type { Dataset } from '../data/dataset';
import type { Log } from '../log';
import type { Recipe } from './recipe';

export interface TrainOptions {
  training: Dataset;
  /** Evaluated at each report; the model with the lowest loss on it is the best. Without it the training loss decides. */
  validation?: Dataset;
  /** Default: the paper's; of a run that is resumed: the run's. */
  recipe?: Recipe;
  /** A model file or run folder whose answers are learned as well, by the recipe's distillation (default: half of each). */
  teacher?: string;
  /** Folder for recipe.json, log.jsonl, best.safetensors and last.safetensors; without one nothing is written. */
  run?: string;
  /** Go on with the run in the folder, or begin it where there is none yet. */
  resume?: boolean;
  /** Mini-batches between two reports; default: an epoch; of a run that is resumed: the run's. */
  reportEvery?: number;
  /** When last.safetensors is written, beside the start, the end and an interruption; default: an epoch, or 60 seconds. */
  checkpointEvery?: { iterations?: number; seconds?: number };
  /** Accept images made by another intensity rule than the model's or the training set's. */
  allowRuleMismatch?: boolean;
  /** Stops after the mini-batch under way, with a checkpoint. */
  signal?: AbortSignal;
  log?: Log;
  /** Called at the start and then a few times a second, with the mini-batches done and their total. */
  onProgress?: (iteration: number, total: number) => void;
}
