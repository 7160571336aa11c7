/** Calls of the addon over whole fields: checked planes, and cancellation by an AbortSignal. */
import { throwIfAborted } from '../abort';
import { DeepYeastError } from '../errors';
import type { NativeCancellable } from '../native/addon';
import type { Plane } from './plane';

/** The largest field, in pixels: native/segmentation/segmentation.h has the same limit. */
const largestField = 2 ** 26;

/** @throws invalid-argument unless the plane has width * height values of a supported type */
export function requirePlane(plane: Plane, name: string): void {
  const { width, height, data } = plane;
  for (const side of [width, height]) {
    if (Number.isInteger(side) && side >= 1 && side <= 32768) continue;
    throw new DeepYeastError(
      'invalid-argument',
      `${name} is ${width} x ${height} pixels; expected sides of 1 to 32768`,
    );
  }
  if (width * height > largestField) {
    throw new DeepYeastError(
      'invalid-argument',
      `${name} is ${width} x ${height} pixels; expected at most ${largestField} in all`,
    );
  }
  if (data.length !== width * height) {
    throw new DeepYeastError('invalid-argument', `${name} has ${data.length} values; expected ${width} x ${height}`);
  }
}

/** Starts the call, and cancels it when the signal fires. */
export async function cancellable<Result>(
  signal: AbortSignal | undefined,
  start: () => NativeCancellable<Result>,
): Promise<Result> {
  throwIfAborted(signal);
  const { result, cancel } = start();
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    return await result;
  } catch (error) {
    throwIfAborted(signal); // with the reason that the caller gave
    throw error;
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
}
