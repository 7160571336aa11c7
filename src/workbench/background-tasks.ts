/** What the server has done in other processes, so that the page never waits for it: the requests and the answers. */

import { DeepYeastError } from '../errors';
import { compiledModule, inSeparateProcess } from '../files/separate-process';
import type { DeviceOptions } from '../network/network';
import type { QueuedCell } from './protocol';

/** Files that the processes write into the workbench's folder and the server reads. */
export const backgroundFiles = {
  posteriors: 'posteriors.npy',
  components: 'components.npy',
  duplicates: 'duplicates.npy',
  distance: 'distance.npy',
  /** What the files above were made of. */
  posteriorsDescription: 'posteriors.json',
  componentsDescription: 'components.json',
  classifier: 'classifier.json',
  forest: 'classifier.safetensors',
  network: 'fine-tuned.safetensors',
  used: 'used-posteriors.npy',
  map: 'map.npy',
} as const;

/** Cells to learn from, and those that an answer may be asked for. */
export interface TrainingCells {
  cells: Uint32Array;
  /** Positions in `classes`. */
  labels: Int32Array;
  classes: string[];
  /** By cell: what is kept whole in a fold. */
  groups: Uint32Array;
}

export interface Candidates {
  cells: Uint32Array;
  /** By candidate: its protein, or well. */
  groups: Uint32Array;
  /** By candidate: the class that the dataset gives it, a position in `classes`; -1: none. */
  labels: Int32Array;
}

export interface Scores {
  labels: number;
  accuracy: number | null;
  low: number | null;
  high: number | null;
  proteins: number;
  seconds: number;
  /** [truth][called], held out. */
  confusion: number[][];
}

export type Choice = Pick<QueuedCell, 'cell' | 'reason' | 'text'>;

/** What goes through all cells with the network. `key` names dataset and model, so that results are found again. */
export interface WholeDataset {
  dataset: string;
  model: string;
  folder: string;
  key: string;
  device: DeviceOptions;
  allowRuleMismatch: boolean;
}

export type BackgroundRequest =
  | ({ do: 'predict' } & WholeDataset)
  | ({ do: 'components' } & WholeDataset)
  | {
      do: 'train';
      folder: string;
      kind: 'logistic' | 'forest';
      training: TrainingCells;
      candidates: Candidates;
      seed: number;
    }
  | {
      do: 'fine-tune';
      folder: string;
      dataset: string;
      model: string;
      training: TrainingCells;
      iterations: number;
      seed: number;
      device: DeviceOptions;
    }
  | { do: 'queue'; folder: string; training: TrainingCells; candidates: Candidates; seed: number }
  | { do: 'use'; folder: string; kind: 'logistic' | 'forest' }
  | { do: 'use-network'; folder: string; dataset: string; device: DeviceOptions }
  | { do: 'neighbours'; folder: string; cell: number; count: number }
  | { do: 'map'; folder: string; kind: 'umap' | 'tsne'; seed: number };

export type BackgroundAnswer =
  | { share: number }
  | { scores: Scores }
  | { choices: Choice[] }
  | { classes: string[] }
  | { neighbours: { cell: number; similarity: number }[] };

/** Runs a request in a process of its own; leaving the loop ends the process. */
export function inBackground(request: BackgroundRequest, signal?: AbortSignal) {
  return inSeparateProcess<BackgroundRequest, BackgroundAnswer>({
    module: compiledModule(__dirname, 'background-process'),
    request,
    // Our own work on the person's own data: bounded by the machine alone.
    limits: { bytes: 2 ** 44, seconds: 1e8 },
    died: (reason) =>
      new DeepYeastError('out-of-memory', `the process of the workbench for '${request.do}' ended: ${reason}`),
    signal,
  });
}
