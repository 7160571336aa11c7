import { DeepYeastError } from './errors';

/** Throws `aborted` once the signal has fired; between two steps of anything long. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  const { reason } = signal;
  if (reason instanceof DeepYeastError) throw reason;
  throw new DeepYeastError('aborted', reason instanceof Error ? reason.message : 'the work was cancelled', {
    cause: reason,
  });
}
