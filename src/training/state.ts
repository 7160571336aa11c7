import { DeepYeastError } from '../errors';
import type { Checkpoint } from '../network/checkpoint';

/** What the trainer knows beside the network's tensors: all that it needs to go on as if it had never stopped. */
export interface TrainingState {
  /** Mini-batches done. */
  readonly iteration: number;
  /** Sums over the mini-batches since the last report. */
  readonly interval: { readonly iterations: number; readonly loss: number; readonly correct: number };
  /** The best report so far; `loss` is what it is judged by. */
  readonly best: { readonly iteration: number; readonly loss: number } | null;
  /** The last report's. */
  readonly metrics: Metrics | null;
}

export interface Metrics {
  readonly loss: number;
  readonly accuracy: number;
  readonly validation?: { readonly loss: number; readonly accuracy: number };
}

export const emptyInterval = { iterations: 0, loss: 0, correct: 0 } as const;

export const initialState: TrainingState = { iteration: 0, interval: emptyInterval, best: null, metrics: null };

/**
 * The state in a checkpoint's metadata. Doubles survive JSON bit for bit.
 *
 * @throws run-invalid
 */
export function stateOf(checkpoint: Checkpoint, path: string): TrainingState {
  const { iteration, metrics } = checkpoint;
  const { interval, best } = (checkpoint.training ?? {}) as Partial<TrainingState>;
  const counts = [iteration, interval?.iterations, interval?.correct];
  const valid =
    counts.every((count) => Number.isSafeInteger(count) && (count as number) >= 0) &&
    (interval?.iterations as number) <= (iteration as number) &&
    Number.isFinite(interval?.loss) &&
    (best === null || (Number.isSafeInteger(best?.iteration) && Number.isFinite(best?.loss)));
  if (!valid || iteration === undefined || interval === undefined || best === undefined) {
    throw new DeepYeastError(
      'run-invalid',
      `${path} does not hold the state of a training; expected one to go on from`,
    );
  }
  return { iteration, interval, best, metrics: (metrics as Metrics | undefined) ?? null };
}
